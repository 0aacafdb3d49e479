using System.Reflection;

namespace Pv.Toolstack.Commands;

/// <summary><c>xl version</c>: what is running.</summary>
internal static class VersionCommand
{
    public static async Task<int> RunAsync(CommandContext context)
    {
        var host = context.Toolstack.Host.Describe();
        await context.PrintAsync($"pvd {Own}, on .NET {Environment.Version}, with the interface of Xen {host.XenMajor}.{host.XenMinor}");
        return 0;
    }

    public static string Own => typeof(VersionCommand).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "0";
}
