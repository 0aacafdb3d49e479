namespace Pv.Tests.MachineGuests.Guests;

/// <summary>Every hypercall number and every sub-operation that a domU may try, with pointers and arguments that nobody means.</summary>
internal static class SweepGuests
{
    private const uint Highest = 63;

    // No frame for an iret is on the stack; profiling is compiled into that Xen, and absent here.
    private static readonly XenCall[] Untried = [XenCall.Iret, XenCall.XenoprofOp];

    // With 3 they wait, or name a domain that may be there or not.
    private static readonly XenCall[] Misleading = [XenCall.SchedOp, XenCall.MmuUpdate, XenCall.MmuextOp, XenCall.UpdateVaMappingOtherDomain, XenCall.DmOp];

    public static IEnumerable<MachineGuest> All =>
    [
        new("sweep-numbers", "every hypercall number, with all arguments alike", code =>
        {
            foreach (var (name, value) in (ReadOnlySpan<(string, ulong)>)[("0", 0), ("hole", 0x1000), ("hypervisor", 0xffff_8300_0000_0000), ("-1", ulong.MaxValue), ("3", 3)])
            {
                for (uint number = 0; number <= Highest; number++)
                {
                    if (Untried.Contains((XenCall)number) || (value == 3 && Misleading.Contains((XenCall)number)))
                        continue;
                    code.CallRecord($"{number} of {name}", (XenCall)number, value, value, value, value, value);
                }
            }
        }),
        // The machine's last page, and where its table ends, are not the same everywhere.
        Operations("sweep-memory", XenCall.MemoryOp, [0, 1, .. Enumerable.Range(3, 38), 63, 64, 64 + 6, 128 + 1], isTried: (operation, fill) => operation != 12 || fill == "selves"),
        Operations("sweep-memory-high", XenCall.MemoryOp, [.. Enumerable.Range(41, 23)], isTried: (_, fill) => fill == "zeros"),
        Operations("sweep-version", XenCall.XenVersion, [.. Enumerable.Range(0, 14), -1, int.MinValue], 
            // Texts and numbers of that Xen are not known here.
            isTried: (operation, fill) => operation switch { 2 or 3 or 8 => fill != "zeros", 10 => fill == "zeros", _ => true }),
        Operations("sweep-events", XenCall.EventChannelOp, [.. Enumerable.Range(0, 18), -1, int.MinValue],
            // Reset would take the console's channel, too.
            isTried: (operation, fill) => operation != 10 || fill != "selves"),
        Operations("sweep-physdev", XenCall.PhysdevOp, [.. Enumerable.Range(0, 36), 99, -1]),
        new("physdev-interrupts", "physdev_op: what a domU hears of interrupts", code =>
        {
            var sweep = new Sweep(code);
            foreach (var irq in (uint[])[0, 1, 9, 15, 1000, 0x7fff_ffff])
            {
                sweep.Fill(0);
                code.Store32(sweep.Buffer, irq);
                code.CallRecord($"status of {irq}", XenCall.PhysdevOp, 5, sweep.Buffer);
                code.Record32($"flags of {irq}", sweep.Buffer + 4);
                foreach (var command in (int[])[12, 10, 21])
                    code.CallRecord($"{command} of {irq}", XenCall.PhysdevOp, command, sweep.Buffer);
            }
            for (uint type = 0; type < 6; type++)
            {
                sweep.Fill(0);
                code.Store32(sweep.Buffer, type);
                code.CallRecord($"free pirq of type {type}", XenCall.PhysdevOp, 23, sweep.Buffer);
                code.Record32($"pirq of type {type}", sweep.Buffer + 4);
            }
        }),
        // Yield, block and shutdown are not tried here; poll of no port and a watchdog of no time come into effect.
        Operations("sweep-sched", XenCall.SchedOp, [3, 4, 5, 6, 7, 8, 9, 10, -1], isTried: (operation, fill) => operation is not (3 or 6) || fill != "zeros"),
        Operations("sweep-callback", XenCall.CallbackOp, [0, 1, 2, 3, -1]),
        Operations("sweep-nmi", XenCall.NmiOp, [0, 1, 2, 3, -1]),
        // A young machine's time has no upper half.
        Operations("sweep-hvm", XenCall.HvmOp, [.. Enumerable.Range(0, 28), -1], isTried: (operation, fill) => operation != 10 || fill != "zeros"),
        Operations("sweep-xenpmu", XenCall.XenpmuOp, [.. Enumerable.Range(0, 8), -1]),
        Operations("sweep-kexec", XenCall.KexecOp, [.. Enumerable.Range(0, 7), -1]),
        Operations("sweep-xsm", XenCall.XsmOp, [.. Enumerable.Range(0, 4)]),
        Operations("sweep-tmem", XenCall.TmemOp, [.. Enumerable.Range(0, 4)]),
        Operations("sweep-argo", XenCall.ArgoOp, [.. Enumerable.Range(0, 8)]),
        Operations("sweep-hypfs", XenCall.HypfsOp, [.. Enumerable.Range(0, 5)]),
        new("sweep-grants", "grant_table_op: every operation with every kind of argument and count", code =>
        {
            var sweep = new Sweep(code);
            for (var operation = 0; operation <= 16; operation++)
            {
                var command = operation;
                foreach (var (name, count) in (ReadOnlySpan<(string, ulong)>)[("none", 0), ("one", 1)])
                    sweep.Try($"{command} {name}", (row, pointer) => sweep.Go(row, XenCall.GrantTableOp, command, pointer, count));
                foreach (var (name, count) in (ReadOnlySpan<(string, ulong)>)[("two", 2), ("2^31", 1ul << 31), ("2^32", 1ul << 32), ("-1", ulong.MaxValue)])
                    code.CallRecord($"{command} {name} of null", XenCall.GrantTableOp, command, 0, count);
            }
            // A bit above the operation asks for continuations of cache_flush.
            foreach (var operation in (ulong[])[0x100, 0x1_0000_0005, 0x8000_0005, 0x8000_000c, ulong.MaxValue])
                code.CallRecord($"{operation:x}", XenCall.GrantTableOp, operation, 0, 0);
        }),
        new("sweep-vcpus", "vcpu_op: every operation with every kind of argument, for this vCPU, an other and none", code =>
        {
            var sweep = new Sweep(code);
            for (var operation = 0; operation <= 18; operation++)
            {
                var command = operation;
                foreach (var vcpu in (ulong[])[0, 1, 32, 8191, 8192, 0x1_0000_0000])
                {
                    if (command == 2 && vcpu is 0 or 0x1_0000_0000)
                        continue;
                    // How long a vCPU has been in its state takes as many bytes as it takes.
                    if (vcpu == 0)
                        sweep.Try($"{command}", (row, pointer) => sweep.Go(row, XenCall.VcpuOp, command, vcpu, pointer), fill => command != 4 || fill == "ones");
                    else
                        code.CallRecord($"{command} of {vcpu:x}", XenCall.VcpuOp, command, vcpu, 0);
                }
            }
            code.CallRecord("unknown", XenCall.VcpuOp, -1, 0, 0);
        }),
        new("sweep-console", "console_io and dm_op: counts and pointers", code =>
        {
            var sweep = new Sweep(code);
            for (var command = 0; command < 4; command++)
            {
                foreach (var count in (ulong[])[0, 5, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 0x1_0000_0000])
                {
                    foreach (var pointer in (ulong[])[sweep.Buffer, 0x1000])
                        code.CallRecord($"{command} {count:x} {(pointer == sweep.Buffer ? "buffer" : "hole")}", XenCall.ConsoleIo, command, count, pointer);
                }
            }
            foreach (var domain in (ulong[])[GuestCode.Self, 0, 0x7000, 0x7ff1])
            {
                foreach (var count in (ulong[])[0, 1, 3, 4, 0xffff_ffff])
                {
                    sweep.Fill(0);
                    code.CallRecord($"dm_op of {domain:x}, {count:x}", XenCall.DmOp, domain, count, sweep.Buffer);
                }
                code.CallRecord($"dm_op of {domain:x}, hole", XenCall.DmOp, domain, 1, 0x1000);
            }
        }),
        Control("sweep-domctl", XenCall.Domctl, 0x15, [.. Enumerable.Range(0, 92), 1000, 1001, 1002, 1003, -1]),
        Control("sweep-sysctl", XenCall.Sysctl, 0x15, [.. Enumerable.Range(0, 34), -1]),
        // Its version is one of its own.
        Control("sweep-platform", XenCall.PlatformOp, 0x0300_0001, [.. Enumerable.Range(0, 70)]),
        // __HYPERVISOR_arch_1: how Xen goes on with a long domctl about paging.
        Control("sweep-paging-control", (XenCall)49, 0x15, [0, 9, 10, 11]),
        new("sweep-compat", "the old forms of event_channel_op, physdev_op and sched_op", code =>
        {
            var sweep = new Sweep(code);
            for (var command = -1; command < 16; command++)
            {
                foreach (var (fill, pattern) in Sweep.Patterns)
                {
                    // It would close what prints these rows.
                    if (command == 10 && fill == "selves")
                        continue;
                    sweep.Fill(pattern);
                    code.Store32(sweep.Buffer, (uint)command);
                    sweep.Go($"event {command} {fill}", XenCall.EventChannelOpCompat, sweep.Buffer);
                    sweep.Fill(pattern);
                    code.Store32(sweep.Buffer, (uint)command);
                    sweep.Go($"physdev {command} {fill}", XenCall.PhysdevOpCompat, sweep.Buffer);
                }
            }
            foreach (var (name, address) in Sweep.BadPointers)
            {
                code.CallRecord($"event {name}", XenCall.EventChannelOpCompat, address);
                code.CallRecord($"physdev {name}", XenCall.PhysdevOpCompat, address);
            }
            foreach (var command in (int[])[0, 3, 4, 5, 6, 7, 99, -1])
                code.CallRecord($"sched {command}", XenCall.SchedOpCompat, command, 0);
        }),
    ];

