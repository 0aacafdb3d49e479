using System.Runtime.InteropServices;
using NUnit.Framework;
using Pv.Abi;
using Pv.Cpu.Managed;
using Pv.Guest;
using Pv.Hypervisor;
using Pv.Machine.Gate;
using Pv.XenStore;

namespace Pv.Tests.Guest.Live;

/// <summary>The real hypervisor with C# guests, a Dom0 and xenstored, in the test's process; domains are built by the control calls.</summary>
internal sealed class LiveMachine : IAsyncDisposable
{
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private static readonly Pfn StartPage = new(1), StorePage = new(2), ConsolePage = new(3);

    private readonly ManagedEngine _engine;
    private readonly XenStoreDaemon _daemon;
    private readonly EventChannel _endings;
    private readonly SemaphoreSlim _ended = new(0);

    public LiveMachine(int pcpus = 2, ulong frames = 16384)
    {
        ManagedEngine? engine = null;
        Core = new HypervisorCore(new MachineOptions
        {
            Frames = frames,
            PCpus = pcpus,
            ManagedEngine = gates => engine = new ManagedEngine(gates),
        });
        _engine = engine!;
        Dom0 = new Dom0Kernel(Core.Dom0, (channel, failure) => Failures.Add($"{channel.Port}: {failure}"));
        Core.Dom0Upcall += Dom0.Upcall;
        _endings = Dom0.Events.BindVirq(VirtualIrq.DomainException, () => _ended.Release());
        _daemon = new XenStoreDaemon(new LiveStoreHost(this));
        Store = _daemon.OpenClient();
    }

    public HypervisorCore Core { get; }

    public Dom0Kernel Dom0 { get; }

    public IXenStore Store { get; }

    public ManagedEngine Engine => _engine;

    /// <summary>What Dom0's handlers and guests of the test's own code threw.</summary>
    public MachineFailures Failures { get; } = new();

    /// <summary>Builds a domain and starts it.</summary>
    public async Task<LiveGuest> StartAsync(ManagedKernelFactory kernel, string commandLine = "", ulong pages = 64)
    {
        var domain = Create(pages);
        _engine.Assign(domain, kernel);
        var (storePort, consolePort) = Fill(domain, pages, commandLine);
        var home = $"/local/domain/{domain.Value}";
        foreach (var node in new[] { "", "/data", "/control", "/control/shutdown" })
        {
            await Store.WriteAsync(home + node, "");
            await Store.SetPermissionsAsync(home + node, new XenStorePermission(domain, XenStoreAccess.None));
        }
        await Store.IntroduceAsync(domain, StorePage, storePort);
        var guest = new LiveGuest(this, domain, consolePort);
        Control(DomctlOperation.UnpauseDomain, domain, new DomctlMaxVcpus());
        return guest;
    }

    /// <summary>The same with a kernel that is the test's own code, and may not crash.</summary>
    public Task<LiveGuest> StartAsync(Func<GuestContext, Task> main, ulong pages = 64) => StartAsync(Failures.Script(main), "", pages);

    /// <summary>Waits for a domain to shut down, and says why it did.</summary>
    public async Task<ShutdownReason> EndOfAsync(DomId domain)
    {
        while (true)
        {
            var info = Info(domain);
            if ((info.Flags & DomainInfoFlags.Shutdown) != 0)
                return info.ShutdownReason;
            Assert.That(await _ended.WaitAsync(Patience), Is.True, $"{domain} does not end. {Core.Log.Read(clear: false)}");
        }
    }

    public void Destroy(DomId domain) => Control(DomctlOperation.DestroyDomain, domain, new DomctlMaxVcpus());

    public async ValueTask DisposeAsync()
    {
        await _daemon.DisposeAsync();
        _endings.Dispose();
        await Dom0.DisposeAsync();
        Core.Dispose();
        Failures.Dispose();
        Assert.That(Failures, Is.Empty);
    }

    private DomctlGetDomainInfo Info(DomId domain)
    {
        var control = Control(DomctlOperation.GetDomainInfo, domain, new DomctlGetDomainInfo());
        return MemoryMarshal.Read<DomctlGetDomainInfo>(control.Argument);
    }

    private DomId Create(ulong pages)
    {
        var create = new DomctlCreateDomain
        {
            Flags = DomainCreateFlags.Hvm | DomainCreateFlags.Hap,
            MaxVcpus = 1,
            MaxEventChannelPort = uint.MaxValue >> 1,
            MaxGrantFrames = -1,
            MaxMapTrackFrames = -1,
            GrantOptions = 2,
            Arch = new ArchDomainConfig { MiscellaneousFlags = AsyncHypercalls.CreateFlag },
        };
        var domain = Control(DomctlOperation.CreateDomain, default, create).Domain;
        Control(DomctlOperation.MaxVcpus, domain, new DomctlMaxVcpus { Max = 1 });
        Control(DomctlOperation.MaxMemory, domain, new DomctlMaxMemory { MaxMemoryKib = pages * 4 });
        var extents = Enumerable.Range(0, (int)pages).Select(pfn => (ulong)pfn).ToArray();
        using var pin = HostPin.Of(extents);
        var reservation = new MemoryReservation { ExtentStart = pin.Address, ExtentCount = pages, Domain = domain };
        Assert.That(Memory(MemoryOperation.PopulatePhysmap, ref reservation), Is.EqualTo((long)pages));
        return domain;
    }

