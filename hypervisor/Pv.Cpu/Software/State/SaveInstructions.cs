using Iced.Intel;

namespace Pv.Cpu.Software;

/// <summary><c>fxsave</c> and <c>fxrstor</c>.</summary>
// SAFETY: images are built on the stack; memory is reached through StateMemory.
internal static unsafe class SaveInstructions
{
    private const ulong Alignment = 16;

    /// <summary>All of it must be accessible, though its last bytes are not touched.</summary>
    private const int AreaBytes = 512;

    public static bool Save(CpuState* s, Op* op, GeneralRecord* record)
    {
        if (!Xmm.IsAvailable(s, op) || !StateMemory.TryAddress(s, op, record, Alignment, out var address))
            return false;
        var image = stackalloc byte[ProcessorState.LegacyBytes];
        ProcessorState.SaveX87(s, image, wide: record->Instruction.Mnemonic == Mnemonic.Fxsave64);
        ProcessorState.SaveMxcsr(s, image);
        ProcessorState.SaveVectors(s, image);
        return StateMemory.TryProbe(s, op, address, AreaBytes, PageAccess.Write)
            && StateMemory.TryWrite(s, op, address, image, 0, ProcessorState.LegacyBytes);
    }

    public static bool Restore(CpuState* s, Op* op, GeneralRecord* record)
    {
        if (!Xmm.IsAvailable(s, op) || !StateMemory.TryAddress(s, op, record, Alignment, out var address))
            return false;
        var image = stackalloc byte[ProcessorState.LegacyBytes];
        if (!StateMemory.TryProbe(s, op, address, AreaBytes, PageAccess.Read) || !StateMemory.TryRead(s, op, address, image, 0, ProcessorState.LegacyBytes))
            return false;
        if (!ProcessorState.IsMxcsrValid(image))
            return Core.Fault(s, op, ExceptionVector.GeneralProtection);
        ProcessorState.RestoreX87(s, image, wide: record->Instruction.Mnemonic == Mnemonic.Fxrstor64);
        ProcessorState.Mxcsr(s) = *(uint*)(image + ProcessorState.MxcsrOffset);
        ProcessorState.RestoreVectors(s, image);
        return true;
    }
}
