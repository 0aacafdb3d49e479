using static Iced.Intel.AssemblerRegisters;

namespace Pv.Tests.MachineGuests.Guests;

/// <summary>Grant tables, version 1, as far as one domain alone can see.</summary>
internal static class GrantGuests
{
    private const int Map = 0, Unmap = 1, Setup = 2, Dump = 3, Transfer = 4, Copy = 5, Query = 6, SetVersion = 8, GetVersion = 10, Swap = 11;

    public static IEnumerable<MachineGuest> All =>
    [
        new("grant-setup", "set up, sizes and versions of the grant table", code =>
        {
            var (argument, frames) = (code.Variable(0, 40), code.Table(0, 0, 0, 0));
            void SetUp(string name, ulong domain, ulong count, ulong list)
            {
                code.Store(argument, domain | count << 32);
                code.Store(argument + 8, 0x5555);
                code.Store(argument + 16, list);
                code.CallRecord(name, XenCall.GrantTableOp, Setup, argument, 1);
                RecordStatus(code, name, argument + 8);
            }

            code.Store(argument, GuestCode.Self);
            code.Store(argument + 8, 0);
            code.CallRecord("query", XenCall.GrantTableOp, Query, argument, 1);
            RecordStatus(code, "query", argument + 12);
            code.Asm.mov(eax, __dword_ptr[argument + 4]);
            code.Record("frames", rax);
            code.Asm.mov(eax, __dword_ptr[argument + 8]);
            code.Record("most frames", rax);
            SetUp("one", GuestCode.Self, 1, frames);
            code.Asm.mov(rax, __qword_ptr[frames]);
            code.Asm.test(rax, rax);
            code.Asm.setne(al);
            code.Asm.movzx(eax, al);
            code.Record("a frame came", rax);
            SetUp("too many", GuestCode.Self, 10000, frames);
            SetUp("dom0's", 0, 1, frames);
            SetUp("none's", 0x7000, 1, frames);
            SetUp("list in a hole", GuestCode.Self, 1, 0x1000);
            var version = code.Variable(1);
            code.CallRecord("set version 1", XenCall.GrantTableOp, SetVersion, version, 1);
            code.Store(version, 3);
            code.CallRecord("set version 3", XenCall.GrantTableOp, SetVersion, version, 1);
            code.Store(argument, GuestCode.Self);
            code.CallRecord("get version", XenCall.GrantTableOp, GetVersion, argument, 1);
            code.Asm.mov(eax, __dword_ptr[argument + 4]);
            code.Record("version", rax);
            code.Store(argument, GuestCode.Self);
            code.CallRecord("dump", XenCall.GrantTableOp, Dump, argument, 1);
            code.CallRecord("unknown", XenCall.GrantTableOp, 99, argument, 1);
            code.CallRecord("bad pointer", XenCall.GrantTableOp, Query, 0x1000, 1);
            code.CallRecord("none of them", XenCall.GrantTableOp, Query, argument, 0);
            code.CallRecord("negative count", XenCall.GrantTableOp, Query, argument, -1);
        }),
        new("grant-map", "a domain maps its own grant: status, entry, what the entry's flags say, and unmapping", code =>
        {
            code.InstallTraps();
            var (table, shared, window) = (Table(code), code.Pages(), code.Pages());
            var (argument, own) = (code.Variable(0, 40), code.Variable());
            Own(code, own);
            code.Store(shared, 0x1234_5678);
            code.Store(window, 0);
            Grant(code, table, 8, shared, flags: 1);
            Grant(code, table, 9, shared, flags: 1 | 4);
            code.UpdateVaMappingRecord("clear window", window, 0, 2);

            void MapRef(string name, ulong address, uint flags, uint reference, ushort domain = 0)
            {
                code.Store(argument, address);
                code.Store(argument + 8, flags | (ulong)reference << 32);
                code.Store(argument + 16, (ulong)domain | 0x5555UL << 16);
                if (domain == 0)
                {
                    code.Asm.mov(ax, __word_ptr[own]);
                    code.Asm.mov(__word_ptr[argument + 16], ax);
                }

                code.CallRecord(name, XenCall.GrantTableOp, Map, argument, 1);
                RecordStatus(code, name, argument + 18);
                if (reference >= 512)
                    return;
                code.Asm.movzx(eax, __word_ptr[table + reference * 8]);
                code.Record(name + " flags", rax);
            }

            void UnmapHandle(string name, ulong address)
            {
                code.Asm.mov(eax, __dword_ptr[argument + 20]);
                code.Asm.mov(rbx, rax);
                code.Store(argument, address);
                code.Store(argument + 8, 0);
                code.Store(argument + 16, rbx);
                code.CallRecord(name, XenCall.GrantTableOp, Unmap, argument, 1);
                RecordStatus(code, name, argument + 20);
                code.Asm.movzx(eax, __word_ptr[table + 8 * 8]);
                code.Record(name + " flags", rax);
            }

            MapRef("domain as DOMID_SELF", window, 2, 8, 0x7ff0);
            MapRef("not granted", window, 2, 10);
            MapRef("beyond the table", window, 2, 512);
            MapRef("no domain", window, 2, 8, 0x7000);
            MapRef("no map flag", window, 0, 8);
            MapRef("map", window, 2, 8);
            code.Try("read", a => a.mov(rax, __qword_ptr[window]));
            code.Record("content", rax);
            code.Try("write", a => a.mov(__qword_ptr[window], 99));
            var (_, linear) = code.EntryOf(window, 1);
            code.RecordEntryFlagsAt("entry", linear);
            UnmapHandle("unmap", window);
            code.Try("read unmapped", a => a.mov(rax, __qword_ptr[window]));
            MapRef("map read-only", window, 2 | 4, 8);
            code.Try("write read-only", a => a.mov(__qword_ptr[window], 99));
            UnmapHandle("unmap read-only", window);
            MapRef("map a read-only grant for writing", window, 2, 9);
            MapRef("map at a hole", 0x1000, 2, 8);
            code.Store(argument, window);
            code.Store(argument + 8, 0);
            code.Store(argument + 16, 77);
            code.CallRecord("unmap a wrong handle", XenCall.GrantTableOp, Unmap, argument, 1);
            RecordStatus(code, "unmap a wrong handle", argument + 20);
        }),
        new("grant-copy", "grant copies between frames and grants of the domain itself", code =>
        {
            var (table, source, target) = (Table(code), code.Pages(), code.Pages());
            var argument = code.Variable(0, 40);
            code.Store(source + 16, 0x1122_3344);
            Grant(code, table, 8, source, flags: 1);
            Grant(code, table, 9, target, flags: 1 | 4);

            void CopyPart(string name, Operand from, ushort fromOffset, Operand to, ushort toOffset, ushort length, ushort flags, ushort domain = 0x7ff0)
            {
                code.Store(argument, from);
                code.Store(argument + 8, domain | (ulong)fromOffset << 16);
                code.Store(argument + 16, to);
                code.Store(argument + 24, 0x7ff0 | (ulong)toOffset << 16);
                code.Store(argument + 32, length | (ulong)flags << 16 | 0x5555UL << 32);
                code.CallRecord(name, XenCall.GrantTableOp, Copy, argument, 1);
                RecordStatus(code, name, argument + 36);
            }

            CopyPart("frame to frame", Operand.Mfn(source), 16, Operand.Mfn(target), 32, 8, 0);
            code.Record("copied", Operand.At(target + 32));
            CopyPart("grant to frame", 8, 16, Operand.Mfn(target), 64, 8, 1);
            code.Record("copied from grant", Operand.At(target + 64));
            CopyPart("frame to read-only grant", Operand.Mfn(source), 16, 9, 96, 8, 2);
            code.Record("not copied", Operand.At(target + 96));
            CopyPart("across the page", Operand.Mfn(source), 4090, Operand.Mfn(target), 0, 8, 0);
            CopyPart("whole page", Operand.Mfn(source), 0, Operand.Mfn(target), 0, 4096, 0);
            CopyPart("nothing", Operand.Mfn(source), 0, Operand.Mfn(target), 0, 0, 0);
            CopyPart("no grant", 20, 0, Operand.Mfn(target), 0, 8, 1);
            CopyPart("bad grant", 100000, 0, Operand.Mfn(target), 0, 8, 1);
            CopyPart("no frame", 0xfff_ffff_ffff, 0, Operand.Mfn(target), 0, 8, 0);
            CopyPart("foreign frame", Operand.Mfn(source), 0, Operand.Mfn(target), 0, 8, 0, 0);
            CopyPart("no domain", 8, 0, Operand.Mfn(target), 0, 8, 1, 0x7000);
            var pageTable = code.Pages();
            code.MakeReadOnly(pageTable);
            code.MmuextRecord("pin", MmuextCommand.PinL1, Operand.Mfn(pageTable));
            CopyPart("to a page table", Operand.Mfn(source), 0, Operand.Mfn(pageTable), 0, 8, 0);
            code.RecordMasked("grant flags", Operand.At(table + 64), 0xffff);
        }),
        new("grant-table-frame", "the grant table's frame can be mapped writable and is no page table", code =>
        {
            code.InstallTraps();
            var table = Table(code);
            code.Try("write", a => a.mov(__qword_ptr[table + 4088], 0));
            var (_, linear) = code.EntryOf(table, 1);
            code.Asm.mov(rbx, __qword_ptr[linear]);
            code.Asm.mov(rbx, __qword_ptr[rbx]);
            code.Asm.shl(rbx, 12);
            code.Asm.shr(rbx, 24);
            code.MmuextRecord("pin", MmuextCommand.PinL1, rbx);
            code.Record("after", 1);
        }),
    ];

