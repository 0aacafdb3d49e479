using Newtonsoft.Json.Linq;
using Pv.Config.Domain;

namespace Pv.Config.Json;

/// <summary>libxl_domain_build_info.</summary>
internal static class BuildInfoJson
{
    internal static JsonMap Convert(DomainConfiguration domain)
    {
        DeviceModelConfiguration model = domain.DeviceModel;
        var map = new JsonMap()
            .Number("max_vcpus", domain.MaxVcpus)
            .List("avail_vcpus", [.. Enumerable.Range(0, domain.OnlineVcpus ?? 0)], static vcpu => vcpu);
        Affinity(map, "vcpu_hard_affinity", domain.HardAffinity, domain.MaxVcpus);
        Affinity(map, "vcpu_soft_affinity", domain.SoftAffinity, domain.MaxVcpus);
        map.Switch("numa_placement", domain.NumaPlacement)
            .Text("tsc_mode", domain.TscMode)
            .Unsigned("max_memkb", domain.MaxMemoryKiB)
            .Unsigned("target_memkb", domain.TargetMemoryKiB)
            .Unsigned("video_memkb", domain.VideoMemoryKiB)
            .Unsigned("shadow_memkb", domain.ShadowMemoryKiB)
            .Number("rtc_timeoffset", domain.RtcTimeOffset)
            .Text("exec_ssid_label", domain.InitialSecurityLabel is null ? null : domain.SecurityLabel)
            .Switch("localtime", domain.LocalTime)
            .Switch("disable_migrate", domain.DisableMigrate);
        if (domain.Cpuid is { Leaves.Count: > 0 } cpuid)
            map.Map("cpuid", Cpuid(cpuid));
        map.List("vnuma_nodes", domain.VirtualNodes, static node => VirtualNode(node).Object)
            .Optional("max_grant_frames", domain.MaxGrantFrames)
            .Optional("max_maptrack_frames", domain.MaxMaptrackFrames)
            .Optional("max_grant_version", domain.MaxGrantVersion)
            .Switch("async_hypercalls", domain.AsyncHypercalls)
            .Text("device_model_version", model.Version)
            .Switch("device_model_stubdomain", model.Stubdomain)
            .Unsigned("stubdomain_memkb", model.StubdomainMemoryKiB)
            .Text("stubdomain_kernel", model.StubdomainKernel)
            .Text("stubdomain_cmdline", model.StubdomainCommandLine)
            .Text("stubdomain_ramdisk", model.StubdomainRamdisk)
            .Text("device_model", model.Path)
            .Text("device_model_ssid_label", model.SecurityLabel)
            .Text("device_model_user", model.User)
            .Texts("extra", model.Extra)
            .Texts("extra_pv", model.ExtraPv)
            .Texts("extra_hvm", model.ExtraHvm)
            .Map("sched_params", Scheduler(domain.Scheduler))
            .List("ioports", domain.IoPorts, static range => new JsonMap().Number("first", range.First).Number("number", range.Count).Object)
            .List("irqs", domain.Irqs, static irq => irq)
            .List("iomem", domain.IoMemory, static range => IoMemory(range).Object)
            .Switch("claim_mode", domain.ClaimMode)
            .Number("event_channels", domain.EventChannels)
            .Text("kernel", domain.Kernel)
            .Text("cmdline", domain.CommandLine)
            .Text("ramdisk", domain.Ramdisk)
            .Text("device_tree", domain.DeviceTree)
            .Switch("acpi", domain.Acpi)
            .Text("bootloader", domain.Bootloader)
            .Texts("bootloader_args", domain.BootloaderArguments)
            .Switch("bootloader_restrict", domain.BootloaderRestrict)
            .Text("bootloader_user", domain.BootloaderUser)
            .Text("timer_mode", domain.TimerMode)
            .Switch("nested_hvm", domain.NestedHvm)
            .Switch("apic", domain.Apic)
            .Switch("dm_restrict", domain.DeviceModelRestrict)
            .Text("tee", domain.Tee);
        return map.Map($"type.{DomainConfigurationJson.TypeName(domain.Type)}", TypeInfo(domain))
            .Map("arch_arm", new JsonMap()
                .Text("gic_version", domain.Arm.GicVersion)
                .Text("vuart", domain.Arm.Vuart is "unknown" ? null : domain.Arm.Vuart)
                .Text("sve_vl", domain.Arm.Sve)
                .Number("nr_spis", domain.Arm.SpiCount))
            .Map("arch_x86", new JsonMap().Switch("msr_relaxed", domain.MsrRelaxed))
            .Text("altp2m", domain.AlternateP2m)
            .Number("vmtrace_buf_kb", domain.VmtraceBufferKiB)
            .Switch("vpmu", domain.Vpmu);
    }

    private static JsonMap TypeInfo(DomainConfiguration domain)
    {
        if (domain.Hvm is { } hvm)
            return HvmJson.Convert(hvm);
        if (domain.PvShim is { } shim)
        {
            return new JsonMap()
                .Switch("pvshim", shim.Enabled)
                .Text("pvshim_path", shim.Path)
                .Text("pvshim_cmdline", shim.CommandLine)
                .Text("pvshim_extra", shim.Extra);
        }

        return new JsonMap().Switch("e820_host", domain.HostE820);
    }

    /// <summary>Only as many maps as the file gave vCPUs: a text without <c>vcpus=</c> is not shown.</summary>
    private static void Affinity(JsonMap map, string name, IReadOnlyList<CpuMap>? maps, int vcpus)
    {
        if (maps is not null)
            map.List(name, [.. maps.Take(vcpus)], static cpus => new JArray(cpus.Cpus));
    }

    private static JsonMap Scheduler(SchedulerParameters scheduler) => new JsonMap()
        .Optional("weight", Unless(scheduler.Weight))
        .Optional("cap", Unless(scheduler.Cap))
        .Optional("period", Unless(scheduler.Period))
        .Optional("budget", Unless(scheduler.Budget))
        .Optional("extratime", Unless(scheduler.ExtraTime))
        .Optional("slice", Unless(scheduler.Slice))
        .Optional("latency", Unless(scheduler.Latency));

    /// <summary>libxl's mark for "not given" is -1, so a file's -1 is not shown either.</summary>
    private static int? Unless(int? value) => value == -1 ? null : value;

    private static JsonMap IoMemory(IoMemoryRange range)
    {
        var map = new JsonMap();
        if (range.Start != 0)
            map.Unsigned("start", range.Start);
        if (range.Count != 0)
            map.Unsigned("number", range.Count);
        return map.Unsigned("gfn", range.GuestFrame);
    }

    private static JsonMap VirtualNode(VirtualNode node) => new JsonMap()
        .Unsigned("memkb", node.MemoryKiB)
        .List("distances", node.Distances, static distance => distance)
        .Number("pnode", node.PhysicalNode)
        .List("vcpus", [.. node.Vcpus.Distinct().Order()], static vcpu => vcpu);

    private static JsonMap Cpuid(CpuidPolicy policy)
    {
        string[] names = ["eax", "ebx", "ecx", "edx"];
        var map = new JsonMap().List("cpuid", policy.Leaves, leaf =>
        {
            var entry = new JsonMap();
            entry.Unsigned("leaf", leaf.Leaf);
            entry.Unsigned("subleaf", leaf.Subleaf);
            for (int i = 0; i < names.Length; i++)
                entry.Text(names[i], leaf.Registers[i]);
            return entry.Object;
        });
        map.Object["msr"] = new JArray();
        return map;
    }
}
