using static Iced.Intel.AssemblerRegisters;
using V = Pv.Tests.MachineGuests.GuestVariables;

namespace Pv.Tests.MachineGuests.Guests;

/// <summary>Event channels and the upcall.</summary>
internal static class EventGuests
{
    private const int BindInterdomain = 0, BindVirq = 1, Close = 3, Send = 4, Status = 5, AllocUnbound = 6, BindIpi = 7, BindVcpu = 8, Unmask = 9,
        ResetOp = 10;

    private const ulong Pending = GuestLayout.SharedInfo + SharedInfoOffset.UpcallPending;

    public static IEnumerable<MachineGuest> All =>
    [
        new("event-upcall", "a notification is delivered as an upcall when the hypercall returns: its frame", code =>
        {
            var port = Prepare(code);
            foreach (ushort flags in (ushort[])[0, 1])
            {
                code.RegisterCallback(CallbackType.Event, GuestCode.Runtime.Stub(GuestRuntime.EventVector), flags);
                Quiesce(code);
                code.SetMask(0);
                code.Try($"send.{flags}", a =>
                {
                    code.SeedRegisters();
                    code.Call(XenCall.EventChannelOp, Send, port);
                });
                code.Record($"send.{flags}.rax", Operand.At(V.HandlerRax));
                code.Record($"send.{flags}.cs", Operand.At(V.FrameCs));
                code.RecordMasked($"send.{flags}.if", Operand.At(V.FrameFlags), 0x200);
                code.RecordHandler($"send.{flags}");
                code.RecordMasked($"send.{flags}.pending", Operand.At(Pending), 0xff);
                RecordSelector(code, $"send.{flags}");
            }
        }),
        new("event-masked", "a masked upcall waits; unmasking alone delivers nothing, the next hypercall does", code =>
        {
            var port = Prepare(code);
            code.SetMask(1);
            code.Try("send", a => code.Call(XenCall.EventChannelOp, Send, port));
            code.RecordMasked("pending", Operand.At(Pending), 0xff);
            RecordSelector(code, "masked");
            code.Try("unmask", a =>
            {
                code.SetMask(0);
                a.nop();
                code.Record("still here", 1);
                code.Call(XenCall.XenVersion, 0, 0);
            });
            code.Record("mask in handler", Operand.At(V.HandlerMask));
            code.Record("rax", Operand.At(V.HandlerRax));
        }),
        new("event-port-masked", "a masked port is pending without upcall; EVTCHNOP_unmask raises it", code =>
        {
            var port = Prepare(code);
            Quiesce(code);
            SetPortMask(code, port, set: true);
            code.SetMask(0);
            code.Try("send", a => code.Call(XenCall.EventChannelOp, Send, port));
            code.RecordMasked("pending", Operand.At(Pending), 0xff);
            RecordSelector(code, "send");
            RecordPortBit(code, "port pending", SharedInfoOffset.EventPending, port);
            code.Try("unmask", a => code.Call(XenCall.EventChannelOp, Unmask, port));
            code.RecordMasked("pending after", Operand.At(Pending), 0xff);
            RecordSelector(code, "after");
            RecordPortBit(code, "port masked after", SharedInfoOffset.EventMask, port);
        }),
        new("event-nested", "a handler that opens the mask is entered again below itself", code =>
        {
            var port = Prepare(code);
            var (hook, again, at, resume) = (code.Asm.CreateLabel(), code.Asm.CreateLabel(), code.Asm.CreateLabel(), code.Asm.CreateLabel());
            var (first, second) = (code.Variable(), code.Variable());
            Quiesce(code);
            code.SetMask(0);
            code.Store(V.Hook, hook);
            code.ArmResume(at, resume);
            code.Asm.Label(ref at);
            code.Call(XenCall.EventChannelOp, Send, port);
            code.Record("not reached", 1);
            code.Asm.Label(ref hook);
            code.Store(first, Operand.At(V.HandlerRsp));
            code.Store(V.Hook, again);
            Quiesce(code);
            code.SetMask(0);
            code.Call(XenCall.EventChannelOp, Send, port);
            code.Record("not reached, either", 1);
            code.Asm.Label(ref again);
            code.Store(second, Operand.At(V.HandlerRsp));
            code.Asm.mov(rsp, __qword_ptr[V.ResumeRsp]);
            code.Asm.Label(ref resume);
            code.RecordDifference("distance", Operand.At(first), Operand.At(second));
            code.Record("count", Operand.At(V.Count));
            code.RecordMask("mask");
        }),
        new("event-iret", "iret that opens the mask with an event pending goes to the upcall first", code =>
        {
            var port = Prepare(code);
            code.SetMask(1);
            code.Call(XenCall.EventChannelOp, Send, port);
            var (at, resume, target) = (code.Asm.CreateLabel(), code.Asm.CreateLabel(), code.Asm.CreateLabel());
            code.ArmResume(target, resume);
            code.Asm.Label(ref at);
            code.EmitIret(target, GuestLayout.Cs64 & ~3UL, 0x202, GuestLayout.StackTop - 0x200, GuestLayout.Ss64);
            code.Asm.Label(ref target);
            code.Record("passed", 1);
            code.Asm.Label(ref resume);
            code.Record("vector", Operand.At(V.Vector));
            code.RecordDifference("rip", Operand.At(V.FrameRip), Operand.At(V.TryRip));
            code.Record("rax", Operand.At(V.HandlerRax));
            code.Record("rcx", Operand.At(V.FrameRcx));
            code.Record("r11", Operand.At(V.FrameR11));
            code.Record("cs", Operand.At(V.FrameCs));
            code.RecordDifference("rsp", GuestLayout.StackTop, Operand.At(V.FrameRsp));
        }),
        new("event-user", "an upcall that interrupts user mode switches to the kernel's stack", code =>
        {
            var port = Prepare(code);
            code.InstallTraps();
            code.EnableUserMode();
            code.SetMask(1);
            code.Call(XenCall.EventChannelOp, Send, port);
            code.TryUser("user", a => code.Record("passed", 1));
            code.Record("rcx", Operand.At(V.FrameRcx));
            code.Record("cs", Operand.At(V.FrameCs));
            code.Record("ss", Operand.At(V.FrameSs));
            code.RecordDifference("rsp", GuestLayout.UserStackTop, Operand.At(V.FrameRsp));
            code.RecordHandler("user", userStack: true);
        }),
        new("event-no-callback", "a pending event without a callback costs the domain", code =>
        {
            var port = Ipi(code);
            code.SetMask(0);
            code.Record("before", 1);
            code.Flush();
            Quiesce(code);
            code.CallRecord("send", XenCall.EventChannelOp, Send, port);
            code.Record("after", 1);
        }),
        new("event-block", "SCHEDOP_block opens the mask and takes what is pending", code =>
        {
            var port = Prepare(code);
            code.SetMask(1);
            code.Call(XenCall.EventChannelOp, Send, port);
            code.Try("block", a => code.Call(XenCall.SchedOp, 1, 0));
            code.Record("rax", Operand.At(V.HandlerRax));
            code.Record("cs", Operand.At(V.FrameCs));
        }),
        new("event-poll", "SCHEDOP_poll: pending ports, time-outs and refusals, without opening the mask", code =>
        {
            var port = Prepare(code);
            code.SetMask(1);
            var ports = code.Variable();
            var poll = code.Table(ports, 1, 0);
            code.Store(ports, Operand.At(port));
            code.Call(XenCall.EventChannelOp, Send, port);
            code.CallRecord("pending", XenCall.SchedOp, 3, poll);
            code.RecordMask("mask");
            Quiesce(code);
            code.Store(poll + 16, 1);
            code.CallRecord("time passed", XenCall.SchedOp, 3, poll);
            code.Store32(poll + 8, 0);
            code.CallRecord("no ports, time passed", XenCall.SchedOp, 3, poll);
            code.Store32(poll + 8, 129);
            code.CallRecord("129 ports", XenCall.SchedOp, 3, poll);
            code.Store32(poll + 8, 1);
            code.Store32(ports, 5000);
            code.CallRecord("bad port", XenCall.SchedOp, 3, poll);
            code.Store(poll, 0x1000);
            code.CallRecord("bad pointer", XenCall.SchedOp, 3, poll);
            code.CallRecord("bad argument", XenCall.SchedOp, 3, 0x1000);
        }),
        new("event-operations", "event_channel_op: results and refusals", code =>
        {
            var op = code.Variable(0, 24);
            void Op(string name, int command, params ReadOnlySpan<ulong> words)
            {
                for (var i = 0; i < words.Length; i++)
                    code.Store(op + (ulong)i * 8, words[i]);
                code.CallRecord(name, XenCall.EventChannelOp, command, op);
            }

            Op("alloc self", AllocUnbound, GuestCode.Self | GuestCode.Self << 16);
            code.Asm.mov(eax, __dword_ptr[op + 4]);
            code.Record("port", rax);
            Op("alloc foreign", AllocUnbound, 0);
            Op("alloc no domain", AllocUnbound, GuestCode.Self | 0x7000UL << 16);
            Op("alloc bad domain", AllocUnbound, 0x7000);
            Op("bind interdomain self", BindInterdomain, GuestCode.Self | 3UL << 32);
            code.Asm.mov(eax, __dword_ptr[op + 8]);
            code.Record("bound port", rax);
            Op("bind again", BindInterdomain, GuestCode.Self | 3UL << 32);
            Op("bind closed", BindInterdomain, GuestCode.Self | 40UL << 32);
            Op("bind dom0", BindInterdomain, 0 | 1UL << 32);
            Op("bind no domain", BindInterdomain, 0x7000 | 1UL << 32);
            Op("bind bad port", BindInterdomain, GuestCode.Self | 5000UL << 32);
            Op("send closed", Send, 40);
            Op("send zero", Send, 0);
            Op("send out of range", Send, 5000);
            Op("send unbound", Send, 6);
            Op("close zero", Close, 0);
            Op("close closed", Close, 40);
            Op("close out of range", Close, 5000);
            Op("virq timer", BindVirq, 0);
            code.Asm.mov(eax, __dword_ptr[op + 8]);
            code.Record("virq port", rax);
            Op("virq timer again", BindVirq, 0);
            Op("virq debug", BindVirq, 1);
            Op("virq console", BindVirq, 2);
            Op("virq dom exc", BindVirq, 3);
            Op("virq 24", BindVirq, 24);
            Op("virq vcpu 1", BindVirq, 1UL << 32);
            Op("virq global on vcpu 1", BindVirq, 2 | 1UL << 32);
            Op("ipi", BindIpi, 0);
            Op("ipi vcpu 1", BindIpi, 1);
            Op("bind vcpu of ipi", BindVcpu, 7);
            Op("bind vcpu of interdomain", BindVcpu, 4);
            Op("bind vcpu 1", BindVcpu, 4 | 1UL << 32);
            Op("bind vcpu of closed", BindVcpu, 40);
            Op("unmask out of range", Unmask, 5000);
            Op("unmask closed", Unmask, 40);
            for (var port = 0; port < 8; port++)
            {
                Op($"status {port}", Status, GuestCode.Self | (ulong)port << 32, 0, 0);
                // Ports 1 and 2 are the daemons': bound when there are such.
                if (port is 1 or 2)
                    continue;
                code.Record($"status {port} kind", Operand.At(op + 8));
                // An interdomain port's detail holds a domain number beside the peer's port.
                if (port is 3 or 5)
                    code.RecordMasked($"status {port} detail", Operand.At(op + 16), 0xffff_ffff_0000_0000);
                else
                    code.Record($"status {port} detail", Operand.At(op + 16));
            }

            Op("status out of range", Status, GuestCode.Self | 5000UL << 32, 0, 0);
            Op("status of dom0", Status, 0 | 1UL << 32, 0, 0);
            Op("close peer", Close, 4);
            Op("status 3 after", Status, GuestCode.Self | 3UL << 32, 0, 0);
            code.Record("status 3 after kind", Operand.At(op + 8));
            Op("reset dom0", ResetOp, 0);
            Op("bind pirq", 2, 300);
            Op("set priority on 2-level", 13, 3 | 1UL << 32);
            Op("expand array on 2-level", 12, 1);
            Op("unknown", 40, 0);
            code.CallRecord("bad pointer", XenCall.EventChannelOp, Send, 0x1000);
        }),
        new("event-reuse", "a closed port is given out again, the lowest first", code =>
        {
            var op = code.Variable(0, 24);
            void Alloc(string name)
            {
                code.Store(op, GuestCode.Self);
                code.Call(XenCall.EventChannelOp, AllocUnbound, op);
                code.Asm.mov(eax, __dword_ptr[op + 4]);
                code.Record(name, rax);
            }

            Alloc("a");
            Alloc("b");
            Alloc("c");
            code.Store(op, 4);
            code.CallRecord("close", XenCall.EventChannelOp, Close, op);
            Alloc("d");
            Alloc("e");
        }),
        new("event-old-call", "the hypercalls of before 2005: event_channel_op and physdev_op by one structure", code =>
        {
            var op = code.Variable(0, 32);
            code.Store32(op, AllocUnbound);
            code.Store32(op + 4, 0x7ff0);
            code.CallRecord("alloc", XenCall.EventChannelOpCompat, op);
            code.Asm.mov(eax, __dword_ptr[op + 8]);
            code.Record("port", rax);
            code.Store32(op, 40);
            code.CallRecord("unknown", XenCall.EventChannelOpCompat, op);
            code.Store32(op, 6);
            code.Store32(op + 8, 1);
            code.CallRecord("iopl", XenCall.PhysdevOpCompat, op);
            code.Store32(op + 8, 9);
            code.CallRecord("iopl 9", XenCall.PhysdevOpCompat, op);
            code.CallRecord("yield", XenCall.SchedOpCompat, 0, 0);
            code.CallRecord("unknown sched", XenCall.SchedOpCompat, 9, 0);
        }),
    ];

