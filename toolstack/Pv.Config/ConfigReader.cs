using Pv.Config.Grammar;

namespace Pv.Config;

/// <summary>How a key was found. What is present but of the wrong kind was warned about and counts as unset.</summary>
internal enum Lookup
{
    Found,
    Absent,
    Invalid,
}

/// <summary>
/// Typed access to the keys of a file, with xl's warnings. A section of the parser ends with
/// <see cref="Refuse"/> where xl exits: the exit code is kept, and false travels up to the entry.
/// </summary>
internal sealed class ConfigReader(ConfigSettings settings, ConfigDiagnostics diagnostics, HostTopology host)
{
    internal string Source => settings.Source;

    internal HostTopology Host => host;

    internal ConfigDiagnostics Diagnostics => diagnostics;

    internal int ExitCode { get; private set; }

    internal bool Refuse(string message, int exitCode = 1)
    {
        diagnostics.Report(message);
        ExitCode = exitCode;
        return false;
    }

    /// <summary>Refuses where a message was printed already, or where xl prints none.</summary>
    internal bool RefuseSilently(int exitCode = 1)
    {
        ExitCode = exitCode;
        return false;
    }

    internal void Warn(string message) => diagnostics.Report(message);

    internal bool Has(string name) => settings.Find(name) is not null;

    internal string? String(string name, bool quiet = false) => FindAtom(name, quiet, out string text) == Lookup.Found ? text : null;

    internal bool TryString(string name, out string value, bool quiet = false) => FindAtom(name, quiet, out value) == Lookup.Found;

    /// <summary>A number as C's <c>strtol</c> with base 0 reads it.</summary>
    internal Lookup Number(string name, out long value, bool quiet = false, long min = long.MinValue, long max = long.MaxValue)
    {
        value = 0;
        Lookup found = FindAtom(name, quiet, out string text);
        if (found != Lookup.Found)
            return found;

        ConfigSetting setting = settings.Find(name)!;
        string? problem = null;
        long number = 0;
        if (setting.IsAddition)
        {
            problem = $"can't use += with numbers for parameter `{name}'";
        }
        else
        {
            number = CNumber.ParseSigned(text, 0, out int consumed, out bool outOfRange);
            if (outOfRange)
                problem = $"parameter `{name}' could not be parsed as a number: Numerical result out of range";
            else if (consumed == 0 || consumed != text.Length)
                problem = $"parameter `{name}' is not a valid number";
            else if (number < min)
                problem = $"value `{number}' is smaller than minimum bound '{min}'";
            else if (number > max)
                problem = $"value `{number}' is greater than maximum bound '{max}'";
        }

        if (problem is not null)
        {
            if (!quiet)
                WarnAt(setting, problem);
            return Lookup.Invalid;
        }

        value = number;
        return Lookup.Found;
    }

    internal bool TryNumber(string name, out long value, bool quiet = false) => Number(name, out value, quiet) == Lookup.Found;

    /// <summary>The number cut to 32 bits, as xl's fields are; null if unset.</summary>
    internal int? Integer(string name) => TryNumber(name, out long value) ? unchecked((int)value) : null;

    internal bool? Boolean(string name, bool quiet = false) => TryNumber(name, out long value, quiet) ? value != 0 : null;

    /// <summary>An amount that the file gives in MiB; null if unset. Wraps as xl's 64-bit arithmetic does.</summary>
    internal ulong? MebibytesAsKiB(string name) => TryNumber(name, out long value) ? unchecked((ulong)value * 1024) : null;

    internal Lookup List(string name, out ConfigList list, bool quiet = false)
    {
        list = null!;
        if (settings.Find(name) is not { } setting)
            return Lookup.Absent;
        diagnostics.At = setting.Value.Position;
        if (setting.Value is ConfigList found)
        {
            list = found;
            return Lookup.Found;
        }

        if (!quiet)
            WarnAt(setting, $"parameter `{name}' is a single value but should be a list");
        return Lookup.Invalid;
    }

    /// <summary>The atoms of a list; none if the key is unset or no list.</summary>
    internal IEnumerable<string> Atoms(string name)
    {
        if (List(name, out ConfigList list) != Lookup.Found)
            yield break;
        foreach (ConfigAtom item in list.LeadingItems)
        {
            diagnostics.At = item.Position;
            yield return item.Text;
        }
    }

    private Lookup FindAtom(string name, bool quiet, out string text)
    {
        text = "";
        if (settings.Find(name) is not { } setting)
            return Lookup.Absent;
        diagnostics.At = setting.Value.Position;
        if (setting.Value is ConfigAtom atom)
        {
            text = atom.Text;
            return Lookup.Found;
        }

        if (!quiet)
            WarnAt(setting, $"parameter `{name}' is a list but should be a single value");
        return Lookup.Invalid;
    }

    private void WarnAt(ConfigSetting setting, string problem) => Warn($"{Source}:{setting.Line}: warning: {problem}");
}
