using static Iced.Intel.AssemblerRegisters;

namespace Pv.Tests.MachineGuests.Guests;

/// <summary>Every operation of <c>event_channel_op</c> on a port in every state.</summary>
internal static class EventStateGuests
{
    private const ulong Nobody = 0x7000;

    public static IEnumerable<MachineGuest> All =>
    [
        new("event-states", "every operation on a port in every state, two-level", code => EveryState(code)),
        new("fifo-states", "every operation on a port in every state, FIFO", code =>
        {
            var control = code.Pages();
            code.EventOpRecord("init", EventCommand.InitControl, Operand.Mfn(control), 0, 0);
            code.EventOpRecord("expand", EventCommand.ExpandArray, Operand.Mfn(code.Pages()));
            EveryState(code);
        }),
        new("event-bindings", "who may bind what: virtual interrupts by number and vCPU, domains, ports", code =>
        {
            for (ulong virq = 0; virq < 26; virq++)
            {
                foreach (var vcpu in (ulong[])[0, 1, 2, 8192])
                    code.EventOpRecord($"virq {virq} of {vcpu}", EventCommand.BindVirq, virq | vcpu << 32);
            }
            foreach (var virq in (ulong[])[0x7fff_ffff, 0x8000_0000, 0xffff_ffff])
                code.EventOpRecord($"virq {virq:x}", EventCommand.BindVirq, virq);
            foreach (var vcpu in (ulong[])[0, 1, 2, 31, 8191, 8192, 0xffff_ffff])
                code.EventOpRecord($"ipi of {vcpu:x}", EventCommand.BindIpi, vcpu);
            foreach (var (name, domain) in (ReadOnlySpan<(string, ulong)>)[("self", GuestCode.Self), ("dom0", 0), ("nobody", Nobody), ("io", 0x7ff1), ("xen", 0x7ff2), ("idle", 0x7fff), ("invalid", 0x7ff4), ("-1", 0xffff)])
            {
                code.EventOpRecord($"allocate in {name}", EventCommand.AllocUnbound, domain | GuestCode.Self << 16);
                code.EventOpRecord($"allocate for {name}", EventCommand.AllocUnbound, GuestCode.Self | domain << 16);
                code.EventOpRecord($"bind to {name}", EventCommand.BindInterdomain, domain | 900UL << 32);
                code.EventOpRecord($"bind to {name}, port 0", EventCommand.BindInterdomain, domain);
                code.EventOpRecord($"status in {name}", EventCommand.Status, domain | 900UL << 32);
                if (domain != GuestCode.Self)
                    code.EventOpRecord($"reset of {name}", EventCommand.Reset, domain);
            }
            foreach (var (name, pirq) in (ReadOnlySpan<(string, ulong)>)[("0", 0), ("1", 1), ("16", 16), ("47", 47), ("48", 48), ("55", 55), ("56", 56), ("64", 64), ("255", 255), ("2000", 2000), ("-1", 0xffff_ffff)])
            {
                code.EventOpRecord($"pirq {name}", EventCommand.BindPirq, pirq);
                code.EventOpRecord($"pirq {name}, shared", EventCommand.BindPirq, pirq | 1UL << 32);
            }
        }) { Vcpus = 2 },
        new("event-most", "a domain whose ports end at 31: how many it gets, and what then is refused", code =>
        {
            var full = code.Asm.CreateLabel();
            var next = code.Asm.CreateLabel();
            code.Asm.xor(r12d, r12d);
            code.Asm.Label(ref next);
            code.EventOp(EventCommand.BindIpi, 0);
            code.Asm.test(rax, rax);
            code.Asm.jne(full);
            code.Asm.inc(r12d);
            code.Asm.cmp(r12d, 100);
            code.Asm.jb(next);
            code.Asm.Label(ref full);
            code.Record("refusal", rax);
            code.Record("ports", r12);
            code.Record32("last", code.EventArgument + 4);
            code.EventOpRecord("allocate", EventCommand.AllocUnbound, GuestCode.Self | GuestCode.Self << 16);
            code.EventOpRecord("virq", EventCommand.BindVirq, 0);
            code.EventOpRecord("close", EventCommand.Close, 20);
            code.EventOpRecord("virq again", EventCommand.BindVirq, 0);
            code.Record32("its port", code.EventArgument + 8);
            foreach (var port in (ulong[])[31, 32, 33, 63, 64, 65, 127, 128])
                code.EventOpRecord($"status of {port}", EventCommand.Status, GuestCode.Self | port << 32);
        }) { MaxEventPort = 31 },
        new("fifo-frames", "init_control and expand_array: frames, offsets, vCPUs and pages that cannot be", code =>
        {
            var (control, table) = (code.Pages(), code.Pages());
            code.EventOpRecord("expand before", EventCommand.ExpandArray, Operand.Mfn(control));
            code.EventOpRecord("priority before", EventCommand.SetPriority, 1 | 3UL << 32);
            code.MakeReadOnly(table);
            code.MmuextRecord("pin", MmuextCommand.PinL1, Operand.Mfn(table));
            foreach (var (name, frame) in (ReadOnlySpan<(string, Operand)>)[("none", 0xfff_ffff_ffff), ("-1", -1), ("0", 0), ("a table", Operand.Mfn(table))])
                code.EventOpRecord($"control in {name}", EventCommand.InitControl, frame, 0, 0);
            foreach (var offset in (ulong[])[1, 4, 7, 4096 - 72 + 8, 4096 - 72 + 1, 4096, 0xffff_fff8])
                code.EventOpRecord($"control at {offset}", EventCommand.InitControl, Operand.Mfn(control), offset);
            foreach (var vcpu in (ulong[])[1, 2, 8192, 0xffff_ffff])
                code.EventOpRecord($"control of {vcpu}", EventCommand.InitControl, Operand.Mfn(control), 0 | vcpu << 32);
            code.EventOpRecord("control at the end", EventCommand.InitControl, Operand.Mfn(control), 4096 - 72);
            code.Record("its link bits", Operand.At(code.EventArgument + 16));
            code.EventOpRecord("control again", EventCommand.InitControl, Operand.Mfn(control), 0);
            foreach (var (name, frame) in (ReadOnlySpan<(string, Operand)>)[("none", 0xfff_ffff_ffff), ("-1", -1), ("0", 0), ("a table", Operand.Mfn(table)), ("the control block's", Operand.Mfn(control))])
                code.EventOpRecord($"array in {name}", EventCommand.ExpandArray, frame);
            code.EventOpRecord("the page is held", EventCommand.ExpandArray, Operand.Mfn(control));
            code.MakeReadOnly(control);
            code.MmuextRecord("pin the control block's", MmuextCommand.PinL1, Operand.Mfn(control));
            foreach (var priority in (ulong[])[0, 15, 16, 0xffff_ffff])
            {
                foreach (var port in (ulong[])[0, 1, 60, 64, 1023, 1024, 0xffff_ffff])
                    code.EventOpRecord($"priority {priority} of {port:x}", EventCommand.SetPriority, port | priority << 32);
            }
        }) { Vcpus = 2 },
    ];

