using static Iced.Intel.AssemblerRegisters;
using V = Pv.Tests.MachineGuests.GuestVariables;

namespace Pv.Tests.MachineGuests.Guests;

/// <summary>The <c>iret</c> hypercall and the processor's own returns.</summary>
internal static class IretGuests
{
    private const ulong InSyscall = 0x100;

    public static IEnumerable<MachineGuest> All =>
    [
        new("iret-kernel", "iret to the kernel restores rax, rcx, r11, forces the selectors' privilege and sets the mask from IF", code =>
        {
            foreach (var (flags, name) in new[] { (0x202UL, "open"), (0x002UL, "masked") })
            {
                Iret(code, name, 0xe030, flags, 0xe028, 0);
                code.RecordMask(name + ".mask");
            }
        }),
        new("iret-in-syscall", "with VGCF_in_syscall rcx and r11 are not restored", code =>
        {
            Iret(code, "in-syscall", 0xe030, 0x202, 0xe028, InSyscall);
        }),
        new("iret-rflags", "which flags iret restores", code =>
        {
            foreach (var (bit, name) in new[]
            {
                (0x001UL, "cf"), (0x400UL, "df"), (0x800UL, "of"), (0x3000UL, "iopl"), (0x4000UL, "nt"), (0x1_0000UL, "rf"), (0x2_0000UL, "vm"),
                (0x4_0000UL, "ac"), (0x8_0000UL, "vif"), (0x20_0000UL, "id"),
            })
            {
                var resume = code.Asm.CreateLabel();
                var stack = code.Variable();
                code.Store(stack, rsp);
                code.EmitIret(resume, GuestLayout.Cs64 & ~3UL, 0x2 | bit, Operand.At(stack), GuestLayout.Ss64);
                code.Asm.Label(ref resume);
                code.Asm.pushfq();
                code.Asm.pop(rdx);
                code.Asm.push(2);
                code.Asm.popfq();
                code.Record(name, rdx);
            }
        }),
        new("iret-user", "iret to user mode, and the system call back: its frame", code =>
        {
            code.InstallTraps();
            code.EnableUserMode();
            code.SetMask(1);
            code.TryUser("user", a =>
            {
                a.mov(__qword_ptr[V.Scratch], rax);
                a.mov(eax, ss);
                code.Record("user.ss", rax);
                a.mov(eax, cs);
                code.Record("user.cs", rax);
                code.RecordMask("user.mask");
                a.mov(eax, 0x5ca1);
                a.xor(ebp, ebp);
                a.mov(r11d, 77);
            });
            code.RecordDifference("frame.rcx", Operand.At(V.FrameRcx), Operand.At(V.FrameRip));
            code.RecordEqual("frame.r11 is rflags", Operand.At(V.FrameR11), Operand.At(V.FrameFlags));
            code.Record("frame.r11", Operand.At(V.FrameR11));
            code.Record("frame.cs", Operand.At(V.FrameCs));
            code.Record("frame.rflags", Operand.At(V.FrameFlags));
            code.RecordDifference("frame.rsp", GuestLayout.UserStackTop, Operand.At(V.FrameRsp));
            code.Record("frame.ss", Operand.At(V.FrameSs));
            code.Record("rax", Operand.At(V.HandlerRax));
            code.RecordHandler("frame", userStack: true);
        }),
        new("iret-user-no-table", "iret to user mode without a user base pointer costs the domain", code =>
        {
            code.InstallTraps();
            code.Record("before", 1);
            code.Flush();
            code.EmitIret(0x1000, GuestLayout.Cs64, 0x202, 0x2000, GuestLayout.Ss64);
        }),
        new("iret-bad-stack", "iret whose frame cannot be read costs the domain", code =>
        {
            code.InstallTraps();
            code.Record("before", 1);
            code.Flush();
            code.Asm.mov(esp, 0x4000);
            code.Asm.mov(eax, (uint)XenCall.Iret);
            code.Asm.syscall();
        }),
        new("iret-iopl", "the virtual IOPL in frames, without and with architectural_iopl", code =>
        {
            code.InstallTraps();
            Iopl(code, "without");
            code.CallRecord("vm_assist", XenCall.VmAssist, 0, 4);
            Iopl(code, "with");
            code.CallRecord("vm_assist off", XenCall.VmAssist, 1, 4);
            Iopl(code, "again without");
        }),
        new("iret-native", "the processor's own iretq and far return work within the kernel", code =>
        {
            code.InstallTraps();
            code.Try("iretq", a =>
            {
                var (back, stack) = (a.CreateLabel(), code.Variable());
                a.mov(__qword_ptr[stack], rsp);
                a.mov(eax, ss);
                a.push(rax);
                a.push(__qword_ptr[stack]);
                a.pushfq();
                a.mov(eax, cs);
                a.push(rax);
                a.lea(rax, __[back]);
                a.push(rax);
                a.iretq();
                a.Label(ref back);
                code.RecordDifference("iretq.rsp", rsp, Operand.At(stack));
            });
            code.Try("retfq", a =>
            {
                var (back, stack) = (a.CreateLabel(), code.Variable());
                a.mov(__qword_ptr[stack], rsp);
                a.mov(eax, cs);
                a.push(rax);
                a.lea(rax, __[back]);
                a.push(rax);
                a.db(0x48, 0xcb); // far return with 64-bit operands
                a.Label(ref back);
                code.RecordDifference("retfq.rsp", rsp, Operand.At(stack));
            });
            code.Try("iretq-to-ring-0", a =>
            {
                a.push(0xe028);
                a.push(rsp);
                a.pushfq();
                a.push(0xe030);
                a.push(0);
                a.iretq();
            });
        }),
        new("iret-user-flags", "user code that returns by iret keeps its own rcx and r11 unless VGCF_in_syscall says otherwise", code =>
        {
            code.InstallTraps();
            code.EnableUserMode();
            foreach (var (flags, name) in new[] { (0UL, "plain"), (InSyscall, "in-syscall") })
            {
                var (at, resume) = (code.Asm.CreateLabel(), code.Asm.CreateLabel());
                code.ArmResume(at, resume);
                code.EmitIret(at, GuestLayout.Cs64, 0x246, GuestLayout.UserStackTop, GuestLayout.Ss64, flags);
                code.Asm.Label(ref at);
                code.Asm.ud2();
                code.Asm.Label(ref resume);
                code.Record(name + ".rax", Operand.At(V.HandlerRax));
                if (flags == 0)
                {
                    code.Record(name + ".rcx", Operand.At(V.FrameRcx));
                    code.Record(name + ".r11", Operand.At(V.FrameR11));
                }
                else
                {
                    code.RecordDifference(name + ".rcx", Operand.At(V.FrameRcx), Operand.At(V.TryRip));
                    code.Record(name + ".r11", Operand.At(V.FrameR11));
                }
            }
        }),
    ];

