using System.Reflection;
using System.Text;
using NUnit.Framework;
using Pv.Abi;
using Pv.Hypervisor.Domains;

namespace Pv.Tests.Core;

/// <summary>
/// <c>docs/hypercalls.md</c> says of every hypercall and sub-operation whether it is built: made from what the hypervisor answers, and compared. An
/// operation that is said to be built answers something else than ENOSYS; one that is absent answers an error.
/// </summary>
[TestFixture]
internal sealed class HypercallListTests
{
    private const string Begin = "<!-- made by HypercallListTests -->";

    // They would end the caller, let it wait, or have Dom0 write to nowhere.
    private static readonly HashSet<string> NotTried =
        ["SCHEDOP_block", "SCHEDOP_shutdown", "SCHEDOP_poll", "VCPUOP_down", "__HYPERVISOR_iret", "XEN_DOMCTL_destroydomain", "XEN_DOMCTL_setvcpucontext"];

    private const string NoDevices = "domain 0 has no devices to pass on", HardwareAssisted = "about hardware-assisted domains", WithoutGdbsx = "as a Xen without CONFIG_GDBSX, which Debian's is";

    // What answers by an error because there is nothing of the kind here, and so on a Xen without it.
    private static readonly Dictionary<string, string> Absent = new()
    {
        ["__HYPERVISOR_platform_op"] = "nothing of the platform is Dom0's",
        ["__HYPERVISOR_hvm_op"] = "about hardware-assisted domains, but for the time and a trace record",
        ["__HYPERVISOR_dm_op"] = "about emulated devices",
        ["__HYPERVISOR_kexec_op"] = "",
        ["__HYPERVISOR_hypfs_op"] = "",
        ["__HYPERVISOR_xenpmu_op"] = "as with Xen's vpmu off",
        ["__HYPERVISOR_arch_0"] = "machine check",
        ["__HYPERVISOR_arch_1"] = "how Xen goes on with shadow_op",
        ["XENMEM_machphys_compat_mfn_list"] = "no 32-bit guests",
        ["XENMEM_set_pod_target"] = "nothing is populated on demand",
        ["XENMEM_get_pod_target"] = "nothing is populated on demand",
        ["XENMEM_access_op"] = "about hardware-assisted domains",
        ["XENMEM_get_vnumainfo"] = "no domain has a topology of its own",
        ["VCPUOP_get_physid"] = "a vCPU belongs to no processor",
        ["MMUEXT_FLUSH_CACHE"] = "a domU without devices may not",
        ["MMUEXT_FLUSH_CACHE_GLOBAL"] = "a domU without devices may not",
        ["MMUEXT_MARK_SUPER"] = "no superpages",
        ["MMUEXT_UNMARK_SUPER"] = "no superpages",
        ["SCHEDOP_pin_override"] = "for Dom0's kernel on hardware",
        ["EVTCHNOP_bind_pirq"] = "no physical interrupts",
        ["XEN_DOMCTL_shadow_op"] = "as a Xen without CONFIG_SHADOW_PAGING, which Debian's is; reading the log of written pages is no error",
        ["XEN_DOMCTL_irq_permission"] = NoDevices,
        ["XEN_DOMCTL_iomem_permission"] = NoDevices,
        ["XEN_DOMCTL_ioport_permission"] = NoDevices,
        ["XEN_DOMCTL_gethvmcontext"] = HardwareAssisted,
        ["XEN_DOMCTL_sethvmcontext"] = HardwareAssisted,
        ["XEN_DOMCTL_gethvmcontext_partial"] = HardwareAssisted,
        ["XEN_DOMCTL_assign_device"] = NoDevices,
        ["XEN_DOMCTL_test_assign_device"] = NoDevices,
        ["XEN_DOMCTL_deassign_device"] = NoDevices,
        ["XEN_DOMCTL_get_device_group"] = NoDevices,
        ["XEN_DOMCTL_bind_pt_irq"] = NoDevices,
        ["XEN_DOMCTL_unbind_pt_irq"] = NoDevices,
        ["XEN_DOMCTL_memory_mapping"] = NoDevices,
        ["XEN_DOMCTL_ioport_mapping"] = NoDevices,
        ["XEN_DOMCTL_set_target"] = HardwareAssisted,
        ["XEN_DOMCTL_debug_op"] = HardwareAssisted,
        ["XEN_DOMCTL_set_broken_page_p2m"] = HardwareAssisted,
        ["XEN_DOMCTL_psr_cmt_op"] = "no hardware that measures shared caches",
        ["XEN_DOMCTL_psr_alloc"] = "no hardware that divides shared caches",
        ["XEN_DOMCTL_monitor_op"] = HardwareAssisted,
        ["XEN_DOMCTL_soft_reset"] = HardwareAssisted,
        ["XEN_DOMCTL_vmtrace_op"] = HardwareAssisted,
        ["XEN_DOMCTL_get_paging_mempool_size"] = HardwareAssisted,
        ["XEN_DOMCTL_set_paging_mempool_size"] = HardwareAssisted,
        ["XEN_DOMCTL_gdbsx_guestmemio"] = WithoutGdbsx,
        ["XEN_DOMCTL_gdbsx_pausevcpu"] = WithoutGdbsx,
        ["XEN_DOMCTL_gdbsx_unpausevcpu"] = WithoutGdbsx,
        ["XEN_DOMCTL_gdbsx_domstatus"] = WithoutGdbsx,
        ["XEN_DOMCTL_mem_sharing_op"] = HardwareAssisted,
        ["XEN_DOMCTL_vm_event_op"] = HardwareAssisted,
        ["XEN_SYSCTL_perfc_op"] = "as a Xen without CONFIG_PERF_COUNTERS, which Debian's is",
        ["XEN_SYSCTL_lockprof_op"] = "as a Xen without CONFIG_DEBUG_LOCK_PROFILE, which Debian's is",
        ["XEN_SYSCTL_get_pmstat"] = "the host's kernel sees to power",
        ["XEN_SYSCTL_pm_op"] = "the host's kernel sees to power",
        ["XEN_SYSCTL_cpu_hotplug"] = "all pCPUs are online, and stay so",
        ["XEN_SYSCTL_page_offline_op"] = "no frame fails",
        ["XEN_SYSCTL_coverage_op"] = "",
        ["XEN_SYSCTL_psr_cmt_op"] = "no hardware that measures shared caches",
        ["XEN_SYSCTL_psr_alloc"] = "no hardware that divides shared caches",
        ["XEN_SYSCTL_pcitopoinfo"] = "no devices",
        ["XEN_SYSCTL_tbuf_op"] = "as a Xen without CONFIG_TRACEBUFFER",
        ["XEN_SYSCTL_livepatch_op"] = "as a Xen without CONFIG_LIVEPATCH",
    };

