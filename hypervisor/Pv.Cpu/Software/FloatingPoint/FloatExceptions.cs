namespace Pv.Cpu.Software;

/// <summary>Floating-point exceptions: the bits of MXCSR and of the x87 status word, and (7 bits higher, or alike) their masks.</summary>
[Flags]
internal enum FloatExceptions : byte
{
    None = 0,
    Invalid = 1,
    Denormal = 2,
    DivideByZero = 4,
    Overflow = 8,
    Underflow = 16,
    Precision = 32,

    /// <summary>Those that are found by looking at the operands: when one is unmasked, no result is made, so the others do not arise.</summary>
    OfOperands = Invalid | Denormal | DivideByZero,

    All = 63,
}
