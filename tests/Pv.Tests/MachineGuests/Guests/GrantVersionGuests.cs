using static Iced.Intel.AssemblerRegisters;

namespace Pv.Tests.MachineGuests.Guests;

/// <summary>Grant tables, version 2, and the operations that few kernels use.</summary>
internal static class GrantVersionGuests
{
    private const int Map = 0, Unmap = 1, Setup = 2, Transfer = 4, Copy = 5, Query = 6, UnmapAndReplace = 7, SetVersion = 8, GetStatusFrames = 9, GetVersion = 10,
        Swap = 11, CacheFlush = 12;

    private const ushort PermitAccess = 1, Transitive = 3, ReadOnly = 4, SubPage = 0x100;

    public static IEnumerable<MachineGuest> All =>
    [
        new("grant-version", "set_version changes the entries' form and clears them; status frames come and go", code =>
        {
            var table = new Grants(code);
            table.RecordStatusFrames("of version 1", 1);
            table.RecordStatusFrames("none of version 1", 0);
            code.Store(table.Table + 3 * 8, 0x1234_5678_0007_0001UL);
            code.Store(table.Table + 20 * 8, 0x1234_5678_0007_0001UL);
            table.RecordVersion("to 0", 0);
            table.RecordVersion("to 3", 3);
            table.RecordVersion("to 1", 1);
            code.Record("entry 20 stays", Operand.At(table.Table + 20 * 8));
            table.RecordVersion("to 2", 2);
            code.Record("entry 3: header", Operand.At(table.Table + 3 * 16));
            code.Record("entry 3: frame", Operand.At(table.Table + 3 * 16 + 8));
            code.Record("entry 20", Operand.At(table.Table + 20 * 16));
            table.RecordGetVersion("is 2");
            table.RecordStatusFrames("none of version 2", 0);
            table.RecordStatusFrames("one of version 2", 1);
            table.RecordStatusFrames("two of version 2", 2);
            table.RecordStatusFrames("of dom0", 1, 0);
            table.RecordStatusFrames("of nobody", 1, 0x7000);
            table.RecordStatusFrames("list in a hole", 1, GuestCode.Self, 0x1000);
            table.RecordSetup("nine frames", 9);
            table.RecordStatusFrames("two with nine frames", 2);
            table.RecordVersion("to 1 again", 1);
            code.Record("entry 3 again", Operand.At(table.Table + 3 * 8));
            table.RecordStatusFrames("gone", 1);
            table.RecordGetVersion("is 1");
            code.CallRecord("bad pointer", XenCall.GrantTableOp, SetVersion, 0x1000, 1);
            code.CallRecord("two of them", XenCall.GrantTableOp, SetVersion, code.Variable(1), 2);
        }),
        new("grant-second-map", "entries of version 2 are mapped, and the status shows it; parts of pages are not", code =>
        {
            code.InstallTraps();
            var table = new Grants(code);
            var (page, window) = (code.Pages(), code.Pages());
            table.RecordVersion("to 2", 2);
            var status = table.MapStatus();
            table.Grant(8, page, PermitAccess);
            table.Grant(9, page, PermitAccess | SubPage, 0x10, 0x20);
            table.Grant(10, page, PermitAccess | ReadOnly);
            table.GrantPassedOn(11, 0, 8);
            code.Store(page, 0x1122_3344);
            code.UpdateVaMapping(window, 0, 2);
            void RecordMap(string name, uint reference, uint flags)
            {
                table.RecordMap(name, window, reference, flags);
                code.Asm.movzx(eax, __word_ptr[status + reference * 2]);
                code.Record(name + ": status", rax);
                code.RecordMasked(name + ": flags", Operand.At(table.Table + reference * 16), 0xffff);
            }

            RecordMap("part of a page", 9, 2);
            RecordMap("part of a page, read-only", 9, 2 | 4);
            RecordMap("passed on", 11, 2);
            RecordMap("read-only for writing", 10, 2);
            RecordMap("beyond the table", 256, 2);
            RecordMap("map", 8, 2);
            code.Try("read", a => a.mov(rax, __qword_ptr[window]));
            code.Record("content", rax);
            table.RecordVersion("to 1 while one is mapped", 1);
            table.RecordSwap("a mapped one", 8, 12);
            table.RecordUnmap("unmap", window);
            code.Asm.movzx(eax, __word_ptr[status + 16]);
            code.Record("status after", rax);
            RecordMap("map read-only", 10, 2 | 4);
            table.RecordUnmap("unmap read-only", window);
            table.RecordVersion("to 1 while the status is mapped", 1);
            code.UpdateVaMapping(status, 0, 2);
            table.RecordVersion("to 1", 1);
        }),
        new("grant-second-copy", "copies by entries of version 2: parts of pages, and grants that are passed on", code =>
        {
            var table = new Grants(code);
            var (page, target) = (code.Pages(), code.Pages());
            table.RecordVersion("to 2", 2);
            var status = table.MapStatus();
            for (ulong i = 0; i < 8; i++)
                code.Store(page + i * 8, 0x1111_1111_1111_1111UL * (i + 1));
            table.Grant(8, page, PermitAccess);
            table.Grant(9, page, PermitAccess | SubPage, 0x10, 0x20);
            table.GrantPassedOn(11, 0x7000, 8);
            table.GrantPassedOn(12, 0, 8);
            table.Grant(13, page, PermitAccess | SubPage | ReadOnly, 0x10, 0x20);
            foreach (var (name, reference, offset, length) in new[]
            {
                ("whole", 8u, 0, 16), ("part", 9u, 0x10, 0x20), ("before the part", 9u, 0x8, 0x10), ("behind the part", 9u, 0x20, 0x11), ("nothing", 9u, 0, 0),
                ("passed on by nobody", 11u, 0, 8), ("passed on to itself", 12u, 0, 8), ("read-only part", 13u, 0x18, 8),
            })
            {
                code.Store(target, 0);
                table.RecordCopy(name, reference, offset, target, length, toGrant: false);
                code.Record(name + ": copied", Operand.At(target));
            }

            table.RecordCopy("into a part", 9, 0x18, target, 8, toGrant: true);
            table.RecordCopy("into beside a part", 9, 0x30, target, 8, toGrant: true);
            table.RecordCopy("into a read-only part", 13, 0x18, target, 8, toGrant: true);
            code.Record("status", Operand.At(status + 16));
        }),
        new("grant-swap", "swap_grant_ref swaps entries that nobody uses", code =>
        {
            var table = new Grants(code);
            var (page, window) = (code.Pages(), code.Pages());
            code.Store(table.Table + 20 * 8, 0x1111_0007_0001UL << 4);
            code.Store(table.Table + 21 * 8, 0x2222_0007_0001UL << 4);
            table.RecordSwap("swap", 20, 21);
            code.Record("20", Operand.At(table.Table + 20 * 8));
            code.Record("21", Operand.At(table.Table + 21 * 8));
            table.RecordSwap("with itself", 20, 20);
            table.RecordSwap("beyond", 20, 512);
            table.RecordSwap("beyond first", 100_000, 20);
            table.GrantFirst(22, page);
            code.UpdateVaMapping(window, 0, 2);
            table.RecordMap("map", window, 22, 2);
            table.RecordSwap("a mapped one", 22, 20);
            table.RecordSwap("with a mapped one", 20, 22);
            code.CallRecord("bad pointer", XenCall.GrantTableOp, Swap, 0x1000, 1);
            code.CallRecord("none", XenCall.GrantTableOp, Swap, 0x1000, 0);
            table.RecordVersion("to 2", 2);
            table.RecordUnmap("unmap", window);
            table.RecordVersion("to 2 then", 2);
            code.Store(table.Table + 20 * 16, 0x1111);
            code.Store(table.Table + 20 * 16 + 8, 0x2222);
            table.RecordSwap("of version 2", 20, 21);
            code.Record("21 of version 2", Operand.At(table.Table + 21 * 16));
            code.Record("21's frame", Operand.At(table.Table + 21 * 16 + 8));
        }),
        new("grant-replace", "unmap_and_replace moves another address's entry to the map's place", code =>
        {
            code.InstallTraps();
            var table = new Grants(code);
            var (page, window, other, absent) = (code.Pages(), code.Pages(), code.Pages(), code.Pages());
            table.GrantFirst(22, page);
            code.Store(page, 0x1234);
            code.Store(other, 0x5678);
            code.UpdateVaMapping(window, 0, 2);
            code.UpdateVaMapping(absent, 0, 2);
            table.RecordMap("map", window, 22, 2);
            table.RecordReplace("wrong handle", window, other, 77);
            table.RecordReplace("wrong address", other, code.Pages());
            table.RecordReplace("in a hole", window, 0x1000);
            table.RecordReplace("hypervisor's", window, 0xffff_8300_0000_0000UL);
            table.RecordReplace("replace", window, other);
            code.Try("read", a => a.mov(rax, __qword_ptr[window]));
            code.Record("content", rax);
            code.Try("read the other", a => a.mov(rax, __qword_ptr[other]));
            code.RecordMasked("flags", Operand.At(table.Table + 22 * 8), 0xffff);
            code.Try("write", a => a.mov(__qword_ptr[window], 0x9999));
            table.RecordMap("map over", window, 22, 2);
            code.Try("read over", a => a.mov(rax, __qword_ptr[window]));
            code.Record("content over", rax);
            table.RecordReplace("by nothing", window, 0);
            code.Try("read nothing", a => a.mov(rax, __qword_ptr[window]));
            table.RecordMap("map again", window, 22, 2);
            table.RecordReplace("by what is absent", window, absent);
            code.Try("read absent", a => a.mov(rax, __qword_ptr[window]));
        }),
        new("grant-other", "growth step by step; transfers and cache maintenance", code =>
        {
            var table = new Grants(code);
            foreach (var count in (uint[])[0, 1, 3, 2, 64, 65])
            {
                table.RecordSetup($"{count}", count);
                table.RecordSize($"{count}");
            }

            var argument = code.Variable(0, 24);
            code.Store(argument, Operand.Mfn(code.Pages()));
            code.Store(argument + 8, 0x7000 | 8UL << 32);
            code.CallRecord("transfer to nobody", XenCall.GrantTableOp, Transfer, argument, 1);
            code.Asm.movsx(rax, __word_ptr[argument + 16]);
            code.Record("transfer to nobody: status", rax);
            code.Store(argument, 0xfff_ffff_ffffUL);
            code.CallRecord("transfer of no frame", XenCall.GrantTableOp, Transfer, argument, 1);
            code.Asm.movsx(rax, __word_ptr[argument + 16]);
            code.Record("transfer of no frame: status", rax);
            code.CallRecord("transfer by a bad pointer", XenCall.GrantTableOp, Transfer, 0x1000, 1);
            code.Store(argument, Operand.Entry(code.Pages(), 0));
            foreach (var (name, tail) in new (string, ulong)[]
            {
                ("clean", 0 | 64UL << 16 | 1UL << 32), ("nothing", 0 | 64UL << 16), ("of no length", 1UL << 32), ("by reference", 64UL << 16 | 0x8000_0001UL << 32),
                ("across the page", 4090 | 64UL << 16 | 1UL << 32), ("unknown", 64UL << 16 | 8UL << 32), ("invalidate and clean", 64UL << 16 | 3UL << 32),
            })
            {
                code.Store(argument + 8, tail);
                code.CallRecord("flush " + name, XenCall.GrantTableOp, CacheFlush, argument, 1);
            }

            code.Store(argument, 0xf_ffff_ffff_f000UL);
            code.Store(argument + 8, 64UL << 16 | 1UL << 32);
            code.CallRecord("flush no frame", XenCall.GrantTableOp, CacheFlush, argument, 1);
            code.CallRecord("flush bad pointer", XenCall.GrantTableOp, CacheFlush, 0x1000, 1);
        }),
        new("grant-transfer", "a page is transferred to a domain that accepts it; what becomes of it when that is refused", code => Transfers(code, 1)),
        new("grant-second-transfer", "the same with entries of version 2", code => Transfers(code, 2)),
    ];

