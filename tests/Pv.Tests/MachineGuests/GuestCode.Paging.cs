using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;
using V = Pv.Tests.MachineGuests.GuestVariables;

namespace Pv.Tests.MachineGuests;

internal sealed partial class GuestCode
{
    public const ulong Self = 0x7ff0;

    /// <summary>Entry flags: present + accessed, with the dirty and writable bits as the name says. None has the user bit.</summary>
    public const ulong ReadOnly = 0x61, Writable = 0x63, TableFlags = 0x67;

    /// <summary>One <c>mmuext_op</c>; the result is in rax. With <paramref name="tableBase"/> the first argument is the boot L4's frame.</summary>
    public void Mmuext(MmuextCommand command, Operand first, Operand second, bool tableBase = false)
    {
        var operation = Variable(0, 24);
        Store32(operation, (uint)command);
        if (tableBase)
            LoadTableBaseMfn(rax);
        else
            first.Load(Asm, rax);
        Asm.mov(__qword_ptr[operation + 8], rax);
        Store(operation + 16, second);
        Call(XenCall.MmuextOp, operation, 1, 0, Self);
    }

    /// <summary>Unpins a page. An unpinning that was stopped is finished by the next call about page tables, so one follows.</summary>
    public void Unpin(ulong page)
    {
        Mmuext(MmuextCommand.Unpin, Operand.Mfn(page), 0);
        Mmuext(MmuextCommand.TlbFlushLocal, 0, 0);
    }

    public void MmuextRecord(string name, MmuextCommand command, Operand first, Operand second = default)
    {
        Mmuext(command, first, second);
        Record(name, rax);
    }

    /// <summary>The frame of the L4 table that the domain builder made.</summary>
    public void LoadTableBaseMfn(AssemblerRegister64 target)
    {
        Asm.push(rcx);
        Asm.mov(rcx, __qword_ptr[V.TableBase]);
        Asm.sub(rcx, unchecked((int)GuestLayout.Base));
        Asm.shr(rcx, 12);
        Asm.mov(target, __qword_ptr[V.P2m]);
        Asm.mov(target, __qword_ptr[target + rcx * 8]);
        Asm.pop(rcx);
    }

    /// <summary>A variable that holds the frame number of the page whose linear address another variable holds.</summary>
    public ulong MfnOf(ulong pointerVariable)
    {
        var variable = Variable();
        Asm.mov(rcx, __qword_ptr[pointerVariable]);
        Asm.sub(rcx, unchecked((int)GuestLayout.Base));
        Asm.shr(rcx, 12);
        Asm.mov(rax, __qword_ptr[V.P2m]);
        Asm.mov(rax, __qword_ptr[rax + rcx * 8]);
        Asm.mov(__qword_ptr[variable], rax);
        return variable;
    }

    /// <summary>A variable that holds the entry (frame of <paramref name="mfnVariable"/>, flags).</summary>
    public ulong EntryFor(ulong mfnVariable, ulong flags)
    {
        var variable = Variable();
        Asm.mov(rax, __qword_ptr[mfnVariable]);
        Asm.shl(rax, 12);
        Asm.or(rax, (int)flags);
        Asm.mov(__qword_ptr[variable], rax);
        return variable;
    }

    /// <summary>A variable that holds the boot L4's frame number from here on.</summary>
    public ulong TableBaseMfn()
    {
        var variable = Variable();
        LoadTableBaseMfn(rax);
        Asm.mov(__qword_ptr[variable], rax);
        return variable;
    }

    public void UpdateVaMapping(Operand address, Operand entry, Operand flags = default) => Call(XenCall.UpdateVaMapping, address, entry, flags);

    public void UpdateVaMappingRecord(string name, Operand address, Operand entry, Operand flags = default)
    {
        UpdateVaMapping(address, entry, flags);
        Record(name, rax);
    }

    /// <summary>Maps a page of the linear mapping read-only, as a page table must be.</summary>
    public void MakeReadOnly(ulong page) => UpdateVaMapping(page, Operand.Entry(page, ReadOnly), 2);

    public void MakeWritable(ulong page) => UpdateVaMapping(page, Operand.Entry(page, Writable), 2);

    /// <summary>One <c>mmu_update</c> of the word at a machine address in <paramref name="pointer"/>; the result is in rax.</summary>
    public void MmuUpdate(Operand pointer, Operand value, Operand done = default)
    {
        var request = Variable(0, 16);
        Store(request, pointer);
        Store(request + 8, value);
        Call(XenCall.MmuUpdate, request, 1, done, Self);
    }

    public void MmuUpdateRecord(string name, Operand pointer, Operand value)
    {
        MmuUpdate(pointer, value);
        Record(name, rax);
    }

    /// <summary>
    /// Finds the entry that maps an address at a level: variables that hold its machine address and its linear address from here on.
    /// Clobbers rax, rcx, rdx, rsi, rdi, r8 and r9.
    /// </summary>
    public (ulong Machine, ulong Linear) EntryOf(Operand address, int level)
    {
        var (machine, linear) = (Variable(), Variable());
        address.Load(Asm, rdi);
        Asm.mov(esi, level);
        Asm.call(Runtime.Walk);
        Asm.mov(__qword_ptr[machine], rax);
        Asm.mov(__qword_ptr[linear], rdx);
        return (machine, linear);
    }

    /// <summary>Records an entry's flags: everything but its frame number.</summary>
    public void RecordEntryFlags(string name, ulong entryAddress) => RecordMasked(name, Operand.At(entryAddress), 0xfff0_0000_0000_0fff);

    /// <summary>Records the flags of an entry whose linear address a variable holds.</summary>
    public void RecordEntryFlagsAt(string name, ulong pointerVariable)
    {
        Asm.mov(rax, __qword_ptr[pointerVariable]);
        Asm.mov(rax, __qword_ptr[rax]);
        RecordMasked(name, rax, 0xfff0_0000_0000_0fff);
    }
}

/// <summary><c>MMUEXT_*</c>.</summary>
internal enum MmuextCommand : uint
{
    PinL1 = 0, PinL2 = 1, PinL3 = 2, PinL4 = 3, Unpin = 4, NewBasePointer = 5, TlbFlushLocal = 6, InvlpgLocal = 7, TlbFlushMulti = 8,
    InvlpgMulti = 9, TlbFlushAll = 10, InvlpgAll = 11, FlushCache = 12, SetLdt = 13, NewUserBasePointer = 15, ClearPage = 16, CopyPage = 17,
    FlushCacheGlobal = 18, MarkSuper = 19, UnmarkSuper = 20,
}
