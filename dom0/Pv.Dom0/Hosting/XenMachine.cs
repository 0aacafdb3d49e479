using System.Collections.Concurrent;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Pv.Abi;
using Pv.Backends.Block;
using Pv.Backends.Storage;
using Pv.Cpu.Managed;
using Pv.Cpu.Software;
using Pv.Dom0.BootLoaders;
using Pv.Dom0.Channels;
using Pv.Dom0.Consoles;
using Pv.Dom0.Seeds;
using Pv.Dom0.XenStore;
using Pv.Guest;
using Pv.Hypervisor;
using Pv.Machine.Gate;
using Pv.Toolstack.Building;
using Pv.Toolstack.Channels;
using Pv.Toolstack.Control;
using Pv.Toolstack.Disks;
using Pv.Toolstack.Domains;
using Pv.Toolstack.Events;
using Pv.Toolstack.Hypervisor;
using Pv.Toolstack.Metrics;
using Pv.Toolstack.Processors;
using Pv.Toolstack.Seeds;

namespace Pv.Dom0.Hosting;

/// <summary>The host that one <c>pvd</c> is: the hypervisor, Dom0's kernel, xenstored, the consoles and the toolstack, made in this order and ended in the other.</summary>
internal sealed partial class XenMachine : IHostedService, IToolstack, IAsyncDisposable
{
    private readonly HypervisorCore _core;
    private readonly Dom0Kernel _kernel;
    private readonly StoreService _store;
    private readonly CancellationTokenSource _stop = new();
    private Task _following = Task.CompletedTask;
    private readonly ConsoleDaemon _consoles;
    private readonly ChannelBackend _channels;
    private readonly BlockBackend _blocks;
    private readonly DomainFolders _folders;
    private readonly RunDirectory _directory;
    private readonly ConcurrentDictionary<DomId, bool> _refused = new();
    private readonly XenDomains _domains;
    private readonly ILogger<XenMachine> _log;
    private bool _isDisposed;

    public XenMachine(PvdOptions options, RunDirectory directory, ILogger<XenMachine> log)
    {
        _log = log;
        _directory = directory;
        _folders = new DomainFolders(directory);
        ManagedEngine? managed = null;
        SoftwareEngine? software = null;
        _core = new HypervisorCore(new MachineOptions
        {
            Frames = options.Memory >> PageSize.Shift,
            PCpus = options.Cpus,
            Scheduler = options.Scheduler,
            ParavirtualizedEngine = memory => software = new SoftwareEngine(memory, options.Translate ? SoftwareEngine.UsualTranslateAfter : -1),
            ManagedEngine = gates => managed = new ManagedEngine(gates),
        });
        _core.Log.Written += SayHypervisor;
        software!.Unsupported += LogUnsupported;
        if (options.Translate && !SoftwareEngine.CanTranslate)
            _core.Log.Write("this host runs no translated code: guests are interpreted");
        managed!.Overran += (domain, ticks) => _core.Log.Write($"{domain} kept its pCPU {ticks / 1_000_000} ms after it was wanted back");
        _kernel = new Dom0Kernel(_core.Dom0, (channel, failure) => LogHandlerFailed(channel.Port, failure));
        _core.Dom0Upcall += _kernel.Upcall;
        _store = new StoreService(_kernel, SayStore);
        _blocks = new BlockBackend(_kernel, _store.OpenClient(), new BlockBackendOptions
        {
            MaxQueues = Math.Min(options.Cpus, BlockBackendOptions.UsualQueues),
            OpenAsync = new StorageOpener(directory.Path, SayBlocks).OpenAsync,
        }, SayBlocks);
        _consoles = new ConsoleDaemon(SayConsole);
        _channels = new ChannelBackend(_kernel, _store.OpenClient(), _consoles, SayChannels);
        var control = new HypervisorControl(_core.Dom0);
        _domains = new XenDomains(control, _store.OpenClient(), new DomainAssembly(control, _kernel.Memory, managed), SayDomains)
        {
            DumpFolder = directory.File("dump"),
            BootLoaders = new BootLoaderRunner(PrepareConsole, _folders.Of, SayDomains),
        };
        _domains.Introduced += OpenConsoleAsync;
        _domains.Ending += LetGoAsync;
        Host = new XenHost(control);
        ConsoleLogs = new ConsoleLogs(_consoles, _folders);
        Metrics = new HostMetrics(_domains, Host, _core, _blocks, _consoles, _store);
        LogMachine(options.Memory >> 20, options.Cpus);
    }

    public IDomains Domains => _domains;

    public IDisks Disks => _domains;

    public IChannels Channels => _domains;

    public XenDomains Lives => _domains;

    public IHostFacts Host { get; }

