using Newtonsoft.Json.Linq;
using Pv.Config.Devices;

namespace Pv.Config.Json;

/// <summary>libxl_device_vsnd.</summary>
internal static class SoundJson
{
    internal static JObject Convert(SoundSpecification card) => DeviceJson.Named(card.BackendDomain, card.DeviceId)
        .Text("short_name", card.ShortName)
        .Text("long_name", card.LongName)
        .Map("params", Parameters(card.Parameters))
        .List("pcms", card.Pcms, static pcm => new JsonMap()
            .Text("name", pcm.Name)
            .Map("params", Parameters(pcm.Parameters))
            .List("streams", pcm.Streams, static stream => new JsonMap()
                .Text("unique_id", stream.UniqueId)
                .Text("type", stream.Type)
                .Map("params", Parameters(stream.Parameters)).Object).Object).Object;

    private static JsonMap Parameters(SoundParameters parameters) => new JsonMap()
        .List("sample_rates", parameters.SampleRates, static rate => rate)
        .Texts("sample_formats", parameters.SampleFormats)
        .Number("channels_min", parameters.ChannelsMin)
        .Number("channels_max", parameters.ChannelsMax)
        .Number("buffer_size", parameters.BufferSize);
}
