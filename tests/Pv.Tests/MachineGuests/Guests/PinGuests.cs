using static Iced.Intel.AssemblerRegisters;
using V = Pv.Tests.MachineGuests.GuestVariables;

namespace Pv.Tests.MachineGuests.Guests;

/// <summary>Page types: pinning, what may become a table and what a table may hold.</summary>
internal static class PinGuests
{
    private const ulong Present = 1, Write = 2, User = 4, WriteThrough = 8, CacheDisable = 0x10, Accessed = 0x20, Dirty = 0x40, Pat = 0x80, Global = 0x100, Av9 = 0x200, Av11 = 0x800,
        GuestKernel = 1UL << 52, NoExecute = 1UL << 63;

    public static IEnumerable<MachineGuest> All =>
    [
        new("pin-levels", "pin and unpin of each level, twice, of the wrong level and of what is mapped writable", code =>
        {
            for (var level = 1; level <= 4; level++)
            {
                var page = code.Pages();
                var pin = (MmuextCommand)(level - 1);
                code.MmuextRecord($"l{level} writable", pin, Operand.Mfn(page));
                code.MakeReadOnly(page);
                code.MmuextRecord($"l{level}", pin, Operand.Mfn(page));
                code.MmuextRecord($"l{level} again", pin, Operand.Mfn(page));
                code.MmuextRecord($"l{level} as another", (MmuextCommand)(level % 4), Operand.Mfn(page));
                code.UpdateVaMappingRecord($"l{level} make writable", page, Operand.Entry(page, GuestCode.Writable), 2);
                code.MmuextRecord($"l{level} unpin", MmuextCommand.Unpin, Operand.Mfn(page));
                code.MmuextRecord($"l{level} unpin again", MmuextCommand.Unpin, Operand.Mfn(page));
                code.MmuextRecord($"l{level} as another now", (MmuextCommand)(level % 4), Operand.Mfn(page));
                code.MmuextRecord($"l{level} as another unpin", MmuextCommand.Unpin, Operand.Mfn(page));
                code.UpdateVaMappingRecord($"l{level} make writable now", page, Operand.Entry(page, GuestCode.Writable), 2);
            }

            code.MmuextRecord("no such frame", MmuextCommand.PinL1, 0xfff_ffff_ffff);
            code.MmuextRecord("unpin no such frame", MmuextCommand.Unpin, 0xfff_ffff_ffff);
            code.Asm.mov(rbx, __qword_ptr[V.StartInfo]);
            code.Asm.mov(rbx, __qword_ptr[rbx + StartInfoOffset.SharedInfo]);
            code.Asm.shr(rbx, 12);
            code.MmuextRecord("shared info", MmuextCommand.PinL1, rbx);
            code.LoadTableBaseMfn(rbx);
            code.MmuextRecord("boot l4 again", MmuextCommand.PinL4, rbx);
        }),
        new("pin-content-l1", "what pinning an L1 table makes of the entries that are in it", code =>
        {
            var (table, target, other) = (code.Pages(), code.Pages(), code.Pages());
            var contents = new (ulong Flags, string Name)[]
            {
                (Present | Accessed, "kernel"), (Present | User | Accessed, "user"), (Present | Accessed | Global, "kernel global"), (Present | User | Accessed | Global, "user global"),
                (Present | User | Accessed | GuestKernel, "user bit 52"), (Present | Accessed | GuestKernel, "bit 52"), (Present | User | Global | GuestKernel, "user global bit 52"),
                (Present | Write | Accessed | Dirty, "kernel writable"), (Present | User | Av9 | Av11, "available"), (Present | User | NoExecute, "no-execute"), (Present, "bare"),
                (User | Write, "not present"), (0, "zero"), (GuestKernel | User, "not present bit 52"), (Present | User | 1UL << 53, "bit 53"), (Present | User | 1UL << 62, "bit 62"),
            };
            for (var i = 0; i < contents.Length; i++)
                code.Store(table + (ulong)i * 8, Operand.Entry((contents[i].Flags & Write) != 0 ? other : target, contents[i].Flags));
            code.MakeReadOnly(table);
            code.MmuextRecord("pin", MmuextCommand.PinL1, Operand.Mfn(table));
            for (var i = 0; i < contents.Length; i++)
                code.RecordEntryFlags(contents[i].Name, table + (ulong)i * 8);
        }),
        new("pin-content-upper", "what pinning L2, L3 and L4 tables makes of their entries", code =>
        {
            ulong lower = code.Pages();
            code.MakeReadOnly(lower);
            for (var level = 2; level <= 4; level++)
            {
                var table = code.Pages();
                var contents = new (ulong Flags, string Name)[]
                {
                    (Present | Write | Accessed | Dirty, "kernel"), (Present | Write | User | Accessed, "user"), (Present | Accessed, "read-only"), (Present | Av9 | Av11 | NoExecute, "available and no-execute"),
                    (Present | Write | GuestKernel, "bit 52"), (User, "not present"),
                };
                for (var i = 0; i < contents.Length; i++)
                    code.Store(table + (ulong)i * 8, Operand.Entry(lower, contents[i].Flags));
                code.MakeReadOnly(table);
                code.MmuextRecord($"pin l{level}", (MmuextCommand)(level - 1), Operand.Mfn(table));
                for (var i = 0; i < contents.Length; i++)
                    code.RecordEntryFlags($"l{level} {contents[i].Name}", table + (ulong)i * 8);
                lower = table;
            }

        }),
        new("pin-reserved-slots", "what a guest wrote into slots 256 to 271 of a table does not survive its pin as L4", code =>
        {
            var (table, lower) = (code.Pages(), code.Pages());
            code.MakeReadOnly(lower);
            code.Store(table + 255 * 8, 0);
            code.Store(table + 256 * 8, 0x7777_7000);
            code.Store(table + 264 * 8, Operand.Entry(lower, 0x67));
            code.Store(table + 271 * 8, 0x5555_5007);
            code.Store(table + 272 * 8, 0);
            code.MakeReadOnly(table);
            code.MmuextRecord("pin", MmuextCommand.PinL4, Operand.Mfn(table));
            code.RecordEqual("256 kept", Operand.At(table + 256 * 8), 0x7777_7000);
            code.RecordEqual("271 kept", Operand.At(table + 271 * 8), 0x5555_5007);
            code.MmuextRecord("unpin", MmuextCommand.Unpin, Operand.Mfn(table));
        }),
        new("pin-refused", "entries that make a pin fail", code =>
        {
            var target = code.Pages();
            foreach (var (flags, name) in new[]
            {
                (Present | WriteThrough, "pwt"), (Present | CacheDisable, "pcd"), (Present | Pat, "pat"), (Present | WriteThrough | CacheDisable | Pat, "pwt pcd pat"),
            })
            {
                Refused(code, "l1 " + name, 1, Operand.Entry(target, flags));
            }

            Refused(code, "l1 no such frame", 1, 0x000f_ffff_ffff_f001);
            Refused(code, "l1 bit 51", 1, 1UL << 51 | 1);
            var table = code.Pages();
            code.MakeReadOnly(table);
            code.MmuextRecord("pin", MmuextCommand.PinL1, Operand.Mfn(table));
            Refused(code, "l1 writable mapping of a table", 1, Operand.Entry(table, Present | Write));
            Refused(code, "l1 read-only mapping of a table", 1, Operand.Entry(table, Present));
            Refused(code, "l2 good", 2, Operand.Entry(table, 0x67));
            foreach (var (flags, name) in new[] { (Pat, "pse"), (Global, "global"), (WriteThrough, "pwt"), (CacheDisable, "pcd") })
                Refused(code, "l2 " + name, 2, Operand.Entry(table, 0x67 | flags));
            Refused(code, "l2 of a writable page", 2, Operand.Entry(target, 0x67));
            Refused(code, "l3 of an l1", 3, Operand.Entry(table, 0x67));
            Refused(code, "l2 bit 62", 2, Operand.Entry(table, 0x67 | 1UL << 62));
            var upper = code.Pages();
            code.Store(upper, Operand.Entry(table, 0x67));
            code.MakeReadOnly(upper);
            Refused(code, "l3 of an l2 not typed yet", 3, Operand.Entry(upper, 0x67));
            foreach (var (flags, name) in new[] { (Pat, "pse"), (Global, "global"), (WriteThrough, "pwt"), (CacheDisable, "pcd") })
                Refused(code, "l3 " + name, 3, Operand.Entry(upper, 0x67 | flags));
            Refused(code, "l4 of an l2", 4, Operand.Entry(upper, 0x67));
        }),
        new("pin-whole-table", "a failing entry anywhere undoes the whole validation", code =>
        {
            var (table, target) = (code.Pages(), code.Pages());
            for (var i = 0; i < 511; i++)
                code.Store(table + (ulong)i * 8, Operand.Entry(target, GuestCode.Writable));
            code.Store(table + 511 * 8, Operand.Entry(target, Present | CacheDisable));
            code.MakeReadOnly(table);
            code.MmuextRecord("pin", MmuextCommand.PinL1, Operand.Mfn(table));
            code.UpdateVaMappingRecord("table writable", table, Operand.Entry(table, GuestCode.Writable), 2);
            code.UpdateVaMappingRecord("target unmapped", target, 0, 2);
            code.MmuextRecord("target as a table", MmuextCommand.PinL1, Operand.Mfn(target));
            code.Store(table + 511 * 8, 0);
            code.MakeReadOnly(table);
            code.MmuextRecord("pin maps the target writable", MmuextCommand.PinL1, Operand.Mfn(table));
            code.MmuextRecord("unpin target", MmuextCommand.Unpin, Operand.Mfn(target));
            code.MmuextRecord("pin now", MmuextCommand.PinL1, Operand.Mfn(table));
            code.RecordEntryFlags("first", table);
            code.RecordEntryFlags("entry 510", table + 510 * 8);
        }),
        new("pin-other-uses", "descriptor tables, page tables and writable pages exclude each other", code =>
        {
            code.InstallTraps();
            var (gdt, table) = (code.Pages(), code.Pages());
            var list = code.Table(0);
            code.MakeReadOnly(gdt);
            code.MakeReadOnly(table);
            code.Store(list, Operand.Mfn(gdt));
            code.CallRecord("set_gdt", XenCall.SetGdt, list, 8);
            code.MmuextRecord("pin of a gdt", MmuextCommand.PinL1, Operand.Mfn(gdt));
            code.Store(list, Operand.Mfn(table));
            code.MmuextRecord("pin", MmuextCommand.PinL1, Operand.Mfn(table));
            code.CallRecord("set_gdt of a table", XenCall.SetGdt, list, 8);
            code.Try("gdt still works", a =>
            {
                a.mov(eax, 0xe02b);
                a.mov(ds, eax);
            });
            code.MmuextRecord("clear page of a table", MmuextCommand.ClearPage, Operand.Mfn(table));
            code.MmuextRecord("copy to a gdt", MmuextCommand.CopyPage, Operand.Mfn(gdt), Operand.Mfn(table));
            var vcpuInfo = code.Table(0, 0);
            code.Store(vcpuInfo, Operand.Mfn(table));
            code.CallRecord("vcpu info in a table", XenCall.VcpuOp, 10, 0, vcpuInfo);
        }),
        new("pin-boot-tables", "the domain builder's tables: only the L4 is pinned, all are read-only", code =>
        {
            for (var level = 1; level <= 4; level++)
            {
                var (_, linear) = code.EntryOf(GuestLayout.Base, level);
                code.Asm.and(__qword_ptr[linear], ~0xfff);
                var mfn = code.MfnOf(linear);
                var entry = code.EntryFor(mfn, GuestCode.Writable);
                code.UpdateVaMappingRecord($"l{level} writable", Operand.At(linear), Operand.At(entry), 2);
                code.MmuextRecord($"l{level} unpin", MmuextCommand.Unpin, Operand.At(mfn));
                code.MmuextRecord($"l{level} pin", (MmuextCommand)(level - 1), Operand.At(mfn));
            }
        }),
    ];

    private static void Refused(GuestCode code, string name, int level, Operand entry)
    {
        var table = code.Pages();
        code.Store(table + 7 * 8, entry);
        code.MakeReadOnly(table);
        code.MmuextRecord(name, (MmuextCommand)(level - 1), Operand.Mfn(table));
        code.MmuextRecord(name + " unpin", MmuextCommand.Unpin, Operand.Mfn(table));
    }
}
