using System.Text;
using NUnit.Framework;
using Pv.Abi;
using Pv.Config.Domain;
using Pv.Cpu.Managed;
using Pv.Cpu.Software;
using Pv.Dom0.Consoles;
using Pv.Dom0.XenStore;
using Pv.Guest;
using Pv.Hypervisor;
using Pv.Toolstack.Building;
using Pv.Toolstack.Domains;
using Pv.Toolstack.Hypervisor;

namespace Pv.SystemTests.Traces;

/// <summary>
/// A host in this process, of the same parts as <c>pvd</c>'s, with one domain of a real kernel on it whose calls are traced from the first.
/// </summary>
internal sealed class TracedDomain : IAsyncDisposable
{
    private const ulong FramesPerMegabyte = 256;

    private readonly string _folder = Directory.CreateTempSubdirectory("pv-trace-").FullName;
    private readonly HypervisorCore _core;
    private readonly Dom0Kernel _kernel;
    private readonly StoreService _store;
    private readonly ConsoleDaemon _consoles = new(line => throw new InvalidOperationException(line));
    private readonly XenDomains _domains;
    private readonly List<Exception> _failures = [];
    private readonly StringBuilder _shown = new();
    private readonly CallObserver _observer;
    private DomId _domain;

    private TracedDomain(ulong megabytes, int cpus)
    {
        ManagedEngine managed = null!;
        _core = new HypervisorCore(new MachineOptions
        {
            Frames = megabytes * FramesPerMegabyte,
            PCpus = cpus,
            ParavirtualizedEngine = memory => new SoftwareEngine(memory),
            ManagedEngine = gates => managed = new ManagedEngine(gates),
        });
        _observer = new CallObserver(_core.Memory);
        _kernel = new Dom0Kernel(_core.Dom0, (_, failure) => _failures.Add(failure));
        _core.Dom0Upcall += _kernel.Upcall;
        _store = new StoreService(_kernel, line => TestContext.Out.WriteLine(line));
        var control = new HypervisorControl(_core.Dom0);
        _domains = new XenDomains(control, _store.OpenClient(), new DomainAssembly(control, _kernel.Memory, managed), line => TestContext.Out.WriteLine(line));
        _domains.Introduced += OpenConsoleAsync;
        _domains.Ending += async domain => await _consoles.CloseAsync(domain);
    }

    /// <summary>The calls until now, in order. After <see cref="RunToAsync"/>.</summary>
    public IReadOnlyList<ObservedCall> Calls => _observer.Calls;

    /// <summary>What its console has shown.</summary>
    public string Shown => _shown.ToString();

    /// <summary>What the hypervisor said.</summary>
    public string Log => _core.Log.Read(clear: false);

    /// <summary>Builds the domain of a configuration, and leaves it paused.</summary>
    /// <param name="configuration">The content of a configuration file.</param>
    /// <param name="megabytes">Machine memory.</param>
    /// <param name="cpus">Threads that run the domain's vCPUs.</param>
    public static async Task<TracedDomain> CreateAsync(string configuration, ulong megabytes = 128, int cpus = 1)
    {
        var machine = new TracedDomain(megabytes, cpus);
        try
        {
            await DomainNodes.MakeDom0Async(machine._store.OpenClient(), machine._core.Dom0.InitialFrames * (PageSize.Bytes / 1024));
            var parsed = DomainConfigurationParser.Parse("traced.cfg", configuration);
            Assert.That(parsed.Configuration, Is.Not.Null, string.Join('\n', parsed.Messages));
            machine._domain = await machine._domains.CreateAsync(parsed.Configuration!, new CreateOptions(true, false, machine._folder), CancellationToken.None);
            return machine;
        }
        catch
        {
            await machine.DisposeAsync();
            throw;
        }
    }

    /// <summary>Runs the domain until its console has shown a text, and pauses it.</summary>
    public async Task RunToAsync(string text, CancellationToken cancel)
    {
        await StartAsync();
        await using var console = _consoles.Attach(_domain, 0)!;
        await ReadAsync(console, shown => shown.Contains(text, StringComparison.Ordinal), cancel);
        await _domains.PauseAsync(_domain);
        Assert.That(_failures, Is.Empty);
    }

    /// <summary>Runs the domain until it shuts down.</summary>
    public async Task RunToShutdownAsync(CancellationToken cancel)
    {
        await StartAsync();
        await using var console = _consoles.Attach(_domain, 0)!;
        using var end = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        var reading = ReadAsync(console, _ => false, end.Token);
        await Task.WhenAny(_observer.Shutdown, reading);
        await end.CancelAsync();
        await reading.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        Assert.That(_observer.Shutdown.IsCompleted, Is.True, $"It shuts down. It has shown: {Shown}\n{Log}");
        Assert.That(_failures, Is.Empty);
    }

    public async ValueTask DisposeAsync()
    {
        await _domains.DestroyAllAsync();
        await _consoles.DisposeAsync();
        await _store.DisposeAsync();
        await _kernel.DisposeAsync();
        _core.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private async Task StartAsync()
    {
        Assert.That(_core.TryObserve(_domain, _observer.Note), Is.True);
        await _domains.UnpauseAsync(_domain);
    }

    private async Task ReadAsync(IConsoleReader console, Func<string, bool> isEnough, CancellationToken cancel)
    {
        var buffer = new byte[4096];
        while (!isEnough(Shown))
        {
            var count = await console.ReadAsync(buffer, cancel);
            Assert.That(count, Is.Not.Zero, $"The console ended after: {Shown}\n{Log}");
            _shown.Append(Encoding.UTF8.GetString(buffer, 0, count));
        }
    }

    private Task OpenConsoleAsync(DomId domain, BuiltDomain built)
    {
        _consoles.Open(domain, new Dom0ConsoleChannel(_kernel, domain, built.ConsolePort), Path.Combine(_folder, "console.log"));
        return Task.CompletedTask;
    }
}
