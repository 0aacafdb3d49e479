using Pv.Abi;
using Pv.Config.Domain;
using Pv.Cpu.Managed;
using Pv.Cpu.Software;
using Pv.Dom0.Consoles;
using Pv.Dom0.XenStore;
using Pv.Guest;
using Pv.Hypervisor;
using Pv.Machine.Gate;
using Pv.Toolstack.Building;
using Pv.Toolstack.Domains;
using Pv.Toolstack.Hypervisor;

namespace Pv.Benchmarks.Host;

/// <summary>The parts of <c>pvd</c> in this process, without its sockets.</summary>
internal sealed class HostInProcess : IAsyncDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("pv-bench-").FullName;
    private readonly HypervisorCore _core;
    private readonly Dom0Kernel _kernel;
    private readonly StoreService _store;
    private readonly ConsoleDaemon _consoles = new(Console.Error.WriteLine);

    private HostInProcess(ulong frames, int pcpus, int translateAfter, SchedulerId scheduler, Func<IGuestGate, IGuestGate>? wrapGate)
    {
        ManagedEngine managed = null!;
        _core = new HypervisorCore(new MachineOptions
        {
            Frames = frames,
            PCpus = pcpus,
            Scheduler = scheduler,
            ParavirtualizedEngine = memory => new SoftwareEngine(memory, translateAfter),
            ManagedEngine = gates => managed = new ManagedEngine(gates),
        });
        _kernel = new Dom0Kernel(wrapGate?.Invoke(_core.Dom0) ?? _core.Dom0, (_, failure) => Console.Error.WriteLine(failure));
        _core.Dom0Upcall += _kernel.Upcall;
        _store = new StoreService(_kernel, Console.Error.WriteLine);
        var control = new HypervisorControl(_core.Dom0);
        Domains = new XenDomains(control, _store.OpenClient(), new DomainAssembly(control, _kernel.Memory, managed), _ => { });
        Domains.Introduced += OpenConsoleAsync;
        Domains.Ending += async domain => await _consoles.CloseAsync(domain);
    }

    public XenDomains Domains { get; }

    /// <summary>For files of guests; goes with the host.</summary>
    public string Folder => _folder;

    public ulong FreeFrames => _core.FreeFrames;

    /// <summary>What the services of Dom0 stand on.</summary>
    public Dom0Kernel Kernel => _kernel;

    /// <summary>A host that serves C# guests and real kernels.</summary>
    /// <param name="frames">The machine's memory.</param>
    /// <param name="pcpus">Threads that run guests.</param>
    /// <param name="translateAfter">How often a block of a real kernel's code is interpreted.</param>
    /// <param name="scheduler">Which one shares the pCPUs out.</param>
    /// <param name="wrapGate">Puts something between Dom0 and the hypervisor.</param>
    public static async Task<HostInProcess> StartAsync(ulong frames = 1 << 20, int pcpus = 2, int translateAfter = SoftwareEngine.UsualTranslateAfter,
        SchedulerId scheduler = SchedulerId.Credit2, Func<IGuestGate, IGuestGate>? wrapGate = null)
    {
        var host = new HostInProcess(frames, pcpus, translateAfter, scheduler, wrapGate);
        await DomainNodes.MakeDom0Async(host._store.OpenClient(), host._core.Dom0.InitialFrames * (PageSize.Bytes / 1024));
        return host;
    }

    /// <summary>A client of the store with Dom0's rights.</summary>
    public IXenStore OpenStore() => _store.OpenClient();

    /// <summary>Builds and starts a domain, and reads its console until it has shown <paramref name="text"/> (anything, when that is empty).</summary>
    public async Task<DomId> CreateAndReadAsync(string configuration, string text)
    {
        await using var console = await CreateAsync(configuration);
        await console.ExpectAsync(text);
        return console.Domain;
    }

    /// <summary>Builds and starts a domain.</summary>
    public async Task<ConsoleTalk> CreateAsync(string configuration)
    {
        var parsed = DomainConfigurationParser.Parse("bench.cfg", configuration);
        var wanted = parsed.Configuration ?? throw new InvalidOperationException(string.Join('\n', parsed.Messages));
        var domain = await Domains.CreateAsync(wanted, new CreateOptions(true, false, _folder), CancellationToken.None);
        var console = new ConsoleTalk(domain, _consoles.Attach(domain, 0)!);
        await Domains.UnpauseAsync(domain);
        return console;
    }

    public async ValueTask DisposeAsync()
    {
        await Domains.DestroyAllAsync();
        await _consoles.DisposeAsync();
        await _store.DisposeAsync();
        await _kernel.DisposeAsync();
        _core.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private Task OpenConsoleAsync(DomId domain, BuiltDomain built)
    {
        _consoles.Open(domain, new Dom0ConsoleChannel(_kernel, domain, built.ConsolePort), Path.Combine(_folder, $"{domain.Value}.log"));
        return Task.CompletedTask;
    }
}
