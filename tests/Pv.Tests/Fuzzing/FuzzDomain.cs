using Pv.Abi;
using Pv.Hypervisor.Domains;
using Pv.Hypervisor.Hypercalls;
using Pv.Machine.Gate;
using Pv.Tests.Core;

namespace Pv.Tests.Fuzzing;

/// <summary>
/// A hostile domain: its vCPUs' tables map two pages of arguments at linear address 0, a read-only one and a hole behind them, and from
/// 2 MiB on a playground that all vCPUs share. Kept here is what such a guest would know: frames, ports, handles.
/// </summary>
/// <remarks>What it knows may be out of date: other threads write it while calls are made up from it. That is hostile, too.</remarks>
internal sealed class FuzzDomain
{
    public const ulong ReadOnlyPage = 0x2000, Hole = 0x3000, Playground = 0x20_0000;
    public const int PlaygroundSlots = 512, KnownPorts = 16, KnownHandles = 16, GrantRefs = 24, FirstGrantRef = 8;
    private const int OwnPerVcpu = 6;

    // The last slots of the playground show the pages of all vCPUs' arguments.
    private const int FirstArgumentSlot = PlaygroundSlots - 64;

    /// <summary>What the frames are mostly used as, by number.</summary>
    public static readonly FrameUse[] Favourites =
        [FrameUse.L1, FrameUse.L1, FrameUse.L2, FrameUse.L2, FrameUse.L3, FrameUse.L4, FrameUse.Data, FrameUse.Data];

    private readonly TestMachine _machine;

    public FuzzDomain(TestMachine machine, bool managed, int frames, int vcpus)
    {
        _machine = machine;
        var own = managed ? 2 : vcpus * OwnPerVcpu + 1;
        Domain = machine.CreateDomain(frames + own, vcpus, managed, grantFrames: 3);
        machine.ControlOrThrow(DomctlOperation.MaxMemory, Domain.Id, new DomctlMaxMemory { MaxMemoryKib = (ulong)(frames + own + 12) * 4 });
        if (managed)
        {
            Frames = [.. Enumerable.Range(2, frames).Select(pfn => new Mfn((ulong)pfn))];
            Safe = [];
            Start(0, default);
            return;
        }
        var all = machine.FramesOf(Domain);
        Safe = [.. all.Take(own)];
        Frames = [.. all.Skip(own)];
        MapPlayground();
        for (var vcpu = 0; vcpu < vcpus; vcpu++)
            MapArguments(vcpu);
        // The last of many has no state yet: giving it one is a call of its own.
        for (var vcpu = 0; vcpu < (vcpus > 2 ? vcpus - 1 : vcpus); vcpu++)
            Start((uint)vcpu, Root(vcpu));
    }

    public Domain Domain { get; }

    public bool IsManaged => Domain.Kind != DomainKind.Paravirtualized;

    /// <summary>Frames that it does anything with; of an auto-translated domain, their own numbers.</summary>
    public Mfn[] Frames { get; }

    /// <summary>The tables and argument pages of its vCPUs, six each, and last the playground's L1 table.</summary>
    public Mfn[] Safe { get; }

    public uint[] Ports { get; } = new uint[KnownPorts];

    public (uint Handle, ulong Address)[] Handles { get; } = new (uint, ulong)[KnownHandles];

    /// <summary>Frames of its grant table, once it asked for them.</summary>
    public Mfn[] GrantFrames { get; } = new Mfn[3];

    public Mfn Root(int vcpu) => Safe[vcpu * OwnPerVcpu];

    /// <summary>Where each vCPU finds the two pages of another's arguments.</summary>
    public static ulong ArgumentsOf(int vcpu) => Playground + ((ulong)(FirstArgumentSlot + vcpu * 2) << PageSize.Shift);

    /// <summary>Writes as guest code would: through the page tables that the vCPU has. False when they do not let it.</summary>
    public static bool Write(Vcpu vcpu, ulong address, ReadOnlySpan<byte> bytes) => GuestAccess.OfCaller(vcpu).TryWrite(address, bytes);

    public static bool Read(Vcpu vcpu, ulong address, Span<byte> bytes) => GuestAccess.OfCaller(vcpu).TryRead(address, bytes);

    private void MapPlayground()
    {
        for (var i = 0; i < Frames.Length; i++)
        {
            if (Favourites[i % Favourites.Length] == FrameUse.Data)
                _machine.Core.Memory.Words(Safe[^1])[i] = Frames[i].Address | TestGuest.PresentUser | TestGuest.Writable;
        }
    }

    private void MapArguments(int vcpu)
    {
        var own = Safe.AsSpan(vcpu * OwnPerVcpu, OwnPerVcpu);
        for (var level = 0; level < 3; level++)
            _machine.Core.Memory.Words(own[level])[0] = own[level + 1].Address | TestGuest.PresentUser | TestGuest.Writable;
        _machine.Core.Memory.Words(own[2])[1] = Safe[^1].Address | TestGuest.PresentUser | TestGuest.Writable;
        for (var page = 0; page < 2; page++)
            _machine.Core.Memory.Words(Safe[^1])[FirstArgumentSlot + vcpu * 2 + page] = own[4 + page].Address | TestGuest.PresentUser | TestGuest.Writable;
        var l1 = _machine.Core.Memory.Words(own[3]);
        l1[0] = own[4].Address | TestGuest.PresentUser | TestGuest.Writable;
        l1[1] = own[5].Address | TestGuest.PresentUser | TestGuest.Writable;
        l1[2] = own[5].Address | TestGuest.PresentUser;
    }

    private void Start(uint vcpu, Mfn root)
    {
        // An upcall has somewhere to go, and a stack: the second page of arguments.
        var context = new VcpuGuestContext { Flags = VcpuContextFlags.InKernel | VcpuContextFlags.Online, EventCallback = 0x1000, KernelSp = 0x1ff0 };
        context.ControlRegisters[3] = root.Address;
        var contexts = new[] { context };
        using var pin = HostPin.Of(contexts);
        _machine.ControlOrThrow(DomctlOperation.SetVcpuContext, Domain.Id, new DomctlVcpuContext { Vcpu = new VcpuId(vcpu), Context = pin.Address });
    }
}

/// <summary>What a guest has a frame for.</summary>
internal enum FrameUse
{
    Data = 0, L1 = 1, L2 = 2, L3 = 3, L4 = 4,
}
