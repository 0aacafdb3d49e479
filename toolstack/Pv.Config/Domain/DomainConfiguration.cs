using Pv.Config.Devices;

namespace Pv.Config.Domain;

/// <summary>
/// The configuration of a domain (libxl_domain_config): what a file says of it, checked. A null is what the file
/// leaves to the toolstack. Amounts of memory are KiB. Not thread-safe; filled by <see cref="DomainConfigurationParser"/>.
/// </summary>
public sealed class DomainConfiguration
{
    /// <summary>What the toolstack assumes where a file gives no memory at all (libxl: 32 MiB).</summary>
    public const ulong DefaultMemoryKiB = 32 * 1024;

    /// <summary>The highest event channel port but one that a domain may have if the file says nothing.</summary>
    public const int DefaultEventChannels = 1023;

    public DomainType Type { get; set; } = DomainType.Pv;

    public string Name { get; set; } = "";

    /// <summary>The file's UUID, or a random one.</summary>
    public Guid Uuid { get; set; }

    public string? Pool { get; set; }

    /// <summary>Flask context of the domain when it runs (<c>seclabel</c>).</summary>
    public string? SecurityLabel { get; set; }

    /// <summary>Flask context while the domain is built (<c>init_seclabel</c>).</summary>
    public string? InitialSecurityLabel { get; set; }

    public bool? HardwareAssistedPaging { get; set; }

    public bool? OutOfSyncShadow { get; set; }

    public bool? DriverDomain { get; set; }

    /// <summary><c>disabled</c>, <c>enabled</c>, <c>sync_pt</c> or <c>share_pt</c>; null means the default.</summary>
    public string? Passthrough { get; set; }

    public bool? XendSuspendEventChannelCompatible { get; set; }

    /// <summary>vCPUs the domain may ever have. 0 if the file says nothing or 0: the toolstack makes it 1.</summary>
    public int MaxVcpus { get; set; }

    /// <summary>vCPUs that are online at the start: the first ones. Null if the file says nothing.</summary>
    public int? OnlineVcpus { get; set; }

    /// <summary>One map a vCPU; shorter where the rest is not pinned, null where none is.</summary>
    public IReadOnlyList<CpuMap>? HardAffinity { get; set; }

    /// <inheritdoc cref="HardAffinity"/>
    public IReadOnlyList<CpuMap>? SoftAffinity { get; set; }

    public bool? NumaPlacement { get; set; }

    public string? TscMode { get; set; }

    public ulong? MaxMemoryKiB { get; set; }

    public ulong? TargetMemoryKiB { get; set; }

    public ulong? VideoMemoryKiB { get; set; }

    public ulong? ShadowMemoryKiB { get; set; }

    public uint RtcTimeOffset { get; set; }

    public bool? LocalTime { get; set; }

    public bool? DisableMigrate { get; set; }

    public CpuidPolicy? Cpuid { get; set; }

    public IReadOnlyList<VirtualNode> VirtualNodes { get; set; } = [];

    /// <summary>Frames of the grant table; null for the hypervisor's default.</summary>
    public int? MaxGrantFrames { get; set; }

    public int? MaxMaptrackFrames { get; set; }

    public int? MaxGrantVersion { get; set; }

    /// <summary>Whether the domain may have queues of asynchronous hypercalls (<c>async_hypercalls</c>, a key of ours); null if the file says nothing.</summary>
    public bool? AsyncHypercalls { get; set; }

    public DeviceModelConfiguration DeviceModel { get; } = new();

    public SchedulerParameters Scheduler { get; } = new();

    public IReadOnlyList<IoPortRange> IoPorts { get; set; } = [];

    public IReadOnlyList<uint> Irqs { get; set; } = [];

    public IReadOnlyList<IoMemoryRange> IoMemory { get; set; } = [];

    /// <summary>Whether memory is claimed before the domain is built (xl.conf).</summary>
    public bool ClaimMode { get; set; } = true;

    /// <summary>0 for <see cref="DefaultEventChannels"/>.</summary>
    public uint EventChannels { get; set; }

