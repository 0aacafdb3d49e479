namespace Pv.Config.Devices;

/// <summary>What the parameters of a disk specification add up to, and what is wrong with them.</summary>
internal sealed class DiskSpecificationBuilder(string source, ConfigDiagnostics diagnostics)
{
    private readonly DiskSpecification _disk = new();
    private bool _hadPrefix;
    private bool _hadAccess;

    private delegate void Setter(DiskSpecification disk, string value);

    /// <summary>The specification being read, for messages.</summary>
    internal string Text { get; set; } = "";

    internal int Failures { get; private set; }

    /// <summary>The disk with its defaults; null if anything was refused.</summary>
    internal DiskSpecification? Finish()
    {
        if (_disk.Format == DiskFormat.Unknown)
            _disk.Format = DiskFormat.Raw;
        if (_disk.IsCdrom)
        {
            _disk.Removable = true;
            _disk.Writable = false;
            if (string.IsNullOrEmpty(_disk.Target))
                _disk.Format = DiskFormat.Empty;
        }

        if (_disk.VirtualDevice is null)
            Fail(null, "no vdev specified");
        else if (_disk.Target is null && !_disk.Removable)
            Fail(null, "no target specified (and device not removable)");
        return Failures > 0 ? null : _disk;
    }

    internal void TakeTarget(ReadOnlySpan<char> value) =>
        Save(_disk.Target, WithoutComma(value), "target", static (d, v) => d.Target = v);

    internal void TakePrefix(ReadOnlySpan<char> prefix)
    {
        _hadPrefix = true;
        switch (prefix)
        {
            case "raw" or "qcow" or "qcow2" or "vhd":
                SetFormat(prefix.ToString());
                break;
            case "iscsi" or "nbd" or "enbd" or "drbd":
                Save(_disk.Script, $"block-{prefix}", "script", static (d, v) => d.Script = v);
                break;
        }
    }

    internal void TakeNamed(ReadOnlySpan<char> text)
    {
        string item = WithoutComma(text);
        int equals = item.IndexOf('=');
        string name = equals < 0 ? item : item[..equals];
        string value = item[(equals + 1)..];
        switch (name)
        {
            case "format": SetFormat(value); break;
            case "cdrom": _disk.IsCdrom = true; break;
            case "devtype" when value is "cdrom" or "disk": _disk.IsCdrom = value == "cdrom"; break;
            case "devtype": Fail(text.ToString(), "unknown value for type"); break;
            case "access": SetAccess(value); break;
            case "backend": Save(_disk.BackendDomain, value, name, static (d, v) => d.BackendDomain = v); break;
            case "backendtype": SetBackend(value); break;
            case "specification": SetProtocol(value); break;
            case "vdev": SetVirtualDevice(value); break;
            case "script": Save(_disk.Script, value, name, static (d, v) => d.Script = v); break;
            case "direct-io-safe": _disk.DirectIoSafe = true; break;
            case "discard": _disk.Discard = true; break;
            case "no-discard": _disk.Discard = false; break;
            case "colo": _disk.Colo = true; break;
            case "no-colo": _disk.Colo = false; break;
            case "trusted": _disk.Trusted = true; break;
            case "untrusted": _disk.Trusted = false; break;
            case "grant_usage": _disk.GrantUsage = value == "1"; break;
            case "colo-host": Save(_disk.ColoHost, value, name, static (d, v) => d.ColoHost = v); break;
            case "colo-export": Save(_disk.ColoExport, value, name, static (d, v) => d.ColoExport = v); break;
            case "active-disk": Save(_disk.ActiveDisk, value, name, static (d, v) => d.ActiveDisk = v); break;
            case "hidden-disk": Save(_disk.HiddenDisk, value, name, static (d, v) => d.HiddenDisk = v); break;
            case "colo-port" when CNumber.ParseInteger(value) is not 0 and int port: _disk.ColoPort = port; break;
            case "colo-port": Fail(value, "unknown value for colo_port"); break;
        }
    }

