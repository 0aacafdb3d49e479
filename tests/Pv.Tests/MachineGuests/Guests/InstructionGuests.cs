using static Iced.Intel.AssemblerRegisters;
using V = Pv.Tests.MachineGuests.GuestVariables;

namespace Pv.Tests.MachineGuests.Guests;

/// <summary>Privileged instructions that the hypervisor emulates, and what of them it does not.</summary>
internal static class InstructionGuests
{
    private const uint Efer = 0xc000_0080, Star = 0xc000_0081, LStar = 0xc000_0082, FsBase = 0xc000_0100, GsBase = 0xc000_0101, ShadowGsBase = 0xc000_0102, TscAux = 0xc000_0103, Pat = 0x277,
        ApicBase = 0x1b, MiscEnable = 0x1a0, Unknown = 0x1234, Tsc = 0x10, X2ApicId = 0x802;

    public static IEnumerable<MachineGuest> All =>
    [
        new("insn-cpuid-time", "Xen's leaves about time and widths, and the empty ones behind them", code =>
        {
            code.InstallTraps();
            void Leaf(uint leaf, uint subleaf)
            {
                code.Asm.mov(eax, leaf);
                code.Asm.mov(ecx, subleaf);
                code.Try($"{leaf:x}.{subleaf}", a => a.db(0x0f, 0x0b, 0x78, 0x65, 0x6e, 0x0f, 0xa2));
            }

            Leaf(0x4000_0003, 0);
            // How the counter is to be; which life of the domain this is.
            code.Record("mode", rbx);
            code.Record("incarnation", rdx);
            Leaf(0x4000_0003, 1);
            // Multiplier and shift from ticks to nanoseconds, as vcpu_time_info has them.
            code.RecordEqual("multiplier", rcx, Operand.At(code.TimeScale()));
            foreach (var (leaf, subleaf) in new[] { (0x4000_0003u, 3u), (0x4000_0004u, 0u), (0x4000_0005u, 1u), (0x4000_0005u, 2u), (0x4000_0006u, 0u), (0x4000_00ffu, 0u) })
            {
                Leaf(leaf, subleaf);
                code.Asm.or(rax, rbx);
                code.Asm.or(rax, rcx);
                code.Asm.or(rax, rdx);
                code.Record($"{leaf:x}.{subleaf} is", rax);
            }

            Leaf(0x4000_0005, 0);
            code.Record("width: eax", rax);
            code.Record("width: ecx", rcx);
            code.Record("width: edx", rdx);
        }),
        new("insn-cpuid", "cpuid plain and with the forced-emulation prefix: Xen's leaves", code =>
        {
            code.InstallTraps();
            foreach (var leaf in (uint[])[0x4000_0000, 0x4000_0001, 0x4000_0002])
            {
                code.Asm.mov(eax, leaf);
                code.Asm.xor(ecx, ecx);
                code.Try($"forced {leaf:x}", a => a.db(0x0f, 0x0b, 0x78, 0x65, 0x6e, 0x0f, 0xa2));
                code.Record($"forced {leaf:x}.eax", rax);
                code.Record($"forced {leaf:x}.ebx", rbx);
                code.Record($"forced {leaf:x}.ecx", rcx);
                code.Record($"forced {leaf:x}.edx", rdx);
            }

            code.Asm.mov(rax, 0xffff_ffff_4000_0000UL);
            code.Try("upper half", a => a.db(0x0f, 0x0b, 0x78, 0x65, 0x6e, 0x0f, 0xa2));
            code.Record("upper half.eax", rax);
            code.Asm.mov(eax, 1);
            code.Try("leaf 1", a => a.db(0x0f, 0x0b, 0x78, 0x65, 0x6e, 0x0f, 0xa2));
            // fpu, tsc, msr, pae, cx8, cmov, fxsr.
            code.RecordMasked("leaf 1 edx of every PV guest", rdx, 0x0100_8171);
            code.RecordMasked("leaf 1 hypervisor bit", rcx, 1UL << 31);
            code.RecordMasked("leaf 1 vmx monitor", rcx, 0x28);
            code.Asm.mov(eax, 0x8000_0001);
            code.Asm.xor(ecx, ecx);
            code.Try("leaf 80000001", a => a.db(0x0f, 0x0b, 0x78, 0x65, 0x6e, 0x0f, 0xa2));
            code.RecordMasked("long mode, syscall, nx", rdx, 1UL << 29 | 1 << 11 | 1 << 20);
            code.RecordMasked("1 GiB pages, svm", rdx, 1UL << 26);
            code.Try("wrong prefix", a => a.db(0x0f, 0x0b, 0x78, 0x65, 0x6f, 0x0f, 0xa2));
            code.Try("prefix and nothing to emulate", a => a.db(0x0f, 0x0b, 0x78, 0x65, 0x6e, 0x90));
        }),
        new("insn-rdmsr", "rdmsr: the registers Xen answers, and a fault for the rest", code =>
        {
            code.InstallTraps();
            foreach (var (register, name) in new[]
            {
                (Efer, "efer"), (Pat, "pat"), (ApicBase, "apic_base"), (FsBase, "fs_base"), (GsBase, "gs_base"), (ShadowGsBase, "shadow_gs_base"), (Unknown, "unknown"),
                (0x4000_0000U, "hypercall page"), (X2ApicId, "x2apic id"), (0xfeU, "mtrr_cap"), (0x2ffU, "mtrr_def_type"),
            })
            {
                code.Asm.mov(ecx, register);
                code.Asm.mov(rax, 0x1111_1111_1111_1111UL);
                code.Asm.mov(rdx, 0x2222_2222_2222_2222UL);
                code.Try(name, a => a.rdmsr());
                code.Record(name + ".eax", rax);
                code.Record(name + ".edx", rdx);
            }

            foreach (var (register, name) in new[] { (MiscEnable, "misc_enable"), (Tsc, "tsc"), (Star, "star"), (LStar, "lstar"), (TscAux, "tsc_aux") })
            {
                code.Asm.mov(ecx, register);
                code.Try(name, a => a.rdmsr());
            }
        }),
        new("insn-wrmsr", "wrmsr: segment bases and refusals", code =>
        {
            code.InstallTraps();
            var target = code.Variable(0x1234_5678);
            Write(code, "gs_base", GsBase, target);
            code.Asm.mov(rax, __qword_ptr.gs[0]);
            code.Record("gs:", rax);
            Write(code, "fs_base", FsBase, target);
            code.Asm.mov(rax, __qword_ptr.fs[0]);
            code.Record("fs:", rax);
            Write(code, "shadow_gs_base", ShadowGsBase, 0x1000);
            code.Asm.mov(ecx, ShadowGsBase);
            code.Asm.rdmsr();
            code.Record("shadow_gs_base is", rax);
            Write(code, "gs_base non-canonical", GsBase, 0x8000_0000_0000UL);
            Write(code, "fs_base non-canonical", FsBase, 0x8000_0000_0000UL);
            Write(code, "shadow_gs_base non-canonical", ShadowGsBase, 0x8000_0000_0000UL);
            Write(code, "efer as read", Efer, 0xd01);
            Write(code, "efer other", Efer, 0x0);
            Write(code, "pat", Pat, 0x0007_0406_0007_0406UL);
            Write(code, "pat as it is", Pat, 0x0500_0401_0007_0406UL);
            Write(code, "lstar", LStar, 0x1000);
            Write(code, "unknown", Unknown, 0);
            Write(code, "unknown value", Unknown, 5);
            Write(code, "apic_base", ApicBase, 0xfee0_0900);
            Write(code, "hypercall page", 0x4000_0000, 0x1000);
            Write(code, "tsc", Tsc, 0);
        }),
        new("insn-msr-early", "before a protection handler exists an unknown rdmsr reads 0 and wrmsr of a base works", code =>
        {
            var target = code.Variable(0x77);
            code.Asm.mov(ecx, GsBase);
            code.Asm.mov(rax, target);
            code.Asm.mov(rdx, rax);
            code.Asm.shr(rdx, 32);
            code.Asm.wrmsr();
            code.Asm.mov(rax, __qword_ptr.gs[0]);
            code.Record("gs:", rax);
            code.Asm.mov(ecx, Unknown);
            code.Asm.mov(eax, 0x55);
            code.Asm.mov(edx, 0x66);
            code.Flush();
            code.Asm.rdmsr();
            code.Record("unknown.eax", rax);
            code.Record("unknown.edx", rdx);
            code.Flush();
            code.Asm.mov(ecx, Unknown);
            code.Asm.wrmsr();
            code.Record("after wrmsr", 1);
        }),
        new("insn-control-registers", "mov from and to cr0, cr2, cr3, cr4, cr8", code =>
        {
            code.InstallTraps();
            code.Try("read cr0", a => a.mov(rax, cr0));
            code.Record("cr0", rax);
            code.Asm.mov(rbx, rax);
            code.Try("write cr0 same", a => a.mov(cr0, rbx));
            code.Asm.or(rbx, 8);
            code.Try("write cr0 ts", a => a.mov(cr0, rbx));
            code.Try("sse with ts", a => a.movaps(xmm0, xmm1));
            code.Asm.mov(rax, cr0);
            code.RecordMasked("ts after", rax, 8);
            code.Asm.and(rbx, ~8);
            code.Asm.mov(cr0, rbx);
            code.Asm.mov(rbx, rax);
            code.Asm.btr(rbx, 16);
            code.Try("write cr0 without wp", a => a.mov(cr0, rbx));
            code.Asm.mov(rax, cr0);
            code.Record("cr0 after", rax);
            code.Asm.mov(ebx, 0x1234_5000);
            code.Try("write cr2", a => a.mov(cr2, rbx));
            code.Try("read cr2", a => a.mov(rax, cr2));
            code.Record("cr2", rax);
            code.Record("cr2 in vcpu_info", Operand.At(GuestLayout.SharedInfo + SharedInfoOffset.Cr2));
            code.Try("read cr3", a => a.mov(rax, cr3));
            code.Asm.mov(rbx, rax);
            code.LoadTableBaseMfn(rdx);
            code.Asm.shl(rdx, 12);
            code.RecordEqual("cr3 is the table's address", rbx, rdx);
            code.Try("write cr3", a => a.mov(cr3, rbx));
            code.Asm.mov(ebx, 0);
            code.Try("write cr3 zero", a => a.mov(cr3, rbx));
            code.Try("read cr4", a => a.mov(rax, cr4));
            code.RecordMasked("cr4 vme pvi tsd de pse pae mce pge pce osfxsr osxmmexcpt", rax, 0x7ff & ~0x4UL);
            code.Asm.mov(rbx, rax);
            code.Try("write cr4", a => a.mov(cr4, rbx));
            code.Asm.or(rbx, 0x2000);
            code.Try("write cr4 vmxe", a => a.mov(cr4, rbx));
            code.Try("read cr8", a => a.mov(rax, cr8));
            code.Try("write cr8", a => a.mov(cr8, rax));
        }),
        new("insn-task-switch", "clts, lmsw, smsw and fpu_taskswitch: TS and the device-not-available trap", code =>
        {
            code.InstallTraps();
            code.Try("sse", a => a.movaps(xmm0, xmm1));
            code.CallRecord("set", XenCall.FpuTaskswitch, 1);
            code.Asm.mov(rax, cr0);
            code.RecordMasked("ts", rax, 8);
            code.Try("sse with ts", a => a.movaps(xmm0, xmm1));
            code.Asm.mov(rax, cr0);
            code.RecordMasked("ts after trap", rax, 8);
            code.Try("sse again", a => a.movaps(xmm0, xmm1));
            code.CallRecord("set again", XenCall.FpuTaskswitch, 1);
            code.Try("clts", a => a.clts());
            code.Try("sse after clts", a => a.movaps(xmm0, xmm1));
            code.CallRecord("set once more", XenCall.FpuTaskswitch, 1);
            code.CallRecord("clear", XenCall.FpuTaskswitch, 0);
            code.Try("x87 after clear", a => a.fninit());
            code.Asm.mov(eax, 9);
            code.Try("lmsw", a => a.lmsw(ax));
            code.Asm.mov(rax, cr0);
            code.RecordMasked("ts after lmsw", rax, 8);
            code.Asm.clts();
            code.EnableUserMode();
            code.CallRecord("set for user", XenCall.FpuTaskswitch, 1);
            code.TryUser("user sse", a => a.movaps(xmm0, xmm1));
        }),
        new("insn-privileged", "wbinvd, invd, invlpg, hlt, ltr, lgdt, rdpmc and their like from the kernel", code =>
        {
            code.InstallTraps();
            var pointer = code.Variable(0, 16);
            code.Try("wbinvd", a => a.wbinvd());
            code.Try("invd", a => a.invd());
            code.Try("invlpg", a => a.invlpg(__byte_ptr[pointer]));
            code.Try("lgdt", a => a.lgdt(__[pointer]));
            code.Try("lidt", a => a.lidt(__[pointer]));
            code.Try("ltr", a => a.ltr(ax));
            code.Try("lldt", a => a.lldt(ax));
            code.Try("swapgs", a => a.swapgs());
            code.Try("sysretq", a => a.sysretq());
            code.Try("vmcall", a => a.vmcall());
            code.Try("vmxoff", a => a.vmxoff());
            code.Try("rsm", a => a.rsm());
            code.Asm.mov(ecx, 100);
            code.Try("rdpmc", a => a.rdpmc());
            code.Try("cli", a => a.cli());
            code.Try("sti", a => a.sti());
            code.Try("popf", a =>
            {
                a.push(0x3002);
                a.popfq();
            });
            code.Asm.pushfq();
            code.Asm.pop(rax);
            code.RecordMasked("flags after popf", rax, 0x3200);
            code.Try("rdtsc", a => a.rdtsc());
            code.Asm.xor(ecx, ecx);
            code.Try("monitor", a => a.monitor());
            code.Try("mwait", a => a.mwait());
        }),
        new("insn-halt", "hlt in the kernel is refused: a PV kernel blocks by hypercall", code =>
        {
            code.InstallTraps();
            code.RegisterCallback(CallbackType.Event, GuestCode.Runtime.Stub(GuestRuntime.EventVector));
            var bind = code.Variable();
            code.Call(XenCall.EventChannelOp, 7, bind);
            code.Asm.mov(eax, __dword_ptr[bind + 4]);
            code.Asm.mov(__qword_ptr[bind], rax);
            code.SetMask(1);
            code.Call(XenCall.EventChannelOp, 4, bind);
            code.Try("hlt", a => a.hlt());
            code.RecordMask("mask");
            code.Record("handler mask", Operand.At(V.HandlerMask));
        }),
        new("insn-xsave", "xsetbv from a kernel that has not set CR4.OSXSAVE", code =>
        {
            code.InstallTraps();
            code.Asm.xor(ecx, ecx);
            code.Asm.xor(edx, edx);
            code.Asm.mov(eax, 3);
            code.Try("xsetbv", a => a.xsetbv());
        }),
        new("insn-ports", "in and out: a fault without IOPL, ones and nothing with it", code =>
        {
            code.InstallTraps();
            code.Try("in without", a => a.@in(al, 0x42));
            code.Asm.mov(edx, 0xcfc);
            code.Try("out without", a => a.@out(dx, eax));
            code.Try("cli without", a => a.cli());
            Ports(code, "iopl 1", 1);
            code.EnableUserMode();
            code.TryUser("user in with iopl 1", a => a.@in(al, 0x42));
            Ports(code, "iopl 3", 3);
            code.TryUser("user in with iopl 3", a => a.@in(al, 0x42));
            code.RecordMasked("user al", Operand.At(V.HandlerRax), 0xff);
            code.TryUser("user cli with iopl 3", a => a.cli());
            Ports(code, "iopl 0", 0);
        }),
        new("insn-port-strings", "string input and output with IOPL", code =>
        {
            code.InstallTraps();
            var buffer = code.Table(0, 0);
            var iopl = code.Variable(1);
            code.Call(XenCall.PhysdevOp, 6, iopl);
            code.Asm.mov(edx, 0x42);
            code.Asm.mov(rdi, buffer);
            code.Asm.mov(ecx, 3);
            code.Try("rep insb", a => a.rep.insb());
            code.Record("rep insb.rcx", rcx);
            code.Record("rep insb.data", Operand.At(buffer));
            code.Asm.mov(edx, 0x42);
            code.Asm.mov(rsi, buffer);
            code.Try("outsb", a => a.outsb());
            code.RecordDifference("outsb.rsi", rsi, buffer);
            code.Asm.mov(edx, 0x42);
            code.Asm.mov(edi, 0x1000);
            code.Try("insb to a hole", a => a.insb());
        }),
        new("insn-debug-registers", "debug registers by hypercall and by mov", code =>
        {
            code.InstallTraps();
            for (ulong register = 0; register < 9; register++)
                code.CallRecord($"get {register}", XenCall.GetDebugreg, register);
            code.CallRecord("set 0", XenCall.SetDebugreg, 0, 0x1234);
            code.CallRecord("get 0 then", XenCall.GetDebugreg, 0);
            code.CallRecord("set 0 to the hypervisor", XenCall.SetDebugreg, 0, 0xffff_8300_0000_0000UL);
            code.CallRecord("set 0 non-canonical", XenCall.SetDebugreg, 0, 0x8000_0000_0000UL);
            code.CallRecord("set 4", XenCall.SetDebugreg, 4, 0);
            code.CallRecord("set 6", XenCall.SetDebugreg, 6, 0xffff_0ff0);
            code.CallRecord("set 7 plain", XenCall.SetDebugreg, 7, 0x400);
            code.CallRecord("set 7 gd", XenCall.SetDebugreg, 7, 0x2400);
            code.CallRecord("set 7 high", XenCall.SetDebugreg, 7, 0x1_0000_0000UL);
            code.CallRecord("set 8", XenCall.SetDebugreg, 8, 0);
            code.Try("read dr0", a => a.mov(rax, dr0));
            code.Record("dr0", rax);
            code.Asm.mov(ebx, 0x4321);
            code.Try("write dr1", a => a.mov(dr1, rbx));
            code.CallRecord("get 1 then", XenCall.GetDebugreg, 1);
            code.Try("read dr7", a => a.mov(rax, dr7));
            code.Record("dr7", rax);
        }),
    ];

