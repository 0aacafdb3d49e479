using System.Globalization;
using System.Reflection;
using System.Text;
using Pv.Abi;
using Pv.Machine.Gate;

namespace Pv.Toolstack.Commands;

/// <summary>
/// A traced hypercall as a line: <c>SEQ [vN] TIME name(registers) in{..} out{..} -> result</c>, numbers as Xen's headers name them. One from the vCPU's queue:
/// <c>[vN queue INDEX]</c>, and <c>woken</c> and <c>waited</c> behind that where the service slept before, or there was no room for the completion.
/// </summary>
internal static class TraceText
{
    /// <summary>Bytes of a copied structure that a line shows.</summary>
    private const int BytesShown = 64;

    private const string Prefix = "__HYPERVISOR_", Unnamed = "hypercall ";

    private static readonly Dictionary<ulong, string> Names = typeof(HypercallNumber)
        .GetFields(BindingFlags.Public | BindingFlags.Static)
        .Where(field => field.IsLiteral)
        .ToDictionary(field => Convert.ToUInt64(field.GetRawConstantValue(), CultureInfo.InvariantCulture), NameOf);

    public static string Name(ulong number) => Names.GetValueOrDefault(number) ?? $"{Unnamed}{number}";

    /// <summary>The number that <see cref="Name"/> has named.</summary>
    /// <exception cref="FormatException">It names none.</exception>
    public static ulong Number(string name)
        => Names.FirstOrDefault(pair => pair.Value == name) is { Value: not null } known ? known.Key
            : ulong.TryParse(name.AsSpan(Math.Min(name.Length, Unnamed.Length)), NumberStyles.None, CultureInfo.InvariantCulture, out var number) && Name(number) == name ? number
            : throw new FormatException($"there is no hypercall '{name}'");

    public static string Line(TracedHypercall call)
    {
        var arguments = call.Arguments;
        var line = new StringBuilder($"{call.Sequence} [{call.Vcpu}{Queued(call.Queued)}] {call.Time} {Name(arguments.Number)}(");
        ulong[] registers = [arguments.First, arguments.Second, arguments.Third, arguments.Fourth, arguments.Fifth];
        // Registers behind the last that is not zero say nothing.
        var shown = Math.Max(1, Array.FindLastIndex(registers, register => register != 0) + 1);
        line.AppendJoin(", ", registers.Take(shown).Select(register => $"0x{register:x}")).Append(')');
        Append(line, "in", call.Inputs);
        Append(line, "out", call.Outputs);
        if (call.Truncated)
            line.Append(" (more was copied than is kept)");
        if (call.NoResult)
            return line.ToString();
        return line.Append(" -> ").Append(call.Continued ? "(goes on)" : Result(call.Result)).ToString();
    }

    private static string Result(long result)
        => result is < 0 and > -4096 && Enum.IsDefined((Errno)(-result)) ? $"{result} {(Errno)(-result)}" : $"{result}";

    private static string Queued(QueuedCall? queued)
        => queued is not { } call ? "" : $" queue {call.Index}{(call.WokeUp ? " woken" : "")}{(call.Waited ? " waited" : "")}";

    private static void Append(StringBuilder line, string what, IReadOnlyList<TracedBytes> parts)
    {
        foreach (var part in parts)
        {
            var some = part.Content.AsSpan(0, Math.Min(part.Content.Length, BytesShown));
            line.Append($" {what}{{0x{part.Address:x}: {Convert.ToHexStringLower(some)}{(some.Length < part.Content.Length ? ".." : "")}}}");
        }
    }

    private static string NameOf(FieldInfo field)
        => field.GetCustomAttribute<XenAttribute>()?.Origin is { } origin && origin.StartsWith(Prefix, StringComparison.Ordinal) ? origin[Prefix.Length..] : field.Name;
}
