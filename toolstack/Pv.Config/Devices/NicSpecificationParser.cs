namespace Pv.Config.Devices;

/// <summary>How a parameter of a specification was taken.</summary>
public enum ParameterOutcome
{
    /// <summary>Taken.</summary>
    Accepted,

    /// <summary>Refused and reported; in a configuration file the device is still made, a command line fails.</summary>
    Rejected,

    /// <summary>Refused and reported; xl exits 1 wherever it stands.</summary>
    Fatal,
}

/// <summary>The grammar of network interfaces (xl-network-configuration(5)): <c>key=value</c> words and flags.</summary>
public static class NicSpecificationParser
{
    /// <summary>
    /// Parses one entry of <c>vif</c> in a configuration file. Unknown words are reported and left out.
    /// Null if xl exits 1.
    /// </summary>
    public static NicSpecification? ParseEntry(string entry, int deviceId, string source, ConfigDiagnostics diagnostics)
    {
        var nic = new NicSpecification { DeviceId = deviceId };
        foreach (string word in SpecificationWords.Split(entry))
        {
            if (Apply(nic, word, source, diagnostics) == ParameterOutcome.Fatal)
                return null;
        }

        return nic;
    }

    /// <summary>Parses the words of <c>xl network-attach</c>. Null, exit code 1, for any word that is refused.</summary>
    public static NicSpecification? ParseWords(IReadOnlyList<string> words, ConfigDiagnostics diagnostics)
    {
        var nic = new NicSpecification();
        foreach (string word in words)
        {
            if (Apply(nic, word, "command line", diagnostics) != ParameterOutcome.Accepted)
                return null;
        }

        return nic;
    }

    /// <summary>Applies one word.</summary>
    public static ParameterOutcome Apply(NicSpecification nic, string word, string source, ConfigDiagnostics diagnostics)
    {
        int equals = word.IndexOf('=');
        string value = word[(equals + 1)..];
        switch (equals < 0 ? "" : word[..equals])
        {
            case "type" when value is "vif" or "ioemu":
                nic.Kind = value == "vif" ? "vif" : "vif_ioemu";
                break;
            case "type":
                diagnostics.Report("Invalid parameter `type'.");
                return ParameterOutcome.Rejected;
            case "mac":
                if (TryMac(value, nic.Mac))
                    break;
                diagnostics.Report("Invalid parameter `mac'.");
                return ParameterOutcome.Rejected;
            case "bridge": nic.Bridge = value; break;
            case "netdev":
                diagnostics.Report("the netdev parameter is deprecated, please use gatewaydev instead");
                nic.GatewayDevice = value;
                break;
            case "gatewaydev": nic.GatewayDevice = value; break;
            case "ip": nic.Ip = value; break;
            case "script": nic.Script = value; break;
            case "backend": nic.BackendDomain = value; break;
            case "vifname": nic.InterfaceName = value; break;
            case "model": nic.Model = value; break;
            case "vlan": nic.Vlan = value; break;
            case "rate":
                if (!NicRate.TryParse(value, source, diagnostics, out ulong bytes, out uint microseconds))
                    return ParameterOutcome.Fatal;
                nic.RateBytesPerInterval = bytes;
                nic.RateIntervalMicroseconds = microseconds;
                break;
            case "accel":
                diagnostics.Report("the accel parameter for vifs is currently not supported");
                break;
            case "devid":
                if (!TryNumber(value, diagnostics, out int id))
                    return ParameterOutcome.Fatal;
                nic.DeviceId = id;
                break;
            case "mtu":
                if (!TryNumber(value, diagnostics, out int mtu))
                    return ParameterOutcome.Fatal;
                nic.Mtu = mtu;
                break;
            case "" when word is "trusted" or "untrusted":
                nic.Trusted = word == "trusted";
                break;
            case "forwarddev":
                nic.Colo["coloft_forwarddev"] = value;
                break;
            case string name when NicColoParameters.Contains(name):
                nic.Colo[name] = value;
                break;
            default:
                diagnostics.Report($"unrecognized argument `{word}'");
                return ParameterOutcome.Rejected;
        }

        return ParameterOutcome.Accepted;
    }

    /// <summary>Six hexadecimal groups with any character between them. What was read before a flaw stays.</summary>
    private static bool TryMac(ReadOnlySpan<char> text, Span<byte> mac)
    {
        foreach (ref byte group in mac)
        {
            ulong value = CNumber.ParseUnsigned(text, 16, out int used);
            if (used == 0 || unchecked((uint)value) > 255)
                return false;
            group = (byte)value;
            text = used < text.Length ? text[(used + 1)..] : [];
        }

        return true;
    }

    private static bool TryNumber(string text, ConfigDiagnostics diagnostics, out int value)
    {
        ulong number = CNumber.ParseUnsigned(text, 10, out int used);
        value = unchecked((int)number);
        if (used != 0 && number != ulong.MaxValue)
            return true;
        diagnostics.Report($"xl: failed to convert \"{text}\" to number");
        return false;
    }
}