    // They answer ENOSYS in the state in which they are tried.
    private static readonly HashSet<string> Built = ["XENMEM_memory_map", "EVTCHNOP_set_priority", "GNTTABOP_dump_table", "XEN_SYSCTL_cpupool_op"];

    private static readonly Dictionary<string, string> Notes = new()
    {
        ["__HYPERVISOR_xenoprof_op"] = "as a Xen without CONFIG_XENOPROF; Debian's has it",
        ["__HYPERVISOR_xsm_op"] = "as a Xen without Flask",
        ["__HYPERVISOR_console_io"] = "Dom0's",
        ["__HYPERVISOR_domctl"] = "Dom0's",
        ["__HYPERVISOR_sysctl"] = "Dom0's",
        ["__HYPERVISOR_update_va_mapping_otherdomain"] = "of the caller's own frames: Dom0 has no page tables here",
        ["XENMEM_get_sharing_freed_pages"] = "always 0",
        ["XENMEM_get_sharing_shared_pages"] = "always 0",
        ["XENMEM_reserved_device_memory_map"] = "always empty",
        ["XENMEM_machine_memory_map"] = "Dom0's",
        ["XENMEM_claim_pages"] = "Dom0's",
        ["XENMEM_acquire_resource"] = "Dom0's: grant tables",
        ["XENMEM_memory_map"] = "until somebody has set one",
        ["EVTCHNOP_set_priority"] = "before the FIFO ABI",
        ["XENVER_build_id"] = "Dom0's; there is none",
        ["GNTTABOP_dump_table"] = "Dom0's",
        ["GNTTABOP_cache_flush"] = "judges its arguments; caches are coherent",
        ["XEN_DOMCTL_settscinfo"] = "one rate, the machine's",
        ["XEN_DOMCTL_set_address_size"] = "64",
        ["XEN_DOMCTL_set_access_required"] = "nothing is behind it, as with Xen's for a paravirtualized domain",
        ["XEN_DOMCTL_setnodeaffinity"] = "one node",
        ["XEN_DOMCTL_setdebugging"] = "is told by getdomaininfo",
        ["XEN_DOMCTL_set_cpu_policy"] = "features can be taken away, names and highest leaves changed",
        ["XEN_SYSCTL_cputopoinfo"] = "pCPUs are cores of one socket",
        ["XEN_SYSCTL_numainfo"] = "one node",
        ["VCPUOP_register_vcpu_time_memory_area"] = "is written once, as by Xen without a later update of the scale",
    };

    [Test]
    public void The_list_says_what_the_hypervisor_answers()
    {
        var file = Path.Combine(Repository.Root, "docs", "hypercalls.md");
        var text = File.Exists(file) ? File.ReadAllText(file).ReplaceLineEndings("\n") : "";
        var at = text.IndexOf(Begin, StringComparison.Ordinal);
        var made = Make();
        if (Environment.GetEnvironmentVariable("PV_WRITE_LISTS") is not null)
            File.WriteAllText(file, (at < 0 ? text : text[..at]) + made);
        else
            Assert.That(at < 0 ? "" : text[at..], Is.EqualTo(made), "PV_WRITE_LISTS=1 writes it anew");
    }