    public IProcessors Processors => _domains.Processors;

    public IConsoles Consoles => _consoles;

    public IConsoleLogs ConsoleLogs { get; }

    public IDomainEvents Events => _domains.Events;

    public IMetrics Metrics { get; }

    public IDomainTraces Traces => _core;

    public LogFeed Log { get; } = new();

    public ISeedMachines Seeds { get; } = new SeedMachines();

    public async Task StartAsync(CancellationToken cancellationToken)
    {
        await DomainNodes.MakeDom0Async(_store.OpenClient(), _core.Dom0.InitialFrames * (PageSize.Bytes / 1024));
        if (OperatingSystem.IsLinux())
            await _store.ListenAsync(_directory.StoreSocket);
        else
            LogStore("its socket for tools is served on Linux only");
        await _blocks.StartAsync();
        _following = _domains.FollowAsync(_stop.Token);
    }

    public async Task StopAsync(CancellationToken cancellationToken)
    {
        await _stop.CancelAsync();
        await _following;
        await _domains.DestroyAllAsync();
    }

    /// <summary>Once: the container knows this under several services, and disposes it for each.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _isDisposed, true))
            return;
        await _blocks.DisposeAsync();
        await _channels.DisposeAsync();
        await _consoles.DisposeAsync();
        await _store.DisposeAsync();
        await _kernel.DisposeAsync();
        _core.Dispose();
        _stop.Dispose();
    }

    /// <summary>Says once a domain why its processor refused an instruction that a real one has; a guest may try as often as it likes.</summary>
    private void LogUnsupported(DomId domain, VcpuId vcpu, string reason)
    {
        if (_refused.TryAdd(domain, true))
            _core.Log.Write($"{domain}{vcpu}: the software engine does not run this instruction: {reason}");
    }

    private DomainConsole PrepareConsole(DomId domain)
    {
        _folders.Begin(domain, _domains.ConfigurationOf(domain)!);
        return _consoles.Prepare(domain, _folders.ConsoleLog(domain));
    }

    private async Task OpenConsoleAsync(DomId domain, BuiltDomain built)
    {
        _folders.Begin(domain, _domains.ConfigurationOf(domain)!);
        _consoles.Open(domain, new Dom0ConsoleChannel(_kernel, domain, built.ConsolePort), _folders.ConsoleLog(domain));
        try
        {
            await _channels.OpenAsync(domain);
        }
        catch (IOException failure)
        {
            throw new ToolstackException(failure.Message);
        }
    }

    private async Task LetGoAsync(DomId domain)
    {
        await _blocks.EndDomainAsync(domain);
        await _channels.EndDomainAsync(domain);
        await _consoles.CloseAsync(domain);
        _folders.End(domain, _domains.ConfigurationOf(domain)?.Name ?? "");
    }

    [LoggerMessage(LogLevel.Information, "a machine of {MiB} MiB and {Cpus} pCPUs")]
    private partial void LogMachine(ulong miB, int cpus);

    private void SayHypervisor(string line) => Say(LogDepth.Hypervisor, "(XEN) ", line, LogHypervisor);

    private void SayStore(string line) => Say(LogDepth.Daemons, "xenstored: ", line, LogStore);

    private void SayBlocks(string line) => Say(LogDepth.Daemons, "disks: ", line, LogBlocks);

    private void SayChannels(string line) => Say(LogDepth.Daemons, "channels: ", line, LogChannels);

    private void SayConsole(string line) => Say(LogDepth.Daemons, "consoles: ", line, LogConsole);

    private void SayDomains(string line) => Say(LogDepth.Domains, "", line, LogDomains);

    /// <summary>Writes a line to the log, and shows it to whoever follows.</summary>
    private void Say(LogDepth depth, string who, string line, Action<string> log)
    {
        log(line);
        Log.Publish(depth, who + line);
    }

    [LoggerMessage(LogLevel.Information, "(XEN) {Line}")]
    private partial void LogHypervisor(string line);

    [LoggerMessage(LogLevel.Information, "xenstored: {Line}")]
    private partial void LogStore(string line);

    [LoggerMessage(LogLevel.Information, "disks: {Line}")]
    private partial void LogBlocks(string line);

    [LoggerMessage(LogLevel.Information, "channels: {Line}")]
    private partial void LogChannels(string line);

    [LoggerMessage(LogLevel.Warning, "consoles: {Line}")]
    private partial void LogConsole(string line);

    [LoggerMessage(LogLevel.Information, "{Line}")]
    private partial void LogDomains(string line);

    [LoggerMessage(LogLevel.Error, "a handler of Dom0's {Port} failed")]
    private partial void LogHandlerFailed(EventPort port, Exception failure);
}