    private static void Transfers(GuestCode code, uint version)
    {
        const ushort accept = 2;
        var table = new Grants(code);
        var (argument, reservation, before) = (code.Variable(0, 48), code.Variable(GuestCode.Self), code.Variable());
        table.RecordVersion($"to {version}", version);
        code.Call(XenCall.MemoryOp, 3, reservation);
        code.Asm.mov(__qword_ptr[before], rax);
        var entrySize = version == 1 ? 8u : 16u;

        void Accept(uint reference, ushort flags, bool fromOwn = true)
        {
            var at = table.Table + reference * entrySize;
            code.Store(at, 0);
            if (version == 2)
                code.Store(at + 8, 0);
            if (fromOwn)
            {
                code.Asm.mov(rax, __qword_ptr[table.Own]);
                code.Asm.mov(__word_ptr[at + 2], ax);
            }
            else
            {
                code.Store16(at + 2, 0x7000);
            }
            code.Store16(at, flags);
        }

        void Go(string name, ulong page, Operand domain, uint reference, bool unmapped = true)
        {
            var mfn = code.Variable();
            code.Store(mfn, Operand.Mfn(page));
            if (unmapped)
                code.UpdateVaMapping(page, 0, 2);
            code.Store(argument, Operand.At(mfn));
            code.Store(argument + 8, domain);
            code.Store32(argument + 12, reference);
            code.Store(argument + 16, 0x5555);
            code.CallRecord(name, XenCall.GrantTableOp, Transfer, argument, 1);
            code.Asm.movsx(rax, __word_ptr[argument + 16]);
            code.Record($"{name}: status", rax);
            code.Call(XenCall.MemoryOp, 3, reservation);
            code.Asm.mov(rdx, __qword_ptr[before]);
            code.RecordDifference($"{name}: pages", rax, rdx);
            var at = table.Table + reference * entrySize;
            if (reference < 256)
            {
                code.RecordMasked($"{name}: flags", Operand.At(at), 0xffff);
                // The frame that stands there now, if it is this one.
                if (version == 1)
                    code.Asm.mov(ecx, __dword_ptr[at + 4]);
                else
                    code.Asm.mov(rcx, __qword_ptr[at + 8]);
                code.Asm.mov(rdx, __qword_ptr[mfn]);
                code.RecordEqual($"{name}: frame", rcx, rdx);
            }
            code.Asm.mov(rax, __qword_ptr[mfn]);
            code.Asm.shl(rax, 12);
            code.Asm.or(rax, 0x63);
            if (unmapped)
                code.UpdateVaMappingRecord($"{name}: mapped again", page, rax, 2);
        }

        Accept(8, accept);
        Go("mapped", code.Pages(), Operand.At(table.Own), 8, unmapped: false);
        Go("to nobody", code.Pages(), 0x7000, 8);
        Go("to dom0", code.Pages(), 0, 8);
        Go("to self by name", code.Pages(), GuestCode.Self, 8);
        Go("not prepared", code.Pages(), Operand.At(table.Own), 9);
        Go("beyond the table", code.Pages(), Operand.At(table.Own), 5000);
        Go("to self", code.Pages(), Operand.At(table.Own), 8);
        Go("to self again", code.Pages(), Operand.At(table.Own), 8);
        Accept(10, accept, fromOwn: false);
        Go("from another", code.Pages(), Operand.At(table.Own), 10);
        Accept(11, accept | 4);
        Go("with a read-only flag", code.Pages(), Operand.At(table.Own), 11);
        Accept(12, accept | 0x20);
        Go("committed already", code.Pages(), Operand.At(table.Own), 12);
        Accept(13, 1);
        Go("a grant to access", code.Pages(), Operand.At(table.Own), 13);
        var pinned = code.Pages();
        code.MakeReadOnly(pinned);
        code.MmuextRecord("pin", MmuextCommand.PinL1, Operand.Mfn(pinned));
        Accept(14, accept);
        Go("a table", pinned, Operand.At(table.Own), 14);
    }

