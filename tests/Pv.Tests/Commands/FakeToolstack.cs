using Pv.Abi;
using Pv.Config.Devices;
using Pv.Config.Domain;
using Pv.Machine.Gate;
using Pv.Toolstack.Channels;
using Pv.Toolstack.Disks;
using Pv.Toolstack.Domains;
using Pv.Toolstack.Events;
using Pv.Toolstack.Metrics;
using Pv.Toolstack.Processors;
using Pv.Toolstack.Seeds;

namespace Pv.Tests.Commands;

/// <summary>A host of tables: commands read it, and what they do is written down.</summary>
internal sealed class FakeToolstack : IToolstack, IDomains, IHostFacts, IConsoles, IDomainTraces, IMetrics, ISeedMachines, IChannels
{
    public List<DomainView> All { get; } = [Dom0(1024, 2)];

    /// <summary>What was done, in order.</summary>
    public List<string> Done { get; } = [];

    public DomainConfiguration? Created { get; private set; }

    public FakeConsole Console { get; } = new();

    public string HypervisorLog { get; set; } = "";

    public Dictionary<DomId, ShutdownReason?> Shutdowns { get; } = [];

    public List<TracedHypercall> Calls { get; } = [];

    public IDomains Domains => this;

    public IHostFacts Host => this;

    public IDisks Disks { get; } = new NoDisks();

    public IChannels Channels => this;

    public Task<IReadOnlyList<ChannelView>> ListChannelsAsync(DomId domain) => Task.FromResult<IReadOnlyList<ChannelView>>([]);

    public IProcessors Processors => throw new NotSupportedException("Commands on pCPUs are tested on a real hypervisor.");

    public IConsoles Consoles => this;

    public IConsoleLogs ConsoleLogs => throw new NotSupportedException("Commands on logs are tested on a real pvd.");

    /// <summary>What is measured of disks; the rest is tested on a real pvd.</summary>
    public List<MetricFamily> Measured { get; } = [];

    public IMetrics Metrics => this;

    public LogFeed Log { get; } = new();

    public ISeedMachines Seeds => this;

    /// <summary>The seeds that fail, by their reasons.</summary>
    public Dictionary<ulong, string> BadSeeds { get; } = [];

    public SeedOutcome Run(IReadOnlyList<SeedGuest> guests, ulong seed, ulong nanoseconds)
        => new(seed, $"trace of {seed}\n", $"hash{seed % 3}", 2, seed, 5, nanoseconds, [$"console of {guests[0].Name}\r\n"], BadSeeds.GetValueOrDefault(seed));

    public Task<IReadOnlyList<MetricFamily>> MeasureAsync() => Task.FromResult<IReadOnlyList<MetricFamily>>(Measured);

    public IDomainEvents Events => throw new NotSupportedException("Commands on events are tested on a real pvd.");

    public IDomainTraces Traces => this;

    public static DomainView Dom0(ulong mebibytes, uint vcpus) => new(
        DomId.Dom0, "Domain-0", Guid.Empty, DomainInfoFlags.Running, default, mebibytes << 8, vcpus, 1066_100_000_000, "Pool-0", DateTimeOffset.Now);

    public Task<IReadOnlyList<DomainView>> ListAsync() => Task.FromResult<IReadOnlyList<DomainView>>(All);

    public Task<DomainView?> FindAsync(DomId domain) => Task.FromResult(All.Find(view => view.Id == domain));

    public DomainConfiguration? ConfigurationOf(DomId domain) => null;

    public async Task<DomId> CreateAsync(DomainConfiguration configuration, CreateOptions options, CancellationToken cancel)
    {
        Created = configuration;
        Done.Add($"create {configuration.Name} paused={options.Paused} act={options.ActOnEnd} in {options.Directory}");
        if (options.BeforeStart is { } before)
            await before(new DomId(7));
        return new DomId(7);
    }

    public Task PauseAsync(DomId domain) => Note($"pause {domain}");

    public async Task<bool> UnpauseAsync(DomId domain)
    {
        await Note($"unpause {domain}");
        return All.Find(view => view.Id == domain)!.Flags.HasFlag(DomainInfoFlags.Paused);
    }

