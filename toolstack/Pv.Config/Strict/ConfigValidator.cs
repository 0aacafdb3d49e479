using Newtonsoft.Json;
using Newtonsoft.Json.Linq;
using Pv.Config.Domain;
using Pv.Config.Grammar;

namespace Pv.Config.Strict;

/// <summary>
/// Checks configuration files as strictly as can be without a host: the grammar, xl's own refusals, <see cref="StrictCheck"/>, the files that they
/// name, and what several files have in common that only one domain can have.
/// </summary>
/// <param name="directory">Where relative paths begin.</param>
/// <param name="host">The host that CPU lists speak of.</param>
public sealed class ConfigValidator(string directory, HostTopology host)
{
    private readonly Dictionary<string, string> _names = new(StringComparer.Ordinal);
    private readonly Dictionary<Guid, string> _identities = [];
    // Many configurations name the same kernel.
    private readonly Dictionary<string, string?> _files = new(StringComparer.Ordinal);
    private readonly List<ConfigFinding> _findings = [];

    /// <summary>All that was found so far: files in the order in which they were checked, places in order.</summary>
    public IReadOnlyList<ConfigFinding> Findings => _findings;

    public int Files { get; private set; }

    public int Errors => _findings.Count(static one => one.Severity == FindingSeverity.Error);

    public int Warnings => _findings.Count - Errors;

    /// <summary>Reads a file and checks it. <c>-</c> is standard input.</summary>
    public IReadOnlyList<ConfigFinding> CheckFile(string file)
    {
        string path = file == "-" ? "/dev/stdin" : Path.GetFullPath(Path.Combine(directory, file));
        try
        {
            return Check(file, BoundedFile.ReadConfiguration(path));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Files++;
            var missing = new FindingList(file);
            missing.Error(default, "", $"cannot be read: {Reason(path, e)}", "name a configuration file");
            return Keep(missing);
        }
    }

    /// <summary>Checks a text.</summary>
    public IReadOnlyList<ConfigFinding> Check(string file, string text)
    {
        Files++;
        var findings = new FindingList(file);
        var diagnostics = new ConfigDiagnostics();
        if (DomainConfigurationParser.ParseSettings(file, text, null, diagnostics) is not { } settings)
        {
            TakeMessages(diagnostics, file, null, findings);
            return Keep(findings);
        }

        ParseOutcome outcome = DomainConfigurationParser.Read(settings, diagnostics, host);
        StrictCheck.Check(settings, outcome.Configuration, findings);
        TakeMessages(diagnostics, file, settings, findings, isRefused: outcome.Configuration is null);
        if (outcome.Configuration is { } domain)
        {
            CheckFiles(settings, domain, findings);
            CheckOthers(settings, domain, findings);
            foreach (string key in outcome.WithoutEffect.Where(static key => ConfigKeys.KindOf(key) != KeyKind.Unknown))
                findings.Warn(settings.PlaceOf(key), key, "has no effect on domains of Pv");
        }
        return Keep(findings);
    }

    /// <summary>One object: the counts, and every finding.</summary>
    public string ToJson() => new JObject
    {
        ["files"] = Files, ["errors"] = Errors, ["warnings"] = Warnings, ["findings"] = new JArray(_findings.Select(static one => one.ToJson())),
    }.ToString(Formatting.Indented);

    private IReadOnlyList<ConfigFinding> Keep(FindingList findings)
    {
        IReadOnlyList<ConfigFinding> found = findings.InOrder();
        _findings.AddRange(found);
        return found;
    }

    /// <summary>What xl itself says of a file; its last word, where it refuses, is the error.</summary>
    private static void TakeMessages(ConfigDiagnostics diagnostics, string file, ConfigSettings? settings, FindingList findings, bool isRefused = true)
    {
        for (int i = 0; i < diagnostics.Lines.Count; i++)
        {
            string problem = diagnostics.Lines[i];
            ConfigPosition at = diagnostics.Positions[i];
            if (settings is null)
            {
                // The last line only repeats that it failed.
                if (at != default)
                    findings.Error(at, "", WithoutPlace(problem, file), AdviceFor(problem));
                continue;
            }

            string message = WithoutPlace(problem, file);
            // A wrong kind was found by the strict check already, with its place.
            if (message.StartsWith("warning: ", StringComparison.Ordinal))
                continue;
            (string key, ConfigPosition place) = settings.All.FirstOrDefault(setting => IsAbout(setting, message, at)) is { } culprit ? (culprit.Name, at) : ("", default);
            if (isRefused && i == diagnostics.Lines.Count - 1)
                findings.Error(place, key, message.TrimEnd('.'), AdviceOnRefusal(message));
            else if (!message.StartsWith("Warning: ignoring root=", StringComparison.Ordinal))
                findings.Warn(place, key, message.TrimEnd('.'));
        }

        if (isRefused && diagnostics.Lines.Count == 0)
            findings.Error(default, "", "xl refuses it without a word", "look at the limits of numbers");
    }

