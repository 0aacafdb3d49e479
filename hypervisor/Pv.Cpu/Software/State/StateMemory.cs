namespace Pv.Cpu.Software;

/// <summary>Images of processor state in guest memory, which are larger than a word and may cross pages.</summary>
// SAFETY: memory is reached through GuestMemory, sixteen aligned bytes at a time.
internal static unsafe class StateMemory
{
    private const int Piece = 16;

    /// <summary>Where the operand lies; #GP when it is not aligned.</summary>
    public static bool TryAddress(CpuState* s, Op* op, GeneralRecord* record, ulong alignment, out ulong address)
    {
        address = Operand.Address(s, op, record);
        if (!Core.IsCanonical(address))
            return Core.Fault(s, op, (op->Segment & Op.StackSegment) != 0 ? ExceptionVector.StackFault : ExceptionVector.GeneralProtection);
        return (address & (alignment - 1)) == 0 || Core.Fault(s, op, ExceptionVector.GeneralProtection);
    }

    /// <summary>
    /// Looks whether a whole image can be accessed, as processors do: canonical addresses, then the last byte, then the first.
    /// False after a fault.
    /// </summary>
    public static bool TryProbe(CpuState* s, Op* op, ulong address, int size, PageAccess access)
    {
        var last = address + (ulong)(size - 1);
        if (!Core.IsCanonical(address) || !Core.IsCanonical(last))
            return Core.Fault(s, op, (op->Segment & Op.StackSegment) != 0 ? ExceptionVector.StackFault : ExceptionVector.GeneralProtection);
        return GuestMemory.Translate(s, op, last, access) != null && GuestMemory.Translate(s, op, address, access) != null;
    }

    /// <summary>Reads a whole number of pieces of an image to their places. False after a fault.</summary>
    public static bool TryRead(CpuState* s, Op* op, ulong address, byte* image, int from, int size)
    {
        for (var at = from; at < from + size; at += Piece)
        {
            var bytes = GuestMemory.Read(s, op, address + (ulong)at, Piece);
            if (bytes == null)
                return false;
            new Span<byte>(bytes, Piece).CopyTo(new Span<byte>(image + at, Piece));
        }
        return true;
    }

    /// <summary>Writes some bytes of an image to their places. False after a fault.</summary>
    public static bool TryWrite(CpuState* s, Op* op, ulong address, byte* image, int from, int size)
    {
        for (var at = from; at < from + size; at += Math.Min(Piece, from + size - at))
            if (!GuestMemory.Write(s, op, address + (ulong)at, image + at, Math.Min(Piece, from + size - at)))
                return false;
        return true;
    }
}
