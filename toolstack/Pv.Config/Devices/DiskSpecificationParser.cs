namespace Pv.Config.Devices;

/// <summary>
/// The grammar of disk specifications (xl-disk-configuration(5)): parameters by name or by position, separated by
/// commas, with the prefixes of older tools. At each place the rule that reaches furthest wins, and of equals the
/// one that stands first here; prefixes and <c>target=</c> reach to the end of the line.
/// </summary>
public sealed class DiskSpecificationParser
{
    /// <summary>Each message repeats the specification, so a long one full of flaws must not be reported without end.</summary>
    private const int MaxFailures = 32;
    private const int LongestPrefix = 7;

    private readonly string _source;
    private readonly ConfigDiagnostics _diagnostics;
    private readonly DiskSpecification _disk = new();
    private string _spec = "";
    private int _lineEnd;
    private int _failures;
    private bool _hadPrefix;
    private bool _hadAccess;

    private DiskSpecificationParser(string source, ConfigDiagnostics diagnostics) => (_source, _diagnostics) = (source, diagnostics);

    private delegate void Setter(DiskSpecificationParser parser, string value);

    /// <summary>
    /// Parses the words of one disk: one for a configuration file, several for <c>xl block-attach</c>.
    /// Null if refused, with the reason reported; xl's exit code is then 1.
    /// </summary>
    /// <param name="words">The words; parameters of all of them count together.</param>
    /// <param name="source">The name of the file for messages, or <c>command line</c>.</param>
    /// <param name="diagnostics">Takes the messages.</param>
    public static DiskSpecification? Parse(IReadOnlyList<string> words, string source, ConfigDiagnostics diagnostics)
    {
        var parser = new DiskSpecificationParser(source, diagnostics);
        foreach (string word in words)
        {
            parser._spec = word;
            parser._lineEnd = -1;
            parser.Scan();
            if (parser._failures > 0)
                return null;
        }

        return parser.Finish();
    }