    public string? Kernel { get; set; }

    public string? CommandLine { get; set; }

    public string? Ramdisk { get; set; }

    public string? DeviceTree { get; set; }

    public string? Bootloader { get; set; }

    public IReadOnlyList<string> BootloaderArguments { get; set; } = [];

    public bool? BootloaderRestrict { get; set; }

    public string? BootloaderUser { get; set; }

    public bool? Acpi { get; set; }

    public bool? Apic { get; set; }

    public string? TimerMode { get; set; }

    public bool? NestedHvm { get; set; }

    public bool? DeviceModelRestrict { get; set; }

    public string? Tee { get; set; }

    /// <summary>Whether a PV domain sees the host's memory map, which PCI passthrough needs.</summary>
    public bool? HostE820 { get; set; }

    public HvmConfiguration? Hvm { get; set; }

    public PvShimConfiguration? PvShim { get; set; }

    public ArmConfiguration Arm { get; } = new();

    public bool? MsrRelaxed { get; set; }

    public string? AlternateP2m { get; set; }

    public int VmtraceBufferKiB { get; set; }

    public bool? Vpmu { get; set; }

    public int? XenstoreFeatureMask { get; set; }

    /// <summary><c>name=value</c> of each quota, in the order of the file.</summary>
    public IReadOnlyList<string> XenstoreQuota { get; set; } = [];

    public List<DiskSpecification> Disks { get; set; } = [];

    public List<NicSpecification> Nics { get; } = [];

    public List<PciSpecification> PciDevices { get; } = [];

    /// <summary>Paths of device-tree nodes to pass through.</summary>
    public List<string> DeviceTreeDevices { get; } = [];

    public List<FramebufferSpecification> Framebuffers { get; } = [];

    public List<KeyboardSpecification> Keyboards { get; } = [];

    public List<VirtioSpecification> Virtios { get; } = [];

    public List<VtpmSpecification> Vtpms { get; } = [];

    public List<P9Specification> P9s { get; } = [];

    public List<PvCallsSpecification> PvCalls { get; } = [];

    public List<DisplaySpecification> Displays { get; } = [];

    public List<SoundSpecification> Sounds { get; } = [];

    public List<ChannelSpecification> Channels { get; } = [];

    public List<UsbControllerSpecification> UsbControllers { get; } = [];

    public List<UsbDeviceSpecification> UsbDevices { get; } = [];

    public ShutdownAction OnPoweroff { get; set; } = ShutdownAction.Destroy;

    public ShutdownAction OnReboot { get; set; } = ShutdownAction.Restart;

    public ShutdownAction OnWatchdog { get; set; } = ShutdownAction.Destroy;

    public ShutdownAction OnCrash { get; set; } = ShutdownAction.Destroy;

    public ShutdownAction OnSoftReset { get; set; } = ShutdownAction.SoftReset;

    /// <summary>vCPUs the domain may have once defaults are filled in: at least one.</summary>
    public int EffectiveMaxVcpus => Math.Max(1, MaxVcpus);

    /// <summary>vCPUs online at the start once defaults are filled in.</summary>
    public int EffectiveOnlineVcpus => OnlineVcpus is > 0 and int online ? Math.Min(online, EffectiveMaxVcpus) : 1;

    /// <summary>Memory at most, with the defaults filled in.</summary>
    public ulong EffectiveMaxMemoryKiB => MaxMemoryKiB ?? DefaultMemoryKiB;

    /// <summary>Memory at the start, with the defaults filled in: all of it if only the maximum is given.</summary>
    public ulong EffectiveMemoryKiB => TargetMemoryKiB ?? EffectiveMaxMemoryKiB;

    /// <summary>A copy whose own values can be set; lists and what is in them are shared.</summary>
    public DomainConfiguration Clone() => (DomainConfiguration)MemberwiseClone();

    public uint EffectiveEventChannels => EventChannels == 0 ? DefaultEventChannels : EventChannels;
}
