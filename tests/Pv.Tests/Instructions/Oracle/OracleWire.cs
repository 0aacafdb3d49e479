namespace Pv.Tests.Instructions.Oracle;

/// <summary>How rows and results stand in the pipes to and from <see cref="OracleProgram"/>. All words little endian, offsets in bytes.</summary>
internal static class OracleWire
{
    /// <summary>The largest batch of rows.</summary>
    public const int BatchBytes = 1 << 20;

    /// <summary>
    /// The general registers as Linux's sigcontext has them (r8 … r15, rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp), each by its x86 number;
    /// rip and rflags follow.
    /// </summary>
    public static ReadOnlySpan<byte> RegisterOrder => [8, 9, 10, 11, 12, 13, 14, 15, 7, 6, 5, 3, 2, 0, 1, 4];

    // A row: 18 words of registers, then:
    public const int RowFsBase = 144, RowGsBase = 152, CodeOffset = 160, CodeLength = 168, PatchCount = 176, VectorBytes = 184, RowBytes = 192;
    // … the code's bytes (none: the code stays), padded to 8; then the patches: live address, offset in the image, value; then the
    // FXSAVE image, when VectorBytes is not zero.
    public const int PatchBytes = 24;

    // A result: the signal, then sigcontext's words: registers, cs and others, error code, trap number, old mask, cr2; then:
    public const int SavedWords = 23, SavedStart = 8;
    public const int ErrorCode = SavedStart + 19 * 8, TrapNumber = SavedStart + 20 * 8, FaultAddress = SavedStart + 22 * 8;
    public const int CodeSegment = SavedStart + 18 * 8, StackSegment = CodeSegment + 6;
    public const int FsBase = SavedStart + SavedWords * 8, GsBase = FsBase + 8, Segments = GsBase + 8, DifferenceCount = Segments + 8,
        ResultBytes = DifferenceCount + 8;
    // … the words of memory that changed: address, value; and the FXSAVE image, when the row had one.
    public const int DifferenceBytes = 16, LargestResult = ResultBytes + Arena.WritableBytes / 8 * DifferenceBytes + VectorForms.ImageBytes;
}
