using System.Collections.Concurrent;
using NUnit.Framework;
using NUnit.Framework.Interfaces;
using Pv.Abi;
using Pv.Config.Domain;
using Pv.Cpu.Managed;
using Pv.Cpu.Software;
using Pv.Dom0.Channels;
using Pv.Dom0.Consoles;
using Pv.Dom0.XenStore;
using Pv.Guest;
using Pv.Hypervisor;
using Pv.Tests.Guest.Live;
using Pv.Toolstack.Building;
using Pv.Toolstack.Domains;
using Pv.Toolstack.Hypervisor;

namespace Pv.Tests.Dom0;

/// <summary>The hypervisor with Dom0's two daemons and the toolstack, and C# guests made as the toolstack makes them.</summary>
internal sealed class ServedMachine : IAsyncDisposable
{
    private const ulong GuestPages = 64;

    private readonly string _folder = Directory.CreateTempSubdirectory("pv-dom0-").FullName;
    private readonly ManagedEngine _engine;
    private readonly Dom0Kernel _kernel;
    private readonly StoreService _service;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _following;

    /// <param name="patience">How long kernels have to take a request: as long as the test may last, unless it is about one that does not.</param>
    public ServedMachine(TimeSpan? patience = null)
    {
        ManagedEngine? engine = null;
        Core = new HypervisorCore(new MachineOptions
        {
            Frames = 1 << 15,
            PCpus = 2,
            ManagedEngine = gates => engine = new ManagedEngine(gates),
            ParavirtualizedEngine = memory => new SoftwareEngine(memory),
        });
        _engine = engine!;
        _kernel = new Dom0Kernel(Core.Dom0, (_, failure) => Failures.Add(failure.ToString()));
        Core.Dom0Upcall += _kernel.Upcall;
        _service = new StoreService(_kernel, _ => { });
        Store = _service.OpenClient();
        Consoles = new ConsoleDaemon(Failures.Add);
        Channels = new ChannelBackend(_kernel, _service.OpenClient(), Consoles, Log.Enqueue);
        Control = new HypervisorControl(Core.Dom0);
        Domains = new XenDomains(Control, Store, new DomainAssembly(Control, _kernel.Memory, _engine), Log.Enqueue)
        {
            Patience = patience ?? TimeSpan.FromMinutes(1), RestartPause = TimeSpan.FromMilliseconds(1),
        };
        Domains.Introduced += (domain, built) =>
        {
            Consoles.Open(domain, new Dom0ConsoleChannel(_kernel, domain, built.ConsolePort), Path.Combine(_folder, $"{domain.Value}.log"));
            return Channels.OpenAsync(domain);
        };
        Domains.Ending += async domain =>
        {
            await Channels.EndDomainAsync(domain);
            await Consoles.CloseAsync(domain);
        };
        _following = Domains.FollowAsync(_stop.Token);
    }

    public HypervisorCore Core { get; }

    public HypervisorControl Control { get; }

    public IXenStore Store { get; }

    public ConsoleDaemon Consoles { get; }

    public ChannelBackend Channels { get; }

    /// <summary>A folder for the test's files, which goes with the machine.</summary>
    public string Folder => _folder;

    /// <summary>What Dom0's handlers, the console daemon and guests of the test's own code failed with.</summary>
    public MachineFailures Failures { get; } = new();

    /// <summary>The toolstack's domains.</summary>
    public XenDomains Domains { get; }

    /// <summary>What the toolstack said.</summary>
    public ConcurrentQueue<string> Log { get; } = [];

    /// <summary>Creates a domain of the sample shell, with more lines of configuration.</summary>
    public Task<DomId> CreateShellAsync(string name, string more = "", bool paused = false)
        => CreateAsync($"name=\"{name}\"\nkernel=\"{typeof(SampleGuests.Shell).Assembly.Location}\"\nextra=\"guest=Shell\"\nmemory=2\n{more}\n", paused);

    /// <summary>Creates a domain as a configuration says.</summary>
    public Task<DomId> CreateAsync(string configuration, bool paused = false)
        => Domains.CreateAsync(DomainConfigurationParser.Parse("t.cfg", configuration).Configuration!, new CreateOptions(paused, ActOnEnd: true, _folder), CancellationToken.None);

    /// <summary>Makes a domain with a home in the store whose kernel is the test's own code, opens its rings and lets it run.</summary>
    public async Task<DomId> StartAsync(Func<GuestContext, Task> main)
    {
        var create = new DomctlCreateDomain { Flags = DomainCreateFlags.Hvm | DomainCreateFlags.Hap, MaxVcpus = 1, MaxEventChannelPort = 1023, MaxGrantFrames = -1, MaxMapTrackFrames = -1, GrantOptions = 2 };
        Control.CreateDomain(create, out var domain).OrThrow("XEN_DOMCTL_createdomain");
        Control.SetMaxVcpus(domain, 1);
        Control.SetMaxMemory(domain, (GuestPages * 4) + 1024);
        _engine.Assign(domain, Failures.Script(main));
        var built = ManagedBuilder.Build(Control, _kernel.Memory, domain, new BuildImages(default, default, ""), GuestPages);
        var home = $"/local/domain/{domain.Value}";
        await Store.WriteAsync($"{home}/data", "");
        await Store.SetPermissionsAsync(home, new(DomId.Dom0, XenStoreAccess.None), new(domain, XenStoreAccess.Read));
        await Store.SetPermissionsAsync($"{home}/data", new XenStorePermission(domain, XenStoreAccess.None));
        Consoles.Open(domain, new Dom0ConsoleChannel(_kernel, domain, built.ConsolePort), Path.Combine(_folder, $"{domain.Value}.log"));
        await Store.IntroduceAsync(domain, new Pfn(built.XenStorePage), built.XenStorePort);
        Control.UnpauseDomain(domain).OrThrow("XEN_DOMCTL_unpausedomain");
        return domain;
    }

    /// <summary>Ends everything. In a TearDown: of a test that has failed, what the hypervisor and the toolstack said is told.</summary>
    public async ValueTask DisposeAsync()
    {
        if (TestContext.CurrentContext.Result.Outcome.Status == TestStatus.Failed)
            TestContext.Out.WriteLine($"{Core.Log.Read(clear: false)}{string.Join('\n', Log)}");
        await _stop.CancelAsync();
        await _following;
        await Domains.DestroyAllAsync();
        await Channels.DisposeAsync();
        await Consoles.DisposeAsync();
        await _service.DisposeAsync();
        await _kernel.DisposeAsync();
        Core.Dispose();
        Failures.Dispose();
        _stop.Dispose();
        Directory.Delete(_folder, recursive: true);
    }
}
