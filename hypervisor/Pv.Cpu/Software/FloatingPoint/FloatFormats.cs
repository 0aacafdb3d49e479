namespace Pv.Cpu.Software;

/// <summary>An interchange format of IEEE 754 with a hidden leading bit; its encodings are held in the low bits of a 64-bit word.</summary>
internal interface IFloatFormat
{
    /// <summary>The bits of a significand, the hidden one included.</summary>
    static abstract int Precision { get; }

    /// <summary>The largest exponent; the smallest of normal numbers is 1 less it, and it is the bias, too.</summary>
    static abstract int MaxExponent { get; }

    /// <summary>The bits of an encoding.</summary>
    static abstract int Width { get; }
}

/// <summary>Single precision.</summary>
internal readonly struct Binary32 : IFloatFormat
{
    public static int Precision => 24;

    public static int MaxExponent => 127;

    public static int Width => 32;
}

/// <summary>Double precision.</summary>
internal readonly struct Binary64 : IFloatFormat
{
    public static int Precision => 53;

    public static int MaxExponent => 1023;

    public static int Width => 64;
}