    /// <summary>By position: target, format (not after a prefix), vdev, access. False if there are too many.</summary>
    internal bool TakePositional(ReadOnlySpan<char> text)
    {
        if (Failures > 0)
            return true;

        string value = WithoutComma(text);
        if (_disk.Target is null)
        {
            _disk.Target = value;
        }
        else if (!_hadPrefix && _disk.Format == DiskFormat.Unknown)
        {
            if (_disk.Target.Length == 0 && TakeDeviceWithType(value))
                _disk.Format = DiskFormat.Empty;
            else
                SetFormat(value);
        }
        else if (_disk.VirtualDevice is null)
        {
            if (!TakeDeviceWithType(value))
                SetVirtualDevice(value);
        }
        else if (!_hadAccess)
        {
            _hadAccess = true;
            SetAccess(value);
        }
        else
        {
            Fail(value, "too many positional parameters");
            return false;
        }

        return true;
    }

    /// <summary>The old <c>vdev:cdrom</c>. False, doing nothing, if the text has no colon.</summary>
    private bool TakeDeviceWithType(string value)
    {
        int colon = value.LastIndexOf(':');
        if (colon < 0)
            return false;

        SetVirtualDevice(value[..colon]);
        string type = value[(colon + 1)..];
        if (type is "cdrom" or "disk")
            _disk.IsCdrom = type == "cdrom";
        else
            Fail(type, "unknown deprecated type");
        return true;
    }

    private void SetVirtualDevice(string value) => Save(_disk.VirtualDevice, value, "vdev", static (d, v) => d.VirtualDevice = v);

    private void SetFormat(string value)
    {
        DiskFormat? format = value switch
        {
            "" or "raw" => DiskFormat.Raw,
            "qcow" => DiskFormat.Qcow,
            "qcow2" => DiskFormat.Qcow2,
            "vhd" => DiskFormat.Vhd,
            "empty" => DiskFormat.Empty,
            "qed" => DiskFormat.Qed,
            _ => null,
        };
        if (format is not { } known)
            Fail(value, "unknown value for format");
        else if (_disk.Format != DiskFormat.Unknown && _disk.Format != known)
            Fail(value, "format respecified");
        else
            _disk.Format = known;
    }

    private void SetBackend(string value)
    {
        DiskBackendKind kind = value switch
        {
            "phy" => DiskBackendKind.Phy,
            "tap" => DiskBackendKind.Tap,
            "qdisk" => DiskBackendKind.Qdisk,
            "standalone" => DiskBackendKind.Standalone,
            _ => DiskBackendKind.Unknown,
        };
        if (kind == DiskBackendKind.Unknown)
            Fail(value, "unknown value for backendtype");
        else if (_disk.Backend != DiskBackendKind.Unknown && _disk.Backend != kind)
            Fail(value, "backend respecified");
        else
            _disk.Backend = kind;
    }

    private void SetProtocol(string value)
    {
        DiskProtocol protocol = value switch
        {
            "xen" => DiskProtocol.Xen,
            "virtio" => DiskProtocol.Virtio,
            _ => DiskProtocol.Unknown,
        };
        if (protocol == DiskProtocol.Unknown)
            Fail(value, "unknown value for specification");
        else if (_disk.Protocol != DiskProtocol.Unknown && _disk.Protocol != protocol)
            Fail(value, "specification respecified");
        else
            _disk.Protocol = protocol;
    }

    private void SetAccess(string value)
    {
        if (value is "r" or "ro")
            _disk.Writable = false;
        else if (value is "w" or "rw" or "")
            _disk.Writable = true;
        else
            Fail(value, "unknown value for access");
    }

    /// <summary>Sets a text that may be given once; overwriting an empty one is not a repetition.</summary>
    private void Save(string? earlier, string value, string name, Setter set)
    {
        if (string.IsNullOrEmpty(earlier))
            set(_disk, value);
        else
            Fail(value, $"{name} respecified");
    }

    internal void Fail(string? near, string message)
    {
        string place = near is null ? "" : $": near `{near}'";
        diagnostics.Report($"{source}: config parsing error in disk specification: {message}{place} in `{Text}'");
        Failures++;
    }

    private static string WithoutComma(ReadOnlySpan<char> text) => (text is [.., ','] ? text[..^1] : text).ToString();
}
