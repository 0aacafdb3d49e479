using System.Globalization;

namespace Pv.Tests.MachineGuests;

/// <summary>One named value of a guest.</summary>
internal readonly record struct GuestRow(string Name, long Value)
{
    public override string ToString() => $"{Name} = {(Value is < 0 and > -4096 ? Value.ToString(CultureInfo.InvariantCulture) : $"0x{Value:x}")}";
}

/// <summary>
/// What a guest recorded on real Xen 4.17 (<c>tests/Data/machine-guests</c>): a row a line, <c>name = value</c>, then the shutdown code.
/// Where the emulator under that Xen is not like a processor, the line holds the processor's answer and a comment says what was seen.
/// </summary>
internal static class RealXenAnswers
{
    public const string Shutdown = "shutdown";

    public static IReadOnlyList<GuestRow> Read(string guest)
        => [.. File.ReadLines(Repository.Data("machine-guests", guest + ".txt")).Where(line => line.Length > 0 && line[0] != '#').Select(Parse)];

    private static GuestRow Parse(string line)
    {
        var comment = line.IndexOf("  #", StringComparison.Ordinal);
        var row = comment < 0 ? line : line[..comment];
        var separator = row.LastIndexOf(" = ", StringComparison.Ordinal);
        var value = row[(separator + 3)..];
        return new GuestRow(row[..separator], value.StartsWith("0x", StringComparison.Ordinal)
            ? unchecked((long)ulong.Parse(value.AsSpan(2), NumberStyles.HexNumber, CultureInfo.InvariantCulture))
            : long.Parse(value, CultureInfo.InvariantCulture));
    }
}
