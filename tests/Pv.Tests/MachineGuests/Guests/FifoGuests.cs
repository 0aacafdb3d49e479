using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;
using V = Pv.Tests.MachineGuests.GuestVariables;

namespace Pv.Tests.MachineGuests.Guests;

/// <summary>Event channels by the FIFO ABI: control blocks, the array of event words, queues by priority.</summary>
internal static class FifoGuests
{
    private const int Pending = 31, Masked = 30, Linked = 29;
    private const ulong Upcall = GuestLayout.SharedInfo + SharedInfoOffset.UpcallPending, SecondUpcall = GuestLayout.SharedInfo + 64;
    private const int ReadyOffset = 0, HeadOffset = 8;

    public static IEnumerable<MachineGuest> All =>
    [
        new("fifo-operations", "init_control, expand_array and set_priority: results and refusals", code =>
        {
            var (block, second, array, spare) = (code.Pages(), code.Pages(), code.Pages(), code.Pages());
            code.EventOpRecord("expand before", EventCommand.ExpandArray, Operand.Mfn(array));
            code.EventOpRecord("expand before, bad frame", EventCommand.ExpandArray, 0xfff_ffff_ffffUL);
            code.EventOpRecord("priority before", EventCommand.SetPriority, 1 | 3UL << 32);
            code.EventOpRecord("priority before, bad port", EventCommand.SetPriority, 5000 | 3UL << 32);
            code.CallRecord("init bad pointer", XenCall.EventChannelOp, (uint)EventCommand.InitControl, 0x1000);
            code.EventOpRecord("init vcpu 2", EventCommand.InitControl, Operand.Mfn(block), 0 | 2UL << 32);
            code.EventOpRecord("init vcpu 2 bad offset", EventCommand.InitControl, Operand.Mfn(block), 4 | 2UL << 32);
            code.EventOpRecord("init misaligned", EventCommand.InitControl, Operand.Mfn(block), 4);
            code.EventOpRecord("init across the page", EventCommand.InitControl, Operand.Mfn(block), 0xfc0);
            code.EventOpRecord("init bad frame", EventCommand.InitControl, 0xfff_ffff_ffffUL, 0);
            code.EventOpRecord("init a page table", EventCommand.InitControl, Operand.At(code.TableBaseMfn()), 0);
            var argument = code.EventOp(EventCommand.InitControl, Operand.Mfn(block), 0xfb8, 0x5555_5555_5555_5555UL);
            code.Record("init", rax);
            code.Record("link bits", Operand.At(argument + 16));
            code.EventOpRecord("init again", EventCommand.InitControl, Operand.Mfn(block), 0);
            code.EventOpRecord("init vcpu 1", EventCommand.InitControl, Operand.Mfn(second), 0 | 1UL << 32);
            code.EventOpRecord("init vcpu 1 again", EventCommand.InitControl, Operand.Mfn(second), 0 | 1UL << 32);
            code.MakeReadOnly(second);
            code.MmuextRecord("control block as a table", MmuextCommand.PinL1, Operand.Mfn(second));
            code.EventOpRecord("expand bad frame", EventCommand.ExpandArray, 0xfff_ffff_ffffUL);
            code.EventOpRecord("expand a page table", EventCommand.ExpandArray, Operand.At(code.TableBaseMfn()));
            code.CallRecord("expand bad pointer", XenCall.EventChannelOp, (uint)EventCommand.ExpandArray, 0x1000);
            code.EventOpRecord("expand", EventCommand.ExpandArray, Operand.Mfn(array));
            code.MakeReadOnly(spare);
            code.EventOpRecord("expand by a page mapped read-only", EventCommand.ExpandArray, Operand.Mfn(spare));
            code.EventOpRecord("expand by the same page", EventCommand.ExpandArray, Operand.Mfn(array));
            foreach (var (port, priority) in new[] { (1, 0), (1, 15), (1, 16), (0, 3), (50, 3), (63, 3), (64, 3), (5000, 3), (1, -1) })
                code.EventOpRecord($"priority {priority} of {port}", EventCommand.SetPriority, (uint)port | (ulong)(uint)priority << 32);
            code.CallRecord("priority bad pointer", XenCall.EventChannelOp, (uint)EventCommand.SetPriority, 0x1000);
        }) { Vcpus = 2 },
        new("fifo-validity", "ports come by buckets: what a closed port, and one that is none, answers", code =>
        {
            var (port, poll) = (code.Variable(), code.Variable(0, 24));
            code.Store(poll, port);
            code.Store32(poll + 8, 1);
            code.Store(poll + 16, 1);
            foreach (var number in (uint[])[0, 50, 63, 64, 127, 128, 1023, 1024])
            {
                code.EventOpRecord($"status {number}", EventCommand.Status, GuestCode.Self | (ulong)number << 32);
                code.EventOpRecord($"unmask {number}", EventCommand.Unmask, (ulong)number);
                code.Store(port, (ulong)number);
                code.CallRecord($"poll {number}", XenCall.SchedOp, 3, poll);
            }

            BindMany(code, 70);
            code.EventOpRecord("status 127 after", EventCommand.Status, GuestCode.Self | 127UL << 32);
            code.EventOpRecord("status 128 after", EventCommand.Status, GuestCode.Self | 128UL << 32);
        }),
        new("fifo-events", "how events stand in words and queues: order, masks, unlinked tails", code =>
        {
            var fifo = new Fifo(code);
            var ports = Enumerable.Range(0, 4).Select(_ => code.BindIpi()).ToArray();
            void Words(string name)
            {
                for (var i = 0; i < ports.Length; i++)
                    fifo.RecordWord($"{name}: {"abcd"[i]}", ports[i]);
                fifo.RecordQueue(name, 7);
            }

            void Send(int which, string name)
            {
                code.EventOpRecord(name, EventCommand.Send, Operand.At(ports[which]));
                Words(name);
            }

            code.Record("a", Operand.At(ports[0]));
            Send(0, "before any block");
            fifo.InitControl();
            Words("after init");
            fifo.Expand();
            Words("after expand");
            Send(1, "send b");
            Send(1, "send b again");
            fifo.Set(ports[2], Masked);
            Send(2, "send masked c");
            Send(3, "send d");
            code.EventOpRecord("unmask c", EventCommand.Unmask, Operand.At(ports[2]));
            Words("unmask c");
            code.EventOpRecord("unmask c again", EventCommand.Unmask, Operand.At(ports[2]));
            Words("unmask c again");
            // The guest takes a, the head, as an upcall handler does, and hears of it again.
            fifo.Clear(ports[0], Linked);
            fifo.ClearLink(ports[0]);
            fifo.Clear(ports[0], Pending);
            Send(0, "a again, at the end");
            foreach (var port in ports)
            {
                fifo.Clear(port, Linked);
                fifo.ClearLink(port);
                fifo.Clear(port, Pending);
            }

            code.Store32(fifo.Block + ReadyOffset, 0);
            code.Store8(Upcall, 0);
            Send(3, "d after all were taken");
            code.EventOpRecord("close d", EventCommand.Close, Operand.At(ports[3]));
            Words("close d");
            ports[3] = code.BindIpi();
            code.Record("a linked port is not given out", Operand.At(ports[3]));
        }),
        new("fifo-priorities", "each priority has its queue; a linked port stays in the old one", code =>
        {
            var fifo = new Fifo(code);
            var (a, b, c) = (code.BindIpi(), code.BindIpi(), code.BindIpi());
            fifo.InitControl();
            fifo.Expand();
            fifo.SetPriority(a, 0);
            fifo.SetPriority(b, 15);
            Send("a at 0", a, 0);
            Send("b at 15", b, 15);
            Send("c at 7", c, 7);
            fifo.SetPriority(a, 3);
            Send("a at 3, linked in 0", a, 3);
            fifo.Take(a);
            Send("a at 3, taken", a, 3);
            fifo.RecordQueue("the old queue", 0);
            fifo.SetPriority(c, 0);
            fifo.Take(c);
            Send("c at 0", c, 0);
            Send("b at 15 again", b, 15);

            void Send(string name, ulong port, int queue)
            {
                code.EventOpRecord(name, EventCommand.Send, Operand.At(port));
                fifo.RecordWord(name, port);
                fifo.RecordQueue(name, queue);
            }
        }),
        new("fifo-move", "a port that moves to another vCPU goes to that one's queue once it was taken", code =>
        {
            var fifo = new Fifo(code);
            var second = code.Pages();
            var (a, sender) = code.BindLoop();
            var b = code.BindIpi();
            fifo.InitControl();
            fifo.Expand();
            void Show(string name)
            {
                fifo.RecordWord(name + ": a", a);
                fifo.RecordWord(name + ": b", b);
                fifo.RecordQueue(name, 7);
                code.Record32(name + ": ready of vcpu 1", second + ReadyOffset);
                code.Record32(name + ": head of vcpu 1", second + HeadOffset + 7 * 4);
                code.RecordMasked(name + ": upcall of vcpu 1", Operand.At(SecondUpcall), 0xff);
            }

            void BindVcpu(ulong port, ulong vcpu)
            {
                code.Asm.mov(rax, vcpu << 32);
                code.Asm.or(rax, __qword_ptr[port]);
                code.EventOpRecord($"bind to {vcpu}", EventCommand.BindVcpu, rax);
            }

            code.EventOp(EventCommand.Send, Operand.At(sender));
            Show("on 0");
            BindVcpu(a, 1);
            code.EventOp(EventCommand.Send, Operand.At(sender));
            Show("moved, linked");
            fifo.Take(a);
            code.EventOp(EventCommand.Send, Operand.At(sender));
            Show("moved, vcpu 1 has no block");
            code.EventOpRecord("init vcpu 1", EventCommand.InitControl, Operand.Mfn(second), 0 | 1UL << 32);
            Show("vcpu 1 has a block");
            code.EventOp(EventCommand.Send, Operand.At(sender));
            Show("moved");
            // The tail of the first queue is linked in the second one now: it must not lead there.
            code.EventOp(EventCommand.Send, Operand.At(b));
            Show("b");
            fifo.Take(a);
            BindVcpu(a, 0);
            code.EventOp(EventCommand.Send, Operand.At(sender));
            Show("back, behind b");
        }) { Vcpus = 2 },
        new("fifo-hostile", "words that the guest destroys lose its events and nothing else", code =>
        {
            var fifo = new Fifo(code);
            var (a, b, c) = (code.BindIpi(), code.BindIpi(), code.BindIpi());
            fifo.InitControl();
            fifo.Expand();
            void Send(string name, ulong port)
            {
                code.EventOpRecord(name, EventCommand.Send, Operand.At(port));
                foreach (var (letter, word) in new[] { ('a', a), ('b', b), ('c', c) })
                    fifo.RecordWord($"{name}: {letter}", word);
                fifo.RecordQueue(name, 7);
            }

            fifo.Store(a, 0xffff_ffff);
            Send("a, all ones", a);
            fifo.Store(a, 0x2001_ffff);
            Send("a, linked to the highest", a);
            Send("b", b);
            fifo.Store(b, 0x3001_ffff);
            Send("c behind b, which is busy and linked far", c);
            fifo.Store(c, 0x1001_ffff);
            Send("a again", a);
            fifo.Store(a, 0);
            fifo.Store(b, 0);
            code.Store32(fifo.Block + ReadyOffset, 0xffff_ffff);
            code.Store32(fifo.Block + HeadOffset + 7 * 4, 0xffff_ffff);
            Send("b, all ready", b);
            fifo.Store(c, 0x8fff_ffff);
            Send("c, no linked bit", c);
        }),
        new("fifo-one-page", "control block and words in one page, which is a page of the array twice", code =>
        {
            var fifo = new Fifo(code);
            var a = code.BindIpi();
            code.EventOpRecord("init", EventCommand.InitControl, Operand.Mfn(fifo.Array), 0);
            fifo.Expand();
            fifo.Expand();
            foreach (var round in (string[])["first", "second"])
            {
                code.EventOpRecord(round, EventCommand.Send, Operand.At(a));
                for (ulong i = 0; i < 16; i++)
                    code.Record32($"{round} {i}", fifo.Array + i * 4);
            }
        }),
        new("fifo-array-limit", "the array has 128 pages", code =>
        {
            var fifo = new Fifo(code);
            fifo.InitControl();
            var (again, failed) = (code.Asm.CreateLabel(), code.Asm.CreateLabel());
            code.Asm.xor(ebx, ebx);
            code.Asm.Label(ref again);
            code.EventOp(EventCommand.ExpandArray, Operand.Mfn(fifo.Array));
            code.Asm.test(rax, rax);
            code.Asm.jne(failed);
            code.Asm.inc(ebx);
            code.Asm.jmp(again);
            code.Asm.Label(ref failed);
            code.Record("result", rax);
            code.Record("pages", rbx);
        }),
        new("fifo-many", "more ports than the two-level ABI has, and events on the highest", code =>
        {
            var fifo = new Fifo(code);
            BindMany(code, 5000);
            fifo.InitControl();
            BindMany(code, 5000);
            for (var page = 0; page < 7; page++)
                code.EventOp(EventCommand.ExpandArray, Operand.Mfn(page == 4 ? fifo.Array : code.Pages()));
            code.EventOpRecord("send 4000", EventCommand.Send, 4000);
            code.EventOpRecord("send 5000", EventCommand.Send, 5000);
            fifo.RecordQueue("queue", 7);
            code.Record32("word", fifo.Array + (5000 - 4096) * 4);
            var console = NoteConsole(code);
            code.EventOpRecord("reset", EventCommand.Reset, GuestCode.Self);
            code.EventOpRecord("status 5000 after", EventCommand.Status, GuestCode.Self | 5000UL << 32);
            code.EventOpRecord("unmask 5000 after", EventCommand.Unmask, 5000);
            BindConsole(code, console);
        }) { MaxEventPort = 5500 },
        new("fifo-switch", "what is pending in the bitmaps goes over to the words, masks do not", code =>
        {
            var fifo = new Fifo(code);
            var (a, b) = (code.BindIpi(), code.BindIpi());
            code.Asm.mov(rcx, __qword_ptr[b]);
            code.Asm.bts(__qword_ptr[GuestLayout.SharedInfo + SharedInfoOffset.EventMask], rcx);
            code.EventOp(EventCommand.Send, Operand.At(b));
            code.Store8(Upcall, 0);
            fifo.InitControl();
            fifo.Expand();
            fifo.RecordWord("a", a);
            fifo.RecordWord("b", b);
            fifo.RecordQueue("queue", 7);
            fifo.Take(b);
            code.Asm.mov(rcx, __qword_ptr[a]);
            code.Asm.bts(__qword_ptr[GuestLayout.SharedInfo + SharedInfoOffset.EventMask], rcx);
            code.EventOp(EventCommand.Send, Operand.At(a));
            fifo.RecordWord("a sent", a);
            code.RecordMasked("bitmap", Operand.At(GuestLayout.SharedInfo + SharedInfoOffset.EventPending), 0xf8);
            var poll = code.Table(a, 1, 0);
            code.CallRecord("poll pending", XenCall.SchedOp, 3, poll);
            fifo.Take(a);
            code.Store(poll + 16, 1);
            code.CallRecord("poll not pending", XenCall.SchedOp, 3, poll);
        }),
        new("fifo-reset", "EVTCHNOP_reset closes everything, gives the pages back and returns to the bitmaps", code =>
        {
            var fifo = new Fifo(code);
            var a = code.BindIpi();
            fifo.InitControl();
            fifo.Expand();
            code.EventOp(EventCommand.Send, Operand.At(a));
            code.MakeReadOnly(fifo.Array);
            code.MakeReadOnly(fifo.Block);
            code.MmuextRecord("array as a table before", MmuextCommand.PinL1, Operand.Mfn(fifo.Array));
            var console = NoteConsole(code);
            code.EventOpRecord("reset", EventCommand.Reset, GuestCode.Self);
            code.MmuextRecord("block as a table", MmuextCommand.PinL1, Operand.Mfn(fifo.Block));
            code.MmuextRecord("unpin", MmuextCommand.Unpin, Operand.Mfn(fifo.Block));
            code.EventOpRecord("expand after", EventCommand.ExpandArray, Operand.Mfn(fifo.Array));
            code.EventOpRecord("status 1", EventCommand.Status, GuestCode.Self | 1UL << 32);
            code.Record32("status 1 kind", code.EventArgument + 8);
            code.EventOpRecord("send a", EventCommand.Send, Operand.At(a));
            BindConsole(code, console);
            code.MakeWritable(fifo.Array);
            code.MakeWritable(fifo.Block);
            code.EventOpRecord("init again", EventCommand.InitControl, Operand.Mfn(fifo.Block), 0);
            code.EventOpRecord("expand again", EventCommand.ExpandArray, Operand.Mfn(fifo.Array));
        }),
        new("fifo-upcall", "the upcall comes once for each time that the ready word was empty", code =>
        {
            code.RegisterCallback(CallbackType.Event, GuestCode.Runtime.Stub(GuestRuntime.EventVector));
            var fifo = new Fifo(code);
            var (a, b) = (code.BindIpi(), code.BindIpi());
            code.SetMask(1);
            fifo.InitControl();
            fifo.Expand();
            code.Store8(Upcall, 0);
            code.SetMask(0);
            code.Try("a", _ => code.EventOp(EventCommand.Send, Operand.At(a)));
            code.Record("rax", Operand.At(V.HandlerRax));
            fifo.RecordQueue("a", 7);
            code.Store8(Upcall, 0);
            code.SetMask(0);
            code.Try("b behind a", _ => code.EventOp(EventCommand.Send, Operand.At(b)));
            fifo.RecordQueue("b", 7);
            fifo.Take(a);
            fifo.Take(b);
            code.Store8(Upcall, 0);
            code.SetMask(0);
            code.Try("a, still ready", _ => code.EventOp(EventCommand.Send, Operand.At(a)));
            fifo.RecordQueue("still ready", 7);
        }),
    ];