    /// <summary>The guest's table, one frame long and mapped, and the operations on it.</summary>
    private sealed class Grants
    {
        private readonly GuestCode _code;
        private readonly ulong _argument, _frames;

        public Grants(GuestCode code)
        {
            _code = code;
            (_argument, _frames, Table) = (code.Variable(0, 48), code.Variable(0, 72 * 8), code.Pages());
            RecordSetup("setup", 1);
            MapFirst(Table);
            // A grant names its peer by number.
            Own = code.OwnDomain();
        }

        public ulong Table { get; }

        /// <summary>Holds the guest's own number.</summary>
        public ulong Own { get; }

        public void RecordSetup(string name, uint count)
        {
            _code.Store(_argument, GuestCode.Self | (ulong)count << 32);
            _code.Store(_argument + 8, 0x5555);
            _code.Store(_argument + 16, _frames);
            _code.CallRecord(name, XenCall.GrantTableOp, Setup, _argument, 1);
            RecordStatus(name, _argument + 8);
        }

        public void RecordSize(string name)
        {
            _code.Store(_argument, GuestCode.Self);
            _code.Call(XenCall.GrantTableOp, Query, _argument, 1);
            _code.Record32(name + ": frames", _argument + 4);
        }

        public void RecordVersion(string name, uint version)
        {
            _code.Store(_argument, version);
            _code.CallRecord(name, XenCall.GrantTableOp, SetVersion, _argument, 1);
            _code.Record32(name + ": version", _argument);
        }

