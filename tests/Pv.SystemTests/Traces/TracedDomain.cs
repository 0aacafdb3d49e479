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
using Pv.Machine.Gate;
using Pv.Toolstack.Building;
using Pv.Toolstack.Domains;
using Pv.Toolstack.Hypervisor;

namespace Pv.SystemTests.Traces;

/// <summary>
/// A host in this process, of the same parts as <c>pvd</c>'s, with one domain of a real kernel on it whose calls are traced from the first.
/// </summary>
internal sealed class TracedDomain : IAsyncDisposable
{
    private const ulong MachineFrames = 1 << 15;

    private readonly string _folder = Directory.CreateTempSubdirectory("pv-trace-").FullName;
    private readonly HypervisorCore _core;
    private readonly Dom0Kernel _kernel;
    private readonly StoreService _store;
    private readonly ConsoleDaemon _consoles = new(line => throw new InvalidOperationException(line));
    private readonly XenDomains _domains;
    private readonly List<Exception> _failures = [];
    private StoredEntryEngine _engine = null!;
    private DomId _domain;

    private TracedDomain()
    {
        ManagedEngine managed = null!;
        _core = new HypervisorCore(new MachineOptions
        {
            Frames = MachineFrames,
            PCpus = 1,
            ParavirtualizedEngine = memory => _engine = new StoredEntryEngine(new SoftwareEngine(memory), memory),
            ManagedEngine = gates => managed = new ManagedEngine(gates),
        });
        _kernel = new Dom0Kernel(_core.Dom0, (_, failure) => _failures.Add(failure));
        _core.Dom0Upcall += _kernel.Upcall;
        _store = new StoreService(_kernel, line => TestContext.Out.WriteLine(line));
        var control = new HypervisorControl(_core.Dom0);
        _domains = new XenDomains(control, _store.OpenClient(), new DomainAssembly(control, _kernel.Memory, managed), line => TestContext.Out.WriteLine(line));
        _domains.Introduced += OpenConsoleAsync;
        _domains.Ending += async domain => await _consoles.CloseAsync(domain);
    }

    /// <summary>The calls until now, in order. After <see cref="RunToAsync"/>.</summary>
    public IReadOnlyList<TracedHypercall> Calls => _core.Read(_domain)!;

    /// <summary>For each of <see cref="Calls"/> the L1 entry that it left, if it was to leave one. The last call's is known once the guest goes on.</summary>
    public IReadOnlyList<ulong?> StoredEntries => _engine.Entries;

    /// <summary>What the hypervisor said.</summary>
    public string Log => _core.Log.Read(clear: false);

    /// <summary>Builds the domain of a configuration, and leaves it paused.</summary>
    public static async Task<TracedDomain> CreateAsync(string configuration)
    {
        var machine = new TracedDomain();
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

    /// <summary>Runs the domain until its console has shown a text, and pauses it. Returns what the console has shown.</summary>
    /// <exception cref="OperationCanceledException">It did not show it in time.</exception>
    public async Task<string> RunToAsync(string text, CancellationToken cancel)
    {
        Assert.That(_core.TrySwitch(_domain, true), Is.True);
        var shown = new StringBuilder();
        await using var console = _consoles.Attach(_domain, 0)!;
        await _domains.UnpauseAsync(_domain);
        var buffer = new byte[4096];
        while (!shown.ToString().Contains(text, StringComparison.Ordinal))
        {
            var count = await console.ReadAsync(buffer, cancel);
            Assert.That(count, Is.Not.Zero, $"The console ended after: {shown}\n{Log}");
            shown.Append(Encoding.UTF8.GetString(buffer, 0, count));
        }
        await _domains.PauseAsync(_domain);
        Assert.That(_failures, Is.Empty);
        return shown.ToString();
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

    private Task OpenConsoleAsync(DomId domain, BuiltDomain built)
    {
        _consoles.Open(domain, new Dom0ConsoleChannel(_kernel, domain, built.ConsolePort), Path.Combine(_folder, "console.log"));
        return Task.CompletedTask;
    }
}