    /// <summary>A variable that holds the port at the console's other end, which is needed again after a reset, to print.</summary>
    private static ulong NoteConsole(GuestCode code)
    {
        var remote = code.Variable();
        code.Asm.mov(rbx, __qword_ptr[V.ConsolePort]);
        code.Asm.shl(rbx, 32);
        code.Asm.or(rbx, (int)GuestCode.Self);
        var argument = code.EventOp(EventCommand.Status, rbx);
        code.Asm.mov(eax, __dword_ptr[argument + 20]);
        code.Asm.mov(__qword_ptr[remote], rax);
        return remote;
    }

    private static void BindConsole(GuestCode code, ulong remote)
    {
        var refused = code.Asm.CreateLabel();
        code.Asm.mov(rbx, __qword_ptr[remote]);
        code.Asm.shl(rbx, 32);
        var argument = code.EventOp(EventCommand.BindInterdomain, rbx);
        code.Asm.test(rax, rax);
        code.Asm.jne(refused);
        code.Asm.mov(eax, __dword_ptr[argument + 8]);
        code.Asm.mov(__qword_ptr[V.ConsolePort], rax);
        code.Asm.Label(ref refused);
    }

    private static void BindMany(GuestCode code, int count)
    {
        var (again, done) = (code.Asm.CreateLabel(), code.Asm.CreateLabel());
        code.Asm.xor(ebx, ebx);
        code.Asm.Label(ref again);
        code.Asm.cmp(ebx, count);
        code.Asm.je(done);
        var argument = code.EventOp(EventCommand.BindIpi, 0);
        code.Asm.test(rax, rax);
        code.Asm.jne(done);
        code.Asm.inc(ebx);
        code.Asm.jmp(again);
        code.Asm.Label(ref done);
        code.Record("last result", rax);
        code.Record("ports bound", rbx);
        code.Record32("last port", argument + 4);
    }