    private static void Iret(GuestCode code, string name, ulong selector, ulong flags, ulong stackSelector, ulong iretFlags)
    {
        var resume = code.Asm.CreateLabel();
        var stack = code.Variable();
        code.Store(stack, rsp);
        code.EmitIret(resume, selector, flags, Operand.At(stack), stackSelector, iretFlags);
        code.Asm.Label(ref resume);
        code.Record(name + ".rax", rax);
        if ((iretFlags & InSyscall) == 0)
        {
            code.Record(name + ".rcx", rcx);
            code.Record(name + ".r11", r11);
        }
        else
        {
            code.Asm.lea(rdx, __[resume]);
            code.RecordEqual(name + ".rcx is rip", rcx, rdx);
            code.Record(name + ".r11", r11);
        }

        code.Asm.mov(eax, cs);
        code.Record(name + ".cs", rax);
        code.Asm.mov(eax, ss);
        code.Record(name + ".ss", rax);
        code.RecordDifference(name + ".rsp", rsp, Operand.At(stack));
    }

    private static void Iopl(GuestCode code, string name)
    {
        foreach (var level in (ulong[])[0, 1, 3])
        {
            var resume = code.Asm.CreateLabel();
            var stack = code.Variable();
            code.Store(stack, rsp);
            code.EmitIret(resume, GuestLayout.Cs64 & ~3UL, 0x202 | level << 12, Operand.At(stack), GuestLayout.Ss64);
            code.Asm.Label(ref resume);
            code.Try($"{name}.{level}.ud", a => a.ud2());
            code.RecordMasked($"{name}.{level}.frame", Operand.At(V.FrameFlags), 0x3000);
            code.RecordMasked($"{name}.{level}.handler", Operand.At(V.HandlerFlags), 0x3000);
            code.Try($"{name}.{level}.cli", a => a.cli());
        }
    }
}