    private DiskSpecification? Finish()
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
        return _failures > 0 ? null : _disk;
    }

    private void Scan()
    {
        for (int at = 0; at < _spec.Length && at >= 0 && _failures < MaxFailures;)
            at = Next(at);
    }

    /// <summary>Takes one parameter; returns where the next begins, or -1 to stop.</summary>
    private int Next(int at)
    {
        ReadOnlySpan<char> rest = _spec.AsSpan(at);
        int lineLength = LineEnd(at) - at;
        int prefix = PrefixLength(rest);
        if (prefix > 0 && lineLength == rest.Length)
            return TakePrefix(rest[..(prefix - 1)], at + prefix);

        int positional = PositionalLength(rest);

        if (BlankLength(rest) is > 0 and int blank)
        {
            // Blanks count with all that follows them on its line, so only text that spans lines could win.
            if (LineEnd(at + blank) - at >= positional)
                return at + blank;
            lineLength = Math.Max(0, rest.IndexOf('\n'));
        }

        if (rest.StartsWith("target="))
        {
            Save(_disk.Target, WithoutComma(rest[7..lineLength]), "target", static (p, v) => p._disk.Target = v);
            return at + lineLength;
        }

        if (prefix > 0 && lineLength >= positional)
            return TakePrefix(rest[..(prefix - 1)], at + prefix);

        int length = NamedLength(rest);
        if (length > 0 && length >= positional)
            return TakeNamed(rest[..length], at + length);

        if (UnknownNamedLength(rest) is > 0 and int unknown && unknown >= positional)
        {
            Fail(rest[..unknown].ToString(), "unknown parameter");
            return at + unknown;
        }

        if (UnknownPrefixLength(rest, lineLength, out int total) is > 0 and int word && total >= positional)
        {
            Fail(rest[..word].ToString(), "unknown deprecated disk prefix");
            return -1;
        }

        if (positional > 0)
            return TakePositional(WithoutComma(rest[..positional])) ? at + positional : -1;

        Fail(rest[..Math.Max(1, lineLength)].ToString(), "bad disk syntax");
        return -1;
    }

    /// <summary>The next newline from a place on, or the end; remembered, since places only grow.</summary>
    private int LineEnd(int from)
    {
        if (_lineEnd < from)
            _lineEnd = _spec.IndexOf('\n', from) is >= 0 and int newline ? newline : _spec.Length;
        return _lineEnd;
    }

    private static int BlankLength(ReadOnlySpan<char> rest) => rest.IndexOfAnyExcept(" \t\n") is >= 0 and int length ? length : rest.Length;

    private static int PositionalLength(ReadOnlySpan<char> rest)
    {
        int end = rest.IndexOfAny('=', ',');
        return end < 0 ? rest.Length : rest[end] == ',' ? end + 1 : end;
    }

    private static int NamedLength(ReadOnlySpan<char> rest)
    {
        int comma = rest.IndexOf(',');
        ReadOnlySpan<char> item = comma < 0 ? rest : rest[..comma];
        int equals = item.IndexOf('=');
        bool known = equals < 0
            ? item is "cdrom" or "direct-io-safe" or "discard" or "no-discard" or "colo" or "no-colo" or "trusted" or "untrusted"
            : item is "grant_usage=1" or "grant_usage=0" || item[..equals] is
                "format" or "devtype" or "access" or "backend" or "backendtype" or "specification" or "vdev" or "script"
                or "colo-host" or "colo-port" or "colo-export" or "active-disk" or "hidden-disk";
        return known ? item.Length + (comma < 0 ? 0 : 1) : 0;
    }

    /// <summary>An unknown name is matched with one character of its value only, which is what the message shows.</summary>
    private static int UnknownNamedLength(ReadOnlySpan<char> rest)
    {
        if (rest[0] is not (>= 'a' and <= 'z'))
            return 0;
        int i = 1;
        while (i < rest.Length && rest[i] is (>= 'a' and <= 'z') or (>= '0' and <= '9') or '-')
            i++;
        if (i + 1 >= rest.Length || rest[i] != '=' || rest[i + 1] == ',')
            return 0;
        return i + 2 < rest.Length && rest[i + 2] == ',' ? i + 3 : i + 2;
    }

    private static int PrefixLength(ReadOnlySpan<char> rest)
    {
        int colon = rest[..Math.Min(rest.Length, LongestPrefix + 1)].IndexOf(':');
        return colon > 0 && rest[..colon] is
            "raw" or "qcow" or "qcow2" or "vhd" or "iscsi" or "nbd" or "enbd" or "drbd"
            or "tapdisk" or "tap" or "tap2" or "aio" or "ioemu" or "file" or "phy" ? colon + 1 : 0;
    }

    private static int UnknownPrefixLength(ReadOnlySpan<char> rest, int lineLength, out int total)
    {
        total = 0;
        if (rest[0] is not (>= 'a' and <= 'z'))
            return 0;
        int i = 1;
        while (i < rest.Length && IsLetterOrDigit(rest[i]))
            i++;
        if (i == rest.Length || rest[i] != ':')
            return 0;
        total = ++i < rest.Length && rest[i] != '\n' && !IsLetterOrDigit(rest[i]) ? lineLength : i;
        return i;

        static bool IsLetterOrDigit(char c) => c is (>= 'a' and <= 'z') or (>= '0' and <= '9');
    }

    private int TakePrefix(ReadOnlySpan<char> prefix, int next)
    {
        _hadPrefix = true;
        switch (prefix)
        {
            case "raw" or "qcow" or "qcow2" or "vhd":
                SetFormat(prefix.ToString());
                break;
            case "iscsi" or "nbd" or "enbd" or "drbd":
                Save(_disk.Script, $"block-{prefix}", "script", static (p, v) => p._disk.Script = v);
                break;
        }

        return next;
    }

    private int TakeNamed(ReadOnlySpan<char> text, int next)
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
            case "backend": Save(_disk.BackendDomain, value, name, static (p, v) => p._disk.BackendDomain = v); break;
            case "backendtype": SetBackend(value); break;
            case "specification": SetProtocol(value); break;
            case "vdev": SetVirtualDevice(value); break;
            case "script": Save(_disk.Script, value, name, static (p, v) => p._disk.Script = v); break;
            case "direct-io-safe": _disk.DirectIoSafe = true; break;
            case "discard": _disk.Discard = true; break;
            case "no-discard": _disk.Discard = false; break;
            case "colo": _disk.Colo = true; break;
            case "no-colo": _disk.Colo = false; break;
            case "trusted": _disk.Trusted = true; break;
            case "untrusted": _disk.Trusted = false; break;
            case "grant_usage": _disk.GrantUsage = value == "1"; break;
            case "colo-host": Save(_disk.ColoHost, value, name, static (p, v) => p._disk.ColoHost = v); break;
            case "colo-export": Save(_disk.ColoExport, value, name, static (p, v) => p._disk.ColoExport = v); break;
            case "active-disk": Save(_disk.ActiveDisk, value, name, static (p, v) => p._disk.ActiveDisk = v); break;
            case "hidden-disk": Save(_disk.HiddenDisk, value, name, static (p, v) => p._disk.HiddenDisk = v); break;
            case "colo-port" when CNumber.ParseInteger(value) is not 0 and int port: _disk.ColoPort = port; break;
            case "colo-port": Fail(value, "unknown value for colo_port"); break;
        }

        return next;
    }

    /// <summary>By position: target, format (not after a prefix), vdev, access.</summary>
    private bool TakePositional(string value)
    {
        if (_failures > 0)
            return true;

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

    private void SetVirtualDevice(string value) => Save(_disk.VirtualDevice, value, "vdev", static (p, v) => p._disk.VirtualDevice = v);

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
            set(this, value);
        else
            Fail(value, $"{name} respecified");
    }

    private void Fail(string? near, string message)
    {
        string place = near is null ? "" : $": near `{near}'";
        _diagnostics.Report($"{_source}: config parsing error in disk specification: {message}{place} in `{_spec}'");
        _failures++;
    }

    private static string WithoutComma(ReadOnlySpan<char> text) => (text is [.., ','] ? text[..^1] : text).ToString();
}