        public void RecordGetVersion(string name)
        {
            _code.Store(_argument, GuestCode.Self);
            _code.CallRecord(name, XenCall.GrantTableOp, GetVersion, _argument, 1);
            _code.Record32(name + ": version", _argument + 4);
        }

        public void RecordStatusFrames(string name, uint count, ulong domain = GuestCode.Self, Operand? list = null)
        {
            _code.Store(_argument, (ulong)count);
            _code.Store16(_argument + 4, (ushort)domain);
            _code.Store16(_argument + 6, 0x5555);
            _code.Store(_argument + 8, list ?? _frames);
            _code.CallRecord(name, XenCall.GrantTableOp, GetStatusFrames, _argument, 1);
            RecordStatus(name, _argument + 6);
        }

        /// <summary>Maps the first status frame; returns where.</summary>
        public ulong MapStatus()
        {
            RecordStatusFrames("status frames", 1);
            var at = _code.Pages();
            MapFirst(at);
            return at;
        }

        public void GrantFirst(uint reference, ulong page)
        {
            var at = Table + reference * 8;
            Operand.Mfn(page).Load(_code.Asm, rax);
            _code.Asm.mov(__dword_ptr[at + 4], eax);
            _code.Asm.mov(eax, __dword_ptr[Own]);
            _code.Asm.mov(__word_ptr[at + 2], ax);
            _code.Store16(at, PermitAccess);
        }

