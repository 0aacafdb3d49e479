namespace Pv.Cpu.Software;

/// <summary>Where a result goes that lies between two numbers of its format; numbered as the RC fields of MXCSR and the x87 control word.</summary>
internal enum RoundingMode : byte
{
    /// <summary>The nearer; of two equally near, the one whose last bit is 0.</summary>
    NearestEven,
    Down,
    Up,
    TowardZero,
}
