using System.Text;
using Pv.Config.Grammar;
using Pv.Config.Strict;

namespace Pv.Config.Domain;

/// <summary>What became of a parse.</summary>
/// <param name="ExitCode">0, or the code with which xl exits.</param>
/// <param name="Configuration">The configuration if <paramref name="ExitCode"/> is 0.</param>
/// <param name="Messages">What xl prints on its error output: also warnings of a configuration that was accepted.</param>
public sealed record ParseOutcome(int ExitCode, DomainConfiguration? Configuration, IReadOnlyList<string> Messages)
{
    /// <summary>Keys of the file that have no effect on a domain of Pv's, unknown ones among them. xl says nothing of such.</summary>
    public IReadOnlyList<string> WithoutEffect { get; init; } = [];
}

/// <summary>
/// Reads the configuration of a domain (xl.cfg(5)) as xl 4.17 does, so that what is accepted, what is refused, the
/// messages and the exit codes agree. No input makes it throw. The keys are visited in xl's order, since the first
/// refusal ends the parse and earlier warnings stand.
/// A C# guest needs no key of its own: its <c>kernel</c> is the path of a <c>.dll</c>.
/// </summary>
public static class DomainConfigurationParser
{
    /// <summary>Parses a file and the statements that follow it on the command line.</summary>
    /// <param name="fileName">The file's name, for messages; nothing is opened.</param>
    /// <param name="text">The content of the file.</param>
    /// <param name="overrides">Words such as <c>memory=64</c>, each a line behind the file.</param>
    /// <param name="host">The host that CPU lists and <c>vnuma</c> speak of; <see cref="HostTopology.Assumed"/> if null.</param>
    public static ParseOutcome Parse(string fileName, string text, IReadOnlyList<string>? overrides = null, HostTopology? host = null)
    {
        var diagnostics = new ConfigDiagnostics();
        ConfigSettings? settings = ParseSettings(fileName, text, overrides, diagnostics);
        if (settings is null)
            return new ParseOutcome(1, null, diagnostics.Lines);

        return Read(settings, diagnostics, host ?? HostTopology.Assumed);
    }

    /// <summary>Reads statements that were parsed already.</summary>
    internal static ParseOutcome Read(ConfigSettings settings, ConfigDiagnostics diagnostics, HostTopology host)
    {
        var reader = new ConfigReader(settings, diagnostics, host);
        var configuration = new DomainConfiguration();
        return Read(reader, configuration)
            ? new ParseOutcome(0, configuration, diagnostics.Lines) { WithoutEffect = EffectiveKeys.WithoutEffect(settings) }
            : new ParseOutcome(reader.ExitCode, null, diagnostics.Lines);
    }

    /// <summary>Parses the grammar only. Null if refused, with the messages in <paramref name="diagnostics"/>; xl exits 1.</summary>
    public static ConfigSettings? ParseSettings(string fileName, string text, IReadOnlyList<string>? overrides, ConfigDiagnostics diagnostics) =>
        ConfigGrammar.Parse(fileName, Append(text, overrides), diagnostics);

    private static string Append(string text, IReadOnlyList<string>? overrides)
    {
        if (overrides is not { Count: > 0 })
            return text;

        var all = new StringBuilder(text).Append('\n');
        foreach (string statement in overrides)
            all.Append(statement).Append('\n');
        return all.Append('\n').ToString();
    }

    private static bool Read(ConfigReader reader, DomainConfiguration domain) =>
        IdentitySection.Read(reader, domain)
        && ResourceSection.Read(reader, domain)
        && ShutdownActionSection.Read(reader, domain)
        && PciSection.Read(reader, domain)
        && PlatformSection.Read(reader, domain)
        && BootSection.Read(reader, domain)
        && HardwareSection.Read(reader, domain)
        && DeviceSections.Read(reader, domain)
        && CpuidSection.Read(reader, domain)
        && DeviceModelSection.Read(reader, domain)
        && DisplaySection.Read(reader, domain)
        && ArchitectureSection.Read(reader, domain)
        && HaveCpus(reader, domain);

    /// <summary>A vCPU that may run nowhere is refused once all else is right.</summary>
    private static bool HaveCpus(ConfigReader reader, DomainConfiguration domain) =>
        domain.HardAffinity?.Take(domain.MaxVcpus).Any(static map => map.Count == 0) != true || reader.Refuse("vcpu hard affinity map is empty");
}