        public void Grant(uint reference, ulong page, ushort flags, ushort offset = 0, ushort length = 0)
        {
            var at = Table + reference * 16;
            _code.Store16(at + 4, offset);
            _code.Store16(at + 6, length);
            _code.Store(at + 8, Operand.Mfn(page));
            _code.Asm.mov(eax, __dword_ptr[Own]);
            _code.Asm.mov(__word_ptr[at + 2], ax);
            _code.Store16(at, flags);
        }

        /// <summary>An entry that passes on another domain's; domain 0 stands for the guest's own.</summary>
        public void GrantPassedOn(uint reference, ushort domain, uint passed)
        {
            var at = Table + reference * 16;
            if (domain != 0)
            {
                _code.Store16(at + 4, domain);
            }
            else
            {
                _code.Asm.mov(eax, __dword_ptr[Own]);
                _code.Asm.mov(__word_ptr[at + 4], ax);
            }

            _code.Store(at + 8, passed);
            _code.Asm.mov(eax, __dword_ptr[Own]);
            _code.Asm.mov(__word_ptr[at + 2], ax);
            _code.Store16(at, Transitive);
        }

        public void RecordMap(string name, ulong address, uint reference, uint flags)
        {
            _code.Store(_argument, address);
            _code.Store(_argument + 8, flags | (ulong)reference << 32);
            _code.Store(_argument + 16, Operand.At(Own));
            _code.CallRecord(name, XenCall.GrantTableOp, Map, _argument, 1);
            RecordStatus(name, _argument + 18);
            var refused = _code.Asm.CreateLabel();
            _code.Asm.cmp(__word_ptr[_argument + 18], 0);
            _code.Asm.jne(refused);
            _code.Asm.mov(eax, __dword_ptr[_argument + 20]);
            _code.Asm.mov(__qword_ptr[_argument + 40], rax);
            _code.Asm.Label(ref refused);
            _code.Asm.nop();
        }

