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

    private readonly DiskSpecificationBuilder _disk;
    private string _spec = "";
    private int _lineEnd;

    private DiskSpecificationParser(DiskSpecificationBuilder disk) => _disk = disk;

    /// <summary>
    /// Parses the words of one disk: one for a configuration file, several for <c>xl block-attach</c>.
    /// Null if refused, with the reason reported; xl's exit code is then 1.
    /// </summary>
    /// <param name="words">The words; parameters of all of them count together.</param>
    /// <param name="source">The name of the file for messages, or <c>command line</c>.</param>
    /// <param name="diagnostics">Takes the messages.</param>
    public static DiskSpecification? Parse(IReadOnlyList<string> words, string source, ConfigDiagnostics diagnostics)
    {
        var disk = new DiskSpecificationBuilder(source, diagnostics);
        var parser = new DiskSpecificationParser(disk);
        foreach (string word in words)
        {
            parser.Scan(word);
            if (disk.Failures > 0)
                return null;
        }

        return disk.Finish();
    }

    private void Scan(string spec)
    {
        _spec = _disk.Text = spec;
        _lineEnd = -1;
        for (int at = 0; at < spec.Length && at >= 0 && _disk.Failures < MaxFailures;)
            at = Next(at);
    }

    /// <summary>Takes one parameter; returns where the next begins, or -1 to stop.</summary>
    private int Next(int at)
    {
        ReadOnlySpan<char> rest = _spec.AsSpan(at);
        int line = LineEnd(at) - at;
        int prefix = PrefixLength(rest);
        if (prefix > 0 && line == rest.Length)
        {
            // Nothing reaches further, and long chains of prefixes need not be searched again for each.
            _disk.TakePrefix(rest[..(prefix - 1)]);
            return at + prefix;
        }

        int positional = PositionalLength(rest);
        if (BlankLength(rest) is > 0 and int blank && LineEnd(at + blank) - at >= positional)
            return at + blank;

        int named = NamedLength(rest);
        int target = rest.StartsWith("target=") ? line : 0;
        int unknown = UnknownNamedLength(rest);
        int unknownPrefix = UnknownPrefixLength(rest, out int unknownPrefixReach);
        int prefixReach = prefix > 0 ? line : 0;
        int furthest = Math.Max(Math.Max(Math.Max(named, target), Math.Max(unknown, prefixReach)), Math.Max(unknownPrefixReach, positional));
        if (furthest == 0)
        {
            // A lone character at the very end is dropped without a word.
            if (rest.Length > 1)
                _disk.Fail(rest[..Math.Max(1, line)].ToString(), "bad disk syntax");
            return -1;
        }

        if (named == furthest)
        {
            _disk.TakeNamed(rest[..named]);
            return at + named;
        }

        if (target == furthest)
        {
            _disk.TakeTarget(rest[7..line]);
            return at + line;
        }

        if (unknown == furthest)
        {
            _disk.Fail(rest[..unknown].ToString(), "unknown parameter");
            return at + unknown;
        }

        if (prefixReach == furthest)
        {
            _disk.TakePrefix(rest[..(prefix - 1)]);
            return at + prefix;
        }

        if (unknownPrefixReach == furthest)
        {
            _disk.Fail(rest[..unknownPrefix].ToString(), "unknown deprecated disk prefix");
            return -1;
        }

        return _disk.TakePositional(rest[..positional]) ? at + positional : -1;
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
        int length = item.Length + (comma < 0 ? 0 : 1);
        int equals = item.IndexOf('=');
        if (equals < 0)
            return IsFlag(item) ? length : 0;

        // A flag counts as one also where an equals sign follows it.
        if (IsFlag(item[..equals]))
            return equals;
        bool known = item is "grant_usage=1" or "grant_usage=0" || item[..equals] is
            "format" or "devtype" or "access" or "backend" or "backendtype" or "specification" or "vdev" or "script"
            or "colo-host" or "colo-port" or "colo-export" or "active-disk" or "hidden-disk";
        return known ? length : 0;
    }

    private static bool IsFlag(ReadOnlySpan<char> word) =>
        word is "cdrom" or "direct-io-safe" or "discard" or "no-discard" or "colo" or "no-colo" or "trusted" or "untrusted";

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

    private static int UnknownPrefixLength(ReadOnlySpan<char> rest, out int total)
    {
        total = 0;
        if (rest[0] is not (>= 'a' and <= 'z'))
            return 0;
        int i = 1;
        while (i < rest.Length && IsLetterOrDigit(rest[i]))
            i++;
        if (i == rest.Length || rest[i] != ':')
            return 0;
        total = ++i;
        if (i < rest.Length && !IsLetterOrDigit(rest[i]))
            total = i + 1 + (rest[(i + 1)..].IndexOf('\n') is >= 0 and int newline ? newline : rest.Length - i - 1);
        return i;

        static bool IsLetterOrDigit(char c) => c is (>= 'a' and <= 'z') or (>= '0' and <= '9');
    }
}
