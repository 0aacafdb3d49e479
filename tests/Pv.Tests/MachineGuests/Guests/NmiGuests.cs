using static Iced.Intel.AssemblerRegisters;
using V = Pv.Tests.MachineGuests.GuestVariables;

namespace Pv.Tests.MachineGuests.Guests;

/// <summary>NMIs that a vCPU sends, and the words of <c>sched_op</c> that say how a domain ends.</summary>
internal static class NmiGuests
{
    private const int Vector = 2;

    public static IEnumerable<MachineGuest> All =>
    [
        new("nmi-callback", "an NMI enters its callback with events masked, and none follows before iret", code =>
        {
            code.SetMask(0);
            code.VcpuOpRecord("argument", VcpuCommand.SendNmi, 0, 0x1000);
            code.VcpuOpRecord("nobody to hear it", VcpuCommand.SendNmi);
            code.RegisterCallback(CallbackType.Nmi, GuestCode.Runtime.Stub(Vector));
            code.Record("register", rax);
            code.Try("registered later", a => a.nop());
            code.Try("send", _ => Send(code));
            code.Record("rax", Operand.At(V.HandlerRax));
            code.RecordFrame("frame");
            code.RecordMask("mask after");
            code.SetMask(0);
            code.Try("send before iret", _ => Send(code));
            Return(code, "after iret");
            code.Record("mask in the second", Operand.At(V.HandlerMask));
            Return(code, "after the second iret");
            code.Try("send again", _ => Send(code));
            Return(code, "after the third iret");
            code.UnregisterCallback(CallbackType.Nmi);
            code.Record("unregister", rax);
            code.Try("unregistered", _ => Send(code));
        }),
        new("nmi-operation", "nmi_op, and an NMI's handler in the trap table", code =>
        {
            var address = code.Variable(GuestCode.Runtime.Stub(Vector));
            code.SetMask(0);
            code.CallRecord("unknown", XenCall.NmiOp, 9, address);
            code.CallRecord("bad pointer", XenCall.NmiOp, 0, 0x1000);
            code.CallRecord("unregister none", XenCall.NmiOp, 1, 0);
            code.CallRecord("register", XenCall.NmiOp, 0, address);
            code.Try("registered", _ => Send(code));
            Return(code, "back");
            code.CallRecord("unregister", XenCall.NmiOp, 1, 0);
            code.Store(address, 0x0001_0000_0000_0000UL);
            code.CallRecord("not canonical", XenCall.NmiOp, 0, address);
            code.InstallTraps();
            code.Try("by the table", _ => Send(code));
            code.RecordHandler("by the table");
            Return(code, "back again");
            code.CallRecord("unregister what the table has", XenCall.NmiOp, 1, 0);
            code.Try("nobody", _ => Send(code));
        }),
        new("nmi-user", "an NMI interrupts user code", code =>
        {
            code.InstallTraps();
            code.EnableUserMode();
            code.RegisterCallback(CallbackType.Nmi, GuestCode.Runtime.Stub(Vector));
            var (entry, start, ready) = (code.Asm.CreateLabel(), code.Asm.CreateLabel(), code.Variable());
            code.Asm.jmp(start);
            code.Asm.Label(ref entry);
            code.WaitFor(ready, 1);
            code.VcpuOp(VcpuCommand.SendNmi);
            code.VcpuOp(VcpuCommand.Down, 1);
            code.Asm.ud2();
            code.Asm.Label(ref start);
            code.VcpuOp(VcpuCommand.Initialise, 1, code.VcpuContext(entry, code.Pages(2) + 0x2000));
            code.VcpuOp(VcpuCommand.Up, 1);
            code.TryUser("user", a =>
            {
                var again = a.CreateLabel();
                a.nop();
                a.Label(ref again);
                a.mov(__qword_ptr[ready], 1);
                a.jmp(again);
            });
            code.Record("cs", Operand.At(V.FrameCs));
            code.RecordHandler("user", userStack: true);
        }) { Vcpus = 2 },
        new("sched-shutdown-code", "the code that was set before counts, whatever a shutdown says", code =>
        {
            var argument = code.Variable(0x105);
            code.CallRecord("bad pointer", XenCall.SchedOp, 5, 0x1000);
            code.CallRecord("code", XenCall.SchedOp, 5, argument);
            code.CallRecord("again", XenCall.SchedOp, 5, argument);
        }),
        new("sched-watchdog", "watchdogs: two of them, set, moved, ended; one that bites", code =>
        {
            var argument = code.Variable();
            void Watchdog(string name, uint id, uint seconds)
            {
                code.Store(argument, id | (ulong)seconds << 32);
                code.CallRecord(name, XenCall.SchedOp, 6, argument);
            }

            code.CallRecord("bad pointer", XenCall.SchedOp, 6, 0x1000);
            Watchdog("first", 0, 100);
            Watchdog("second", 0, 100);
            Watchdog("third", 0, 100);
            Watchdog("second off", 2, 0);
            Watchdog("second off again", 2, 0);
            Watchdog("moved the second, which is none", 2, 100);
            Watchdog("moved the first", 1, 200);
            Watchdog("number 3", 3, 1);
            Watchdog("another", 0, 1);
            code.Flush();
            Spin(code);
        }),
    ];

    private static void Send(GuestCode code) => code.VcpuOp(VcpuCommand.SendNmi);

    /// <summary>The handler's return, by the iret hypercall to the place behind; what comes then is recorded.</summary>
    private static void Return(GuestCode code, string name) => code.Try(name, a =>
    {
        var back = a.CreateLabel();
        code.EmitIret(back, GuestLayout.Cs64 & ~3UL, 0x202, GuestLayout.StackTop - 0x400, GuestLayout.Ss64);
        a.Label(ref back);
        a.mov(rsp, __qword_ptr[V.ResumeRsp]);
        a.nop();
    });

    private static void Spin(GuestCode code)
    {
        var again = code.Asm.CreateLabel();
        code.Asm.Label(ref again);
        code.Call(XenCall.SchedOp, 0, 0);
        code.Asm.jmp(again);
    }
}