    /// <summary>Whether a message, given while a value was looked at, is about this setting: the value is its own, and the message names the key or the value.</summary>
    private static bool IsAbout(ConfigSetting setting, string message, ConfigPosition at)
    {
        ConfigValue? value = setting.Value.Position == at ? setting.Value : setting.Value is ConfigList list ? list.Items.FirstOrDefault(item => item.Position == at) : null;
        return value is not null && (HasWord(message, setting.Name) || value is ConfigAtom { Text.Length: > 0 } atom && HasWord(message, atom.Text));
    }

    private static bool HasWord(string message, string word)
    {
        int at = message.IndexOf(word, StringComparison.Ordinal);
        return at >= 0 && (at == 0 || !char.IsLetterOrDigit(message[at - 1]))
            && (at + word.Length == message.Length || !char.IsLetterOrDigit(message[at + word.Length]));
    }

    private static string WithoutPlace(string message, string file)
    {
        if (!message.StartsWith(file + ":", StringComparison.Ordinal))
            return message;
        int end = message.IndexOf(": ", file.Length + 1, StringComparison.Ordinal);
        return end < 0 ? message : message[(end + 2)..];
    }

    private static string AdviceFor(string message) => message switch
    {
        _ when message.Contains("unexpected IDENT, expecting STRING", StringComparison.Ordinal) => "put the text in quotes",
        _ when message.Contains("expecting ']'", StringComparison.Ordinal) => "separate items by commas, and close the list with ]",
        _ when message.Contains("unexpected NEWLINE, expecting +=", StringComparison.Ordinal) => "a key is followed by = and its value",
        _ when message.Contains("lexical error", StringComparison.Ordinal) => "texts stand in quotes and end on their line; keys are lower-case letters, digits and _",
        _ => "a statement is KEY = VALUE; a value is \"text\", a number or a [ list ]",
    };

    private static string AdviceOnRefusal(string message) => message switch
    {
        _ when message.StartsWith("Neither kernel", StringComparison.Ordinal) => "add kernel = \"PATH\"",
        _ when message.StartsWith("Domain name", StringComparison.Ordinal) => "add name = \"NAME\"",
        _ when message.Contains("unknown value for format", StringComparison.Ordinal)
            => "the formats are raw, qcow, qcow2, vhd and qed; qemu-img convert makes one of them of others, such as vmdk",
        _ => "",
    };

    private void CheckFiles(ConfigSettings settings, DomainConfiguration domain, FindingList findings)
    {
        // To a boot loader they are names in the disk.
        if (domain.Bootloader is null)
        {
            Demand("kernel", domain.Kernel, settings.PlaceOf("kernel"));
            if (!DomainRules.IsManaged(domain))
                Demand("ramdisk", domain.Ramdisk, settings.PlaceOf("ramdisk"));
        }
        for (int i = 0; i < domain.Disks.Count; i++)
            Demand("disk", domain.Disks[i].Script is null ? domain.Disks[i].Target : null, settings.PlaceOf("disk", i));

        void Demand(string key, string? path, ConfigPosition at)
        {
            if (string.IsNullOrEmpty(path))
                return;
            if (!_files.TryGetValue(path, out string? problem))
                _files[path] = problem = ProblemOf(Path.GetFullPath(Path.Combine(directory, path)));
            if (problem is not null)
                findings.Error(at, key, $"\"{path}\": {problem}", Path.IsPathRooted(path) ? "" : $"a relative path begins where xl is called, here {directory}");
        }
    }

    /// <summary>Names and identities that another file has, too.</summary>
    private void CheckOthers(ConfigSettings settings, DomainConfiguration domain, FindingList findings)
    {
        if (!_names.TryAdd(domain.Name, settings.Source))
            findings.Warn(settings.PlaceOf("name"), "name", $"\"{domain.Name}\" is the name of the domain of {_names[domain.Name]}, too", "only one of them can run at a time");
        if (settings.Find("uuid") is not null && !_identities.TryAdd(domain.Uuid, settings.Source))
            findings.Warn(settings.PlaceOf("uuid"), "uuid", $"{domain.Uuid} is the UUID of the domain of {_identities[domain.Uuid]}, too", "give each its own");
    }

    private static string? ProblemOf(string path)
    {
        if (Directory.Exists(path))
            return "is a directory";
        if (!File.Exists(path))
            return "no such file";
        try
        {
            using var readable = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            return null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return Reason(path, e);
        }
    }

    private static string Reason(string path, Exception e) => e switch
    {
        FileNotFoundException or DirectoryNotFoundException => "no such file",
        UnauthorizedAccessException => Directory.Exists(path) ? "is a directory" : "permission denied",
        _ => char.ToLowerInvariant(e.Message[0]) + e.Message[1..],
    };
}