    private (EventPort Store, EventPort Console) Fill(DomId domain, ulong pages, string commandLine)
    {
        Dom0.Hypercalls.AllocUnbound(domain, DomId.Dom0, out var storePort).OrThrow("EVTCHNOP_alloc_unbound");
        Dom0.Hypercalls.AllocUnbound(domain, DomId.Dom0, out var consolePort).OrThrow("EVTCHNOP_alloc_unbound");
        var shared = new AddToPhysmap { Domain = domain, Space = PhysmapSpace.SharedInfo, Gpfn = new Pfn(pages) };
        Assert.That(Memory(MemoryOperation.AddToPhysmap, ref shared), Is.Zero);
        var start = new StartInfo
        {
            PageCount = pages,
            SharedInfo = new Pfn(pages).Address,
            StoreMfn = new Mfn(StorePage.Value),
            StorePort = storePort,
            ConsoleMfn = new Mfn(ConsolePage.Value),
            ConsolePort = consolePort,
        };
        System.Text.Encoding.ASCII.GetBytes(commandLine).CopyTo((Span<byte>)start.CommandLine);
        WritePage(domain, slot => MapForeign(domain, StartPage, slot), 0, start);
        Seed(domain, ReservedGrants.Console, ConsolePage);
        Seed(domain, ReservedGrants.XenStore, StorePage);
        VcpuGuestContext[] contexts = [default];
        contexts[0].Registers.Rsi = StartPage.Address;
        using var pin = HostPin.Of(contexts);
        Control(DomctlOperation.SetVcpuContext, domain, new DomctlVcpuContext { Context = pin.Address });
        return (storePort, consolePort);
    }

    private void Seed(DomId domain, uint reference, Pfn page)
        => WritePage(
            domain, slot => MapGrantFrame(domain, slot), (int)reference * GrantEntryV1.WireSize,
            new GrantEntryV1 { Flags = GrantEntryFlags.PermitAccess, Domain = DomId.Dom0, Frame = (uint)page.Value });

    private void WritePage<T>(DomId domain, Func<Pfn, long> map, int offset, T value) where T : unmanaged
    {
        var slot = Dom0.Memory.TakeSlot();
        Assert.That(map(slot), Is.Zero, $"mapping a page of {domain}");
        Dom0.Memory.Page(slot).CopyFrom(offset, MemoryMarshal.AsBytes(new ReadOnlySpan<T>(in value)));
        Dom0.Hypercalls.RemoveFromPhysmap(slot).OrThrow("XENMEM_remove_from_physmap");
        Dom0.Memory.ReturnSlot(slot);
    }

    private long MapForeign(DomId domain, Pfn page, Pfn slot)
    {
        using var index = HostPin.Of(new[] { page.Value });
        using var gpfn = HostPin.Of(new[] { slot });
        using var errors = HostPin.Of(new int[1]);
        var batch = new AddToPhysmapBatch
        {
            Domain = DomId.Self, Space = (ushort)PhysmapSpace.GmfnForeign, Size = 1,
            Extra = new AddToPhysmapBatchExtra { ForeignDomain = domain },
            Indices = index.Address, Gpfns = gpfn.Address, Errors = errors.Address,
        };
        return Memory(MemoryOperation.AddToPhysmapBatch, ref batch);
    }

    private long MapGrantFrame(DomId domain, Pfn slot)
    {
        using var list = HostPin.Of(new[] { slot });
        var acquire = new AcquireResource { Domain = domain, Type = ResourceType.GrantTable, FrameCount = 1, FrameList = list.Address };
        return Memory(MemoryOperation.AcquireResource, ref acquire);
    }

    private long Memory<T>(MemoryOperation operation, ref T argument) where T : unmanaged
        => Dom0.Hypercalls.Call(HypercallNumber.MemoryOp, (ulong)operation, ref argument);

    private Domctl Control<T>(DomctlOperation operation, DomId domain, T argument) where T : unmanaged
    {
        var control = new Domctl { Operation = operation, InterfaceVersion = Domctl.CurrentInterfaceVersion, Domain = domain };
        MemoryMarshal.Write(control.Argument, argument);
        var result = HostAddress.Call(Core.Dom0, (ulong)HypercallNumber.Domctl, ref control);
        Assert.That(result, Is.Zero, $"{operation}");
        return control;
    }

    private sealed class LiveStoreHost(LiveMachine machine) : IStoreHost
    {
        public StoreDomainState StateOf(DomId domain) => StoreDomainState.Alive;

        public Errno Connect(DomId domain, Pfn page, EventPort port, Action wake, out IStoreChannel? channel)
        {
            channel = new LiveChannel(
                machine.Dom0.Grants.Map(domain, new GrantRef(ReservedGrants.XenStore)), machine.Dom0.Events.BindInterdomain(domain, port, wake));
            return Errno.None;
        }

        public void Log(string line) => TestContext.Out.WriteLine(line);
    }

    private sealed class LiveChannel(GrantMapping mapping, EventChannel channel) : IStoreChannel
    {
        public Pv.Machine.SharedPage Page => mapping.Page;

        public void Notify() => channel.Notify();

        public void Dispose()
        {
            channel.Dispose();
            mapping.Dispose();
        }
    }
}
