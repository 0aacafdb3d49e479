namespace Pv.Config.Devices;

/// <summary>
/// The grammar of PCI specifications (xl-pci-configuration(5)):
/// <c>[DDDD:]BB:DD.F|*[@VSLOT][,key=value…]</c>, or keys only, among them <c>bdf</c> or <c>name</c>.
/// Hexadecimal throughout. What stands behind the number in <c>bdf=</c> and <c>vslot=</c> is ignored, as xl ignores it.
/// </summary>
public static class PciSpecificationParser
{
    private const uint MaxSegment = 0xffff;
    private const uint MaxBus = 0xff;
    private const uint MaxDevice = 0x1f;
    private const uint MaxFunction = 7;

    /// <summary>
    /// Reads a specification over the defaults in <paramref name="pci"/>. False if refused; xl exits 6, and prints
    /// <paramref name="problem"/>, perhaps empty, before its own sentence on the same line.
    /// </summary>
    public static bool TryParse(string text, PciSpecification pci, out string problem)
    {
        problem = "";
        ReadOnlySpan<char> rest = text;
        bool placed = TryPlace(ref rest, pci, out bool cut);
        if (cut)
            return false;
        if (placed)
        {
            if (rest is ['@', ..])
            {
                rest = rest[1..];
                if (!TrySlot(ref rest, pci))
                    return false;
            }

            if (!rest.IsEmpty && rest[0] != ',')
                return false;
            rest = rest.IsEmpty ? rest : rest[1..];
        }
        else
        {
            rest = text;
        }

        while (!rest.IsEmpty)
        {
            int equals = rest.IndexOf('=');
            if (equals < 0)
                return false;
            ReadOnlySpan<char> key = rest[..equals];
            rest = rest[(equals + 1)..];
            int comma = rest.IndexOf(',');
            ReadOnlySpan<char> value = comma < 0 ? rest : rest[..comma];
            rest = comma < 0 ? [] : rest[(comma + 1)..];
            if (!TryOption(key, value, pci, ref placed, out problem))
                return false;
        }

        return placed != pci.Name is not null;
    }

    private static bool TryOption(ReadOnlySpan<char> key, ReadOnlySpan<char> value, PciSpecification pci, ref bool placed, out string problem)
    {
        problem = "";
        switch (key)
        {
            case "bdf":
                placed = true;
                return TryPlace(ref value, pci, out _);
            case "vslot":
                return TrySlot(ref value, pci);
            case "name":
                pci.Name = value.ToString();
                return true;
            case "msitranslate":
                pci.MsiTranslate = CNumber.ParseInteger(value) != 0;
                return true;
            case "power_mgmt":
                pci.PowerManagement = CNumber.ParseInteger(value) != 0;
                return true;
            case "permissive":
                pci.Permissive = CNumber.ParseInteger(value) != 0;
                return true;
            case "seize":
                pci.Seize = CNumber.ParseInteger(value) != 0;
                return true;
            case "rdm_policy" when value is "strict" or "relaxed":
                pci.RdmPolicy = value is "strict" ? RdmPolicy.Strict : RdmPolicy.Relaxed;
                return true;
            case "rdm_policy":
                problem = $"Unknown RDM policy: {value}";
                return false;
            default:
                problem = $"Unknown PCI_SPEC_STRING option: {key}";
                return false;
        }
    }

    /// <summary>
    /// Reads the place and leaves what follows it. <paramref name="cut"/> tells that the
    /// text is not to be read as a list of keys instead.
    /// </summary>
    private static bool TryPlace(ref ReadOnlySpan<char> text, PciSpecification pci, out bool cut)
    {
        cut = false;
        int colons = 0;
        foreach (char c in text)
        {
            if (c == ':')
                colons++;
            else if (!char.IsAsciiHexDigit(c))
                break;
        }

        uint segment = 0;
        if (colons is not (1 or 2)
            || (colons == 2 && !(TryHex(ref text, uint.MaxValue, out segment) && TryTake(ref text, ':')))
            || !TryHex(ref text, uint.MaxValue, out uint bus) || !TryTake(ref text, ':')
            || !TryHex(ref text, uint.MaxValue, out uint device))
        {
            return false;
        }

        if (device > MaxDevice || bus > MaxBus || segment > MaxSegment)
            return false;
        if (!TryTake(ref text, '.'))
        {
            // xl then takes the first number for the function, and gives up if it could be one.
            cut = (colons == 2 ? segment : bus) <= MaxFunction;
            return false;
        }


        uint function = 0;
        bool all = TryTake(ref text, '*');
        if (!all && !TryHex(ref text, MaxFunction, out function))
            return false;
        (pci.Segment, pci.Bus, pci.Device, pci.Function) = (segment, bus, device, function);
        pci.FunctionMask = all ? PciSpecification.AllFunctions : 1;
        return true;
    }

    private static bool TrySlot(ref ReadOnlySpan<char> text, PciSpecification pci)
    {
        if (!TryHex(ref text, MaxDevice, out uint slot))
            return false;
        pci.VirtualDeviceFunction = slot << 3;
        return true;
    }

    private static bool TryTake(ref ReadOnlySpan<char> text, char c)
    {
        if (text.IsEmpty || text[0] != c)
            return false;
        text = text[1..];
        return true;
    }

    private static bool TryHex(ref ReadOnlySpan<char> text, uint max, out uint value)
    {
        value = unchecked((uint)CNumber.ParseUnsigned(text, 16, out int used));
        text = text[used..];
        return used != 0 && value <= max;
    }
}
