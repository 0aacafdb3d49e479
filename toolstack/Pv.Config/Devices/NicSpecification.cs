namespace Pv.Config.Devices;

/// <summary>A network interface of a domain (libxl_device_nic), as xl-network-configuration(5) describes it.</summary>
public sealed class NicSpecification
{
    /// <summary>The name or number of the back end's domain; null for Dom0.</summary>
    public string? BackendDomain { get; set; }

    /// <summary>Null where the toolstack chooses (<c>xl network-attach</c>); the index in a configuration file.</summary>
    public int? DeviceId { get; set; }

    public int Mtu { get; set; }

    public string? Model { get; set; }

    /// <summary>Six bytes; all zero if the toolstack is to make one.</summary>
    public byte[] Mac { get; } = new byte[6];

    public bool HasMac => Mac.AsSpan().ContainsAnyExcept((byte)0);

    /// <summary>One or several addresses, as the file gives them.</summary>
    public string? Ip { get; set; }

    /// <summary>Null for the default bridge.</summary>
    public string? Bridge { get; set; }

    /// <summary>The name of the interface in the back end's domain.</summary>
    public string? InterfaceName { get; set; }

    public string? Script { get; set; }

    /// <summary><c>vif</c> or <c>vif_ioemu</c>; null leaves it to the toolstack.</summary>
    public string? Kind { get; set; }

    /// <summary>Bytes that the guest may send in one <see cref="RateIntervalMicroseconds"/>; 0 if unlimited.</summary>
    public ulong RateBytesPerInterval { get; set; }

    public uint RateIntervalMicroseconds { get; set; }

    public string? GatewayDevice { get; set; }

    public string? Vlan { get; set; }

    /// <summary>Whether the front end trusts the back end.</summary>
    public bool? Trusted { get; set; }

    /// <summary>The many parameters of COLO by their libxl names: kept, and of no effect here.</summary>
    public Dictionary<string, string> Colo { get; } = new(StringComparer.Ordinal);

    /// <summary><c>00:16:3e:01:02:03</c>.</summary>
    public string MacText => string.Create(System.Globalization.CultureInfo.InvariantCulture,
        $"{Mac[0]:x2}:{Mac[1]:x2}:{Mac[2]:x2}:{Mac[3]:x2}:{Mac[4]:x2}:{Mac[5]:x2}");
}
