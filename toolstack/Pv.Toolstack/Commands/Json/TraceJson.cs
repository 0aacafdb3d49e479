using System.Globalization;
using Newtonsoft.Json.Linq;
using Pv.Machine.Gate;

namespace Pv.Toolstack.Commands.Json;

/// <summary>Traces as JSON. Addresses and register values are text in hexadecimal: JSON's numbers are too short for them.</summary>
internal static class TraceJson
{
    /// <summary>The key that only calls from queues have.</summary>
    public const string Queue = "queue";

    public static JObject Of(TracedHypercall call)
    {
        var registers = call.Arguments;
        var row = new JObject
        {
            ["sequence"] = call.Sequence, ["vcpu"] = call.Vcpu.Value, ["time_ns"] = call.Time, ["hypercall"] = TraceText.Name(registers.Number),
            ["arguments"] = new JArray(((ulong[])[registers.First, registers.Second, registers.Third, registers.Fourth, registers.Fifth]).Select(Hex)),
            ["inputs"] = Of(call.Inputs), ["outputs"] = Of(call.Outputs), ["truncated"] = call.Truncated,
            ["result"] = call.NoResult ? 0 : call.Result, ["outcome"] = call.NoResult ? "none" : call.Continued ? "continued" : "done",
        };
        if (call.Queued is { } queued)
            row[Queue] = new JObject { ["index"] = queued.Index, ["cookie"] = Hex((ulong)queued.Cookie), ["woken"] = queued.WokeUp, ["waited"] = queued.Waited };
        return row;
    }

    public static JObject Of(TraceCounts counts) => new()
    {
        ["hypercalls"] = new JObject(counts.Hypercalls.Select(pair => new JProperty(TraceText.Name((ulong)pair.Key), pair.Value))),
        ["exceptions"] = new JObject(counts.Exceptions.Select(pair => new JProperty(pair.Key.ToString(CultureInfo.InvariantCulture), pair.Value))),
    };

    private static JArray Of(IReadOnlyList<TracedBytes> parts)
        => new(parts.Select(part => new JObject { ["address"] = Hex(part.Address), ["bytes"] = Convert.ToHexStringLower(part.Content) }));

    private static string Hex(ulong value) => $"0x{value:x}";
}