    private static void Write(GuestCode code, string name, uint register, ulong value)
    {
        code.Asm.mov(ecx, register);
        code.Asm.mov(eax, (uint)value);
        code.Asm.mov(edx, (uint)(value >> 32));
        code.Try(name, a => a.wrmsr());
    }

    private static void Ports(GuestCode code, string name, ulong level)
    {
        var iopl = code.Variable(level);
        code.CallRecord(name, XenCall.PhysdevOp, 6, iopl);
        code.Asm.mov(rax, 0x1111_1111_1111_1111UL);
        code.Try(name + " in byte", a => a.@in(al, 0x42));
        code.Record(name + " in byte.rax", rax);
        code.Asm.mov(rax, 0x1111_1111_1111_1111UL);
        code.Asm.mov(edx, 0x1234);
        code.Try(name + " in word", a => a.@in(ax, dx));
        code.Record(name + " in word.rax", rax);
        code.Asm.mov(rax, 0x1111_1111_1111_1111UL);
        code.Asm.mov(edx, 0x1234);
        code.Try(name + " in dword", a => a.@in(eax, dx));
        code.Record(name + " in dword.rax", rax);
        code.Asm.mov(edx, 0x61);
        code.Try(name + " out", a => a.@out(dx, al));
        code.Try(name + " cli", a => a.cli());
        code.Try(name + " sti", a => a.sti());
        code.Asm.pushfq();
        code.Asm.pop(rax);
        code.RecordMasked(name + " flags", rax, 0x3200);
    }
}
