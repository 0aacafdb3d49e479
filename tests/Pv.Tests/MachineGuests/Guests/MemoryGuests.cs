using static Iced.Intel.AssemblerRegisters;

namespace Pv.Tests.MachineGuests.Guests;

/// <summary><c>memory_op</c>: exchanging frames, flags of reservations, maps and lists.</summary>
internal static class MemoryGuests
{
    private const int Increase = 0, Decrease = 1, Populate = 6, Exchange = 11;
    private const uint AddressBits30 = 30, AddressBits12 = 12, ExactNode = 0x2_0000, Node0 = 1 << 8, Node9 = 10 << 8;

    public static IEnumerable<MachineGuest> All =>
    [
        new("memory-exchange", "XENMEM_exchange gives up frames that nobody uses, and says how far it came", code =>
        {
            var exchange = new Exchanging(code);
            var pages = Enumerable.Range(0, 5).Select(_ => code.Pages()).ToArray();
            exchange.Give(pages);
            exchange.Record("mapped", 5, 5);
            code.UpdateVaMapping(pages[0], 0, 2);
            code.UpdateVaMapping(pages[1], 0, 2);
            code.UpdateVaMapping(pages[3], 0, 2);
            code.UpdateVaMapping(pages[4], 0, 2);
            exchange.Record("the third is mapped", 5, 5);
            exchange.Give(pages, skipFirst: 2);
            code.MakeReadOnly(pages[2]);
            exchange.Record("mapped read-only", 1, 1);
            code.Mmuext(MmuextCommand.PinL1, Operand.Mfn(pages[2]), 0);
            code.UpdateVaMapping(pages[2], 0, 2);
            exchange.Record("a page table", 1, 1);
            code.Unpin(pages[2]);
            exchange.Record("the last three", 3, 3);
            code.Record("the P2M's frame is not the guest's any more", MachineToPhysical(code, Operand.Mfn(pages[2])));
            exchange.Record("again", 3, 3);
            exchange.Give(pages, list: 0x1000);
            exchange.Record("list in a hole", 1, 1);
            exchange.Give(pages);
            exchange.Output = 0x1000;
            exchange.Record("answers in a hole", 1, 1);
            exchange.Output = null;
            code.CallRecord("bad pointer", XenCall.MemoryOp, Exchange, 0x1000);
            exchange.Record("none", 0, 0);
            exchange.Record("one done of none", 0, 0, done: 1);
            exchange.Record("unequal", 1, 2);
            exchange.Record("order 10", 1, 1, inOrder: 10, outOrder: 10);
            exchange.Record("order 60", 1, 1, inOrder: 60, outOrder: 60);
            exchange.Record("unlike domains", 1, 1, inDomain: GuestCode.Self, outDomain: 0);
            exchange.Record("dom0's", 1, 1, inDomain: 0, outDomain: 0);
            exchange.Record("nobody's", 1, 1, inDomain: 0x7000, outDomain: 0x7000);
            exchange.Record("too many", 0x1_0000_0000, 0x1_0000_0000);
            code.Store(exchange.Input, 0xfff_ffff_ffffUL);
            exchange.Record("no frame", 1, 1);
            code.Store(exchange.Input, Operand.At(code.TableBaseMfn()));
            exchange.Record("the base table", 1, 1);
        }),
        new("memory-exchange-bits", "an exchange's address bits, orders and what its frames are", code =>
        {
            var exchange = new Exchanging(code);
            // Eight pages aligned to their size, so that larger extents lie among them.
            var spare = code.Pages(16);
            var first = (spare + 0x7fff) & ~0x7fffUL;
            var pages = Enumerable.Range(0, 8).Select(i => first + (ulong)i * 0x1000).ToArray();
            foreach (var page in pages)
                code.UpdateVaMapping(page, 0, 2);
            exchange.Give(pages);
            exchange.OutFlags = AddressBits30;
            exchange.Record("below 1 GiB", 1, 1);
            code.Asm.mov(rax, __qword_ptr[exchange.Answers]);
            code.Asm.shr(rax, 18);
            code.Record("above it", rax);
            exchange.Give(pages, skipFirst: 1);
            exchange.OutFlags = AddressBits12;
            exchange.Record("below 4 KiB", 1, 1);
            exchange.OutFlags = 0;
            exchange.Record("four for one of four", 4, 1, outOrder: 2, from: 3);
            code.Asm.mov(rbx, __qword_ptr[exchange.Answers]);
            code.RecordMasked("aligned", rbx, 3);
            code.Asm.add(rbx, 3);
            code.Asm.mov(rdx, GuestLayout.MachineToPhysical);
            code.Asm.mov(rbx, __qword_ptr[rdx + rbx * 8]);
            code.RecordDifference("the last one's pfn", rbx, 0x333 + 3);
            code.Store(exchange.Input, Operand.At(exchange.Answers));
            for (ulong i = 0; i < 4; i++)
                code.Store(exchange.Answers + i * 8, 0x444 + i);
            exchange.Record("one of four for four", 1, 4, inOrder: 2, answersReady: true);
            code.Asm.mov(rbx, __qword_ptr[exchange.Answers + 16]);
            code.Asm.mov(rdx, GuestLayout.MachineToPhysical);
            code.Asm.mov(rbx, __qword_ptr[rdx + rbx * 8]);
            code.Record("the third one's pfn", rbx);
            code.Store(exchange.Argument + 64, 1);
            exchange.Record("done in the middle of an extent", 4, 1, outOrder: 2, done: 1);
        }),
        new("memory-reservation", "increase, decrease and populate: flags, frames in use, lists", code =>
        {
            var (argument, list) = (code.Variable(0, 32), code.Table(0, 0, 0, 0));
            void Reserve(string name, int command, ulong count, uint order = 0, uint flags = 0, ulong? at = null, ulong domain = GuestCode.Self)
            {
                code.Store(argument, at ?? list);
                code.Store(argument + 8, count);
                code.Store(argument + 16, order | (ulong)flags << 32);
                code.Store(argument + 24, domain);
                code.CallRecord(name, XenCall.MemoryOp, command, argument);
            }

            void Current(string name)
            {
                code.Store(argument, GuestCode.Self);
                code.CallRecord(name, XenCall.MemoryOp, 3, argument);
            }

            var pages = code.Pages(4);
            for (ulong i = 0; i < 4; i++)
                code.Store(list + i * 8, Operand.Mfn(pages + i * 0x1000));
            Reserve("decrease four, mapped", Decrease, 4);
            Current("reservation, while they are mapped");
            for (ulong i = 0; i < 4; i++)
                code.UpdateVaMapping(pages + i * 0x1000, 0, 2);
            Current("reservation");
            for (ulong i = 0; i < 4; i++)
                code.Store(list + i * 8, 0x500 + i);
            Reserve("populate, below 1 GiB", Populate, 1, flags: AddressBits30);
            Reserve("populate, below 4 KiB", Populate, 1, flags: AddressBits12);
            Reserve("populate, on node 0", Populate, 1, flags: Node0);
            Reserve("populate, on no such node", Populate, 1, flags: Node9);
            Reserve("populate, exactly there", Populate, 1, flags: Node9 | ExactNode);
            Reserve("populate on demand", Populate, 1, flags: 0x1_0000);
            code.Store(list, 0xffff_ffff_ffffUL);
            Reserve("populate at the end of numbers", Populate, 1);
            code.Store(list, ulong.MaxValue);
            Reserve("populate at the invalid number", Populate, 1);
            Reserve("increase without a list", Increase, 1, at: 0);
            Reserve("increase, list in a hole", Increase, 1, at: 0x1000);
            Current("reservation after the hole");
            Reserve("populate, list in a hole", Populate, 1, at: 0x1000);
            Reserve("increase", Increase, 2);
            code.Record("pfn of the increased", MachineToPhysical(code, Operand.At(list)));
            Reserve("decrease the increased", Decrease, 2);
            Reserve("decrease no order", Decrease, 1, order: 9);
            code.Store(list, Operand.At(code.TableBaseMfn()));
            Reserve("decrease the base table", Decrease, 1);
            code.Store(argument, Operand.At(code.TableBaseMfn()));
            Reserve("decrease with extents done", Decrease | 3 << 6, 2);
        }),
        new("memory-lists", "maps and lists of memory: lengths, places, whose they are", code =>
        {
            var (argument, buffer) = (code.Variable(0, 40), code.Variable(0, 512));
            void Two(string name, int command, ulong first, ulong second)
            {
                code.Store(argument, first);
                code.Store(argument + 8, second);
                code.CallRecord(name, XenCall.MemoryOp, command, argument);
            }

            foreach (var entries in (ulong[])[0, 1, 3200, 0xffff_ffff])
            {
                Two($"memory map of {entries}", 9, entries, buffer);
                code.Record32($"memory map of {entries}: entries", argument);
            }

            code.Record("begins at", Operand.At(buffer));
            code.Record("is long", Operand.At(buffer + 8));
            code.Record32("kind", buffer + 16);
            Two("memory map in a hole", 9, 4, 0x1000);
            code.CallRecord("memory map, bad pointer", XenCall.MemoryOp, 9, 0x1000);
            code.CallRecord("machphys mapping, bad pointer", XenCall.MemoryOp, 12, 0x1000);
            foreach (var extents in (ulong[])[0, 1])
            {
                code.Store(argument, extents);
                code.Store(argument + 8, buffer);
                code.Store(argument + 16, 0x5555_5555UL);
                code.CallRecord($"machphys list of {extents}", XenCall.MemoryOp, 5, argument);
                code.Record32($"machphys list of {extents}: got", argument + 16);
            }

            Two("machphys list in a hole", 5, 1, 0x1000);
            code.CallRecord("machphys list, bad pointer", XenCall.MemoryOp, 5, 0x1000);
            code.Store(argument, GuestCode.Self);
            code.Store(argument + 8, 0);
            code.Store(argument + 16, buffer);
            code.CallRecord("set memory map of none", XenCall.MemoryOp, 13, argument);
            Two("memory map then", 9, 4, buffer);
            code.Store(argument + 8, 1000);
            code.Store(argument, 0);
            code.CallRecord("set memory map of dom0", XenCall.MemoryOp, 13, argument);
            code.Store(argument, 0x7000);
            code.CallRecord("set memory map of nobody", XenCall.MemoryOp, 13, argument);
            code.CallRecord("set memory map, bad pointer", XenCall.MemoryOp, 13, 0x1000);
            foreach (var (name, domain) in new[] { ("own", GuestCode.Self), ("dom0's", 0UL), ("nobody's", 0x7000UL) })
            {
                foreach (var command in (int[])[3, 4, 14])
                {
                    if (name == "own" && command == 3)
                        continue;
                    code.Store(argument, domain);
                    code.CallRecord($"{command} {name}", XenCall.MemoryOp, command, argument);
                }

                code.Store(argument, buffer);
                code.Store(argument + 8, 4);
                code.Store(argument + 16, 0);
                code.Store(argument + 24, domain);
                code.CallRecord($"claim {name}", XenCall.MemoryOp, 24, argument);
            }

            code.CallRecord("claim, bad pointer", XenCall.MemoryOp, 24, 0x1000);
        }),
    ];

