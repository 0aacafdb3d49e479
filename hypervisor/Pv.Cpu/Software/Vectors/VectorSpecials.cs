using System.Runtime.Intrinsics;
using Iced.Intel;

namespace Pv.Cpu.Software;

/// <summary>Vector instructions with an operand or a result of their own kind: flags, xmm0, memory at rdi.</summary>
// SAFETY: see VectorOperand and CpuState.
internal static unsafe class VectorSpecials
{
    /// <summary><c>ptest</c>.</summary>
    public static bool Test(CpuState* s, Op* op, GeneralRecord* record)
    {
        if (!Xmm.IsAvailable(s, op) || !VectorOperand.TryRead(s, op, record, 1, aligned: true, out var b))
            return false;
        var a = *VectorOperand.Register(s, record->Instruction.Op0Register);
        Flags.SetExplicit(s, ((a & b) == Vector128<byte>.Zero ? Flags.Zero : 0) | ((~a & b) == Vector128<byte>.Zero ? Flags.Carry : 0));
        return true;
    }

    /// <summary><c>pblendvb</c>.</summary>
    public static bool BlendBytes(CpuState* s, Op* op, GeneralRecord* record) => Blend<sbyte>(s, op, record);

    /// <summary><c>blendvps</c>.</summary>
    public static bool BlendSingles(CpuState* s, Op* op, GeneralRecord* record) => Blend<int>(s, op, record);

    /// <summary><c>blendvpd</c>.</summary>
    public static bool BlendDoubles(CpuState* s, Op* op, GeneralRecord* record) => Blend<long>(s, op, record);

    /// <summary>The lanes whose highest bit is set in xmm0 come from the source.</summary>
    private static bool Blend<T>(CpuState* s, Op* op, GeneralRecord* record)
        where T : unmanaged
    {
        if (!Xmm.IsAvailable(s, op) || !VectorOperand.TryRead(s, op, record, 1, aligned: true, out var b))
            return false;
        var target = VectorOperand.Register(s, record->Instruction.Op0Register);
        var choice = Vector128.LessThan(Xmm.At(s, 0)->As<byte, T>(), Vector128<T>.Zero).AsByte();
        *target = Vector128.ConditionalSelect(choice, b, *target);
        return true;
    }

    /// <summary><c>maskmovdqu</c>: the bytes whose mask has its highest bit set. All of the operand must be writable, if any byte is written.</summary>
    public static bool StoreMasked(CpuState* s, Op* op, GeneralRecord* record)
    {
        if (!Xmm.IsAvailable(s, op))
            return false;
        ref readonly var instruction = ref record->Instruction;
        var mask = VectorOperand.Register(s, instruction.Op2Register)->ExtractMostSignificantBits();
        if (mask == 0)
            return true;
        var rdi = Core.Reg(s, 7);
        var address = (instruction.Op0Kind == OpKind.MemorySegEDI ? (uint)rdi : rdi) + s->SegmentBases[MemoryOperand.SegmentIndex(instruction.SegmentPrefix)];
        if (!GuestMemory.CanWrite(s, op, address, 16))
            return false;
        var bytes = (byte*)VectorOperand.Register(s, instruction.Op1Register);
        for (var i = 0; i < 16; i++)
            if ((mask >> i & 1) != 0)
                GuestMemory.Write(s, op, address + (ulong)i, bytes + i, 1);
        return true;
    }
}
