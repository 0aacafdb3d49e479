namespace Pv.Tests.MachineGuests.Guests;

/// <summary>The calls about page tables, descriptors and traps, with lists, domains, addresses and counts that nobody means.</summary>
internal static class SweepPagingGuests
{
    private const ulong Preempted = 1ul << 31;

    /// <summary>Of whom the tables and the frames are: the low half the frames' owner, the high half the tables' owner plus one.</summary>
    private static readonly (string Name, ulong Domains)[] Owners =
    [
        ("self", GuestCode.Self), ("dom0", 0), ("io", 0x7ff1), ("xen", 0x7ff2), ("cow", 0x7ff3), ("invalid", 0x7ff4), ("idle", 0x7fff), ("nobody", 0x7000), ("-1", 0xffff),
        ("tables of self", GuestCode.Self | (GuestCode.Self + 1) << 16), ("tables of dom0", GuestCode.Self | 1ul << 16), ("tables of nobody", GuestCode.Self | 0x7001ul << 16),
        ("both nobody", 0x7000 | 0x7001ul << 16),
    ];

    public static IEnumerable<MachineGuest> All =>
    [
        new("sweep-mmu-update", "mmu_update: owners, kinds, counts, where it tells its progress", code =>
        {
            var (list, page, done) = (code.Pages(2), code.Pages(), code.Variable());
            foreach (var (name, domains) in Owners)
            {
                foreach (var count in (ulong[])[0, 1])
                {
                    code.Store(list, Operand.Entry(page, 8));
                    code.Store(list + 8, 0x1234);
                    code.Store(done, 0x5555);
                    code.CallRecord($"{name} {count}", XenCall.MmuUpdate, list, count, done, domains);
                    code.Record($"{name} {count}: done", Operand.At(done));
                }
            }
            for (ulong kind = 0; kind < 8; kind++)
            {
                code.Store(list, Operand.Entry(page, kind));
                code.Store(list + 8, 0x77);
                code.CallRecord($"kind {kind}", XenCall.MmuUpdate, list, 1, 0, GuestCode.Self);
                code.Store(list, 0xfff_ffff_f000 | kind);
                code.CallRecord($"kind {kind} of no frame", XenCall.MmuUpdate, list, 1, 0, GuestCode.Self);
            }
            // The page's own word is what it was told to be.
            code.Record("first word", Operand.At(page));
            foreach (var (name, pointer) in Sweep.BadPointers)
            {
                code.Store(done, 0x5555);
                code.CallRecord($"list {name}", XenCall.MmuUpdate, pointer, 3, done, GuestCode.Self);
                code.Record($"list {name}: done", Operand.At(done));
                code.Store(list, Operand.Entry(page, 0));
                code.CallRecord($"done {name}", XenCall.MmuUpdate, list, 1, pointer, GuestCode.Self);
                code.CallRecord($"none of {name}", XenCall.MmuUpdate, pointer, 0, pointer, GuestCode.Self);
                code.CallRecord($"going on, done {name}", XenCall.MmuUpdate, list, 1 | Preempted, pointer, GuestCode.Self);
            }
            foreach (var count in (ulong[])[0 | Preempted, 1 | Preempted, 0x7fff_ffff, 0x1_0000_0000, 0x1_0000_0001])
            {
                code.Store(list, Operand.Entry(page, 0));
                code.Store(list + 16, 0xfff_ffff_f000);
                code.Store(done, 0x100);
                code.CallRecord($"count {count:x}", XenCall.MmuUpdate, list, count, done, GuestCode.Self);
                code.Record($"count {count:x}: done", Operand.At(done));
            }
            // As if the frames were of no domain: those of the guest itself are not.
            var entry = code.EntryOf(page, 1);
            foreach (var (name, value) in (ReadOnlySpan<(string, Operand)>)[("own frame", Operand.Entry(page, GuestCode.Writable)), ("no entry", 0), ("no frame", 0xfff_ffff_f001)])
            {
                code.Store(list, Operand.At(entry.Machine));
                code.Store(list + 8, value);
                code.CallRecord($"entry of io: {name}", XenCall.MmuUpdate, list, 1, 0, 0x7ff1);
            }
            code.Store(list, Operand.Entry(page, 1));
            code.Store(list + 8, 0x1234);
            code.CallRecord("machine-to-physical of io", XenCall.MmuUpdate, list, 1, 0, 0x7ff1);
            code.UpdateVaMappingRecord("mapped again", page, Operand.Entry(page, GuestCode.Writable), 2);
            // The third lies in a page that is not there.
            code.UpdateVaMapping(list + 0x1000, 0, 2);
            for (ulong i = 0; i < 2; i++)
                code.Store(list + 0xfe0 + i * 16, Operand.Entry(page, 0));
            code.Store(done, 0);
            code.CallRecord("third in a hole", XenCall.MmuUpdate, list + 0xfe0, 4, done, GuestCode.Self);
            code.Record("third in a hole: done", Operand.At(done));
            code.CallRecord("half in a hole", XenCall.MmuUpdate, list + 0xff8, 1, done, GuestCode.Self);
        }),
        new("sweep-mmuext", "mmuext_op: every command with every kind of frame, owners, counts", code =>
        {
            var (list, page, done) = (code.Pages(2), code.Pages(), code.Variable());
            for (uint command = 0; command < 26; command++)
            {
                foreach (var (name, argument) in (ReadOnlySpan<(string, Operand)>)[("0", 0), ("-1", -1), ("no frame", 0xfff_ffff_ffff), ("a page", Operand.Mfn(page))])
                {
                    code.Store(list, command);
                    code.Store(list + 8, argument);
                    code.Store(list + 16, argument);
                    code.CallRecord($"{command} {name}", XenCall.MmuextOp, list, 1, 0, GuestCode.Self);
                }
            }
            code.Store(list, 0xffff_ffff);
            code.CallRecord("unknown", XenCall.MmuextOp, list, 1, 0, GuestCode.Self);
            foreach (var (name, domains) in Owners)
            {
                foreach (var command in (MmuextCommand[])[MmuextCommand.ClearPage, MmuextCommand.TlbFlushLocal, MmuextCommand.NewBasePointer, MmuextCommand.SetLdt, MmuextCommand.FlushCache])
                {
                    code.Store(list, (uint)command);
                    code.Store(list + 8, 0xfff_ffff_ffff);
                    code.Store(list + 16, 0);
                    code.CallRecord($"{command} of {name}", XenCall.MmuextOp, list, 1, 0, domains);
                }
                code.CallRecord($"none of {name}", XenCall.MmuextOp, list, 0, 0, domains);
            }
            code.Store(list, (uint)MmuextCommand.TlbFlushLocal);
            foreach (var (name, pointer) in Sweep.BadPointers)
            {
                code.Store(done, 0x5555);
                code.CallRecord($"list {name}", XenCall.MmuextOp, pointer, 3, done, GuestCode.Self);
                code.Record($"list {name}: done", Operand.At(done));
                code.CallRecord($"done {name}", XenCall.MmuextOp, list, 1, pointer, GuestCode.Self);
                code.CallRecord($"none of {name}", XenCall.MmuextOp, pointer, 0, pointer, GuestCode.Self);
                code.CallRecord($"going on, done {name}", XenCall.MmuextOp, list, 1 | Preempted, pointer, GuestCode.Self);
                foreach (var command in (MmuextCommand[])[MmuextCommand.TlbFlushMulti, MmuextCommand.InvlpgMulti])
                {
                    code.Store(list + 24, (uint)command);
                    code.Store(list + 32, page);
                    code.Store(list + 40, pointer);
                    code.CallRecord($"{command} by {name}", XenCall.MmuextOp, list + 24, 1, 0, GuestCode.Self);
                }
            }
            foreach (var entries in (ulong[])[0, 1, 8191, 8192, 8193, 0xffff_ffff, 0x1_0000_0000])
            {
                foreach (var (name, address) in (ReadOnlySpan<(string, ulong)>)[("page", page), ("odd", page + 8), ("hypervisor", 0xffff_8300_0000_0000), ("non-canonical", 0x8000_0000_0000), ("0", 0)])
                {
                    code.Store(list, (uint)MmuextCommand.SetLdt);
                    code.Store(list + 8, address);
                    code.Store(list + 16, entries);
                    code.CallRecord($"ldt of {entries:x} at {name}", XenCall.MmuextOp, list, 1, 0, GuestCode.Self);
                }
            }
        }),
        new("sweep-va-mapping", "update_va_mapping and its form for others: addresses, flags, sets of vCPUs, owners", code =>
        {
            var (page, set) = (code.Pages(), code.Variable(1));
            for (ulong kind = 0; kind < 4; kind++)
            {
                foreach (var (name, target) in (ReadOnlySpan<(string, ulong)>)[("local", 0), ("all", 4), ("set", set), ("hole", 0x1000), ("hypervisor", 0xffff_8300_0000_0000), ("odd set", set + 4)])
                    code.UpdateVaMappingRecord($"flush {kind} {name}", page, Operand.Entry(page, GuestCode.Writable), target | kind);
            }
            (string, ulong)[] addresses =
            [
                ("0", 0), ("hole", 0x1000), ("no table", 0x7fff_0000_0000), ("non-canonical", 0x8000_0000_0000), ("m2p", 0xffff_8000_0000_0000), ("hypervisor", 0xffff_8300_0000_0000), ("last", ulong.MaxValue),
                ("odd", page + 0x123),
            ];
            foreach (var (name, address) in addresses)
            {
                code.UpdateVaMappingRecord($"at {name}", address, Operand.Entry(page, GuestCode.Writable), 2);
                foreach (var (owner, domains) in Owners)
                    code.CallRecord($"at {name} of {owner}", XenCall.UpdateVaMappingOtherDomain, address, Operand.Entry(page, GuestCode.Writable), 2, domains);
            }
            foreach (var (name, entry) in (ReadOnlySpan<(string, ulong)>)[("0", 0), ("not present", 0x1234_5000), ("no frame", 0xf_ffff_ffff_f001), ("-1", ulong.MaxValue), ("avail", 0xe00), ("global", 0x100)])
                code.UpdateVaMappingRecord($"entry {name}", page, entry, 2);
            code.UpdateVaMappingRecord("back", page, Operand.Entry(page, GuestCode.Writable), 2);
        }),
        new("sweep-descriptors", "set_gdt, update_descriptor, set_segment_base, set_trap_table, debug registers, stack_switch: what they refuse", code =>
        {
            var (page, list, trap) = (code.Pages(), code.Pages(), code.Pages(2));
            foreach (var entries in (ulong[])[0, 1, 512, 513, 7167, 7168, 7169, 8192, 0xffff_ffff, 0x1_0000_0000, 0x1_0000_0001])
            {
                foreach (var (name, address) in Sweep.BadPointers)
                    code.CallRecord($"gdt of {entries:x} {name}", XenCall.SetGdt, address, entries);
                code.CallRecord($"gdt of {entries:x} zeros", XenCall.SetGdt, list, entries);
            }
            foreach (var (name, address) in (ReadOnlySpan<(string, Operand)>)[("page", Operand.Entry(page, 0)), ("odd", Operand.Entry(page, 4)), ("0", 0), ("no frame", 0xfff_ffff_f000), ("-1", -1)])
            {
                foreach (var (kind, descriptor) in (ReadOnlySpan<(string, ulong)>)[("empty", 0), ("data", 0x00cf_f300_0000_ffff), ("ring 0", 0x00cf_9300_0000_ffff), ("gate", 0x0000_ec00_0000_0000), ("ones", ulong.MaxValue)])
                    code.CallRecord($"descriptor {kind} at {name}", XenCall.UpdateDescriptor, address, descriptor);
            }
            foreach (var which in (ulong[])[0, 1, 2, 3, 4, 0xffff_ffff, 0x1_0000_0000])
            {
                foreach (var value in (ulong[])[0, 0x7fff_ffff_ffff, 0x8000_0000_0000, 0xffff_8300_0000_0000, ulong.MaxValue])
                    code.CallRecord($"base {which:x} {value:x}", XenCall.SetSegmentBase, which, value);
            }
            for (ulong register = 0; register < 10; register++)
            {
                foreach (var value in (ulong[])[0, 0x1000, 0x7fff_ffff_ffff, 0x8000_0000_0000, 0xffff_8300_0000_0000, 0x400, 0x2400, 0xf_0000_0401, ulong.MaxValue])
                {
                    code.CallRecord($"dr{register} {value:x}", XenCall.SetDebugreg, register, value);
                    code.CallRecord($"dr{register} after {value:x}", XenCall.GetDebugreg, register);
                }
            }
            foreach (var register in (ulong[])[255, 0xffff_ffff, 0x1_0000_0000])
            {
                code.CallRecord($"dr{register:x}", XenCall.SetDebugreg, register, 0);
                code.CallRecord($"of dr{register:x}", XenCall.GetDebugreg, register);
            }
            foreach (var (name, address) in Sweep.BadPointers)
                code.CallRecord($"traps {name}", XenCall.SetTrapTable, address);
            foreach (var (name, handler) in (ReadOnlySpan<(string, ulong)>)[("user", 0x1000), ("non-canonical", 0x8000_0000_0000), ("hypervisor", 0xffff_8300_0000_0000)])
            {
                code.Store(trap, 0xe033_0003);
                code.Store(trap + 8, handler);
                code.CallRecord($"handler {name}", XenCall.SetTrapTable, trap);
            }
            // 300 entries for one vector: as long as none is empty, it goes on.
            for (ulong i = 0; i < 300; i++)
                code.Store(trap + i * 16 + 8, GuestLayout.Base);
            code.CallRecord("more traps than vectors", XenCall.SetTrapTable, trap);
            foreach (var (name, selector, stack) in (ReadOnlySpan<(string, ulong, ulong)>)[("0", 0, 0), ("non-canonical", GuestLayout.Ss64, 0x8000_0000_0000), ("-1", ulong.MaxValue, ulong.MaxValue)])
                code.CallRecord($"stack {name}", XenCall.StackSwitch, selector, stack);
            foreach (var (name, address) in (ReadOnlySpan<(string, ulong)>)[("non-canonical", 0x8000_0000_0000), ("hypervisor", 0xffff_8300_0000_0000), ("0", 0)])
                code.CallRecord($"callbacks {name}", XenCall.SetCallbacks, address, address, address);
            var callback = code.Variable(0, 16);
            for (ulong type = 0; type < 10; type++)
            {
                foreach (var address in (ulong[])[0, 0x8000_0000_0000, 0xffff_8300_0000_0000])
                {
                    code.Store(callback, type);
                    code.Store(callback + 8, address);
                    code.CallRecord($"callback {type} {address:x}", XenCall.CallbackOp, 0, callback);
                }
                code.Store(callback, type);
                code.CallRecord($"callback {type} off", XenCall.CallbackOp, 1, callback);
            }
            foreach (var assist in (ulong[])[8, 31, 33, 62, 0xffff_ffff, 0x1_0000_0002])
            {
                foreach (var command in (ulong[])[0, 1, 2, 0x1_0000_0000])
                    code.CallRecord($"assist {assist:x} {command:x}", XenCall.VmAssist, command, assist);
            }
            foreach (var set in (ulong[])[0, 1, 2, 0x1_0000_0000])
                code.CallRecord($"task switched {set:x}", XenCall.FpuTaskswitch, set);
        }),
    ];
}