        public void RecordUnmap(string name, ulong address)
        {
            _code.Store(_argument, address);
            _code.Store(_argument + 8, 0);
            _code.Store(_argument + 16, Operand.At(_argument + 40));
            _code.CallRecord(name, XenCall.GrantTableOp, Unmap, _argument, 1);
            RecordStatus(name, _argument + 20);
        }

        public void RecordReplace(string name, ulong address, Operand newAddress, uint? handle = null)
        {
            _code.Store(_argument, address);
            _code.Store(_argument + 8, newAddress);
            _code.Store(_argument + 16, handle is { } wanted ? wanted : Operand.At(_argument + 40));
            _code.CallRecord(name, XenCall.GrantTableOp, UnmapAndReplace, _argument, 1);
            RecordStatus(name, _argument + 20);
        }

        public void RecordSwap(string name, uint one, uint other)
        {
            _code.Store(_argument, one | (ulong)other << 32);
            _code.Store(_argument + 8, 0x5555);
            _code.CallRecord(name, XenCall.GrantTableOp, Swap, _argument, 1);
            RecordStatus(name, _argument + 8);
        }

        public void RecordCopy(string name, uint reference, int offset, ulong page, int length, bool toGrant)
        {
            var (granted, plain) = toGrant ? (16UL, 0UL) : (0UL, 16UL);
            _code.Store(_argument + granted, reference);
            _code.Store(_argument + granted + 8, GuestCode.Self | (ulong)(uint)offset << 16);
            _code.Store(_argument + plain, Operand.Mfn(page));
            _code.Store(_argument + plain + 8, GuestCode.Self);
            _code.Store(_argument + 32, (uint)length | (toGrant ? 2UL : 1UL) << 16 | 0x5555UL << 32);
            _code.CallRecord(name, XenCall.GrantTableOp, Copy, _argument, 1);
            RecordStatus(name, _argument + 36);
        }

        private void MapFirst(ulong at)
        {
            _code.Asm.mov(rax, __qword_ptr[_frames]);
            _code.Asm.shl(rax, 12);
            _code.Asm.or(rax, 0x63);
            _code.UpdateVaMappingRecord("map the frame", at, rax, 2);
        }

        private void RecordStatus(string name, ulong at)
        {
            _code.Asm.movsx(rax, __word_ptr[at]);
            _code.Record(name + ": status", rax);
        }
    }
}
