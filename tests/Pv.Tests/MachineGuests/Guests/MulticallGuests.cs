using static Iced.Intel.AssemblerRegisters;

namespace Pv.Tests.MachineGuests.Guests;

/// <summary><c>multicall</c> where a list is not as it should be, and where its calls change the list or the vCPU.</summary>
internal static class MulticallGuests
{
    private const ulong EntrySize = 64, Result = 8, Arguments = 16, Untouched = 0x5555;

    // XENVER_pagesize: a call that answers something of its own, 0x1000.
    private const ulong PageSizeOperation = 7;

    public static IEnumerable<MachineGuest> All =>
    [
        new("multicall-holes", "a list that leads into a page that is not mapped, or not writable, at every place", code =>
        {
            var pages = code.Pages(2);
            foreach (var (kind, entry) in (ReadOnlySpan<(string, Operand)>)
                [("hole", 0), ("read-only", Operand.Entry(pages + 0x1000, GuestCode.ReadOnly)), ("writable", Operand.Entry(pages + 0x1000, GuestCode.Writable))])
            {
                // The list begins so far before the second page: whole entries, and entries that lie in both.
                foreach (var before in (ulong[])[0, 8, 16, 24, 64, 72, 80, 128, 136, 192])
                {
                    var name = $"{kind} after {before}";
                    code.UpdateVaMapping(pages + 0x1000, Operand.Entry(pages + 0x1000, GuestCode.Writable), 2);
                    var list = pages + 0x1000 - before;
                    for (ulong i = 0; i < 3; i++)
                        Entry(code, list + i * EntrySize, XenCall.XenVersion, PageSizeOperation, 0);
                    code.UpdateVaMapping(pages + 0x1000, entry, 2);
                    code.CallRecord(name, XenCall.Multicall, list, 3);
                    code.UpdateVaMapping(pages + 0x1000, Operand.Entry(pages + 0x1000, GuestCode.Writable), 2);
                    for (ulong i = 0; i < 3; i++)
                        code.Record($"{name}: {i}", Operand.At(list + i * EntrySize + Result));
                }
            }
        }),
        new("multicall-effects", "what was done before a fault stays done, and what follows is not", code =>
        {
            var (pages, effects) = (code.Pages(2), code.Pages(1));
            var list = pages + 0x1000 - 2 * EntrySize;
            for (ulong i = 0; i < 2; i++)
                Entry(code, list + i * EntrySize, XenCall.XenVersion, 5, effects + i * 8);
            code.UpdateVaMapping(pages + 0x1000, 0, 2);
            code.CallRecord("third in a hole", XenCall.Multicall, list, 3);
            code.Record("first stored", Operand.At(effects));
            code.Record("second stored", Operand.At(effects + 8));
            code.Store(effects, 0);
            code.Store(effects + 8, 0);
            code.MakeReadOnly(pages);
            code.CallRecord("read-only", XenCall.Multicall, list, 2);
            code.Record("first stored, though", Operand.At(effects));
            code.Record("second not", Operand.At(effects + 8));
            code.MakeWritable(pages);
            code.CallRecord("long list, short memory", XenCall.Multicall, list, 0xffff_ffff);
            code.CallRecord("too long", XenCall.Multicall, list, 0x1_0000_0000);
            code.CallRecord("count of 2^32 + 1", XenCall.Multicall, list, 0x1_0000_0001);
            code.CallRecord("at the end of memory", XenCall.Multicall, -64, 2);
            code.CallRecord("across the end of memory", XenCall.Multicall, -32, 1);
            code.CallRecord("non-canonical", XenCall.Multicall, 0x8000_0000_0000, 1);
            code.CallRecord("none of a bad list", XenCall.Multicall, 0x8000_0000_0000, 0);
            code.CallRecord("none of the hypervisor's", XenCall.Multicall, 0xffff_8300_0000_0000, 0);
        }),
        new("multicall-own-list", "calls that change the list that they are in", code =>
        {
            var pages = code.Pages(2);
            // The first stores eight bytes over the second's number, then over its result, then over its own entry.
            foreach (var (name, target) in (ReadOnlySpan<(string, ulong)>)[("next number", EntrySize), ("next result", EntrySize + Result), ("own result", Result), ("own number", 0)])
            {
                Entry(code, pages, XenCall.XenVersion, 5, pages + target);
                Entry(code, pages + EntrySize, XenCall.XenVersion, PageSizeOperation, 0);
                code.CallRecord(name, XenCall.Multicall, pages, 2);
                RecordEntry(code, $"{name}: first", pages);
                RecordEntry(code, $"{name}: second", pages + EntrySize);
            }
            // The first takes the list's page away, or the right to write to it.
            foreach (var (name, flags) in (ReadOnlySpan<(string, ulong)>)[("unmaps", 0), ("protects", GuestCode.ReadOnly)])
            {
                Entry(code, pages, XenCall.UpdateVaMapping, pages, 0, 2);
                if (flags != 0)
                    code.Store(pages + Arguments + 8, Operand.Entry(pages, flags));
                Entry(code, pages + EntrySize, XenCall.XenVersion, PageSizeOperation, 0);
                code.CallRecord(name, XenCall.Multicall, pages, 2);
                code.UpdateVaMapping(pages, Operand.Entry(pages, GuestCode.Writable), 2);
                RecordEntry(code, $"{name}: first", pages);
                RecordEntry(code, $"{name}: second", pages + EntrySize);
            }
        }),
        new("multicall-numbers", "what the entries of a list may ask for, and in how many bits", code =>
        {
            var list = code.Pages(2);
            (string, ulong)[] numbers =
            [
                ("64", 64), ("2^32 + version", 0x1_0000_0011), ("-1", ulong.MaxValue), ("11", 11), ("multicall", 13), ("hvm_op", 34), ("tmem", 38), ("argo", 39), ("dm_op", 41),
                ("arch 1", 49), ("compat sched", 6), ("domctl", 36), ("sysctl", 35), ("platform", 7), ("mca", 48), ("kexec", 37), ("xsm", 27),
            ];
            for (var i = 0; i < numbers.Length; i++)
                Entry(code, list + (ulong)i * EntrySize, (XenCall)0, 0, 0);
            for (var i = 0; i < numbers.Length; i++)
                code.Store(list + (ulong)i * EntrySize, numbers[i].Item2);
            code.CallRecord("all", XenCall.Multicall, list, numbers.Length);
            for (var i = 0; i < numbers.Length; i++)
                code.Record(numbers[i].Item1, Operand.At(list + (ulong)i * EntrySize + Result));
            // A result of one whose type is shorter than a register, in an entry and alone.
            var watchdog = code.Variable(0 | 1000UL << 32);
            for (ulong i = 0; i < 3; i++)
                Entry(code, list + i * EntrySize, XenCall.SchedOp, 6, watchdog);
            code.CallRecord("watchdogs", XenCall.Multicall, list, 3);
            for (ulong i = 0; i < 3; i++)
                code.Record($"watchdog {i}", Operand.At(list + i * EntrySize + Result));
            code.CallRecord("watchdog alone", XenCall.SchedOp, 6, watchdog);
        }),
        new("multicall-arguments", "an entry keeps its number and arguments, unless its call must go on", code =>
        {
            var list = code.Pages();
            Entry(code, list, XenCall.XenVersion, PageSizeOperation, 0, 3, 4, 5, 6);
            Entry(code, list + EntrySize, XenCall.StackSwitch, GuestLayout.Ss64, GuestLayout.KernelStackTop, 0x33, 0x44, 0x55, 0x66);
            code.CallRecord("calls", XenCall.Multicall, list, 2);
            for (ulong i = 0; i < 2; i++)
            {
                for (ulong word = 0; word < 8; word++)
                    code.Record($"{i}: {word}", Operand.At(list + i * EntrySize + word * 8));
            }
            code.Asm.mov(rdi, list);
            code.Asm.mov(rsi, 2UL);
            code.Asm.mov(eax, (uint)XenCall.Multicall);
            code.Asm.syscall();
            code.RecordDifference("list register", rdi, list);
            code.Record("count register", rsi);
        }),
        new("multicall-iret", "iret inside a list ends it", code =>
        {
            var list = code.Pages();
            Entry(code, list, XenCall.XenVersion, PageSizeOperation, 0);
            Entry(code, list + EntrySize, XenCall.Iret);
            Entry(code, list + 2 * EntrySize, XenCall.XenVersion, PageSizeOperation, 0);
            var back = code.Asm.CreateLabel();
            code.Asm.mov(__qword_ptr[GuestVariables.SecondScratch], rsp);
            foreach (var operand in new Operand[] { (ulong)GuestLayout.Ss64, Operand.At(GuestVariables.SecondScratch), 0x202, 0xe030, back, 0, 0xa2, 0xa3, 0xa1 })
            {
                operand.Load(code.Asm, rax);
                code.Asm.push(rax);
            }
            code.Call(XenCall.Multicall, list, 3);
            code.Record("went on", 1);
            code.Asm.Label(ref back);
            code.Record("rax", rax);
            code.Record("rcx", rcx);
            code.Record("r11", r11);
            for (ulong i = 0; i < 3; i++)
                code.Record($"result {i}", Operand.At(list + i * EntrySize + Result));
            code.CallRecord("a list afterwards", XenCall.Multicall, list, 1);
        }),
        new("multicall-waits", "a list whose calls yield, poll and block goes on behind them", code =>
        {
            var list = code.Pages();
            var port = code.BindIpi();
            var poll = code.Table(port, 1, 0);
            code.Store(poll, port);
            var time = code.Variable();
            code.RegisterCallback(CallbackType.Event, GuestCode.Runtime.Stub(GuestRuntime.EventVector));
            Entry(code, list, XenCall.SchedOp, 0, 0);
            Entry(code, list + EntrySize, XenCall.EventChannelOp, 4, port);
            Entry(code, list + 2 * EntrySize, XenCall.SchedOp, 3, poll);
            Entry(code, list + 3 * EntrySize, XenCall.XenVersion, PageSizeOperation, 0);
            Entry(code, list + 4 * EntrySize, XenCall.SchedOpCompat, 0, 0);
            Entry(code, list + 5 * EntrySize, XenCall.XenVersion, PageSizeOperation, 0);
            code.CallRecord("all", XenCall.Multicall, list, 6);
            for (ulong i = 0; i < 6; i++)
                code.Record($"result {i}", Operand.At(list + i * EntrySize + Result));
            // Polls until a time, with others behind it.
            code.Asm.mov(rax, __qword_ptr[GuestLayout.SharedInfo + SharedInfoOffset.SystemTime]);
            code.Asm.add(rax, 50_000_000);
            code.Asm.mov(__qword_ptr[time], rax);
            var timed = code.Table(0, 0, 0);
            code.Store(timed + 16, Operand.At(time));
            Entry(code, list, XenCall.SchedOp, 3, timed);
            Entry(code, list + EntrySize, XenCall.XenVersion, PageSizeOperation, 0);
            code.CallRecord("poll until", XenCall.Multicall, list, 2);
            code.Record("poll's result", Operand.At(list + Result));
            code.Record("the next one's", Operand.At(list + EntrySize + Result));
        }),
    ];

    private static void Entry(GuestCode code, ulong at, XenCall call, params ReadOnlySpan<ulong> arguments)
    {
        code.Store(at, (int)call);
        code.Store(at + Result, Untouched);
        for (var i = 0; i < arguments.Length; i++)
            code.Store(at + Arguments + (ulong)i * 8, arguments[i]);
    }

    private static void RecordEntry(GuestCode code, string name, ulong at)
    {
        code.Record($"{name} is", Operand.At(at));
        code.Record($"{name} has", Operand.At(at + Result));
    }
}
