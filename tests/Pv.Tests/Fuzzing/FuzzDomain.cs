using Pv.Abi;
using Pv.Hypervisor.Domains;
using Pv.Hypervisor.Hypercalls;
using Pv.Hypervisor.Traps;
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
    private const int OwnOfCalls = 6, OwnOfCode = 11;

    // The last slots of the playground show what all vCPUs have: the pages of their arguments, then of their programs, then their stacks.
    private const int FirstArgumentSlot = PlaygroundSlots - 64, FirstProgramSlot = FirstArgumentSlot + 16, FirstStackSlot = FirstArgumentSlot + 32;

    /// <summary>What the frames are mostly used as, by number.</summary>
    public static readonly FrameUse[] Favourites =
        [FrameUse.L1, FrameUse.L1, FrameUse.L2, FrameUse.L2, FrameUse.L3, FrameUse.L4, FrameUse.Data, FrameUse.Data];

    private readonly TestMachine _machine;
    private readonly int _ownPerVcpu;

    /// <param name="machine">Where.</param>
    /// <param name="managed">An auto-translated domain.</param>
    /// <param name="frames">Frames that it does anything with.</param>
    /// <param name="vcpus">How many vCPUs it has.</param>
    /// <param name="runsCode">Its vCPUs run machine code, and have pages for it.</param>
    public FuzzDomain(TestMachine machine, bool managed, int frames, int vcpus, bool runsCode = false)
    {
        _machine = machine;
        RunsCode = runsCode;
        _ownPerVcpu = runsCode ? OwnOfCode : OwnOfCalls;
        var own = managed ? 2 : vcpus * _ownPerVcpu + (runsCode ? 2 : 1);
        Domain = machine.CreateDomain(frames + own, vcpus, managed, grantFrames: 3, asynchronous: true);
        Queues = new FuzzQueue?[vcpus];
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
        for (var vcpu = 0; vcpu < vcpus && runsCode; vcpu++)
            MapCode(vcpu);
        if (runsCode)
            CodeRuntime.Code.CopyTo(machine.Core.Memory.Frame(Safe[^2]));
        // The last of many has no state yet: giving it one is a call of its own.
        for (var vcpu = 0; vcpu < (vcpus > 2 ? vcpus - 1 : vcpus); vcpu++)
            Start((uint)vcpu, Root(vcpu));
    }

    public Domain Domain { get; }

    public bool RunsCode { get; }

    public bool IsManaged => Domain.Kind != DomainKind.Paravirtualized;

    /// <summary>Frames that it does anything with; of an auto-translated domain, their own numbers.</summary>
    public Mfn[] Frames { get; }

    /// <summary>The tables and pages of its vCPUs, as many for each, then the code's page that stays, if there is one, and last the playground's L1 table.</summary>
    public Mfn[] Safe { get; }

    public uint[] Ports { get; } = new uint[KnownPorts];

    public (uint Handle, ulong Address)[] Handles { get; } = new (uint, ulong)[KnownHandles];

    /// <summary>The queues of its vCPUs, as far as it knows.</summary>
    public FuzzQueue?[] Queues { get; }

    /// <summary>Where it has one of its frames mapped, or had it at first.</summary>
    public ulong AddressOf(int frame) => IsManaged ? Frames[frame].Address : Playground + ((ulong)frame << PageSize.Shift);

    /// <summary>Frames of its grant table, once it asked for them.</summary>
    public Mfn[] GrantFrames { get; } = new Mfn[3];

    public Mfn Root(int vcpu) => Safe[vcpu * _ownPerVcpu];

    /// <summary>Where each vCPU finds the two pages of another's arguments.</summary>
    public static ulong ArgumentsOf(int vcpu) => Playground + ((ulong)(FirstArgumentSlot + vcpu * 2) << PageSize.Shift);

    /// <summary>Where each vCPU finds the two pages of another's programs.</summary>
    public static ulong ProgramOf(int vcpu) => Playground + ((ulong)(FirstProgramSlot + vcpu * 2) << PageSize.Shift);

    /// <summary>Where each vCPU finds another's stack.</summary>
    public static ulong StackOf(int vcpu) => Playground + ((ulong)(FirstStackSlot + vcpu) << PageSize.Shift);

    /// <summary>Writes as guest code would: through the page tables that the vCPU has. False when they do not let it.</summary>
    public static bool Write(Vcpu vcpu, ulong address, ReadOnlySpan<byte> bytes) => GuestAccess.OfCaller(vcpu).TryWrite(address, bytes);

    public static bool Read(Vcpu vcpu, ulong address, Span<byte> bytes) => GuestAccess.OfCaller(vcpu).TryRead(address, bytes);

    /// <summary>All that traps or calls is led to the code that stays, as if the guest had just registered it. The vCPU does not run, or it is its own thread.</summary>
    public static void SetTraps(Vcpu vcpu)
    {
        var traps = vcpu.Traps;
        for (var vector = 0; vector < traps.Table.Length; vector++)
            traps.Table[vector] = new TrapInfo { Vector = (byte)vector, Flags = vector % 2 == 0 ? TrapFlags.DplMask : 0, Cs = XenSegments.FlatCode64, Address = CodeRuntime.Trapped };
        (traps.KernelSs, traps.KernelSp) = (XenSegments.FlatStack, CodeRuntime.StackTop);
        traps.Event = new GuestCallback(CodeRuntime.Upcall, false);
        traps.Syscall = traps.Failsafe = new GuestCallback(CodeRuntime.Trapped, false);
    }

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
        var own = Safe.AsSpan(vcpu * _ownPerVcpu, _ownPerVcpu);
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

    private void MapCode(int vcpu)
    {
        const ulong rights = TestGuest.PresentUser | TestGuest.Writable;
        var memory = _machine.Core.Memory;
        var own = Safe.AsSpan(vcpu * _ownPerVcpu, _ownPerVcpu);
        Map(own[3], CodeRuntime.Page, Safe[^2], TestGuest.PresentUser);
        for (var page = 0; page < 2; page++)
        {
            Map(own[3], CodeRuntime.Program + (ulong)page * PageSize.Bytes, own[6 + page], rights);
            memory.Words(Safe[^1])[FirstProgramSlot + vcpu * 2 + page] = own[6 + page].Address | rights;
            Map(own[3], CodeRuntime.Letter + (ulong)page * PageSize.Bytes, own[9 + page], rights);
        }
        Map(own[3], CodeRuntime.Stack, own[8], rights);
        memory.Words(Safe[^1])[FirstStackSlot + vcpu] = own[8].Address | rights;
        Map(own[3], CodeRuntime.Tables, Safe[^1], TestGuest.PresentUser);
        for (var level = 1; level <= 4; level++)
            Map(own[3], CodeRuntime.Tables + (ulong)level * PageSize.Bytes, own[4 - level], TestGuest.PresentUser);
        Map(own[3], CodeRuntime.SharedInfo, Domain.SharedInfo, rights);

        void Map(Mfn table, ulong address, Mfn frame, ulong flags) => memory.Words(table)[(int)(address >> PageSize.Shift)] = frame.Address | flags;
    }

    private void Start(uint vcpu, Mfn root)
    {
        // An upcall has somewhere to go, and a stack: the second page of arguments.
        var context = new VcpuGuestContext { Flags = VcpuContextFlags.InKernel | VcpuContextFlags.Online, EventCallback = 0x1000, KernelSp = 0x1ff0 };
        context.ControlRegisters[3] = root.Address;
        if (RunsCode)
        {
            context.ControlRegisters[1] = root.Address | 1;
            context.VmAssist = 1ul << (int)VmAssistType.WritablePageTables;
            (context.Registers.Cs, context.Registers.Ss) = (XenSegments.FlatCode64, XenSegments.FlatStack);
        }
        var contexts = new[] { context };
        using var pin = HostPin.Of(contexts);
        _machine.ControlOrThrow(DomctlOperation.SetVcpuContext, Domain.Id, new DomctlVcpuContext { Vcpu = new VcpuId(vcpu), Context = pin.Address });
        if (RunsCode)
            SetTraps(Domain.Vcpus[vcpu]!);
    }
}

/// <summary>What a guest has a frame for.</summary>
internal enum FrameUse
{
    Data = 0, L1 = 1, L2 = 2, L3 = 3, L4 = 4,
}
