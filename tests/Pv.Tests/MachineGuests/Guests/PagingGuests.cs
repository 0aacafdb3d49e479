using static Iced.Intel.AssemblerRegisters;
using V = Pv.Tests.MachineGuests.GuestVariables;

namespace Pv.Tests.MachineGuests.Guests;

/// <summary>Changing page tables: mmu_update, update_va_mapping, mmuext_op, and plain writes that are emulated.</summary>
internal static class PagingGuests
{
    private const ulong GuestKernel = 1UL << 52, NoExecute = 1UL << 63, PreserveAd = 2, MachPhys = 1;

    public static IEnumerable<MachineGuest> All =>
    [
        new("paging-l1-flags", "mmu_update of an L1 entry: which flags are refused and how the others are stored", code =>
        {
            var (table, target) = (Table(code, 1), code.Pages());
            foreach (var flags in (ulong[])
            [
                0x1, 0x61, 0x63, 0x65, 0x67, 0x161, 0x165, 0x167, 0x61 | GuestKernel, 0x65 | GuestKernel, 0x165 | GuestKernel, 0x161 | GuestKernel, 0x63 | NoExecute, 0xe65,
                0x69, 0x71, 0xe1, 0x6d, 0x7d, 0xf5, 0x0, 0x6, 0x1000, 0x65 | 1UL << 53, 0x65 | 1UL << 58, 0x65 | 1UL << 59, 0x65 | 1UL << 62,
            ])
            {
                code.MmuUpdateRecord($"{flags:x}", Operand.Entry(table, 8), Operand.Entry(target, flags));
                code.RecordEntryFlags($"{flags:x} stored", table + 8);
            }
        }),
        new("paging-upper-flags", "the same for L2, L3 and L4 entries", code =>
        {
            var l1 = Table(code, 1);
            var l2 = Table(code, 2);
            var l3 = Table(code, 3);
            var l4 = Table(code, 4);
            foreach (var (table, lower, level) in new[] { (l2, l1, 2), (l3, l2, 3), (l4, l3, 4) })
            {
                foreach (var flags in (ulong[])
                [
                    0x1, 0x63, 0x67, 0x65, 0x167, 0xe7, 0x6f, 0x77, 0xe67, 0x67 | NoExecute, 0x67 | GuestKernel, 0x63 | GuestKernel, 0x67 | 1UL << 53, 0x67 | 1UL << 59, 0x67 | 1UL << 62, 0x0, 0x6, 0x1e6,
                ])
                {
                    code.MmuUpdateRecord($"l{level} {flags:x}", Operand.Entry(table, 16), Operand.Entry(lower, flags));
                    code.RecordEntryFlags($"l{level} {flags:x} stored", table + 16);
                }
            }
        }),
        new("paging-reserved-slots", "slots 256 to 271 of an L4 are not the guest's", code =>
        {
            var l3 = Table(code, 3);
            var tableBase = code.TableBaseMfn();
            var request = code.EntryFor(tableBase, 0);
            foreach (var slot in (int[])[1, 255, 256, 257, 258, 259, 260, 261, 270, 271, 272, 510])
            {
                code.Asm.mov(rbx, __qword_ptr[request]);
                code.Asm.or(rbx, slot * 8);
                code.MmuUpdateRecord($"{slot}", rbx, Operand.Entry(l3, 0x67));
                code.MmuUpdateRecord($"{slot} zero", rbx, 0);
            }

            var (_, linear) = code.EntryOf(0xffff_8000_0000_0000UL, 4);
            code.RecordEntryFlagsAt("256 holds", linear);
        }),
        new("paging-frames", "which frames a guest may map", code =>
        {
            code.InstallTraps();
            var window = code.Pages();
            var (shared, console) = (code.Variable(), code.Variable());
            code.Asm.mov(rbx, __qword_ptr[V.StartInfo]);
            code.Asm.mov(rax, __qword_ptr[rbx + StartInfoOffset.SharedInfo]);
            code.Asm.or(rax, 0x63);
            code.Asm.mov(__qword_ptr[shared], rax);
            code.Asm.mov(rax, __qword_ptr[rbx + StartInfoOffset.ConsoleMfn]);
            code.Asm.shl(rax, 12);
            code.Asm.or(rax, 0x63);
            code.Asm.mov(__qword_ptr[console], rax);
            code.UpdateVaMappingRecord("shared info", window, Operand.At(shared), 2);
            code.UpdateVaMappingRecord("console ring", window, Operand.At(console), 2);
            code.UpdateVaMappingRecord("frame behind the machine", window, 0x000f_ffff_ffff_f063, 2);
            code.UpdateVaMappingRecord("frame behind the machine read-only", window, 0x000f_ffff_ffff_f061, 2);
            // The frame that maps the machine-to-physical table belongs to the hypervisor: found in the L4's slot.
            var (_, linear) = code.EntryOf(0xffff_8000_0000_0000UL, 4);
            code.Asm.mov(rbx, __qword_ptr[linear]);
            code.Asm.mov(rbx, __qword_ptr[rbx]);
            code.Asm.btr(rbx, 63);
            code.Asm.and(rbx, ~0xfff);
            code.Asm.or(rbx, 0x61);
            code.UpdateVaMappingRecord("hypervisor's table", window, rbx, 2);
            code.Asm.or(rbx, 2);
            code.UpdateVaMappingRecord("hypervisor's table writable", window, rbx, 2);
            code.UpdateVaMappingRecord("own", window, Operand.Entry(window, GuestCode.Writable), 2);
        }),
        new("paging-recursive", "a table that maps itself: read-only works, writable is refused", code =>
        {
            var l4 = Table(code, 4);
            code.MmuUpdateRecord("l4 self writable", Operand.Entry(l4, 8), Operand.Entry(l4, 0x67));
            code.RecordEntryFlags("l4 self writable stored", l4 + 8);
            code.MmuUpdateRecord("l4 self read-only", Operand.Entry(l4, 8), Operand.Entry(l4, 0x65));
            code.RecordEntryFlags("l4 self read-only stored", l4 + 8);
            var second = Table(code, 4);
            code.MmuUpdateRecord("another l4 read-only", Operand.Entry(second, 8), Operand.Entry(l4, 0x65));
            code.MmuUpdateRecord("another l4 writable", Operand.Entry(second, 8), Operand.Entry(l4, 0x67));
            code.MmuUpdateRecord("back", Operand.Entry(l4, 16), Operand.Entry(second, 0x65));
            var l3 = Table(code, 3);
            code.MmuUpdateRecord("l3 self read-only", Operand.Entry(l3, 8), Operand.Entry(l3, 0x65));
            var l2 = Table(code, 2);
            code.MmuUpdateRecord("l2 self read-only", Operand.Entry(l2, 8), Operand.Entry(l2, 0x65));
            code.MmuUpdateRecord("l2 self writable", Operand.Entry(l2, 8), Operand.Entry(l2, 0x67));
            var l1 = Table(code, 1);
            code.MmuUpdateRecord("l1 self read-only", Operand.Entry(l1, 8), Operand.Entry(l1, 0x61));
            code.MmuUpdateRecord("l1 self writable", Operand.Entry(l1, 8), Operand.Entry(l1, 0x63));
            var tableBase = code.TableBaseMfn();
            var request = code.EntryFor(tableBase, 8);
            var self = code.EntryFor(tableBase, 0x65);
            code.MmuUpdateRecord("boot l4 self read-only", Operand.At(request), Operand.At(self));
            code.Asm.mov(rax, 0x0000_0080_4020_1000UL); // slot 1 at each level: the L4 seen as a page
            code.Asm.mov(rax, __qword_ptr[rax + 8]);
            code.RecordEqual("seen through itself", rax, rax);
            code.RecordMasked("seen flags", rax, 0xfff);
        }),
        new("paging-va-mapping", "update_va_mapping: holes, flags, the hypervisor's addresses, other domains", code =>
        {
            code.InstallTraps();
            var page = code.Pages();
            code.UpdateVaMappingRecord("hole", 0x1000, 0, 2);
            code.UpdateVaMappingRecord("hole with entry", 0x1000, Operand.Entry(page, 0x61), 2);
            code.UpdateVaMappingRecord("hypervisor", 0xffff_8000_0000_0000UL, 0, 2);
            code.UpdateVaMappingRecord("hypervisor's direct map", 0xffff_8300_0000_0000UL, Operand.Entry(page, 0x61), 2);
            code.UpdateVaMappingRecord("non-canonical", 0x8000_0000_0000UL, 0, 2);
            code.UpdateVaMappingRecord("clear", page, 0, 2);
            code.Try("read", a => a.mov(rax, __qword_ptr[page]));
            foreach (var flags in (ulong[])[0, 1, 2, 3, 4, 5, 6, 7, 8, 0x10])
                code.UpdateVaMappingRecord($"flags {flags:x}", page, Operand.Entry(page, GuestCode.Writable), flags);
            var mask = code.Table(1);
            code.UpdateVaMappingRecord("mask flush", page, Operand.Entry(page, GuestCode.Writable), (long)(mask | 1));
            code.UpdateVaMappingRecord("mask invlpg", page, Operand.Entry(page, GuestCode.Writable), (long)(mask | 2));
            code.UpdateVaMappingRecord("bad mask", page, Operand.Entry(page, GuestCode.Writable), 0x1001);
            code.CallRecord("other domain self", XenCall.UpdateVaMappingOtherDomain, page, Operand.Entry(page, GuestCode.Writable), 2, GuestCode.Self);
            code.CallRecord("other domain 0", XenCall.UpdateVaMappingOtherDomain, page, Operand.Entry(page, GuestCode.Writable), 2, 0);
            code.CallRecord("other domain none", XenCall.UpdateVaMappingOtherDomain, page, Operand.Entry(page, GuestCode.Writable), 2, 0x7000);
            code.CallRecord("other domain io", XenCall.UpdateVaMappingOtherDomain, page, Operand.Entry(page, GuestCode.Writable), 2, 0x7ff1);
            code.Asm.mov(__qword_ptr[page], 7);
            code.Record("written", Operand.At(page));
        }),
        new("paging-batch", "mmu_update of several: the count of those done before a refusal", code =>
        {
            var (table, target) = (Table(code, 1), code.Pages());
            var requests = code.Variable(0, 16 * 6);
            var done = code.Variable(0x5555_5555);
            for (var i = 0; i < 6; i++)
            {
                code.Store(requests + (ulong)i * 16, Operand.Entry(table, (ulong)i * 8));
                code.Store(requests + (ulong)i * 16 + 8, Operand.Entry(target, 0x63));
            }

            void Batch(string name, Operand count, Operand completed, ulong domain)
            {
                code.Store(done, 0x5555_5555);
                code.CallRecord(name, XenCall.MmuUpdate, requests, count, completed, domain);
                code.RecordMasked(name + " done", Operand.At(done), 0xffff_ffff);
            }

            Batch("six", 6, done, GuestCode.Self);
            code.Store(requests + 3 * 16 + 8, Operand.Entry(target, 0x71));
            Batch("fourth refused", 6, done, GuestCode.Self);
            code.Store(requests + 3 * 16 + 8, Operand.Entry(table, 0x63));
            Batch("fourth a writable table", 6, done, GuestCode.Self);
            code.Store(requests + 3 * 16 + 8, Operand.Entry(target, 0x63));
            code.Store(requests + 3 * 16, Operand.Entry(table, 3 * 8 + 3));
            Batch("fourth of type 3", 6, done, GuestCode.Self);
            code.Store(requests + 3 * 16, Operand.Entry(table, 3 * 8 + 4));
            Batch("fourth misaligned", 6, done, GuestCode.Self);
            code.Store(requests + 3 * 16, 0x000f_ffff_ffff_f000);
            Batch("fourth in no frame", 6, done, GuestCode.Self);
            code.Store(requests + 3 * 16, Operand.Entry(target, 8));
            Batch("fourth in a writable page", 6, done, GuestCode.Self);
            code.RecordEntryFlags("writable page stored", target + 8);
            Batch("none", 0, done, GuestCode.Self);
            Batch("without done", 3, 0, GuestCode.Self);
            Batch("done in a hole", 3, 0x1000, GuestCode.Self);
            Batch("foreign dom0", 1, done, 0);
            Batch("foreign none", 1, done, 0x7000);
            Batch("foreign xen", 1, done, 0x7ff2);
            Batch("page-table owner in the high half", 1, done, 0x8000_7ff0);
            Batch("preempted flag alone", 0x8000_0000, done, GuestCode.Self);
            code.Store(done, 0x5555_5555);
            code.CallRecord("requests in a hole", XenCall.MmuUpdate, 0x1000, 2, done, GuestCode.Self);
            code.RecordMasked("requests in a hole done", Operand.At(done), 0xffff_ffff);
        }),
        new("paging-machphys", "MMU_MACHPHYS_UPDATE writes the guest's own frames' entries, no others", code =>
        {
            var page = code.Pages();
            code.MmuUpdateRecord("own", Operand.Entry(page, MachPhys), 0x1234);
            Operand.Mfn(page).Load(code.Asm, rbx);
            code.Asm.mov(rdx, GuestLayout.MachineToPhysical);
            code.Asm.mov(rax, __qword_ptr[rdx + rbx * 8]);
            code.Record("own is", rax);
            code.MmuUpdateRecord("no such frame", 0x000f_ffff_ffff_f001, 1);
            code.MmuUpdateRecord("with an offset", Operand.Entry(page, 0x100 | MachPhys), 0x77);
            code.Asm.mov(rdx, GuestLayout.MachineToPhysical);
            code.Asm.mov(rax, __qword_ptr[rdx + rbx * 8]);
            code.Record("own is now", rax);
            var (_, linear) = code.EntryOf(0xffff_8000_0000_0000UL, 4);
            code.Asm.mov(rbx, __qword_ptr[linear]);
            code.Asm.mov(rbx, __qword_ptr[rbx]);
            code.Asm.btr(rbx, 63);
            code.Asm.and(rbx, ~0xfff);
            code.Asm.or(rbx, (int)MachPhys);
            code.MmuUpdateRecord("hypervisor's frame", rbx, 1);
            code.Asm.mov(rbx, __qword_ptr[V.StartInfo]);
            code.Asm.mov(rbx, __qword_ptr[rbx + StartInfoOffset.SharedInfo]);
            code.Asm.or(rbx, (int)MachPhys);
            code.MmuUpdateRecord("shared info", rbx, 1);
        }),
        new("paging-preserve-ad", "MMU_PT_UPDATE_PRESERVE_AD keeps the accessed and dirty bits of the old entry", code =>
        {
            var (table, target) = (Table(code, 1), code.Pages());
            foreach (var old in (ulong[])[0x65, 0x25, 0x05])
            {
                foreach (var next in (ulong[])[0x05, 0x65, 0x07, 0x0])
                {
                    code.MmuUpdate(Operand.Entry(table, 8), Operand.Entry(target, old));
                    code.MmuUpdateRecord($"{old:x} to {next:x}", Operand.Entry(table, 8 | PreserveAd), Operand.Entry(target, next));
                    code.RecordEntryFlags($"{old:x} to {next:x} stored", table + 8);
                }
            }
        }),
        new("paging-accessed-dirty", "the processor sets accessed and dirty bits in the guest's entries", code =>
        {
            var page = code.Pages();
            var (_, linear) = code.EntryOf(page, 1);
            code.UpdateVaMapping(page, Operand.Entry(page, 0x3), 2);
            code.RecordEntryFlagsAt("fresh", linear);
            code.Asm.mov(rax, __qword_ptr[page]);
            code.RecordEntryFlagsAt("read", linear);
            code.Asm.mov(__qword_ptr[page], 1);
            code.RecordEntryFlagsAt("written", linear);
            code.UpdateVaMapping(page, Operand.Entry(page, 0x1), 2);
            code.Asm.mov(rax, __qword_ptr[page]);
            code.RecordEntryFlagsAt("read-only read", linear);
        }),
        new("paging-base-pointer", "NEW_BASEPTR and NEW_USER_BASEPTR: what they take", code =>
        {
            code.InstallTraps();
            var (page, table) = (code.Pages(), Table(code, 3));
            var tableBase = code.TableBaseMfn();
            code.MmuextRecord("kernel same", MmuextCommand.NewBasePointer, Operand.At(tableBase));
            code.MmuextRecord("kernel zero", MmuextCommand.NewBasePointer, 0);
            code.MmuextRecord("kernel writable page", MmuextCommand.NewBasePointer, Operand.Mfn(page));
            code.MmuextRecord("kernel l3", MmuextCommand.NewBasePointer, Operand.Mfn(table));
            code.MmuextRecord("kernel no frame", MmuextCommand.NewBasePointer, 0xfff_ffff_ffff);
            code.MmuextRecord("user zero", MmuextCommand.NewUserBasePointer, 0);
            code.MmuextRecord("user writable page", MmuextCommand.NewUserBasePointer, Operand.Mfn(page));
            code.MmuextRecord("user l3", MmuextCommand.NewUserBasePointer, Operand.Mfn(table));
            code.MmuextRecord("user no frame", MmuextCommand.NewUserBasePointer, 0xfff_ffff_ffff);
            code.MakeReadOnly(page);
            code.MmuextRecord("user unpinned l4", MmuextCommand.NewUserBasePointer, Operand.Mfn(page));
            code.MmuextRecord("unpin of an unpinned l4 in use", MmuextCommand.Unpin, Operand.Mfn(page));
            code.UpdateVaMappingRecord("writable while it is the base", page, Operand.Entry(page, GuestCode.Writable), 2);
            code.MmuextRecord("user same again", MmuextCommand.NewUserBasePointer, Operand.Mfn(page));
            code.MmuextRecord("user back to zero", MmuextCommand.NewUserBasePointer, 0);
            code.UpdateVaMappingRecord("writable afterwards", page, Operand.Entry(page, GuestCode.Writable), 2);
            code.MmuextRecord("kernel same, still alive", MmuextCommand.NewBasePointer, Operand.At(tableBase));
        }),
        new("paging-switch", "a new L4 is pinned, loaded and the old one unpinned in one call, then written", code =>
        {
            code.InstallTraps();
            var fresh = code.Pages();
            var operations = code.Variable(0, 24 * 3);
            var done = code.Variable();
            var old = code.TableBaseMfn();
            code.Asm.mov(rsi, __qword_ptr[V.TableBase]);
            code.Asm.mov(rdi, fresh);
            code.Asm.mov(ecx, 512);
            code.Asm.rep.movsq();
            code.MakeReadOnly(fresh);
            code.Store32(operations, (uint)MmuextCommand.PinL4);
            code.Store(operations + 8, Operand.Mfn(fresh));
            code.Store32(operations + 24, (uint)MmuextCommand.NewBasePointer);
            code.Store(operations + 32, Operand.Mfn(fresh));
            code.Store32(operations + 48, (uint)MmuextCommand.Unpin);
            code.Store(operations + 56, Operand.At(old));
            code.CallRecord("switch", XenCall.MmuextOp, operations, 3, done, GuestCode.Self);
            code.RecordMasked("done", Operand.At(done), 0xffff_ffff);
            var entry = code.EntryFor(old, GuestCode.Writable);
            code.UpdateVaMappingRecord("old writable", Operand.At(V.TableBase), Operand.At(entry), 2);
            code.Asm.mov(rbx, __qword_ptr[V.TableBase]);
            code.Try("write old", a => a.mov(__qword_ptr[rbx], 0));
            code.Asm.mov(rax, cr3);
            code.Asm.shr(rax, 12);
            code.RecordEqual("cr3 is the new one", rax, Operand.Mfn(fresh));
        }),
        new("paging-mmuext", "mmuext_op: flushes, page operations, unknown commands, counts", code =>
        {
            var (first, second) = (code.Pages(), code.Pages());
            var mask = code.Table(1);
            code.Store(first, 0x1234);
            code.MmuextRecord("tlb flush local", MmuextCommand.TlbFlushLocal, 0);
            code.MmuextRecord("invlpg local", MmuextCommand.InvlpgLocal, first);
            code.MmuextRecord("invlpg local hypervisor", MmuextCommand.InvlpgLocal, 0xffff_8300_0000_0000UL);
            code.MmuextRecord("invlpg local non-canonical", MmuextCommand.InvlpgLocal, 0x8000_0000_0000UL);
            code.MmuextRecord("tlb flush multi", MmuextCommand.TlbFlushMulti, 0, mask);
            code.MmuextRecord("tlb flush multi bad mask", MmuextCommand.TlbFlushMulti, 0, 0x1000);
            code.MmuextRecord("invlpg multi", MmuextCommand.InvlpgMulti, first, mask);
            code.MmuextRecord("tlb flush all", MmuextCommand.TlbFlushAll, 0);
            code.MmuextRecord("invlpg all", MmuextCommand.InvlpgAll, first);
            code.MmuextRecord("flush cache", MmuextCommand.FlushCache, 0);
            code.MmuextRecord("flush cache global", MmuextCommand.FlushCacheGlobal, 0);
            code.MmuextRecord("copy page", MmuextCommand.CopyPage, Operand.Mfn(second), Operand.Mfn(first));
            code.Record("copied", Operand.At(second));
            code.MmuextRecord("clear page", MmuextCommand.ClearPage, Operand.Mfn(first));
            code.Record("cleared", Operand.At(first));
            code.MmuextRecord("clear no frame", MmuextCommand.ClearPage, 0xfff_ffff_ffff);
            code.MmuextRecord("copy from no frame", MmuextCommand.CopyPage, Operand.Mfn(second), 0xfff_ffff_ffff);
            code.MmuextRecord("mark super", MmuextCommand.MarkSuper, Operand.Mfn(first));
            code.MmuextRecord("unmark super", MmuextCommand.UnmarkSuper, Operand.Mfn(first));
            code.MmuextRecord("14", (MmuextCommand)14, 0);
            code.MmuextRecord("21", (MmuextCommand)21, 0);
            code.MmuextRecord("unknown", (MmuextCommand)99, 0);

            var operations = code.Variable(0, 24 * 4);
            var done = code.Variable();
            for (var i = 0; i < 4; i++)
                code.Store32(operations + (ulong)i * 24, i == 2 ? 99u : (uint)MmuextCommand.TlbFlushLocal);
            code.CallRecord("third unknown", XenCall.MmuextOp, operations, 4, done, GuestCode.Self);
            code.RecordMasked("third unknown done", Operand.At(done), 0xffff_ffff);
            code.CallRecord("none", XenCall.MmuextOp, operations, 0, done, GuestCode.Self);
            code.RecordMasked("none done", Operand.At(done), 0xffff_ffff);
            code.CallRecord("bad pointer", XenCall.MmuextOp, 0x1000, 1, done, GuestCode.Self);
            code.CallRecord("bad done", XenCall.MmuextOp, operations, 1, 0x1000, GuestCode.Self);
            code.CallRecord("foreign dom0", XenCall.MmuextOp, operations, 1, done, 0);
            code.CallRecord("foreign none", XenCall.MmuextOp, operations, 1, done, 0x7000);
            code.CallRecord("foreign io", XenCall.MmuextOp, operations, 1, done, 0x7ff1);
        }),
        new("paging-emulated-writes", "plain writes to a page table are emulated when writable_pagetables is on, and fault when it is off", code =>
        {
            code.InstallTraps();
            var (table, target, second) = (Table(code, 1), code.Pages(), code.Pages());
            var entry = code.Variable();
            Attach(code, table);
            code.Store(entry, Operand.Entry(target, 0x63));
            void Write(string name, Action<Iced.Intel.Assembler> body)
            {
                code.Store(entry, Operand.Entry(target, 0x63));
                code.Asm.mov(rbx, __qword_ptr[entry]);
                code.Try(name, body);
                code.RecordEntryFlags(name + " stored", table + 8);
            }

            Write("off", a => a.mov(__qword_ptr[table + 8], rbx));
            code.CallRecord("assist", XenCall.VmAssist, 0, 2);
            Write("mov", a => a.mov(__qword_ptr[table + 8], rbx));
            Write("xchg", a =>
            {
                a.xor(ecx, ecx);
                a.xchg(__qword_ptr[table + 8], rcx);
                code.RecordMasked("xchg old", rcx, 0xfff0_0000_0000_0fff);
            });
            Write("mov again", a => a.mov(__qword_ptr[table + 8], rbx));
            Write("lock btr", a => a.@lock.btr(__qword_ptr[table + 8], 1));
            Write("lock and", a => a.@lock.and(__qword_ptr[table + 8], ~0x40));
            Write("lock or", a => a.@lock.or(__qword_ptr[table + 8], 0x40));
            Write("cmpxchg equal", a =>
            {
                a.mov(rax, __qword_ptr[table + 8]);
                a.@lock.cmpxchg(__qword_ptr[table + 8], rbx);
                a.setz(al);
                a.movzx(eax, al);
                code.Record("cmpxchg equal zf", rax);
            });
            Write("cmpxchg unequal", a =>
            {
                a.xor(eax, eax);
                a.@lock.cmpxchg(__qword_ptr[table + 8], rbx);
                a.setz(al);
                a.movzx(eax, al);
                code.Record("cmpxchg unequal zf", rax);
            });
            Write("byte", a => a.mov(__byte_ptr[table + 8], 0));
            Write("dword zero", a => a.mov(__dword_ptr[table + 8], 0));
            Write("refused cache flags", a =>
            {
                a.or(rbx, 0x10);
                a.mov(__qword_ptr[table + 8], rbx);
            });
            code.Store(entry, Operand.Entry(table, 0x63));
            code.Asm.mov(rbx, __qword_ptr[entry]);
            code.Try("refused writable table", a => a.mov(__qword_ptr[table + 8], rbx));
            code.RecordEntryFlags("refused writable table stored", table + 8);
            Write("misaligned", a => a.mov(__qword_ptr[table + 12], 0));
            code.Asm.lea(rdi, __[unchecked((int)table) + 0x100]);
            code.Asm.mov(ecx, 2);
            Write("rep stosq", a =>
            {
                a.xor(eax, eax);
                a.mov(rdi, table + 0x100);
                a.mov(ecx, 2);
                a.rep.stosq();
            });
            var l2 = Table(code, 2);
            code.Try("l2 table", a => a.mov(__qword_ptr[l2 + 8], 0));
            code.EnableUserMode();
            code.TryUser("from user mode", a => a.mov(__qword_ptr[table + 8], 0));
            code.CallRecord("assist off", XenCall.VmAssist, 1, 2);
            Write("off again", a => a.mov(__qword_ptr[table + 8], rbx));
            code.Record("used", Operand.At(second));
        }),
        new("paging-emulated-forms", "the forms in which kernels write entries of a live table: prefixes, widths, and every instruction that reads before it writes", code =>
        {
            code.InstallTraps();
            var (table, target) = (Table(code, 1), code.Pages());
            var entry = code.Variable();
            Attach(code, table);
            code.CallRecord("assist", XenCall.VmAssist, 0, 2);
            code.Store(entry, Operand.Entry(target, 0x63));
            var first = true;
            void Write(string name, Action<Iced.Intel.Assembler> body)
            {
                code.Asm.mov(rbx, __qword_ptr[entry]);
                code.Try(first ? "fill" : name + ": fill", a => a.mov(__qword_ptr[table + 8], rbx));
                first = false;
                code.Asm.mov(ecx, unchecked((int)table) + 8);
                code.Asm.movsxd(rcx, ecx);
                code.Asm.mov(edi, 1);
                code.Asm.xor(esi, esi);
                // All arithmetic flags clear.
                code.Asm.xor(eax, eax);
                code.Asm.inc(eax);
                code.Try(name, a =>
                {
                    body(a);
                    a.pushfq();
                    a.pop(rsi);
                });
                code.RecordMasked(name + ": flags", rsi, 0x8d5);
                code.RecordMasked(name + ": rax", rax, 0xfff0_0000_0000_0fff);
                code.RecordMasked(name + ": rdi", rdi, 0xfff0_0000_0000_0fff);
                code.RecordEntryFlags(name + ": entry", table + 8);
            }

            Write("ds and byte", a => a.db(0x3e, 0x80, 0x21, 0xbf));
            Write("lock ds and byte", a => a.db(0x3e, 0xf0, 0x80, 0x21, 0xdf));
            Write("es and byte", a => a.db(0x26, 0x80, 0x21, 0xbf));
            Write("ss or byte", a => a.db(0x36, 0x80, 0x09, 0x80));
            Write("gs or byte", a => a.db(0x65, 0x80, 0x09, 0x80));
            Write("lock and byte", a => a.@lock.and(__byte_ptr[rcx], 0xdf));
            Write("and byte of register", a => a.and(__byte_ptr[rcx], al));
            Write("and high byte", a => a.and(__byte_ptr[rcx + 7], 0));
            Write("and dword", a => a.and(__dword_ptr[rcx], ~0x20));
            Write("and word", a => a.and(__word_ptr[rcx], 0xff0f));
            Write("xchg", a => a.xchg(__qword_ptr[rcx], rdi));
            Write("xchg byte", a => a.xchg(__byte_ptr[rcx], dil));
            Write("cmpxchg unlocked", a =>
            {
                a.mov(rax, rbx);
                a.cmpxchg(__qword_ptr[rcx], rdi);
            });
            Write("cmpxchg dword unequal", a => a.@lock.cmpxchg(__dword_ptr[rcx], edi));
            Write("cmpxchg byte equal", a =>
            {
                a.mov(al, bl);
                a.@lock.cmpxchg(__byte_ptr[rcx], dil);
            });
            Write("bts", a => a.bts(__qword_ptr[rcx], 8));
            Write("lock bts", a => a.@lock.bts(__qword_ptr[rcx], 9));
            Write("bts of a register", a => a.bts(__qword_ptr[rcx], rdi));
            Write("bts far", a =>
            {
                a.add(rdi, 64 + 8);
                a.sub(rcx, 8);
                a.bts(__qword_ptr[rcx], rdi);
            });
            Write("bts dword", a => a.bts(__dword_ptr[rcx], 8));
            Write("btc", a => a.btc(__qword_ptr[rcx], 0));
            Write("bt reads", a => a.bt(__qword_ptr[rcx], 0));
            Write("add", a => a.add(__byte_ptr[rcx], 4));
            Write("adc", a =>
            {
                a.stc();
                a.adc(__byte_ptr[rcx], 3);
            });
            Write("sbb", a =>
            {
                a.stc();
                a.sbb(__byte_ptr[rcx], 1);
            });
            Write("inc", a => a.inc(__byte_ptr[rcx]));
            Write("dec", a => a.dec(__byte_ptr[rcx]));
            Write("neg byte", a => a.neg(__byte_ptr[rcx]));
            Write("not high byte", a => a.not(__byte_ptr[rcx + 7]));
            Write("xadd", a => a.xadd(__byte_ptr[rcx], dil));
            Write("movnti", a => a.movnti(__qword_ptr[rcx], rax));
            Write("mov immediate", a => a.mov(__qword_ptr[rcx], 0));
            Write("mov selector", a => a.mov(__word_ptr[rcx + 6], ds));
            Write("movups", a => a.movups(__xmmword_ptr[rcx - 8], xmm0));
        }),
        new("paging-references", "tables are validated by reference and released with the last one", code =>
        {
            var (l1, l2, target) = (code.Pages(), Table(code, 2), code.Pages());
            code.Store(l1, Operand.Entry(target, 0x63));
            code.MmuUpdateRecord("l2 to a writable page", Operand.Entry(l2, 0), Operand.Entry(l1, 0x67));
            code.MakeReadOnly(l1);
            code.MmuUpdateRecord("l2 to it read-only", Operand.Entry(l2, 0), Operand.Entry(l1, 0x67));
            code.RecordEntryFlags("l1 entry becomes", l1);
            code.MmuUpdateRecord("l2 to it twice", Operand.Entry(l2, 8), Operand.Entry(l1, 0x67));
            code.UpdateVaMappingRecord("writable", l1, Operand.Entry(l1, GuestCode.Writable), 2);
            code.MmuextRecord("pin", MmuextCommand.PinL1, Operand.Mfn(l1));
            code.MmuextRecord("unpin", MmuextCommand.Unpin, Operand.Mfn(l1));
            code.MmuextRecord("unpin again", MmuextCommand.Unpin, Operand.Mfn(l1));
            code.MmuUpdateRecord("drop one", Operand.Entry(l2, 0), 0);
            code.UpdateVaMappingRecord("writable with one", l1, Operand.Entry(l1, GuestCode.Writable), 2);
            code.MmuUpdateRecord("drop the other", Operand.Entry(l2, 8), 0);
            code.UpdateVaMappingRecord("writable with none", l1, Operand.Entry(l1, GuestCode.Writable), 2);
            code.RecordEntryFlags("l1 entry stays", l1);
            code.MmuUpdateRecord("l2 as l1 of itself", Operand.Entry(l2, 0), Operand.Entry(l2, 0x67));
            var l3 = Table(code, 3);
            code.MmuUpdateRecord("l3 to an l1", Operand.Entry(l3, 0), Operand.Entry(l1, 0x67));
            code.MmuUpdateRecord("l3 to an l2", Operand.Entry(l3, 0), Operand.Entry(l2, 0x67));
            code.MmuextRecord("unpin the l2", MmuextCommand.Unpin, Operand.Mfn(l2));
            code.UpdateVaMappingRecord("the l2 writable", l2, Operand.Entry(l2, GuestCode.Writable), 2);
            code.MmuextRecord("unpin the l3", MmuextCommand.Unpin, Operand.Mfn(l3));
            code.UpdateVaMappingRecord("the l2 writable afterwards", l2, Operand.Entry(l2, GuestCode.Writable), 2);
        }),
        new("paging-unmap-in-use", "a mapping that a hypercall writes through can be gone", code =>
        {
            code.InstallTraps();
            var page = code.Pages();
            code.MakeReadOnly(page);
            code.CallRecord("result to a read-only page", XenCall.XenVersion, 5, page);
            code.UpdateVaMapping(page, 0, 2);
            code.CallRecord("result to a hole", XenCall.XenVersion, 5, page);
            code.CallRecord("result to the hypervisor", XenCall.XenVersion, 5, 0xffff_8300_0000_0000UL);
            code.CallRecord("result to a non-canonical address", XenCall.XenVersion, 5, 0x8000_0000_0000UL);
            code.CallRecord("result to the m2p", XenCall.XenVersion, 5, GuestLayout.MachineToPhysical);
        }),
    ];

    /// <summary>A fresh page, read-only and pinned as a table of a level.</summary>
    private static ulong Table(GuestCode code, int level)
    {
        var page = code.Pages();
        code.MakeReadOnly(page);
        code.Mmuext((MmuextCommand)(level - 1), Operand.Mfn(page), 0);
        code.Record($"pin l{level}", rax);
        return page;
    }

    /// <summary>Hangs an L1 table into the guest's own tables, in the slot behind the kernel's last 2 MiB.</summary>
    private static void Attach(GuestCode code, ulong table)
    {
        var (machine, _) = code.EntryOf(GuestLayout.Base + 0x1000_0000, 2);
        code.MmuUpdateRecord("attach", Operand.At(machine), Operand.Entry(table, 0x67));
    }
}
