using static Iced.Intel.AssemblerRegisters;
using V = Pv.Tests.MachineGuests.GuestVariables;

namespace Pv.Tests.MachineGuests.Guests;

/// <summary>The GDT, the LDT, segment loads and bases, the kernel stack.</summary>
internal static class DescriptorGuests
{
    /// <summary>Flat descriptors: data, code of 64 bit, code of 32 bit, each of DPL 3.</summary>
    private const ulong Data = 0x00cf_f300_0000_ffff, Code64 = 0x00af_fb00_0000_ffff, Code32 = 0x00cf_fb00_0000_ffff;

    public static IEnumerable<MachineGuest> All =>
    [
        new("descriptor-set-gdt", "set_gdt: what it accepts, and that its frames become read-only", code =>
        {
            code.InstallTraps();
            var gdt = code.Pages();
            var list = code.Table(0, 0);
            code.Store(gdt + 8, Data);
            code.Store(list, Operand.Mfn(gdt));
            code.CallRecord("writable frame", XenCall.SetGdt, list, 8);
            code.MakeReadOnly(gdt);
            code.CallRecord("read-only frame", XenCall.SetGdt, list, 8);
            code.Asm.mov(eax, 0x0b);
            code.Try("load", a => a.mov(ds, eax));
            code.UpdateVaMappingRecord("make writable", gdt, Operand.Entry(gdt, GuestCode.Writable), 2);
            code.CallRecord("no entries", XenCall.SetGdt, list, 0);
            code.Asm.mov(eax, 0x0b);
            code.Try("load without", a => a.mov(es, eax));
            code.UpdateVaMappingRecord("make writable again", gdt, Operand.Entry(gdt, GuestCode.Writable), 2);
            code.CallRecord("7168 entries of one frame", XenCall.SetGdt, list, 7168);
            code.CallRecord("7169 entries", XenCall.SetGdt, list, 7169);
            code.CallRecord("bad pointer", XenCall.SetGdt, 0x1000, 8);
            code.Store(list, 0xfff_ffff_ffff);
            code.CallRecord("no such frame", XenCall.SetGdt, list, 8);
            code.Asm.mov(rax, __qword_ptr[V.TableBase]);
            code.LoadTableBaseMfn(rax);
            code.Asm.mov(__qword_ptr[list], rax);
            code.CallRecord("a page table", XenCall.SetGdt, list, 8);
        }),
        new("descriptor-loads", "which descriptors of the guest's GDT can be loaded", code =>
        {
            code.InstallTraps();
            // 1 data, 2 code64, 3 code32, 4 not present, 5 read-only data, 6 zero
            Gdt(code, 0, Data, Code64, Code32, Data & ~(1UL << 47), Data & ~(1UL << 41), 0);
            foreach (var (selector, name) in new[]
            {
                (0x00, "null"), (0x03, "null rpl 3"), (0x0b, "data"), (0x08, "data rpl 0"), (0x09, "data rpl 1"), (0x13, "code64"), (0x23, "not present"), (0x2b, "read-only"),
                (0x33, "zero"), (0x3b, "last"), (0x7fb, "in the page"), (0x100b, "beyond"), (0x0f, "ldt"), (0xe02b, "xen's data"), (0xe033, "xen's code64"), (0xe023, "xen's code32"),
                (0xe02a, "xen's data rpl 2"), (0xe008, "hypervisor code"), (0xe010, "hypervisor data"), (0xe040, "tss"), (0xe050, "ldt slot"), (0xe01b, "e018"), (0xe03b, "per-cpu"), (0xf003, "behind"),
            })
            {
                code.Asm.mov(eax, selector);
                code.Try("ds " + name, a => a.mov(ds, eax));
                code.Asm.mov(eax, ds);
                code.Record("ds " + name + " is", rax);
            }

            foreach (var (selector, name) in new[] { (0x00, "null"), (0x03, "null rpl 3"), (0x0b, "data"), (0x13, "code64"), (0x23, "not present"), (0x2b, "read-only"), (0xe02b, "xen's data") })
            {
                code.Asm.mov(eax, selector);
                code.Try("ss " + name, a => a.mov(ss, eax));
            }

            foreach (var (selector, name) in new[] { (0x13, "code64"), (0x0b, "data"), (0x23, "not present"), (0x33, "zero"), (0x10, "code64 rpl 0"), (0xe033, "xen's code64"), (0x100b, "beyond") })
            {
                code.Try("cs " + name, a =>
                {
                    var target = a.CreateLabel();
                    a.push(selector);
                    a.lea(rax, __[target]);
                    a.push(rax);
                    a.db(0x48, 0xcb); // far return with 64-bit operands
                    a.Label(ref target);
                    a.mov(eax, cs);
                    code.Record("cs " + name + " is", rax);
                });
            }
        }),
        new("descriptor-frame-selectors", "a handler runs on Xen's own selectors whatever ran before", code =>
        {
            code.InstallTraps();
            Gdt(code, 0, Data, Code64);
            code.Asm.mov(eax, 0x0b);
            code.Asm.mov(ss, eax);
            code.Try("ud", a =>
            {
                var target = a.CreateLabel();
                a.push(0x13);
                a.lea(rax, __[target]);
                a.push(rax);
                a.db(0x48, 0xcb); // far return with 64-bit operands
                a.Label(ref target);
                a.ud2();
            });
            code.Record("frame.cs", Operand.At(V.FrameCs));
            code.Record("frame.ss", Operand.At(V.FrameSs));
            code.Record("handler.cs", Operand.At(V.HandlerCs));
            code.Record("handler.ss", Operand.At(V.HandlerSs));
        }),
        new("descriptor-update", "update_descriptor: which descriptors are refused", code =>
        {
            code.InstallTraps();
            var gdt = Gdt(code, 0, 0);
            var at = code.Variable();
            code.Store(at, Operand.Entry(gdt, 8));
            foreach (var (descriptor, name) in new[]
            {
                (0UL, "zero"), (Data, "data"), (Code64, "code64"), (Code32, "code32"),
                (Data & ~(3UL << 45), "data dpl 0"), (Data & ~(1UL << 45), "data dpl 2"), (Code64 & ~(3UL << 45), "code64 dpl 0"), (Code64 & ~(1UL << 45), "code64 dpl 2"),
                (Data & ~(1UL << 47), "not present"), (Data & ~(1UL << 47) & ~(3UL << 45), "not present dpl 0"), (Code64 | 1UL << 42, "conforming code"), (Data | 1UL << 42, "expand down"),
                (0x0000_8900_0000_0067UL, "tss"), (0x0000_8200_0000_0fffUL, "ldt"), (0x0000_ec00_e033_1000UL, "call gate"), (0x0000_8c00_e008_1000UL, "call gate to xen"),
                (0x0000_ee00_e033_1000UL, "interrupt gate"), (0x0000_e500_0008_0000UL, "task gate"), (Code64 | 1UL << 54, "code with L and D"), (Data | 1UL << 53, "data with L"),
                (0x00cf_f300_0000_0000UL, "data short limit"), (0xffcf_f3ff_ffff_ffffUL, "data with base"), (Data & ~(1UL << 40), "not accessed"),
                (0xffff_ffff_ffff_ffffUL, "all ones"), (0x0000_4c00_e008_1000UL, "call gate not present"),
            })
            {
                code.CallRecord(name, XenCall.UpdateDescriptor, Operand.At(at), descriptor);
                code.Record(name + " stored", Operand.At(gdt + 8));
            }

            code.Store(at, Operand.Entry(gdt, 0xc));
            code.CallRecord("misaligned", XenCall.UpdateDescriptor, Operand.At(at), Data);
            var plain = code.Pages();
            code.Store(at, Operand.Entry(plain, 8));
            code.CallRecord("writable page", XenCall.UpdateDescriptor, Operand.At(at), Data);
            code.Record("writable page stored", Operand.At(plain + 8));
            code.LoadTableBaseMfn(rax);
            code.Asm.shl(rax, 12);
            code.CallRecord("page table", XenCall.UpdateDescriptor, rax, Data);
            code.CallRecord("no such frame", XenCall.UpdateDescriptor, 0xfff_ffff_f008, Data);
        }),
        new("descriptor-gdt-content", "set_gdt judges what the frame holds already", code =>
        {
            code.InstallTraps();
            foreach (var (descriptor, name) in new[]
            {
                (Data, "data"), (Data & ~(3UL << 45), "data dpl 0"), (Code64 | 1UL << 42, "conforming"), (0x0000_8900_0000_0067UL, "tss"), (0x0000_8200_0000_0fffUL, "ldt"),
                (0x0000_ec00_e033_1000UL, "call gate"), (Data & ~(1UL << 47) & ~(3UL << 45), "not present"),
            })
            {
                var gdt = code.Pages();
                var list = code.Table(0);
                code.Store(gdt + 0x18, descriptor);
                code.MakeReadOnly(gdt);
                code.Store(list, Operand.Mfn(gdt));
                code.CallRecord(name, XenCall.SetGdt, list, 2);
                code.Record(name + " becomes", Operand.At(gdt + 0x18));
            }
        }),
        new("descriptor-ldt", "the LDT: MMUEXT_SET_LDT and loads through it", code =>
        {
            code.InstallTraps();
            var ldt = code.Pages();
            code.Store(ldt, Data);
            code.Store(ldt + 8, Code64);
            code.Store(ldt + 16, Data & ~(3UL << 45));
            code.Asm.mov(eax, 0x07);
            code.Try("without", a => a.mov(ds, eax));
            code.MmuextRecord("writable page", MmuextCommand.SetLdt, ldt, 3);
            code.Asm.mov(eax, 0x07);
            code.Try("load from writable page", a => a.mov(ds, eax));
            code.MakeReadOnly(ldt);
            code.Asm.mov(eax, 0x07);
            code.Try("load", a => a.mov(ds, eax));
            code.UpdateVaMappingRecord("make writable", ldt, Operand.Entry(ldt, GuestCode.Writable), 2);
            code.Asm.mov(eax, 0x17);
            code.Try("dpl 0", a => a.mov(es, eax));
            code.Record("dpl 0 becomes", Operand.At(ldt + 16));
            code.Asm.mov(eax, 0x1f);
            code.Try("beyond", a => a.mov(es, eax));
            code.MmuextRecord("misaligned", MmuextCommand.SetLdt, ldt + 8, 3);
            code.MmuextRecord("8192 entries", MmuextCommand.SetLdt, ldt, 8192);
            code.MmuextRecord("8193 entries", MmuextCommand.SetLdt, ldt, 8193);
            code.MmuextRecord("none", MmuextCommand.SetLdt, 0, 0);
            code.UpdateVaMappingRecord("make writable after", ldt, Operand.Entry(ldt, GuestCode.Writable), 2);
            code.Asm.mov(eax, 0x07);
            code.Try("after", a => a.mov(es, eax));
        }),
        new("descriptor-ldt-frames", "frames of the LDT: taken when a selector needs them, given back when they are unmapped, a page fault when they cannot be had", code =>
        {
            code.InstallTraps();
            var (first, second, plain) = (code.Pages(), code.Pages(), code.Pages());
            void Load(string name, int selector)
            {
                code.Store(GuestLayout.SharedInfo + SharedInfoOffset.Cr2, 0x5555);
                code.Asm.mov(eax, selector);
                code.Try(name, a => a.mov(es, eax));
                code.RecordMasked(name + ": cr2 in the page", Operand.At(GuestLayout.SharedInfo + SharedInfoOffset.Cr2), 0xfff);
            }

            foreach (var page in new[] { first, second })
            {
                code.Store(page, Data);
                code.Store(page + 8, Code64);
                code.Store(page + 4088, Data);
            }

            code.MmuextRecord("hypervisor's", MmuextCommand.SetLdt, 0xffff_8300_0000_0000UL, 8);
            Load("from the hypervisor's", 0x0f);
            code.MmuextRecord("non-canonical", MmuextCommand.SetLdt, 0x8000_0000_0000UL, 8);
            code.MmuextRecord("hole", MmuextCommand.SetLdt, 0x1000, 8);
            Load("from a hole", 0x0f);
            code.MmuextRecord("many entries", MmuextCommand.SetLdt, first, 0x1_0000_0001UL);
            code.MmuextRecord("two pages", MmuextCommand.SetLdt, first, 513);
            code.MakeReadOnly(first);
            Load("first", 0x07);
            Load("last of the first", 0xfff);
            Load("second is writable", 0x1007);
            Load("behind", 0x100f);
            code.MakeReadOnly(second);
            Load("second", 0x1007);
            code.UpdateVaMappingRecord("second becomes writable", second, Operand.Entry(second, GuestCode.Writable), 2);
            code.UpdateVaMappingRecord("second goes", second, 0, 2);
            Load("second is a hole", 0x1007);
            code.UpdateVaMappingRecord("second comes writable", second, Operand.Entry(second, GuestCode.Writable), 2);
            Load("second is writable again", 0x1007);
            Load("first again", 0x07);
            code.UpdateVaMappingRecord("another for the first", first, Operand.Entry(plain, GuestCode.ReadOnly), 2);
            Load("another has no such entry", 0x07);
            code.UpdateVaMappingRecord("the first is free", second, Operand.Entry(first, GuestCode.Writable), 2);
            code.MmuextRecord("none", MmuextCommand.SetLdt, 0, 0);
            var table = code.Pages();
            code.MakeReadOnly(table);
            code.MmuextRecord("pin", MmuextCommand.PinL1, Operand.Mfn(table));
            code.MmuextRecord("a page table", MmuextCommand.SetLdt, table, 8);
            Load("from a page table", 0x0f);
            code.EnableUserMode();
            code.TryUser("user from a page table", a =>
            {
                a.mov(eax, 0x0f);
                a.mov(es, eax);
            });
        }),
        new("descriptor-ldt-update", "update_descriptor on frames of the LDT, and what they may hold", code =>
        {
            code.InstallTraps();
            var (ldt, at) = (code.Pages(), code.Variable());
            code.Store(ldt, Data);
            code.Store(ldt + 16, 0x0000_8900_0000_0067UL);
            code.MakeReadOnly(ldt);
            code.Store(at, Operand.Entry(ldt, 8));
            code.MmuextRecord("set", MmuextCommand.SetLdt, ldt, 8);
            code.CallRecord("before a load", XenCall.UpdateDescriptor, Operand.At(at), Data);
            code.Asm.mov(eax, 0x0f);
            code.Try("with a task state", a => a.mov(es, eax));
            code.UpdateVaMapping(ldt, Operand.Entry(ldt, GuestCode.Writable), 2);
            code.Record("writable still", rax);
            code.Store(ldt + 16, 0);
            code.MakeReadOnly(ldt);
            code.Asm.mov(eax, 0x0f);
            code.Try("without", a => a.mov(es, eax));
            foreach (var (descriptor, name) in new[]
            {
                (Data & ~(3UL << 45), "data dpl 0"), (Code64, "code64"), (Data & ~(1UL << 47), "not present"), (0x0000_8900_0000_0067UL, "tss"), (0x0000_8200_0000_0fffUL, "ldt"),
                (0x0000_ec00_e033_1000UL, "call gate"), (0UL, "zero"),
            })
            {
                code.CallRecord(name, XenCall.UpdateDescriptor, Operand.At(at), descriptor);
                code.Record(name + " stored", Operand.At(ldt + 8));
                code.Asm.mov(eax, 0x0f);
                code.Try(name + " load", a => a.mov(es, eax));
            }
        }),
        new("descriptor-accessed", "the accessed bit of a descriptor that was not: set by the call that installs it, or by the load", code =>
        {
            code.InstallTraps();
            const ulong accessed = 1UL << 40;
            var gdt = Gdt(code, 0, Data & ~accessed, Code64 & ~accessed, Data & ~accessed, Data & ~accessed);
            void Row(string name, ulong descriptor) => code.Record(name, Operand.At(descriptor));
            foreach (var entry in new ulong[] { 1, 2, 3 })
                Row($"gdt {entry} installed", gdt + entry * 8);
            code.Asm.mov(eax, 0x0b);
            code.Asm.verr(ax);
            Row("data after verr", gdt + 8);
            code.Asm.lar(eax, eax);
            Row("data after lar", gdt + 8);
            code.Asm.mov(eax, 0x0b);
            code.Try("ds", a => a.mov(ds, eax));
            Row("data after ds", gdt + 8);
            code.Asm.mov(eax, 0x1b);
            code.Try("ss", a => a.mov(ss, eax));
            Row("data after ss", gdt + 24);
            code.Try("cs", a =>
            {
                var next = a.CreateLabel();
                a.push(0x13);
                a.lea(rax, __[next]);
                a.push(rax);
                a.db(0x48, 0xcb); // far return with 64-bit operands
                a.Label(ref next);
                a.nop();
            });
            Row("code after cs", gdt + 16);
            var at = code.Variable();
            code.Store(at, Operand.Entry(gdt, 32));
            code.CallRecord("update", XenCall.UpdateDescriptor, Operand.At(at), Data & ~accessed);
            Row("data updated", gdt + 32);
            var ldt = code.Pages();
            code.Store(ldt, Data & ~accessed);
            code.Store(ldt + 8, Data & ~accessed);
            code.MakeReadOnly(ldt);
            code.MmuextRecord("set_ldt", MmuextCommand.SetLdt, ldt, 8);
            code.Asm.mov(eax, 0x07);
            code.Try("from the ldt", a => a.mov(es, eax));
            Row("ldt loaded", ldt);
            Row("ldt beside", ldt + 8);
        }),
        new("descriptor-bases", "set_segment_base: each base, what it refuses, and which GS base is whose", code =>
        {
            code.InstallTraps();
            var (first, second, third) = (code.Variable(0xaaaa), code.Variable(0xbbbb), code.Variable(0xcccc));
            code.CallRecord("fs", XenCall.SetSegmentBase, 0, first);
            code.CallRecord("gs user", XenCall.SetSegmentBase, 1, second);
            code.CallRecord("gs kernel", XenCall.SetSegmentBase, 2, third);
            code.Asm.mov(rax, __qword_ptr.fs[0]);
            code.Record("fs:", rax);
            code.Asm.mov(rax, __qword_ptr.gs[0]);
            code.Record("gs:", rax);
            code.EnableUserMode();
            var (inUser, flat) = (code.Variable(), code.Variable());
            code.TryUser("user", a =>
            {
                a.mov(rax, __qword_ptr.gs[0]);
                a.mov(__qword_ptr[inUser], rax);
                a.mov(rax, __qword_ptr.fs[0]);
                a.mov(__qword_ptr[flat], rax);
            });
            code.Record("user gs:", Operand.At(inUser));
            code.Record("user fs:", Operand.At(flat));
            code.Asm.mov(rax, __qword_ptr.gs[0]);
            code.Record("gs: back", rax);
            code.CallRecord("fs non-canonical", XenCall.SetSegmentBase, 0, 0x8000_0000_0000UL);
            code.CallRecord("gs user non-canonical", XenCall.SetSegmentBase, 1, 0x8000_0000_0000UL);
            code.CallRecord("gs kernel non-canonical", XenCall.SetSegmentBase, 2, 0x8000_0000_0000UL);
            code.CallRecord("unknown", XenCall.SetSegmentBase, 4, 0);
            code.CallRecord("user selector null", XenCall.SetSegmentBase, 3, 0);
            code.CallRecord("user selector xen's data", XenCall.SetSegmentBase, 3, 0xe02b);
            code.CallRecord("user selector bad", XenCall.SetSegmentBase, 3, 0xfb);
            code.Asm.mov(rax, __qword_ptr.fs[0]);
            code.Record("fs: unchanged", rax);
        }),
        new("descriptor-stack-switch", "stack_switch: what it answers, and that ss keeps privilege 3", code =>
        {
            code.InstallTraps();
            code.EnableUserMode();
            code.CallRecord("rpl 0", XenCall.StackSwitch, 0xe028, GuestLayout.KernelStackTop - 0x100);
            code.TryUser("user", a => a.ud2());
            code.RecordDifference("rsp", GuestLayout.KernelStackTop, Operand.At(V.HandlerRsp));
            code.Record("ss", Operand.At(V.HandlerSs));
            code.CallRecord("null selector", XenCall.StackSwitch, 0, GuestLayout.KernelStackTop - 0x200);
            code.TryUser("user again", a => a.ud2());
            code.RecordDifference("rsp again", GuestLayout.KernelStackTop, Operand.At(V.HandlerRsp));
            code.Record("ss again", Operand.At(V.HandlerSs));
            code.CallRecord("odd", XenCall.StackSwitch, 0xe02b, GuestLayout.KernelStackTop - 0x205);
            code.TryUser("user odd", a => a.ud2());
            code.RecordDifference("rsp odd", GuestLayout.KernelStackTop, Operand.At(V.HandlerRsp));
        }),
    ];

    private static ulong Gdt(GuestCode code, params ReadOnlySpan<ulong> descriptors)
    {
        var gdt = code.Pages();
        var list = code.Table(0);
        for (var i = 0; i < descriptors.Length; i++)
            code.Store(gdt + (ulong)i * 8, descriptors[i]);
        code.MakeReadOnly(gdt);
        code.Store(list, Operand.Mfn(gdt));
        code.CallRecord("set_gdt", XenCall.SetGdt, list, 512);
        return gdt;
    }
}
