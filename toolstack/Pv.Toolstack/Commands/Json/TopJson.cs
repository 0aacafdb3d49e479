using Newtonsoft.Json.Linq;

namespace Pv.Toolstack.Commands.Json;

/// <summary>One moment of <c>xl top</c>.</summary>
internal static class TopJson
{
    public static JObject Of(TopSample sample) => new()
    {
        ["time"] = JsonViews.Time(sample.At),
        ["domains"] = new JArray(sample.Rows.OrderBy(row => row.Domain.Id).Select(row =>
        {
            var json = JsonViews.Named(row.Domain);
            json["state"] = JsonViews.StateOf(row.Domain.Flags);
            json["cpu_seconds"] = JsonViews.Seconds(row.Domain.CpuTime);
            json["cpu_percent"] = Math.Round(row.Busy, 1);
            json["memory_mib"] = row.Domain.MemoryMiB;
            json["vcpus"] = row.Domain.Vcpus;
            json["disks"] = new JArray(row.Disks);
            return json;
        })),
    };
}