    /// <summary>Domains whose kernels do not answer.</summary>
    public HashSet<DomId> Deaf { get; } = [];

    public Task AskToShutDownAsync(DomId domain, ShutdownRequest request, CancellationToken cancel)
        => Deaf.Contains(domain) ? Task.FromException(new ToolstackException($"{domain} is deaf")) : Note($"{request} {domain}");

    public Task SuspendAsync(DomId domain, CancellationToken cancel) => Note($"suspend {domain}");

    public Task ResumeAsync(DomId domain) => Note($"resume {domain}");

    /// <summary>What a restart would build from.</summary>
    public DomainConfiguration? Replaced { get; private set; }

    public void ReplaceConfiguration(DomId domain, DomainConfiguration configuration)
    {
        Replaced = configuration;
        Done.Add($"replace {domain} {configuration.Name}");
    }

    public Task<IReadOnlyList<(string Name, int Value)>> ListStoreQuotasAsync(DomId? domain)
        => Task.FromResult<IReadOnlyList<(string Name, int Value)>>([("nodes", domain is null ? 1000 : 7), ("transaction-nodes", 1024)]);

    public Task SetStoreQuotaAsync(DomId? domain, string name, int value) => Note($"quota {domain?.ToString() ?? "all"} {name} {value}");

    public void PressDebugKeys(string keys) => Done.Add($"keys {keys}");

    public Task SendSysRqAsync(DomId domain, char letter) => Note($"sysrq {domain} {letter}");

    public Task TriggerAsync(DomId domain, DomainTrigger trigger, VcpuId vcpu) => Note($"trigger {domain} {trigger} {vcpu.Value}");

    public Dictionary<DomId, VcpuView[]> Vcpus { get; } = [];

    public Task<IReadOnlyList<VcpuView>> ListVcpusAsync(DomId domain) => Task.FromResult<IReadOnlyList<VcpuView>>(Vcpus.GetValueOrDefault(domain, []));

    public Task SetOnlineVcpusAsync(DomId domain, ulong count) => Note($"vcpus {domain} {count}");

    public Task SetMemoryTargetAsync(DomId domain, ulong kibibytes) => Note($"target {domain} {kibibytes}");

    public Task SetMaxMemoryAsync(DomId domain, ulong kibibytes) => Note($"maximum {domain} {kibibytes}");

    /// <summary>What restarts make of domains.</summary>
    public Dictionary<DomId, DomId> Successors { get; } = [];

    public Task<DomId?> WaitForSuccessorAsync(DomId domain, CancellationToken cancel)
        => Task.FromResult<DomId?>(Successors.TryGetValue(domain, out var successor) ? successor : null);

    public Task DumpCoreAsync(DomId domain, string path, CancellationToken cancel) => Note($"dump {domain} {path}");

    public Task DestroyAsync(DomId domain) => Note($"destroy {domain}");

    public Task RenameAsync(DomId domain, string name) => Note($"rename {domain} {name}");

    public Task<ShutdownReason?> WaitForShutdownAsync(DomId domain, CancellationToken cancel)
        => Shutdowns.TryGetValue(domain, out var reason) ? Task.FromResult(reason) : Task.Delay(Timeout.Infinite, cancel).ContinueWith(_ => default(ShutdownReason?), cancel);

    public Task<ShutdownReason?> WaitForEndAsync(DomId domain, CancellationToken cancel)
        => Task.Delay(Timeout.Infinite, cancel).ContinueWith(_ => default(ShutdownReason?), cancel);