    /// <summary>A control block of vCPU 0 and one page of the array, whose ports are named by variables.</summary>
    private sealed class Fifo(GuestCode code)
    {
        public ulong Block { get; } = code.Pages();

        public ulong Array { get; } = code.Pages();

        public void InitControl() => code.EventOpRecord("init", EventCommand.InitControl, Operand.Mfn(Block), 0);

        public void Expand() => code.EventOpRecord("expand", EventCommand.ExpandArray, Operand.Mfn(Array));

        public void SetPriority(ulong port, uint priority)
        {
            code.Asm.mov(rax, (ulong)priority << 32);
            code.Asm.or(rax, __qword_ptr[port]);
            code.EventOpRecord($"priority {priority}", EventCommand.SetPriority, rax);
        }

        public void Set(ulong port, int bit) => code.Asm.bts(Word(port), (sbyte)bit);

        public void Clear(ulong port, int bit) => code.Asm.btr(Word(port), (sbyte)bit);

        public void ClearLink(ulong port) => code.Asm.and(Word(port), unchecked((int)0xfffe_0000));

        public void Store(ulong port, uint value) => code.Asm.mov(Word(port), value);

        /// <summary>As a guest does that has handled the port.</summary>
        public void Take(ulong port)
        {
            Clear(port, Linked);
            ClearLink(port);
            Clear(port, Pending);
        }

        public void RecordWord(string name, ulong port)
        {
            code.Asm.mov(eax, Word(port));
            code.Record(name + " word", rax);
        }

        public void RecordQueue(string name, int priority)
        {
            code.Record32(name + ": ready", Block + ReadyOffset);
            code.Record32($"{name}: head {priority}", Block + HeadOffset + (ulong)priority * 4);
            code.RecordMasked(name + ": upcall", Operand.At(Upcall), 0xff);
        }

        // Clobbers rdx.
        private AssemblerMemoryOperand Word(ulong port)
        {
            code.Asm.mov(rdx, __qword_ptr[port]);
            return __dword_ptr[rdx * 4 + unchecked((int)Array)];
        }
    }
}
