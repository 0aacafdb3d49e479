using Iced.Intel;
using Pv.Abi;

namespace Pv.Cpu.Software;

/// <summary>
/// String instructions. A repeated one can be left between two iterations, by a fault, a kick or a single step, with registers as they
/// are then; it counts as one instruction when it ends.
/// </summary>
// SAFETY: see Operand; the block ways touch only bytes of pages that the soft TLB gives straight access to.
internal static unsafe class StringInstructions
{
    private const int Rcx = 1, Rsi = 6, Rdi = 7;

    /// <summary>How many iterations pass between looks at the limit.</summary>
    private const int Stretch = 256;

    private interface IStep
    {
        /// <summary>One iteration. False after a fault.</summary>
        static abstract bool Do(CpuState* s, Op* op, GeneralRecord* record, int size);

        /// <summary>Many iterations at once, as many as can be done without a fault or a look elsewhere; returns how many. May be 0.</summary>
        static virtual ulong Bulk(CpuState* s, Op* op, GeneralRecord* record, int size, ulong most) => 0;

        /// <summary>Whether it compares, so that repetition ends by the zero flag.</summary>
        static virtual bool Compares => false;
    }

    public static bool Movs(CpuState* s, Op* op, GeneralRecord* record) => Run<MovsStep>(s, op, record);

    public static bool Stos(CpuState* s, Op* op, GeneralRecord* record) => Run<StosStep>(s, op, record);

    public static bool Lods(CpuState* s, Op* op, GeneralRecord* record) => Run<LodsStep>(s, op, record);

    public static bool Cmps(CpuState* s, Op* op, GeneralRecord* record) => Run<CmpsStep>(s, op, record);

    public static bool Scas(CpuState* s, Op* op, GeneralRecord* record) => Run<ScasStep>(s, op, record);

    private static bool Run<TStep>(CpuState* s, Op* op, GeneralRecord* record)
        where TStep : struct, IStep
    {
        var size = ElementSize(record);
        ref readonly var instruction = ref record->Instruction;
        if (!instruction.HasRepPrefix && !instruction.HasRepnePrefix)
            return TStep.Do(s, op, record, size);
        var narrow = IsNarrow(record);
        var look = Stretch;
        while (true)
        {
            // The upper half of a 32-bit count goes with the first iteration, not before.
            var count = narrow ? (uint)Core.Reg(s, Rcx) : Core.Reg(s, Rcx);
            if (count == 0)
                return true;
            var done = s->Stepping ? 0 : TStep.Bulk(s, op, record, size, count);
            if (done == 0)
            {
                if (!TStep.Do(s, op, record, size))
                    return false;
                done = 1;
            }
            Core.Reg(s, Rcx) = count - done;
            if (done == count)
                return true;
            if (TStep.Compares && Flags.IsZero(s) != instruction.HasRepPrefix)
                return true;
            look -= done > 1 ? Stretch : 1;
            if (s->Stepping || (look <= 0 && s->Limit <= s->Retired))
            {
                // Between two iterations: the instruction is not done, the next look begins it again with what is left.
                s->Retired += op->Count;
                s->Rip = Core.RipOf(op);
                return false;
            }
            if (look <= 0)
                look = Stretch;
        }
    }

    private static int ElementSize(GeneralRecord* record) => record->Instruction.Mnemonic switch
    {
        Mnemonic.Movsb or Mnemonic.Stosb or Mnemonic.Lodsb or Mnemonic.Cmpsb or Mnemonic.Scasb => 1,
        Mnemonic.Movsw or Mnemonic.Stosw or Mnemonic.Lodsw or Mnemonic.Cmpsw or Mnemonic.Scasw => 2,
        Mnemonic.Movsq or Mnemonic.Stosq or Mnemonic.Lodsq or Mnemonic.Cmpsq or Mnemonic.Scasq => 8,
        _ => 4,
    };

    /// <summary>Whether addresses have 32 bits.</summary>
    private static bool IsNarrow(GeneralRecord* record)
    {
        ref readonly var instruction = ref record->Instruction;
        for (var i = 0; i < instruction.OpCount; i++)
            if (instruction.GetOpKind(i) is OpKind.MemorySegESI or OpKind.MemorySegEDI or OpKind.MemoryESEDI)
                return true;
        return false;
    }

    /// <summary>The source: the only operand that a segment prefix moves.</summary>
    private static ulong Source(CpuState* s, GeneralRecord* record)
    {
        var address = Core.Reg(s, Rsi);
        if (IsNarrow(record))
            address = (uint)address;
        return address + s->SegmentBases[MemoryOperand.SegmentIndex(record->Instruction.SegmentPrefix)];
    }

