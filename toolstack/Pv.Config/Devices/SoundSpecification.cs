namespace Pv.Config.Devices;

/// <summary>What a sound card, PCM device or stream can do (libxl_vsnd_params).</summary>
public sealed class SoundParameters
{
    public List<uint> SampleRates { get; } = [];

    /// <summary>Formats by their libxl names in lower case, such as <c>s16_le</c>.</summary>
    public List<string> SampleFormats { get; } = [];

    public uint ChannelsMin { get; set; }

    public uint ChannelsMax { get; set; }

    public uint BufferSize { get; set; }
}

/// <summary>A stream of a PCM device.</summary>
public sealed class SoundStream
{
    public string? UniqueId { get; set; }

    /// <summary><c>p</c> for playback, <c>c</c> for capture; null if not given.</summary>
    public string? Type { get; set; }

    public SoundParameters Parameters { get; } = new();
}

/// <summary>A PCM device of a sound card.</summary>
public sealed class SoundPcm
{
    public string? Name { get; set; }

    public SoundParameters Parameters { get; } = new();

    public List<SoundStream> Streams { get; } = [];
}

/// <summary>A virtual sound card (<c>vsnd</c>).</summary>
public sealed class SoundSpecification
{
    public int DeviceId { get; set; }

    public string? BackendDomain { get; set; }

    public string? ShortName { get; set; }

    public string? LongName { get; set; }

    public SoundParameters Parameters { get; } = new();

    public List<SoundPcm> Pcms { get; } = [];
}