    private static Operand MachineToPhysical(GuestCode code, Operand frame)
    {
        frame.Load(code.Asm, rbx);
        code.Asm.mov(rdx, GuestLayout.MachineToPhysical);
        code.Asm.mov(rbx, __qword_ptr[rdx + rbx * 8]);
        return rbx;
    }

    /// <summary>The argument of <c>XENMEM_exchange</c> with its two lists.</summary>
    private sealed class Exchanging
    {
        private readonly GuestCode _code;
        private ulong _list;

        public Exchanging(GuestCode code)
        {
            _code = code;
            (Argument, Input, Answers) = (code.Variable(0, 72), code.Variable(0, 128), code.Variable(0, 128));
            _list = Input;
        }

        public ulong Argument { get; }

        public ulong Input { get; }

        public ulong Answers { get; }

        /// <summary>Where the answers go instead.</summary>
        public ulong? Output { get; set; }

        public uint OutFlags { get; set; }

        public void Give(ulong[] pages, int skipFirst = 0, ulong? list = null)
        {
            _list = list ?? Input;
            for (var i = skipFirst; i < pages.Length; i++)
                _code.Store(Input + (ulong)(i - skipFirst) * 8, Operand.Mfn(pages[i]));
        }

        public void Record(
            string name, ulong inCount, ulong outCount, uint inOrder = 0, uint outOrder = 0, ulong done = 0, ulong inDomain = GuestCode.Self,
            ulong outDomain = GuestCode.Self, int from = 0, bool answersReady = false)
        {
            if (!answersReady)
            {
                for (ulong i = 0; i < 8; i++)
                    _code.Store(Answers + i * 8, 0x333 + i);
            }

            _code.Store(Argument, _list + (ulong)from * 8);
            _code.Store(Argument + 8, inCount);
            _code.Store(Argument + 16, (ulong)inOrder);
            _code.Store(Argument + 24, inDomain);
            _code.Store(Argument + 32, Output ?? Answers);
            _code.Store(Argument + 40, outCount);
            _code.Store(Argument + 48, outOrder | (ulong)OutFlags << 32);
            _code.Store(Argument + 56, outDomain);
            _code.Store(Argument + 64, done);
            _code.CallRecord(name, XenCall.MemoryOp, Exchange, Argument);
            _code.Record(name + ": exchanged", Operand.At(Argument + 64));
        }
    }
}
