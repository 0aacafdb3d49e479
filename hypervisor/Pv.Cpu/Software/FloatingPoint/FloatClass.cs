namespace Pv.Cpu.Software;

/// <summary>What kind of thing an encoding stands for.</summary>
internal enum FloatClass : byte
{
    Zero,

    /// <summary>A number but zero, normal or denormal.</summary>
    Finite,
    Infinity,
    QuietNan,
    SignalingNan,

    /// <summary>An 80-bit encoding that processors since the 80387 do not take: pseudo-NaN, pseudo-infinity, unnormal.</summary>
    Unsupported,
}