    private static ulong Target(CpuState* s, GeneralRecord* record)
    {
        var address = Core.Reg(s, Rdi);
        return IsNarrow(record) ? (uint)address : address;
    }

    private static void Advance(CpuState* s, GeneralRecord* record, int register, long by)
    {
        var next = Core.Reg(s, register) + (ulong)((s->SystemFlags & Flags.Direction) != 0 ? -by : by);
        Core.Reg(s, register) = IsNarrow(record) ? (uint)next : next;
    }

    /// <summary>How many elements from an address upwards lie in its page; 0 when the direction is down or addresses are narrow.</summary>
    private static ulong Reach(CpuState* s, GeneralRecord* record, ulong address, int size, ulong most)
        => (s->SystemFlags & Flags.Direction) != 0 || IsNarrow(record)
            ? 0
            : Math.Min(most, (PageSize.Bytes - (address & PageSize.OffsetMask)) / (ulong)size);

    private readonly struct MovsStep : IStep
    {
        public static bool Do(CpuState* s, Op* op, GeneralRecord* record, int size)
        {
            if (!Operand.TryLoad(s, op, Source(s, record), size, out var value) || !Operand.TryStore(s, op, Target(s, record), value, size))
                return false;
            Advance(s, record, Rsi, size);
            Advance(s, record, Rdi, size);
            return true;
        }

        public static ulong Bulk(CpuState* s, Op* op, GeneralRecord* record, int size, ulong most)
        {
            ulong from = Source(s, record), to = Target(s, record);
            most = Reach(s, record, from, size, Reach(s, record, to, size, most));
            if (most < 2)
                return 0;
            var bytes = (int)most * size;
            var source = SoftTlb.TryRead(s, from, bytes);
            var target = SoftTlb.TryWrite(s, to, bytes);
            // A target that overlaps the bytes ahead repeats what was just written: element by element.
            if (source == null || target == null || (target > source && target < source + bytes))
                return 0;
            new Span<byte>(source, bytes).CopyTo(new Span<byte>(target, bytes));
            Core.Reg(s, Rsi) += (ulong)bytes;
            Core.Reg(s, Rdi) += (ulong)bytes;
            return most;
        }
    }

    private readonly struct StosStep : IStep
    {
        public static bool Do(CpuState* s, Op* op, GeneralRecord* record, int size)
        {
            if (!Operand.TryStore(s, op, Target(s, record), Core.Reg(s, 0), size))
                return false;
            Advance(s, record, Rdi, size);
            return true;
        }

        public static ulong Bulk(CpuState* s, Op* op, GeneralRecord* record, int size, ulong most)
        {
            var to = Target(s, record);
            most = Reach(s, record, to, size, most);
            if (most < 2)
                return 0;
            var bytes = (int)most * size;
            var target = SoftTlb.TryWrite(s, to, bytes);
            if (target == null)
                return 0;
            switch (size)
            {
                case 1:
                    new Span<byte>(target, (int)most).Fill((byte)Core.Reg(s, 0));
                    break;
                case 2:
                    new Span<ushort>(target, (int)most).Fill((ushort)Core.Reg(s, 0));
                    break;
                case 4:
                    new Span<uint>(target, (int)most).Fill((uint)Core.Reg(s, 0));
                    break;
                default:
                    new Span<ulong>(target, (int)most).Fill(Core.Reg(s, 0));
                    break;
            }
            Core.Reg(s, Rdi) += (ulong)bytes;
            return most;
        }
    }

    private readonly struct LodsStep : IStep
    {
        public static bool Do(CpuState* s, Op* op, GeneralRecord* record, int size)
        {
            if (!Operand.TryLoad(s, op, Source(s, record), size, out var value))
                return false;
            Operand.SetRegister(s, 0, value, size);
            Advance(s, record, Rsi, size);
            return true;
        }
    }

    private readonly struct CmpsStep : IStep
    {
        public static bool Compares => true;

        public static bool Do(CpuState* s, Op* op, GeneralRecord* record, int size)
        {
            if (!Operand.TryLoad(s, op, Source(s, record), size, out var a) || !Operand.TryLoad(s, op, Target(s, record), size, out var b))
                return false;
            Arithmetic.Apply<CompareOperation>(s, a, b, size);
            Advance(s, record, Rsi, size);
            Advance(s, record, Rdi, size);
            return true;
        }
    }

    private readonly struct ScasStep : IStep
    {
        public static bool Compares => true;

        public static bool Do(CpuState* s, Op* op, GeneralRecord* record, int size)
        {
            if (!Operand.TryLoad(s, op, Target(s, record), size, out var b))
                return false;
            Arithmetic.Apply<CompareOperation>(s, Operand.Cut(Core.Reg(s, 0), size), b, size);
            Advance(s, record, Rdi, size);
            return true;
        }
    }
}