    /// <summary>An IPI port to the vCPU itself and an event callback without flags.</summary>
    private static ulong Prepare(GuestCode code)
    {
        code.RegisterCallback(CallbackType.Event, GuestCode.Runtime.Stub(GuestRuntime.EventVector));
        return Ipi(code);
    }

    /// <summary>A variable that holds the port in its first four bytes.</summary>
    private static ulong Ipi(GuestCode code)
    {
        var bind = code.Variable();
        var port = code.Variable();
        code.Call(XenCall.EventChannelOp, BindIpi, bind);
        code.Asm.mov(eax, __dword_ptr[bind + 4]);
        code.Asm.mov(__qword_ptr[port], rax);
        code.Record("port", rax);
        Quiesce(code);
        return port;
    }

    /// <summary>Takes back everything pending, as an upcall handler does.</summary>
    private static void Quiesce(GuestCode code)
    {
        code.Store8(Pending, 0);
        code.Store(GuestLayout.SharedInfo + SharedInfoOffset.PendingSelector, 0);
        code.Store(GuestLayout.SharedInfo + SharedInfoOffset.EventPending, 0);
    }

    private static void RecordSelector(GuestCode code, string name)
        => code.Record(name + ".selector", Operand.At(GuestLayout.SharedInfo + SharedInfoOffset.PendingSelector));

    private static void SetPortMask(GuestCode code, ulong port, bool set)
    {
        code.Asm.mov(rcx, __qword_ptr[port]);
        if (set)
            code.Asm.bts(__qword_ptr[GuestLayout.SharedInfo + SharedInfoOffset.EventMask], rcx);
        else
            code.Asm.btr(__qword_ptr[GuestLayout.SharedInfo + SharedInfoOffset.EventMask], rcx);
    }

    private static void RecordPortBit(GuestCode code, string name, int offset, ulong port)
    {
        code.Asm.mov(rcx, __qword_ptr[port]);
        code.Asm.mov(rax, __qword_ptr[GuestLayout.SharedInfo + (ulong)offset]);
        code.Asm.shr(rax, cl);
        code.RecordMasked(name, rax, 1);
    }
}