    private static MachineGuest Operations(string name, XenCall call, int[] operations, Func<int, string, bool>? isTried = null)
        => new(name, $"{call}: every operation with every kind of argument", code =>
        {
            var sweep = new Sweep(code);
            foreach (var operation in operations)
                sweep.Try($"{operation}", (row, pointer) => sweep.Go(row, call, (long)operation, pointer), isTried is null ? null : fill => isTried(operation, fill));
        });

    /// <summary>Calls of a toolstack: a command, the version of the interface, and a domain.</summary>
    private static MachineGuest Control(string name, XenCall call, uint version, int[] commands)
        => new(name, $"{call}: what a domU hears that tries a toolstack's calls", code =>
        {
            var sweep = new Sweep(code);
            var own = code.OwnDomain();
            foreach (var (pointer, address) in Sweep.BadPointers)
                code.CallRecord(pointer, call, address);
            foreach (var command in commands)
            {
                foreach (var (domainName, domain) in (ReadOnlySpan<(string, Operand)>)[("dom0", 0), ("self", GuestCode.Self), ("itself", Operand.At(own)), ("nobody", 0x7000)])
                {
                    sweep.Fill(0);
                    code.Store32(sweep.Buffer, (uint)command);
                    code.Store32(sweep.Buffer + 4, version);
                    code.Store(sweep.Buffer + 8, domain);
                    code.CallRecord($"{command} of {domainName}", call, sweep.Buffer);
                }
            }
            sweep.Fill(0);
            code.CallRecord("no version", call, sweep.Buffer);
            code.Store32(sweep.Buffer + 4, version + 1);
            code.CallRecord("later version", call, sweep.Buffer);
        });
}