    private static void EveryState(GuestCode code)
    {
        var (unbound, ipi) = (code.Variable(), code.BindIpi());
        var (port, sender) = code.BindLoop();
        var (foreign, virq, debug) = (code.Variable(), code.Variable(), code.Variable());
        var argument = code.EventArgument;
        code.EventOp(EventCommand.AllocUnbound, GuestCode.Self | GuestCode.Self << 16);
        Keep(unbound, argument + 4);
        code.EventOp(EventCommand.AllocUnbound, GuestCode.Self);
        Keep(foreign, argument + 4);
        code.EventOp(EventCommand.BindVirq, 0);
        Keep(virq, argument + 8);
        code.EventOp(EventCommand.BindVirq, 1);
        Keep(debug, argument + 8);
        (string Name, Operand Port)[] ports =
        [
            ("zero", 0), ("unbound", Operand.At(unbound)), ("dom0's", Operand.At(foreign)), ("interdomain", Operand.At(port)), ("sender", Operand.At(sender)),
            ("ipi", Operand.At(ipi)), ("virq", Operand.At(virq)), ("debug", Operand.At(debug)), ("closed", 60), ("beyond", 64), ("last", 1023), ("too high", 1024), ("-1", 0xffff_ffff),
        ];
        foreach (var (name, at) in ports)
        {
            code.EventOpRecord($"{name}: send", EventCommand.Send, at);
            Status(name, at);
            code.EventOpRecord($"{name}: unmask", EventCommand.Unmask, at);
            code.EventOpRecord($"{name}: priority", EventCommand.SetPriority, Word(at, 2));
            foreach (var vcpu in (ulong[])[0, 1, 2])
                code.EventOpRecord($"{name}: to vcpu {vcpu}", EventCommand.BindVcpu, Word(at, vcpu));
            code.Store(argument, GuestCode.Self);
            at.Load(code.Asm, rax);
            code.Asm.mov(__dword_ptr[argument + 4], eax);
            code.CallRecord($"{name}: bind to it", XenCall.EventChannelOp, (uint)EventCommand.BindInterdomain, argument);
            Status($"{name} then", at);
        }
        foreach (var (name, at) in ports)
        {
            code.EventOpRecord($"{name}: close", EventCommand.Close, at);
            Status($"{name} closed", at);
            code.EventOpRecord($"{name}: close again", EventCommand.Close, at);
        }

        void Keep(ulong variable, ulong from)
        {
            code.Asm.mov(eax, __dword_ptr[from]);
            code.Asm.mov(__qword_ptr[variable], rax);
        }

        Operand Word(Operand low, ulong high)
        {
            low.Load(code.Asm, rax);
            code.Asm.mov(rcx, high << 32);
            code.Asm.or(rax, rcx);
            return rax;
        }

        void Status(string name, Operand at)
        {
            for (ulong i = 0; i < 24; i += 8)
                code.Store(argument + i, 0);
            code.Store(argument, GuestCode.Self);
            at.Load(code.Asm, rax);
            code.Asm.mov(__dword_ptr[argument + 4], eax);
            code.CallRecord($"{name}: status", XenCall.EventChannelOp, (uint)EventCommand.Status, argument);
            code.Record($"{name}: state", Operand.At(argument + 8));
            // What an interdomain port says of its domain is its number, which is not the same everywhere.
            code.Record32($"{name}: of", argument + 20);
        }
    }
}
