using Pv.Toolstack.Domains;
using Pv.Toolstack.Processors;

namespace Pv.Toolstack.Commands;

/// <summary>Words that name CPU pools: a number, or a name.</summary>
internal static class CpuPoolWords
{
    /// <exception cref="ToolstackException">There is none.</exception>
    public static CpuPoolView FindPool(this CommandContext context, string word)
        => XenProcessors.Find(context.Toolstack.Processors.ListPools(), word) ?? throw new ToolstackException($"unknown cpupool '{word}'");
}
