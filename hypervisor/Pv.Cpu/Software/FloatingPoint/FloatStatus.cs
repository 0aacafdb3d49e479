namespace Pv.Cpu.Software;

/// <summary>How an operation is to behave, and what it raised. Passed by reference through one operation, or through all lanes of one.</summary>
internal struct FloatStatus
{
    public RoundingMode Rounding;

    /// <summary>SSE only: denormal operands count as zeros and raise nothing.</summary>
    public bool DenormalsAreZero;

    /// <summary>SSE only: tiny results become zeros where underflow is masked.</summary>
    public bool FlushToZero;

    /// <summary>
    /// x87 arithmetic only: with overflow or underflow unmasked, a result out of range is delivered with its exponent wrapped by 24576.
    /// </summary>
    public bool Wraps;

    /// <summary>The exceptions whose mask bits are 0. What is raised does not depend on them, but for overflow, underflow and precision.</summary>
    public FloatExceptions Unmasked;

    /// <summary>Accumulates; nothing takes a flag away.</summary>
    public FloatExceptions Raised;

    /// <summary>Whether the last result was rounded away from zero (C1 of x87).</summary>
    public bool RoundedUp;

    /// <summary>The status that MXCSR asks for, with nothing raised.</summary>
    public static FloatStatus OfMxcsr(uint mxcsr) => new()
    {
        Rounding = (RoundingMode)((mxcsr >> 13) & 3),
        DenormalsAreZero = (mxcsr & 0x40) != 0,
        FlushToZero = (mxcsr & 0x8000) != 0,
        Unmasked = (FloatExceptions)(~(mxcsr >> 7) & 63),
    };

    /// <summary>The status that an x87 control word asks of arithmetic, with nothing raised.</summary>
    public static FloatStatus OfControlWord(uint control) => new()
    {
        Rounding = (RoundingMode)((control >> 10) & 3),
        Wraps = true,
        Unmasked = (FloatExceptions)(~control & 63),
    };

    /// <summary>Whether an exception was raised that is not masked: the destination stays as it is.</summary>
    public readonly bool MustFault => (Raised & Unmasked) != 0;

    /// <summary>
    /// What an SSE instruction of all lanes leaves in MXCSR: when an operand of any lane raised an unmasked exception, the exceptions of
    /// results do not arise.
    /// </summary>
    public readonly FloatExceptions Reported
        => (Raised & Unmasked & FloatExceptions.OfOperands) != 0 ? Raised & FloatExceptions.OfOperands : Raised;

    public void Raise(FloatExceptions exceptions) => Raised |= exceptions;

    public readonly bool IsUnmasked(FloatExceptions exception) => (Unmasked & exception) != 0;
}
