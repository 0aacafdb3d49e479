using static Iced.Intel.AssemblerRegisters;
using V = Pv.Tests.MachineGuests.GuestVariables;

namespace Pv.Tests.MachineGuests.Guests;

/// <summary>The frames that the hypervisor pushes for an exception.</summary>
internal static class FrameGuests
{
    public static IEnumerable<MachineGuest> All =>
    [
        new("frame-kernel", "the frame of an exception without error code, from kernel mode", code =>
        {
            code.InstallTraps();
            code.SeedRegisters();
            code.Try("ud", a => a.ud2());
            code.RecordFrame("ud");
        }),
        new("frame-kernel-error", "the frame of an exception with error code, from kernel mode", code =>
        {
            code.InstallTraps();
            code.Asm.mov(eax, 0x00fb);
            code.SeedRegisters();
            code.Try("gp", a => a.mov(ds, eax));
            code.RecordFrame("gp");
        }),
        new("frame-user", "the frame of an exception without error code, from user mode", code =>
        {
            code.InstallTraps();
            code.EnableUserMode();
            code.TryUser("ud", a =>
            {
                code.SeedRegisters();
                a.ud2();
            });
            code.RecordFrame("ud", userStack: true);
        }),
        new("frame-user-error", "the frame of an exception with error code, from user mode", code =>
        {
            code.InstallTraps();
            code.EnableUserMode();
            code.TryUser("pf", a =>
            {
                code.SeedRegisters();
                a.mov(__qword_ptr[0x1000], rcx);
            });
            code.RecordFrame("pf", userStack: true);
            code.Record("cr2", Operand.At(GuestLayout.SharedInfo + SharedInfoOffset.Cr2));
        }),
        new("frame-alignment", "the stack is aligned to 16 bytes under the frame, whatever it was", code =>
        {
            code.InstallTraps();
            for (var offset = 1; offset < 16; offset += 3)
            {
                code.Asm.sub(rsp, offset);
                code.Try($"ud{offset}", a => a.ud2());
                code.RecordDifference($"ud{offset}.rsp", Operand.At(V.FrameRsp), Operand.At(V.HandlerRsp));
                code.RecordMasked($"ud{offset}.frame", Operand.At(V.HandlerRsp), 15);
                code.Asm.mov(eax, 0xfb);
                code.Try($"gp{offset}", a => a.mov(es, eax));
                code.RecordDifference($"gp{offset}.rsp", Operand.At(V.FrameRsp), Operand.At(V.HandlerRsp));
                code.RecordMasked($"gp{offset}.frame", Operand.At(V.HandlerRsp), 15);
                code.Asm.add(rsp, offset);
            }
        }),
        new("frame-mask", "the saved mask at cs+4, IF in rflags, and what the mask becomes", code =>
        {
            foreach (var (flags, name) in new[] { ((byte)0, "plain"), (GuestCode.MaskEvents, "masking") })
            {
                code.InstallTraps(flags);
                foreach (byte mask in (byte[])[0, 1])
                {
                    code.SetMask(mask);
                    code.Try($"{name}.{mask}", a => a.ud2());
                    code.Record($"{name}.{mask}.cs", Operand.At(V.FrameCs));
                    code.RecordMasked($"{name}.{mask}.if", Operand.At(V.FrameFlags), 0x200);
                    code.Record($"{name}.{mask}.handler.mask", Operand.At(V.HandlerMask));
                    code.RecordMasked($"{name}.{mask}.handler.if", Operand.At(V.HandlerFlags), 0x200);
                }
            }
        }),
        new("frame-mask-user", "the same from user mode, where the mask is the kernel's", code =>
        {
            code.EnableUserMode();
            foreach (var (flags, name) in new[] { ((byte)0, "plain"), (GuestCode.MaskEvents, "masking") })
            {
                code.InstallTraps(flags);
                foreach (var interrupts in (ulong[])[0x202, 0x002])
                {
                    code.TryUser($"{name}.{interrupts:x}", a => a.ud2(), interrupts);
                    code.Record($"{name}.{interrupts:x}.cs", Operand.At(V.FrameCs));
                    code.RecordMasked($"{name}.{interrupts:x}.if", Operand.At(V.FrameFlags), 0x200);
                    code.Record($"{name}.{interrupts:x}.handler.mask", Operand.At(V.HandlerMask));
                }
            }
        }),
        new("frame-rflags", "which flags a frame keeps and a handler loses", code =>
        {
            code.InstallTraps();
            foreach (var (bit, name) in new[] { (0x400, "df"), (0x4000, "nt"), (0x4_0000, "ac"), (0x20_0000, "id"), (0x1, "cf"), (0x800, "of") })
            {
                code.Try(name, a =>
                {
                    a.pushfq();
                    a.or(__qword_ptr[rsp], bit);
                    a.popfq();
                    a.ud2();
                });
                code.RecordMasked(name + ".frame", Operand.At(V.FrameFlags), (ulong)bit);
                code.RecordMasked(name + ".handler", Operand.At(V.HandlerFlags), (ulong)bit);
                code.Asm.push(2);
                code.Asm.popfq();
            }
        }),
        new("frame-sysret", "a handler is entered by SYSRET: rcx holds its address, r11 its flags", code =>
        {
            code.InstallTraps();
            code.SeedRegisters();
            code.Try("ud", a => a.ud2());
            code.RecordEqual("rcx is rip", Operand.At(V.HandlerRcx), GuestCode.Runtime.Stub(6));
            code.RecordEqual("r11 is rflags", Operand.At(V.HandlerR11), Operand.At(V.HandlerFlags));
            code.EnableUserMode();
            code.TryUser("user", a => a.ud2());
            code.RecordEqual("user.rcx is rip", Operand.At(V.HandlerRcx), GuestCode.Runtime.Stub(6));
            code.RecordEqual("user.r11 is rflags", Operand.At(V.HandlerR11), Operand.At(V.HandlerFlags));
        }),
        new("frame-nested", "an exception in a handler nests below it on the same stack", code =>
        {
            code.InstallTraps();
            var (hook, resume, at) = (code.Asm.CreateLabel(), code.Asm.CreateLabel(), code.Asm.CreateLabel());
            var (first, second) = (code.Variable(), code.Variable());
            code.Store(V.Hook, hook);
            code.ArmResume(at, resume);
            code.Asm.Label(ref at);
            code.Asm.ud2();
            code.Asm.Label(ref hook);
            code.Store(first, Operand.At(V.HandlerRsp));
            code.Store(V.Hook, 0);
            code.Asm.ud2();
            code.Asm.Label(ref resume);
            code.Store(second, Operand.At(V.HandlerRsp));
            code.RecordDifference("distance", Operand.At(first), Operand.At(second));
            code.Record("count", Operand.At(V.Count));
            code.Record("cs", Operand.At(V.FrameCs));
        }),
        new("frame-stack-unmapped", "a kernel stack that a frame cannot be pushed on costs the domain", code =>
        {
            code.InstallTraps();
            code.Record("before", 1);
            code.Flush();
            code.Asm.mov(esp, 0x4000);
            code.Asm.ud2();
        }),
        new("frame-stack-read-only", "a frame is not pushed on a read-only page, either", code =>
        {
            code.InstallTraps();
            var page = code.Pages();
            code.MakeReadOnly(page);
            code.Record("before", 1);
            code.Flush();
            code.Asm.mov(rsp, page + 0x800);
            code.Asm.ud2();
        }),
        new("frame-stack-hypervisor", "a frame is not pushed into the hypervisor's half", code =>
        {
            code.InstallTraps();
            code.Record("before", 1);
            code.Flush();
            code.Asm.mov(rsp, 0xffff_8200_0000_8000UL);
            code.Asm.ud2();
        }),
    ];
}
