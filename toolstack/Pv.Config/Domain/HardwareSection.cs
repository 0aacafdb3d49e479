using System.Globalization;
using Pv.Config.Grammar;

namespace Pv.Config.Domain;

/// <summary>Ports, interrupts and memory of the host that the domain may use, tracing buffers, alternate p2m.</summary>
internal static class HardwareSection
{
    internal static bool Read(ConfigReader reader, DomainConfiguration domain)
    {
        if (reader.TryNumber("altp2m", out long number, quiet: true))
        {
            if (number < 0 || number >= LibxlNames.AlternateP2m.Length)
                return reader.Refuse($"ERROR: invalid value {number} for \"altp2m\"");
            domain.AlternateP2m = LibxlNames.AlternateP2m[(int)number];
        }
        else if (reader.TryString("altp2m", out string mode))
        {
            domain.AlternateP2m = LibxlNames.Match(LibxlNames.AlternateP2m, mode);
            if (domain.AlternateP2m is null)
                return reader.Refuse($"ERROR: invalid value \"{mode}\" for \"altp2m\"");
        }

        if (domain.AlternateP2m == "disabled")
            domain.AlternateP2m = null;
        if (reader.TryNumber("vmtrace_buf_kb", out long buffer, quiet: true))
            domain.VmtraceBufferKiB = unchecked((int)buffer);
        return ReadPorts(reader, domain) && ReadInterrupts(reader, domain) && ReadMemory(reader, domain);
    }

    private static bool ReadPorts(ConfigReader reader, DomainConfiguration domain)
    {
        if (reader.List("ioports", out ConfigList list) != Lookup.Found)
            return true;

        var ranges = new List<IoPortRange>();
        foreach (ConfigValue item in list.Items)
        {
            if (item is not ConfigAtom { Text: string text })
                return reader.Refuse($"xl: Unable to get element #{ranges.Count} in ioport list");
            ulong first = CNumber.ParseUnsigned(text, 16, out int used);
            if (used == 0)
                return reader.Refuse($"xl: Invalid argument parsing ioport: {text}");
            if (first >= uint.MaxValue)
                return reader.Refuse($"xl: ioport {first:x} too big");

            ulong last = first;
            ReadOnlySpan<char> rest = text.AsSpan(used);
            if (rest is ['-', ..])
            {
                rest = rest[1..];
                last = CNumber.ParseUnsigned(rest, 16, out used);
                if (used == 0 || used != rest.Length)
                    return reader.Refuse($"xl: Invalid argument parsing ioport: {text}");
                if (last >= uint.MaxValue)
                    return reader.Refuse($"xl: ioport {last:x} too big");
            }
            else if (!rest.IsEmpty)
            {
                reader.Warn($"xl: Invalid argument parsing ioport: {text}");
            }

            ranges.Add(new IoPortRange((uint)first, unchecked((uint)last - (uint)first + 1)));
        }

        domain.IoPorts = ranges;
        return true;
    }

    private static bool ReadInterrupts(ConfigReader reader, DomainConfiguration domain)
    {
        if (reader.List("irqs", out ConfigList list) != Lookup.Found)
            return true;

        var irqs = new List<uint>();
        foreach (ConfigValue item in list.Items)
        {
            if (item is not ConfigAtom { Text: string text })
                return reader.Refuse($"xl: Unable to get element {irqs.Count} in irq list");
            ulong irq = CNumber.ParseUnsigned(text, 10, out int used);
            if (used == 0 || used != text.Length)
                return reader.Refuse($"xl: Invalid argument parsing irq: {text}");
            if (irq >= uint.MaxValue)
                return reader.Refuse($"xl: irq {irq:x} too big");
            irqs.Add((uint)irq);
        }

        domain.Irqs = irqs;
        return true;
    }

    private static bool ReadMemory(ConfigReader reader, DomainConfiguration domain)
    {
        if (reader.List("iomem", out ConfigList list) != Lookup.Found)
            return true;

        var ranges = new List<IoMemoryRange>();
        foreach (ConfigValue item in list.Items)
        {
            if (item is not ConfigAtom { Text: string text })
                return reader.Refuse($"xl: Unable to get element {ranges.Count} in iomem list");
            if (!TryMemoryRange(text, out IoMemoryRange range))
                return reader.Refuse($"xl: Invalid argument parsing iomem: {text}");
            ranges.Add(range);
        }

        domain.IoMemory = ranges;
        return true;
    }

    /// <summary><c>START,COUNT[@GUEST]</c>, all hexadecimal.</summary>
    private static bool TryMemoryRange(string text, out IoMemoryRange range)
    {
        range = default;
        int comma = text.IndexOf(',');
        if (comma < 0)
            return false;
        int at = text.IndexOf('@', comma);
        ulong guest = 0;
        if (!TryHex(text.AsSpan(0, comma), out ulong start)
            || !TryHex(text.AsSpan((comma + 1)..(at < 0 ? text.Length : at)), out ulong count)
            || (at >= 0 && !TryHex(text.AsSpan(at + 1), out guest)))
        {
            return false;
        }

        range = new IoMemoryRange(start, count, at < 0 ? null : guest);
        return true;
    }

    private static bool TryHex(ReadOnlySpan<char> text, out ulong value)
    {
        text = text.TrimStart();
        if (text.StartsWith("0x", StringComparison.OrdinalIgnoreCase))
            text = text[2..];
        return ulong.TryParse(text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out value);
    }
}
