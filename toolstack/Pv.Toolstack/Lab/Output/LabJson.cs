using Newtonsoft.Json;
using Newtonsoft.Json.Linq;

namespace Pv.Toolstack.Lab.Output;

/// <summary>An experiment's result as JSON, and back: every round's time is in it, so that a later run can be compared.</summary>
public static class LabJson
{
    private const int Version = 1;

    public static string Write(LabResult result) => new JObject
    {
        ["format"] = Version,
        ["experiment"] = result.Experiment,
        ["facts"] = new JObject(result.Facts.Select(fact => new JProperty(fact.Name, fact.Value))),
        ["rows"] = new JArray(result.Rows.Select(Write)),
        ["conclusions"] = new JArray(result.Conclusions),
    }.ToString(Formatting.Indented) + "\n";

    private static JObject Write(LabRow row)
    {
        var written = new JObject { ["labels"] = new JObject(row.Labels.Select(label => new JProperty(label.Name, label.Value))) };
        if (row.Times.Length > 0)
            (written["time_ns"], written["median_ns"], written["low_ns"], written["high_ns"], written["share"]) = (Round(row.Time), Round(row.Median), Round(row.Low), Round(row.High), row.Share);
        written["values"] = new JObject(row.Values.Select(value => new JProperty(value.Name, Round(value.Value))));
        written["processes"] = row.Processes;
        written["times_ns"] = new JArray(row.Times.Select(Round));
        return written;
    }

    /// <exception cref="FormatException">It is no result of the lab; the message is for the user.</exception>
    public static LabResult Read(string text)
    {
        try
        {
            var root = JObject.Parse(text);
            if ((int?)root["format"] != Version)
                throw new InvalidDataException($"its format is not {Version}");
            return new LabResult(
                (string)root["experiment"]!,
                [.. ((JObject)root["facts"]!).Properties().Select(fact => (fact.Name, (string)fact.Value!))],
                [
                    .. root["rows"]!.Select(row => new LabRow(
                        [.. ((JObject)row["labels"]!).Properties().Select(label => (label.Name, (string)label.Value!))],
                        [.. row["times_ns"]!.Select(time => (double)time)],
                        [.. ((JObject)row["values"]!).Properties().Select(value => (value.Name, (double)value.Value))])
                    {
                        Processes = (int?)row["processes"] is >= 1 and var processes ? processes : throw new InvalidDataException("a row has no processes"),
                        Share = ((double?)row["share"] ?? LabRow.UsualShare) is >= 0 and <= 1 and var share ? share : throw new InvalidDataException("a row's share is none"),
                    }),
                ],
                [.. root["conclusions"]!.Select(sentence => (string)sentence!)]);
        }
        catch (Exception e) when (e is JsonException or InvalidDataException or NullReferenceException or InvalidCastException or ArgumentException or FormatException)
        {
            throw new FormatException($"it is no result of xl lab ({(e is JsonReaderException ? "no JSON" : e is InvalidDataException ? e.Message : "something is missing in it, or of another kind")})", e);
        }
    }

    private static double Round(double value) => double.IsFinite(value) ? Math.Round(value, 9) : 0;
}