    private static string Make()
    {
        var list = new StringBuilder(Begin + "\n");
        Group<HypercallNumber>(list, "Numbers", Any);
        Group<MemoryOperation>(list, "memory_op", (guest, operation) => guest.Call(HypercallNumber.MemoryOp, operation, Page));
        Group<XenVersionOperation>(list, "xen_version", (guest, operation) => guest.Call(HypercallNumber.XenVersion, operation, Page));
        Group<GrantTableOperation>(list, "grant_table_op", (guest, operation) => guest.Call(HypercallNumber.GrantTableOp, operation, Page, 1));
        Group<EventChannelOperation>(list, "event_channel_op", (guest, operation) => guest.Call(HypercallNumber.EventChannelOp, operation, Page));
        Group<VcpuOperation>(list, "vcpu_op", (guest, operation) => guest.Call(HypercallNumber.VcpuOp, operation, 1, Page));
        Group<SchedOperation>(list, "sched_op", (guest, operation) => guest.Call(HypercallNumber.SchedOp, operation, Page));
        Group<MmuExtOperation>(list, "mmuext_op", (guest, operation) => guest.Extended((MmuExtOperation)operation, 0));
        Group<CallbackOperation>(list, "callback_op", (guest, operation) => guest.Call(HypercallNumber.CallbackOp, operation, Page));
        Group<NmiOperation>(list, "nmi_op", (guest, operation) => guest.Call(HypercallNumber.NmiOp, operation, Page));
        Group<ConsoleIoOperation>(list, "console_io", (guest, operation) => guest.Call(HypercallNumber.ConsoleIo, operation, 1, Page));
        Group<PhysdevOperation>(list, "physdev_op", (guest, operation) => guest.Call(HypercallNumber.PhysdevOp, operation, Page));
        Controls<DomctlOperation>(list, "domctl, of Dom0 about a domU", (machine, domain, operation) =>
        {
            var id = domain.Id;
            var none = default(ulong);
            return machine.Control((DomctlOperation)operation, ref id, ref none);
        });
        Controls<SysctlOperation>(list, "sysctl, of Dom0", (machine, _, operation) =>
        {
            var none = default(ulong);
            return -(long)machine.Control((SysctlOperation)operation, ref none);
        });
        return list.ToString();
    }

    /// <summary>A number's own argument, or the first sub-operation that is none of those that do not exist.</summary>
    private static long Any(TestGuest guest, ulong number)
    {
        var answer = guest.Call((HypercallNumber)number, Page);
        foreach (var operation in (ReadOnlySpan<ulong>)[0, 5])
        {
            if (answer == -(long)Errno.ENOSYS)
                answer = guest.Call((HypercallNumber)number, operation, Page);
        }
        return answer;
    }

    // In the second page of arguments, whose content is zero.
    private const ulong Page = 0x1000;

    private static void Group<T>(StringBuilder list, string title, Func<TestGuest, ulong, long> call) where T : struct, Enum
    {
        using var machine = new TestMachine();
        var guest = new TestGuest(machine, 4);
        Head(list, title, "a domU, argument of zeros");
        foreach (var (number, name) in Operations<T>())
        {
            if (NotTried.Contains(name))
            {
                Row(list, number, name, null);
                continue;
            }
            machine.Core.Memory.Words(guest.Safe[9]).Clear();
            guest.Call(HypercallNumber.SetTimerOp);
            Row(list, number, name, call(guest, number));
        }
    }

    private static void Controls<T>(StringBuilder list, string title, Func<TestMachine, Domain, ulong, long> call) where T : struct, Enum
    {
        using var machine = new TestMachine();
        var guest = new TestGuest(machine, 4);
        Head(list, title, "argument of zeros");
        foreach (var (number, name) in Operations<T>())
            Row(list, number, name, NotTried.Contains(name) ? null : call(machine, guest.Domain, number));
    }

    private static void Head(StringBuilder list, string title, string answer)
        => list.Append($"\n### {title}\n\n| | operation | state | {answer} | |\n| --- | --- | --- | --- | --- |\n");

    private static void Row(StringBuilder list, ulong number, string name, long? answer)
    {
        var isAbsent = Absent.TryGetValue(name, out var why) || (answer == -(long)Errno.ENOSYS && !Built.Contains(name));
        var error = answer is { } value ? value >= 0 ? "done" : ((Errno)(-value)).ToString() : "not tried";
        Assert.That(!isAbsent || answer < 0, $"{name} is said to be absent, and answers {error}");
        list.Append($"| {number} | {Shortened(name)} | {(isAbsent ? "absent" : "built")} | {error} | {why ?? Notes.GetValueOrDefault(name, "")} |\n");
    }

    private static string Shortened(string name) => name.StartsWith("__HYPERVISOR_", StringComparison.Ordinal) ? name["__HYPERVISOR_".Length..] : name;

    private static IEnumerable<(ulong Number, string Name)> Operations<T>() where T : struct, Enum
        => typeof(T).GetFields(BindingFlags.Public | BindingFlags.Static)
            .Select(field => (Convert.ToUInt64(field.GetRawConstantValue(), System.Globalization.CultureInfo.InvariantCulture), field.GetCustomAttribute<XenAttribute>()!.Origin))
            .OrderBy(operation => operation.Item1);
}
