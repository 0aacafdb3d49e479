using Iced.Intel;

namespace Pv.Cpu.Software;

/// <summary>
/// Control of the unit: its words, its environment, its whole state. Those named with an N do not wait for pending exceptions.
/// </summary>
// SAFETY: see X87Unit; images are built on the stack and written through GuestMemory.
internal static unsafe class X87Control
{
    private const int WideEnvironment = 28, NarrowEnvironment = 14, RegisterBytes = 8 * Float80.Bytes;

    public static bool Wait(CpuState* s, Op* op, GeneralRecord* record) => X87Instruction.TryBegin(s, op, record, out _);

    public static bool LoadControl(CpuState* s, Op* op, GeneralRecord* record)
    {
        if (!X87Instruction.TryBegin(s, op, record, out var x) || !Operand.TryRead(s, op, record, 0, out var value))
            return false;
        x.Unit.SetControl((ushort)value);
        return true;
    }

    public static bool StoreControl(CpuState* s, Op* op, GeneralRecord* record)
        => Xmm.IsAvailable(s, op) && Operand.TryWrite(s, op, record, 0, new X87Unit(s).Control);

    public static bool StoreStatus(CpuState* s, Op* op, GeneralRecord* record)
        => Xmm.IsAvailable(s, op) && Operand.TryWrite(s, op, record, 0, new X87Unit(s).Status);

    public static bool Initialise(CpuState* s, Op* op, GeneralRecord* record)
    {
        if (!Xmm.IsAvailable(s, op))
            return false;
        new X87Unit(s).Initialise();
        return true;
    }

    /// <summary><c>fnclex</c>.</summary>
    public static bool ClearExceptions(CpuState* s, Op* op, GeneralRecord* record)
    {
        if (!Xmm.IsAvailable(s, op))
            return false;
        var unit = new X87Unit(s);
        unit.Status &= X87Status.Conditions | X87Status.TopMask;
        return true;
    }

    /// <summary>What the coprocessors before the 80387 did: nothing now.</summary>
    public static bool Nothing(CpuState* s, Op* op, GeneralRecord* record) => Xmm.IsAvailable(s, op);

    /// <summary><c>fnstenv</c>: masks all exceptions when it is done.</summary>
    public static bool StoreEnvironment(CpuState* s, Op* op, GeneralRecord* record)
    {
        if (!Xmm.IsAvailable(s, op))
            return false;
        var unit = new X87Unit(s);
        var narrow = record->Instruction.Code == Code.Fnstenv_m14byte;
        var image = stackalloc byte[WideEnvironment];
        WriteEnvironment(unit, image, narrow);
        if (!GuestMemory.Write(s, op, Operand.Address(s, op, record), image, narrow ? NarrowEnvironment : WideEnvironment))
            return false;
        unit.SetControl((ushort)(unit.Control | X87Status.Exceptions));
        return true;
    }

    public static bool LoadEnvironment(CpuState* s, Op* op, GeneralRecord* record)
    {
        if (!X87Instruction.TryBegin(s, op, record, out var x))
            return false;
        var narrow = record->Instruction.Code == Code.Fldenv_m14byte;
        var image = stackalloc byte[WideEnvironment];
        if (!TryRead(s, op, record, image, narrow ? NarrowEnvironment : WideEnvironment))
            return false;
        ReadEnvironment(x.Unit, image, narrow);
        return true;
    }

    /// <summary><c>fnsave</c>: the environment, then the registers from the top; initialises the unit when it is done.</summary>
    public static bool Save(CpuState* s, Op* op, GeneralRecord* record)
    {
        if (!Xmm.IsAvailable(s, op))
            return false;
        var unit = new X87Unit(s);
        var narrow = record->Instruction.Code == Code.Fnsave_m94byte;
        var environment = narrow ? NarrowEnvironment : WideEnvironment;
        var image = stackalloc byte[WideEnvironment + RegisterBytes];
        WriteEnvironment(unit, image, narrow);
        for (var i = 0; i < 8; i++)
            *(Float80*)(image + environment + (i * Float80.Bytes)) = unit[i];
        if (!GuestMemory.Write(s, op, Operand.Address(s, op, record), image, environment + RegisterBytes))
            return false;
        unit.Initialise();
        return true;
    }

    public static bool Restore(CpuState* s, Op* op, GeneralRecord* record)
    {
        if (!X87Instruction.TryBegin(s, op, record, out var x))
            return false;
        var narrow = record->Instruction.Code == Code.Frstor_m94byte;
        var environment = narrow ? NarrowEnvironment : WideEnvironment;
        var image = stackalloc byte[WideEnvironment + RegisterBytes];
        if (!TryRead(s, op, record, image, environment + RegisterBytes))
            return false;
        ReadEnvironment(x.Unit, image, narrow);
        var tags = x.Unit.Tags;
        for (var i = 0; i < 8; i++)
            x.Unit[i] = *(Float80*)(image + environment + (i * Float80.Bytes));
        x.Unit.Tags = tags;
        return true;
    }

    private static bool TryRead(CpuState* s, Op* op, GeneralRecord* record, byte* to, int size)
    {
        // The bounce buffer holds less than a state, so it is read in words, none across a page's end in vain.
        var address = Operand.Address(s, op, record);
        if (!GuestMemory.IsAligned(s, op, address, size))
            return false;
        for (var at = 0; at < size; at += 2)
        {
            if (!Operand.TryLoad(s, op, address + (ulong)at, 2, out var word))
                return false;
            *(ushort*)(to + at) = (ushort)word;
        }
        return true;
    }

    /// <summary>The protected-mode formats (Intel SDM, volume 1, 8.1.10). Selectors are 0; the upper halves of wide words are ones.</summary>
    private static void WriteEnvironment(X87Unit unit, byte* image, bool narrow)
    {
        if (narrow)
        {
            var words = (ushort*)image;
            words[0] = unit.Control;
            words[1] = unit.Status;
            words[2] = unit.FullTags;
            words[3] = (ushort)unit.LastInstruction;
            words[4] = 0;
            words[5] = (ushort)unit.LastData;
            words[6] = 0;
            return;
        }
        const uint ones = 0xffff_0000;
        var doubles = (uint*)image;
        doubles[0] = ones | unit.Control;
        doubles[1] = ones | unit.Status;
        doubles[2] = ones | unit.FullTags;
        doubles[3] = (uint)unit.LastInstruction;
        doubles[4] = (uint)unit.LastOpcode << 16;
        doubles[5] = (uint)unit.LastData;
        doubles[6] = ones;
    }

    private static void ReadEnvironment(X87Unit unit, byte* image, bool narrow)
    {
        var words = (ushort*)image;
        var doubles = (uint*)image;
        unit.Status = words[narrow ? 1 : 2];
        unit.SetFullTags(words[narrow ? 2 : 4]);
        unit.LastInstruction = narrow ? words[3] : doubles[3];
        unit.LastData = narrow ? words[5] : doubles[5];
        unit.LastOpcode = narrow ? (ushort)0 : (ushort)(doubles[4] >> 16 & 0x7ff);
        unit.SetControl(words[0]);
    }
}
