using System.Globalization;

namespace Pv.Config.Devices;

/// <summary>
/// The grammar of PCI specifications (xl-pci-configuration(5)):
/// <c>[bdf=][DDDD:]BB:DD.F|*[@VSLOT | ,VSLOT][,key=value…]</c>, or <c>name=…</c> instead of a place.
/// </summary>
public static class PciSpecificationParser
{
    private const uint MaxDevice = 0x1f;

    /// <summary>Reads a specification over the defaults in <paramref name="pci"/>. False if refused; xl exits 6.</summary>
    public static bool TryParse(string text, PciSpecification pci, ConfigDiagnostics diagnostics)
    {
        bool placed = false;
        bool slotted = false;
        int position = 0;
        foreach (string word in text.Split(','))
        {
            int equals = word.IndexOf('=');
            if (equals < 0)
            {
                // By position: the place, then the slot.
                bool taken = position++ switch
                {
                    0 => TryPlace(word, pci, ref slotted),
                    1 when !slotted => TrySlot(word, pci),
                    _ => false,
                };
                if (!taken)
                    return false;
                placed = true;
                continue;
            }

            position = int.MaxValue / 2;
            string value = word[(equals + 1)..];
            switch (word[..equals])
            {
                case "bdf":
                    if (placed || !TryPlace(value, pci, ref slotted))
                        return false;
                    placed = true;
                    break;
                case "name":
                    pci.Name = value;
                    placed = true;
                    break;
                case "vslot":
                    if (!TrySlot(value, pci))
                        return false;
                    break;
                case "msitranslate": pci.MsiTranslate = CNumber.ParseInteger(value) != 0; break;
                case "power_mgmt": pci.PowerManagement = CNumber.ParseInteger(value) != 0; break;
                case "permissive": pci.Permissive = CNumber.ParseInteger(value) != 0; break;
                case "seize": pci.Seize = CNumber.ParseInteger(value) != 0; break;
                case "rdm_policy" when value is "strict" or "relaxed":
                    pci.RdmPolicy = value == "strict" ? RdmPolicy.Strict : RdmPolicy.Relaxed;
                    break;
                case "rdm_policy":
                    diagnostics.Report($"{value} is not an valid PCI RDM property policy: 'strict' or 'relaxed'.");
                    return false;
                default:
                    diagnostics.Report($"Unknown PCI BDF option: {word[..equals]}");
                    return false;
            }
        }

        return placed;
    }

    private static bool TryPlace(string text, PciSpecification pci, ref bool slotted)
    {
        int at = text.IndexOf('@');
        if (at >= 0)
        {
            slotted = true;
            if (!TrySlot(text[(at + 1)..], pci))
                return false;
            text = text[..at];
        }

        string[] parts = text.Split(':');
        if (parts.Length is not (2 or 3))
            return false;
        uint segment = 0;
        if (parts.Length == 3 && !TryHex(parts[0], 0xffff, out segment))
            return false;
        int dot = parts[^1].IndexOf('.');
        if (dot < 0 || !TryHex(parts[^2], 0xff, out uint bus) || !TryHex(parts[^1].AsSpan(0, dot), MaxDevice, out uint device))
            return false;

        ReadOnlySpan<char> function = parts[^1].AsSpan(dot + 1);
        uint number = 0;
        bool all = function is "*";
        if (!all && !TryHex(function, 7, out number))
            return false;
        (pci.Segment, pci.Bus, pci.Device, pci.Function) = (segment, bus, device, number);
        pci.FunctionMask = all ? PciSpecification.AllFunctions : 1;
        return true;
    }

    private static bool TrySlot(string text, PciSpecification pci)
    {
        if (!TryHex(text, MaxDevice, out uint slot))
            return false;
        pci.VirtualDeviceFunction = slot << 3;
        return true;
    }

    private static bool TryHex(ReadOnlySpan<char> text, uint max, out uint value) =>
        uint.TryParse(text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out value) && value <= max;
}
