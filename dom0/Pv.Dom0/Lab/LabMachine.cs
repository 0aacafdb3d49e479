using Pv.Abi;
using Pv.Config;
using Pv.Config.Domain;
using Pv.Cpu;
using Pv.Cpu.Managed;
using Pv.Dom0.XenStore;
using Pv.Guest;
using Pv.Hypervisor;
using Pv.Machine;
using Pv.Machine.Gate;
using Pv.Toolstack.Domains;
using Pv.Toolstack.Hypervisor;
using Pv.Toolstack.Lab.Guests;

namespace Pv.Dom0.Lab;

/// <summary>
/// A machine for one experiment: hypervisor, Dom0, store and domain builder as <c>pvd</c> has them, without its sockets, consoles and disks,
/// so that nothing else uses it. Guests that wait cost it nothing.
/// </summary>
internal sealed class LabMachine : IAsyncDisposable
{
    private const ulong Frames = (128ul << 20) >> PageSize.Shift;

    private readonly string _folder = Directory.CreateTempSubdirectory("pv-lab-").FullName;
    private readonly HypervisorCore _core;
    private readonly StoreService _store;
    private readonly IXenStore _client;
    private readonly XenDomains _domains;
    private readonly bool _hasQueues;
    private bool _isDisposed;

    /// <param name="engine">Makes the engine of real kernels; null for a machine that has C# guests alone.</param>
    /// <param name="pcpus">Threads that run guests.</param>
    public LabMachine(Func<MachineMemory, ICpuEngine>? engine, int pcpus)
    {
        // A guest that waits for its queue without sleeping needs a pCPU beside the service's.
        _hasQueues = pcpus > 1;
        ManagedEngine managed = null!;
        _core = new HypervisorCore(new MachineOptions
        {
            Frames = Frames,
            PCpus = pcpus,
            ParavirtualizedEngine = engine,
            ManagedEngine = gates => managed = new ManagedEngine(gates),
        });
        Kernel = new Dom0Kernel(_core.Dom0, (_, failure) => Console.Error.WriteLine($"pvd lab: {failure}"));
        _core.Dom0Upcall += Kernel.Upcall;
        _store = new StoreService(Kernel, _ => { });
        _client = _store.OpenClient();
        Control = new HypervisorControl(_core.Dom0);
        _domains = new XenDomains(Control, _store.OpenClient(), new DomainAssembly(Control, Kernel.Memory, managed), _ => { });
    }

    public HypervisorControl Control { get; }

    public Dom0Kernel Kernel { get; }

    /// <summary>What went wrong, for whoever waits in vain.</summary>
    public string Log => Control.ReadLog(clear: false);

    /// <summary>Builds a paused domain.</summary>
    public async Task<DomId> CreateAsync(string name, string kernel, string commandLine, CancellationToken cancel)
    {
        await DomainNodes.MakeDom0Async(_client, 0);
        var text = $"""
            name = "{name}"
            kernel = "{kernel}"
            cmdline = "{commandLine}"
            memory = {LabSizesOfHost.MemoryMiB}
            max_event_channels = 4095
            async_hypercalls = {(_hasQueues ? 1 : 0)}
            """;
        var parsed = DomainConfigurationParser.Parse("lab.cfg", text);
        var wanted = parsed.Configuration ?? throw new ToolstackLabException(string.Join(' ', parsed.Messages));
        return await _domains.CreateAsync(wanted, new CreateOptions(Paused: true, ActOnEnd: false, _folder), cancel);
    }

    /// <summary>Lets a domain's vCPU run on one pCPU only.</summary>
    public void Pin(DomId domain, int pcpu)
    {
        var cpus = new CpuMap(Control.PhysicalInfo() is { } info ? (int)info.CpuCount : 1);
        cpus.SetRange(pcpu, 1, true);
        Control.SetAffinity(domain, new VcpuId(0), cpus, null).OrThrow("XEN_DOMCTL_setvcpuaffinity");
    }

    public Task UnpauseAsync(DomId domain) => _domains.UnpauseAsync(domain);

    /// <summary>A file in the machine's own folder, which goes with it.</summary>
    public string Keep(string name, byte[] content)
    {
        var path = Path.Combine(_folder, name);
        File.WriteAllBytes(path, content);
        return path;
    }

    /// <summary>What a domain has written to a node of its own, once it is there.</summary>
    public async Task<string> ReadNodeAsync(DomId domain, string node, CancellationToken cancel)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        patience.CancelAfter(LabSizesOfHost.Patience);
        await using var watch = await _client.WatchAsync($"/local/domain/{domain.Value}/{node}");
        try
        {
            await foreach (var path in watch.Events.WithCancellation(patience.Token))
            {
                if (await _client.ReadAsync(path) is { Length: > 0 } value)
                    return value;
            }
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            // It was given time enough.
        }
        throw new ToolstackLabException($"The guest of the lab did not start. {Log}");
    }

    public VcpuCounts Count(DomId domain)
        => _core.Measure(domain) is [var first, ..] ? first.Counts : throw new ToolstackLabException($"The guest of the lab has ended. {Log}");

    /// <summary>A view of a frame of a domain, until the machine goes: a machine frame, or an auto-translated domain's own number.</summary>
    public SharedPage MapForeign(DomId domain, ulong frame)
    {
        var slot = Kernel.Memory.TakeSlot();
        Control.MapForeign(domain, [frame], [slot]).OrThrow($"mapping frame 0x{frame:x} of {domain}");
        return Kernel.Memory.Page(slot);
    }

    /// <summary>A copy of a frame, which is not mapped any longer than that takes: for page tables, whose frames must have no other use.</summary>
    public byte[] ReadForeign(DomId domain, ulong frame)
    {
        var slot = Kernel.Memory.TakeSlot();
        Control.MapForeign(domain, [frame], [slot]).OrThrow($"reading frame 0x{frame:x} of {domain}");
        var copy = new byte[PageSize.Bytes];
        Kernel.Memory.Page(slot).CopyTo(0, copy);
        Control.Unmap(slot).OrThrow("XENMEM_remove_from_physmap");
        Kernel.Memory.ReturnSlot(slot);
        return copy;
    }

    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _isDisposed, true))
            return;
        await _domains.DestroyAllAsync();
        await _store.DisposeAsync();
        await Kernel.DisposeAsync();
        _core.Dispose();
        Directory.Delete(_folder, recursive: true);
    }
}

/// <summary>Sizes of the lab's guests.</summary>
internal static class LabSizesOfHost
{
    /// <summary>Of each guest.</summary>
    public const int MemoryMiB = 32;

    /// <summary>Milliseconds until a guest that does not start is given up.</summary>
    public const int Patience = 60_000;
}
