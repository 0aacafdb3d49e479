using System.Globalization;
using Newtonsoft.Json.Linq;
using Pv.Abi;

namespace Pv.Toolstack.Events;

/// <summary>Something that happened to a domain.</summary>
/// <param name="Kind">What; also the word that scripts see.</param>
/// <param name="Domain">To which.</param>
/// <param name="Name">Its name at that moment.</param>
public sealed record DomainEvent(DomainEventKind Kind, DomId Domain, string Name)
{
    public DateTimeOffset Time { get; init; } = DateTimeOffset.UtcNow;

    /// <summary>Of <see cref="DomainEventKind.Shutdown"/>.</summary>
    public ShutdownReason? Reason { get; init; }

    /// <summary>The other facts, by the names that scripts see; values are text or numbers.</summary>
    public IReadOnlyList<(string Name, object Value)> Details { get; init; } = [];

    /// <summary>The word for a reason, as in <c>on_poweroff</c> and its kin.</summary>
    public static string WordOf(ShutdownReason reason) => reason switch
    {
        ShutdownReason.PowerOff => "poweroff",
        ShutdownReason.SoftReset => "soft_reset",
        _ when Enum.IsDefined(reason) => reason.ToString().ToLowerInvariant(),
        _ => ((uint)reason).ToString(CultureInfo.InvariantCulture),
    };

    /// <summary>A line for people, the kind in a colour of <see cref="CommandLine.TerminalColor"/> if there is one.</summary>
    public string ToLine(string? color = null)
    {
        var line = string.Create(
            CultureInfo.InvariantCulture, $"{Time.ToLocalTime():HH:mm:ss.fff} {Name,-24} {Domain.Value,5} {CommandLine.TerminalColor.Paint(WordOf(Kind), color)}");
        if (Reason is { } reason)
            line += " " + WordOf(reason);
        return Details.Aggregate(line, static (text, detail) => $"{text} {detail.Name}={detail.Value}");
    }

    public JObject ToJson()
    {
        var json = new JObject
        {
            ["time"] = Time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'", CultureInfo.InvariantCulture),
            ["event"] = WordOf(Kind), ["domid"] = Domain.Value, ["name"] = Name,
        };
        if (Reason is { } reason)
            json["reason"] = WordOf(reason);
        foreach (var (name, value) in Details)
            json[name] = JToken.FromObject(value);
        return json;
    }

    private static string WordOf(DomainEventKind kind) => kind.ToString().ToLowerInvariant();
}

/// <summary>What happens to domains.</summary>
public enum DomainEventKind
{
    /// <summary>It was there when somebody began to listen. Detail: <c>state</c>, as in <c>xl list</c>.</summary>
    Exists,

    /// <summary>It is built, and does not run yet.</summary>
    Created,

    /// <summary>It runs, or runs on after a pause.</summary>
    Running,
    Paused,

    /// <summary>It has shut down, for a reason.</summary>
    Shutdown,

    /// <summary>Its kernel crashed. Details of real kernels: <c>vcpu</c>, <c>rip</c>.</summary>
    Crash,

    /// <summary>It was built in the place of another. Detail: <c>from</c>, the other's number.</summary>
    Restarted,

    /// <summary>Detail: <c>from</c>, the name before.</summary>
    Renamed,

    /// <summary>A back end's state. Details: <c>device</c>, as in <c>vbd/51712</c>, and <c>state</c>.</summary>
    Device,
    Destroyed,

    /// <summary>The listener was too slow. Detail: <c>count</c>, of events that it missed here.</summary>
    Lost,
}
