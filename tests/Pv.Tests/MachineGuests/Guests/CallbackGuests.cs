using static Iced.Intel.AssemblerRegisters;
using V = Pv.Tests.MachineGuests.GuestVariables;

namespace Pv.Tests.MachineGuests.Guests;

/// <summary>Callbacks: registration, the system call entry, the failsafe.</summary>
internal static class CallbackGuests
{
    public static IEnumerable<MachineGuest> All =>
    [
        new("callback-operations", "callback_op: what each type answers", code =>
        {
            for (ushort type = 0; type < 10; type++)
            {
                code.RegisterCallback((CallbackType)type, GuestCode.Runtime.Stub(GuestRuntime.OtherSyscallVector));
                code.Record($"register {type}", rax);
                code.UnregisterCallback((CallbackType)type);
                code.Record($"unregister {type}", rax);
            }

            code.RegisterCallback(CallbackType.Syscall, 0x8000_0000_0000UL);
            code.Record("non-canonical", rax);
            code.RegisterCallback(CallbackType.Syscall, 0);
            code.Record("zero", rax);
            code.RegisterCallback(CallbackType.Event, GuestCode.Runtime.Stub(GuestRuntime.EventVector), 0xfffe);
            code.Record("unknown flags", rax);
            code.CallRecord("unknown command", XenCall.CallbackOp, 2, 0);
            code.CallRecord("bad pointer", XenCall.CallbackOp, 0, 0x1000);
            code.CallRecord("set_callbacks", XenCall.SetCallbacks, 0x1000, 0x2000, 0x3000);
            code.CallRecord("set_callbacks non-canonical", XenCall.SetCallbacks, 0x8000_0000_0000UL, 0, 0);
            code.CallRecord("nmi_op register", XenCall.NmiOp, 0, 0);
            code.CallRecord("nmi_op unregister", XenCall.NmiOp, 1, 0);
            code.CallRecord("nmi_op unknown", XenCall.NmiOp, 2, 0);
        }),
        new("callback-set", "set_callbacks registers event, failsafe and syscall at once, without mask flags", code =>
        {
            code.InstallTraps();
            code.EnableUserMode(callbackFlags: 1);
            code.CallRecord("set", XenCall.SetCallbacks, GuestCode.Runtime.Stub(GuestRuntime.EventVector),
                GuestCode.Runtime.Stub(GuestRuntime.FailsafeVector), GuestCode.Runtime.Stub(GuestRuntime.OtherSyscallVector));
            code.TryUser("syscall", a => a.nop());
            code.Record("syscall mask", Operand.At(V.HandlerMask));
            var bind = code.Variable();
            code.Call(XenCall.EventChannelOp, 7, bind);
            code.Asm.mov(eax, __dword_ptr[bind + 4]);
            code.Asm.mov(__qword_ptr[bind], rax);
            code.SetMask(0);
            code.Try("event", a => code.Call(XenCall.EventChannelOp, 4, bind));
            code.Record("event mask", Operand.At(V.HandlerMask));
        }),
        new("callback-syscall-mask", "CALLBACKF_mask_events at the system call entry", code =>
        {
            code.InstallTraps();
            foreach (ushort flags in (ushort[])[0, 1])
            {
                code.EnableUserMode(flags);
                foreach (var interrupts in (ulong[])[0x202, 0x002])
                {
                    code.TryUser($"flags {flags} if {interrupts:x}", a => a.nop(), interrupts);
                    code.Record($"flags {flags} if {interrupts:x} cs", Operand.At(V.FrameCs));
                    code.RecordMasked($"flags {flags} if {interrupts:x} rflags", Operand.At(V.FrameFlags), 0x200);
                    code.Record($"flags {flags} if {interrupts:x} mask", Operand.At(V.HandlerMask));
                }
            }
        }),
        new("callback-no-syscall", "a user's system call without a callback", code =>
        {
            code.InstallTraps();
            code.EnableUserMode();
            code.UnregisterCallback(CallbackType.Syscall);
            code.RegisterCallback(CallbackType.Syscall, 0);
            code.Record("zero", rax);
            code.Flush();
            code.TryUser("syscall", a => a.nop());
        }),
        new("failsafe", "a selector that iret cannot load is a protection fault of the guest where it was to go, not a matter of the failsafe callback", code =>
        {
            code.InstallTraps();
            code.RegisterCallback(CallbackType.Failsafe, GuestCode.Runtime.Stub(GuestRuntime.FailsafeVector));
            code.SetMask(0);
            Failsafe(code, "bad cs", 0x00fb, GuestLayout.Ss64);
            Failsafe(code, "bad ss", GuestLayout.Cs64, 0x00fb);
            Failsafe(code, "null ss", GuestLayout.Cs64, 0);
            Failsafe(code, "data as cs", GuestLayout.Ss64, GuestLayout.Ss64);
            code.RegisterCallback(CallbackType.Failsafe, GuestCode.Runtime.Stub(GuestRuntime.FailsafeVector), 1);
            Failsafe(code, "masking", 0x00fb, GuestLayout.Ss64);
        }),
        new("failsafe-non-canonical", "an address that iret cannot go to", code =>
        {
            code.InstallTraps();
            code.RegisterCallback(CallbackType.Failsafe, GuestCode.Runtime.Stub(GuestRuntime.FailsafeVector));
            var (at, resume) = (code.Asm.CreateLabel(), code.Asm.CreateLabel());
            code.ArmResume(at, resume);
            code.Asm.Label(ref at);
            code.EmitIret(0x8000_0000_0000UL, GuestLayout.Cs64 & ~3UL, 0x202, GuestLayout.StackTop - 0x400, GuestLayout.Ss64);
            code.Asm.Label(ref resume);
            code.Record("vector", Operand.At(V.Vector));
            code.Record("error", Operand.At(V.FrameError));
            code.Record("rip", Operand.At(V.FrameRip));
            code.Record("cs", Operand.At(V.FrameCs));
        }),
        new("failsafe-none", "without a failsafe callback such an iret costs the domain", code =>
        {
            code.InstallTraps();
            code.Record("before", 1);
            code.Flush();
            code.EmitIret(0x1000, 0xf8, 0x202, GuestLayout.StackTop - 0x400, GuestLayout.Ss64);
        }),
    ];

    private static void Failsafe(GuestCode code, string name, ulong selector, ulong stackSelector)
    {
        var (at, resume, target) = (code.Asm.CreateLabel(), code.Asm.CreateLabel(), code.Asm.CreateLabel());
        code.SetMask(0);
        code.ArmResume(target, resume);
        code.Asm.Label(ref at);
        code.EmitIret(target, selector & ~3UL, 0x202, GuestLayout.StackTop - 0x400, stackSelector);
        code.Asm.Label(ref target);
        code.Record(name + " passed", 1);
        code.Asm.Label(ref resume);
        code.Record(name + ".vector", Operand.At(V.Vector));
        code.RecordDifference(name + ".rip", Operand.At(V.FrameRip), Operand.At(V.TryRip));
        code.Record(name + ".cs", Operand.At(V.FrameCs));
        code.Record(name + ".rflags", Operand.At(V.FrameFlags));
        code.Record(name + ".ss", Operand.At(V.FrameSs));
        code.RecordDifference(name + ".rsp", GuestLayout.StackTop, Operand.At(V.FrameRsp));
        code.Record(name + ".error", Operand.At(V.FrameError));
        code.Record(name + ".rcx", Operand.At(V.FrameRcx));
        code.Record(name + ".r11", Operand.At(V.FrameR11));
        code.Record(name + ".rax", Operand.At(V.HandlerRax));
        code.RecordHandler(name);
    }
}