    public HostDescription Describe() => new()
    {
        Host = "dom0", Release = "6.1.0-56-amd64", Version = "#1 SMP PREEMPT_DYNAMIC Debian 6.1.192-2 (2026-11-16)", Machine = "x86_64",
        Physical = new SysctlPhysicalInfo
        {
            CpuCount = 2, MaxCpuId = 1, NodeCount = 1, CoresPerSocket = 2, ThreadsPerCore = 1, CpuKhz = 2_000_001,
            TotalPages = 4095 << 8, FreePages = 3028 << 8,
            Capabilities = PhysicalCapabilities.Pv | PhysicalCapabilities.Hvm | PhysicalCapabilities.Hap | PhysicalCapabilities.GrantTableV1 | PhysicalCapabilities.GrantTableV2,
            HardwareCapabilities = Words(0x1fcbf3fd, 0xf6d8320b, 0xec500800, 0x77, 5, 0x018843a9, 0x20c, 0),
        },
        FreeCpus = 0, XenMajor = 4, XenMinor = 17, XenExtra = ".7", Scheduler = "credit2", VirtualStart = 0xffff800000000000,
        XenCapabilities = "xen-3.0-x86_64 hvm-3.0-x86_32 hvm-3.0-x86_32p hvm-3.0-x86_64 ",
        Changeset = "", CommandLine = "console=com1 com1=115200,8n1 dom0_mem=1024M,max:1024M loglvl=warning guest_loglvl=warning",
        Compiler = "x86_64-linux-gnu-gcc (Debian 12.2.0-14+deb12u1) 12.2.0", CompiledBy = "pkg-xen-devel", CompileDomain = "lists.alioth.debian.org",
        CompileDate = "Wed Nov  4 16:52:28 UTC 2026", BuildId = "151b373fd64b321593bf987fd923cd10dabadac4",
    };

    public string ReadLog(bool clear)
    {
        var log = HypervisorLog;
        HypervisorLog = clear ? "" : log;
        return log;
    }

    /// <summary>Whose consoles were attached to, in order.</summary>
    public List<DomId> Attached { get; } = [];

    public IConsoleReader? Attach(DomId domain, int number)
    {
        if (number != 0 || domain == DomId.Dom0)
            return null;
        Attached.Add(domain);
        return Console;
    }

    public bool TrySwitch(DomId domain, bool on)
    {
        Done.Add($"trace {domain} {on}");
        return true;
    }

    public IReadOnlyList<TracedHypercall> Read(DomId domain) => Calls;

    public TraceCounts Count(DomId domain)
        => new(new Dictionary<HypercallNumber, ulong> { [HypercallNumber.SchedOp] = 12 }, new Dictionary<byte, ulong> { [14] = 3 });

    private Task Note(string what)
    {
        Done.Add(what);
        return Task.CompletedTask;
    }

    private static Array8<uint> Words(params ReadOnlySpan<uint> words)
    {
        var array = default(Array8<uint>);
        words.CopyTo(array);
        return array;
    }
}

/// <summary>A console that shows a text once, and then ends or stays quiet until it is left.</summary>
internal sealed class FakeConsole : IConsoleReader
{
    private int _shown;

    public string Text { get; set; } = "";

    public bool Ends { get; set; }

    public List<byte> Typed { get; } = [];

    public bool IsDisposed { get; private set; }

    public async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancel)
    {
        if (Interlocked.Exchange(ref _shown, 1) == 1)
        {
            if (Ends)
                return 0;
            await Task.Delay(Timeout.Infinite, cancel);
        }
        return System.Text.Encoding.UTF8.GetBytes(Text, buffer.Span);
    }

    public ValueTask WriteAsync(ReadOnlyMemory<byte> typed, CancellationToken cancel)
    {
        Typed.AddRange(typed.Span);
        return default;
    }

    public ValueTask DisposeAsync()
    {
        IsDisposed = true;
        return default;
    }
}

/// <summary>Domains without disks: commands that change them are tested on a real hypervisor.</summary>
internal sealed class NoDisks : IDisks
{
    public Task<IReadOnlyList<DiskView>> ListDisksAsync(DomId domain) => Task.FromResult<IReadOnlyList<DiskView>>([]);

    public Task AttachDiskAsync(DomId domain, DiskSpecification disk, string directory, CancellationToken cancel) => throw new NotSupportedException();

    public Task<bool> DetachDiskAsync(DomId domain, int disk, bool force, CancellationToken cancel) => throw new NotSupportedException();

    public Task ChangeDiscAsync(DomId domain, DiskSpecification disc, string directory, CancellationToken cancel) => throw new NotSupportedException();
}
