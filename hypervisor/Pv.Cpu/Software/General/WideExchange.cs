namespace Pv.Cpu.Software;

/// <summary><c>cmpxchg8b</c> and <c>cmpxchg16b</c>.</summary>
/// <remarks>
/// There is no 128-bit atomic in .NET: a 16-byte exchange is the host's own instruction (<see cref="HostExchange"/>). Where there is none, it
/// is done under a lock that all such exchanges of the process share, with the halves written one after the other: atomic against each
/// other, not against plain or shorter locked accesses of another vCPU. Guests of several vCPUs are not told of CX16 then
/// (<see cref="SoftwareFeatures"/>).
/// </remarks>
// SAFETY: see Operand; 16-byte operands are aligned, so they never cross a page.
internal static unsafe class WideExchange
{
    private static readonly Lock s_exchange = new();

    public static bool Eight(CpuState* s, Op* op, GeneralRecord* record)
    {
        if (!Operand.TryUpdate(s, op, Operand.Address(s, op, record), 8, &CompareReplace, 0, out var old, record->Instruction.HasLockPrefix))
            return false;
        var expected = (uint)Core.Reg(s, 0) | (Core.Reg(s, 2) << 32);
        if (old != expected)
        {
            Core.Reg(s, 0) = (uint)old;
            Core.Reg(s, 2) = old >> 32;
        }
        Flags.Change(s, Flags.Zero, old == expected ? Flags.Zero : 0);
        return true;
    }

    private static ulong CompareReplace(CpuState* s, ulong a, ulong b, int size)
        => a == ((uint)Core.Reg(s, 0) | (Core.Reg(s, 2) << 32)) ? (uint)Core.Reg(s, 3) | (Core.Reg(s, 1) << 32) : a;

    public static bool Sixteen(CpuState* s, Op* op, GeneralRecord* record)
    {
        var address = Operand.Address(s, op, record);
        if ((address & 15) != 0)
            return Core.Fault(s, op, ExceptionVector.GeneralProtection);
        var bytes = GuestMemory.BeginUpdate(s, op, address, 16);
        if (bytes == null)
            return false;
        var equal = s->WideExchanger != null ? s->WideExchanger(s, bytes) != 0 : InTurn(s, (ulong*)bytes);
        Flags.Change(s, Flags.Zero, equal ? Flags.Zero : 0);
        GuestMemory.CommitUpdate(s, op, address, bytes, 16);
        return true;
    }

    private static bool InTurn(CpuState* s, ulong* place)
    {
        lock (s_exchange)
        {
            ulong low = Volatile.Read(ref place[0]), high = Volatile.Read(ref place[1]);
            if (low == Core.Reg(s, 0) && high == Core.Reg(s, 2))
            {
                Volatile.Write(ref place[0], Core.Reg(s, 3));
                Volatile.Write(ref place[1], Core.Reg(s, 1));
                return true;
            }
            Core.Reg(s, 0) = low;
            Core.Reg(s, 2) = high;
            return false;
        }
    }
}