    /// <summary>Sets the table up with one frame and maps it; returns where.</summary>
    private static ulong Table(GuestCode code)
    {
        var (argument, frames, table) = (code.Variable(0, 24), code.Table(0), code.Pages());
        code.Store(argument, GuestCode.Self | 1UL << 32);
        code.Store(argument + 16, frames);
        code.CallRecord("setup", XenCall.GrantTableOp, Setup, argument, 1);
        code.Asm.mov(rax, __qword_ptr[frames]);
        code.Asm.shl(rax, 12);
        code.Asm.or(rax, 0x63);
        code.UpdateVaMappingRecord("map table", table, rax, 2);
        return table;
    }

    private static void Grant(GuestCode code, ulong table, uint reference, ulong page, ushort flags)
    {
        var at = table + reference * 8;
        Operand.Mfn(page).Load(code.Asm, rax);
        code.Asm.mov(__dword_ptr[at + 4], eax);
        code.Store16(at + 2, 0x7ff0);
        Own(code, at + 2);
        code.Store16(at, flags);
    }

    /// <summary>A grant names its peer by number, not as DOMID_SELF: the guest finds its own in the status of a port to itself.</summary>
    private static void Own(GuestCode code, ulong at)
    {
        var op = code.Variable(0, 24);
        code.Store(op, GuestCode.Self | GuestCode.Self << 16);
        code.Call(XenCall.EventChannelOp, 6, op);
        code.Asm.mov(eax, __dword_ptr[op + 4]);
        code.Asm.mov(ebx, eax);
        code.Store(op, GuestCode.Self);
        code.Asm.mov(__dword_ptr[op + 4], ebx);
        code.Call(XenCall.EventChannelOp, 5, op);
        code.Asm.movzx(eax, __word_ptr[op + 16]);
        code.Asm.mov(__word_ptr[at], ax);
    }

    private static void RecordStatus(GuestCode code, string name, ulong at)
    {
        code.Asm.movsx(rax, __word_ptr[at]);
        code.Record(name + " status", rax);
    }
}
