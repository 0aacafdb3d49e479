using Iced.Intel;

namespace Pv.Cpu.Software;

/// <summary>
/// <c>xsave</c>, <c>xsaveopt</c>, <c>xrstor</c> and <c>xgetbv</c> for the two components that there are: x87 and SSE, in the standard
/// form (Intel SDM, volume 1, chapter 13). The compacted form is not offered.
/// </summary>
// SAFETY: images are built on the stack; memory is reached through StateMemory.
internal static unsafe class ExtendedSaveInstructions
{
    private const ulong Alignment = 64;
    private const ulong X87 = 1, Sse = 2;
    private const int HeaderOffset = 512, HeaderBytes = 64, ImageBytes = HeaderOffset + HeaderBytes;

    /// <summary>How much of the header must be zero behind the bit map of components: the compaction word and the next.</summary>
    private const int ReservedWords = 2;

    public static bool Save(CpuState* s, Op* op, GeneralRecord* record)
    {
        if (!Xmm.IsAvailable(s, op) || !StateMemory.TryAddress(s, op, record, Alignment, out var address))
            return false;
        var mnemonic = record->Instruction.Mnemonic;
        var requested = Requested(s);
        var used = (ProcessorState.IsX87Initial(s) ? 0 : X87) | (ProcessorState.AreVectorsInitial(s) ? 0 : Sse);
        // XSAVEOPT need not write what is as after a reset.
        var written = mnemonic is Mnemonic.Xsaveopt or Mnemonic.Xsaveopt64 ? requested & used : requested;

        // All that may fault comes before the first byte is written.
        if (!StateMemory.TryProbe(s, op, address, ImageBytes, PageAccess.Write) || !Operand.TryLoad(s, op, address + HeaderOffset, 8, out var present))
            return false;
        var image = stackalloc byte[ImageBytes];
        if ((written & X87) != 0)
        {
            ProcessorState.SaveX87(s, image, wide: mnemonic is Mnemonic.Xsave64 or Mnemonic.Xsaveopt64);
            if (!StateMemory.TryWrite(s, op, address, image, 0, ProcessorState.MxcsrOffset)
                || !StateMemory.TryWrite(s, op, address, image, ProcessorState.MxcsrOffset + 8, ProcessorState.VectorOffset - ProcessorState.MxcsrOffset - 8))
                return false;
        }
        if ((requested & Sse) != 0)
        {
            ProcessorState.SaveMxcsr(s, image);
            if (!StateMemory.TryWrite(s, op, address, image, ProcessorState.MxcsrOffset, 8))
                return false;
        }
        if ((written & Sse) != 0)
        {
            ProcessorState.SaveVectors(s, image);
            if (!StateMemory.TryWrite(s, op, address, image, ProcessorState.VectorOffset, ProcessorState.VectorBytes))
                return false;
        }
        return Operand.TryStore(s, op, address + HeaderOffset, (present & ~requested) | (used & requested), 8);
    }

    public static bool Restore(CpuState* s, Op* op, GeneralRecord* record)
    {
        if (!Xmm.IsAvailable(s, op) || !StateMemory.TryAddress(s, op, record, Alignment, out var address))
            return false;
        var requested = Requested(s);
        var image = stackalloc byte[ImageBytes];
        if (!StateMemory.TryRead(s, op, address, image, HeaderOffset, HeaderBytes))
            return false;
        var header = (ulong*)(image + HeaderOffset);
        var present = header[0];
        var bad = (present & ~s->Guest->ActiveXcr0) != 0;
        for (var i = 1; i <= ReservedWords; i++)
            bad |= header[i] != 0;
        if (bad)
            return Core.Fault(s, op, ExceptionVector.GeneralProtection);
        // Only what is wanted is read; MXCSR whether its component is there or not.
        if ((requested & (present | Sse)) != 0 && !StateMemory.TryRead(s, op, address, image, 0, ProcessorState.VectorOffset))
            return false;
        if ((requested & present & Sse) != 0 && !StateMemory.TryRead(s, op, address, image, ProcessorState.VectorOffset, ProcessorState.VectorBytes))
            return false;
        if ((requested & Sse) != 0 && !ProcessorState.IsMxcsrValid(image))
            return Core.Fault(s, op, ExceptionVector.GeneralProtection);

        if ((requested & X87) != 0)
        {
            if ((present & X87) != 0)
                ProcessorState.RestoreX87(s, image, wide: record->Instruction.Mnemonic == Mnemonic.Xrstor64);
            else
                ProcessorState.InitialiseX87(s);
        }
        if ((requested & Sse) != 0)
        {
            ProcessorState.Mxcsr(s) = *(uint*)(image + ProcessorState.MxcsrOffset);
            if ((present & Sse) != 0)
                ProcessorState.RestoreVectors(s, image);
            else
                ProcessorState.InitialiseVectors(s);
        }
        return true;
    }

    /// <summary><c>xgetbv</c>: XCR0 is the only one.</summary>
    public static bool GetControl(CpuState* s, Op* op, GeneralRecord* record)
    {
        if ((uint)Core.Reg(s, 1) != 0)
            return Core.Fault(s, op, ExceptionVector.GeneralProtection);
        Core.Reg(s, 0) = (uint)s->Guest->ActiveXcr0;
        Core.Reg(s, 2) = (uint)(s->Guest->ActiveXcr0 >> 32);
        return true;
    }

    /// <summary>The components that edx:eax asks for, of those that XCR0 has on.</summary>
    private static ulong Requested(CpuState* s)
        => ((Core.Reg(s, 2) << 32) | (uint)Core.Reg(s, 0)) & s->Guest->ActiveXcr0;
}
