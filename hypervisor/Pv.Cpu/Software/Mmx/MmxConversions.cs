using System.Runtime.Intrinsics;
using Iced.Intel;

namespace Pv.Cpu.Software;

/// <summary><c>cvtpi2ps</c> and its kin: two integers in an MMX register, two numbers in an XMM register.</summary>
// SAFETY: see MmxInstruction and VectorOperand.
internal static unsafe class MmxConversions
{
    /// <summary>Both results; false after the #XM of an unmasked exception. Processors have turned the unit to MMX before that.</summary>
    private static bool TryConvert<TConversion>(CpuState* s, Op* op, ulong first, ulong second, out ulong a, out ulong b)
        where TConversion : struct, ILaneConversion
    {
        var status = Mxcsr.Status(s);
        a = TConversion.Do(ref status, first);
        b = TConversion.Do(ref status, second);
        return Mxcsr.TryCommit(s, op, status);
    }

    /// <summary><c>cvtpi2ps</c>, <c>cvtpi2pd</c>.</summary>
    public static bool FromIntegers<TFormat>(CpuState* s, Op* op, GeneralRecord* record)
        where TFormat : struct, IFloatFormat
    {
        // A memory operand has nothing to do with the x87 unit.
        var usesMmx = record->Instruction.Op1Kind == OpKind.Register;
        if (!(usesMmx ? MmxInstruction.TryBegin(s, op) : Xmm.IsAvailable(s, op)) || !MmxInstruction.TryRead(s, op, record, 1, out var pair))
            return false;
        if (usesMmx)
            new X87Unit(s).EnterMmx();
        if (!TryConvert<ConvertFromIntegers<TFormat>>(s, op, (uint)pair, pair >> 32, out var first, out var second))
            return false;
        var target = VectorOperand.Register(s, record->Instruction.Op0Register);
        *target = TFormat.Width == 32
            ? target->AsUInt64().WithElement(0, first | (second << 32)).AsByte()
            : Vector128.Create(first, second).AsByte();
        return true;
    }

    /// <summary><c>cvtps2pi</c>, <c>cvttps2pi</c>.</summary>
    public static bool OfSingles<TRounding>(CpuState* s, Op* op, GeneralRecord* record)
        where TRounding : struct, IIntegerRounding
    {
        if (!MmxInstruction.TryBegin(s, op))
            return false;
        ulong pair;
        if (record->Instruction.Op1Kind == OpKind.Register)
            pair = VectorOperand.Register(s, record->Instruction.Op1Register)->AsUInt64().ToScalar();
        else if (!Operand.TryRead(s, op, record, 1, out pair))
            return false;
        new X87Unit(s).EnterMmx();
        return TryConvert<ConvertToIntegers<Binary32, TRounding>>(s, op, (uint)pair, pair >> 32, out var first, out var second)
            && MmxInstruction.Complete(s, record, first | (second << 32));
    }

    /// <summary><c>cvtpd2pi</c>, <c>cvttpd2pi</c>.</summary>
    public static bool OfDoubles<TRounding>(CpuState* s, Op* op, GeneralRecord* record)
        where TRounding : struct, IIntegerRounding
    {
        if (!MmxInstruction.TryBegin(s, op) || !VectorOperand.TryRead(s, op, record, 1, aligned: true, out var pair))
            return false;
        new X87Unit(s).EnterMmx();
        return TryConvert<ConvertToIntegers<Binary64, TRounding>>(s, op, pair.AsUInt64().ToScalar(), pair.AsUInt64().GetElement(1), out var first, out var second)
            && MmxInstruction.Complete(s, record, first | (second << 32));
    }
}
