using System.Runtime.InteropServices;
using Pv.Abi;
using Pv.Cpu.Managed;
using Pv.Hypervisor;
using Pv.Machine.Gate;

namespace Pv.Benchmarks.Core;

/// <summary>A machine with C# domains of the barest kind: a kernel that is one method, over the gate itself.</summary>
internal sealed class BareGuests : IDisposable
{
    private readonly HypervisorCore _core;
    private readonly ManagedEngine _engine;

    public BareGuests(int pcpus)
    {
        ManagedEngine? engine = null;
        _core = new HypervisorCore(new MachineOptions
        {
            Frames = 1 << 14,
            PCpus = pcpus,
            ManagedEngine = gates => engine = new ManagedEngine(gates),
        });
        _engine = engine!;
    }

    public HypervisorCore Core => _core;

    /// <summary>Makes a paused domain with some frames whose turns are <paramref name="turns"/>.</summary>
    public DomId Create(Func<IGuestGate, Func<TurnOutcome>> turns, ulong frames = 64)
    {
        var create = new Domctl { Operation = DomctlOperation.CreateDomain, InterfaceVersion = Domctl.CurrentInterfaceVersion };
        ref var arguments = ref MemoryMarshal.AsRef<DomctlCreateDomain>((Span<byte>)create.Argument);
        arguments.Flags = DomainCreateFlags.Hvm | DomainCreateFlags.Hap;
        arguments.MaxVcpus = 1;
        arguments.MaxEventChannelPort = 1023;
        arguments.MaxGrantFrames = arguments.MaxMapTrackFrames = -1;
        arguments.GrantOptions = 2;
        Control(ref create);
        var id = create.Domain;
        Operate(id, DomctlOperation.MaxVcpus, new DomctlMaxVcpus { Max = 1 });
        Operate(id, DomctlOperation.MaxMemory, new DomctlMaxMemory { MaxMemoryKib = frames * 4 });
        var extents = Enumerable.Range(0, (int)frames).Select(i => (ulong)i).ToArray();
        using (var pin = HostPin.Of(extents))
        {
            var reservation = new MemoryReservation { ExtentStart = pin.Address, ExtentCount = frames, Domain = id };
            Expect((long)frames, HostAddress.Call(_core.Dom0, (ulong)HypercallNumber.MemoryOp, (ulong)MemoryOperation.PopulatePhysmap, ref reservation));
        }
        _engine.Assign(id, gate => new Turns(turns(gate)));
        var context = new VcpuGuestContext[1];
        using (var pin = HostPin.Of(context))
            Operate(id, DomctlOperation.SetVcpuContext, new DomctlVcpuContext { Context = pin.Address });
        return id;
    }

    public void Pause(DomId id) => Operate(id, DomctlOperation.PauseDomain, 0);

    public void Unpause(DomId id) => Operate(id, DomctlOperation.UnpauseDomain, 0);

    /// <summary>Lets the domain's vCPU run on one pCPU only.</summary>
    public void Pin(DomId id, int pcpu)
    {
        var bits = new[] { 1ul << pcpu };
        using var pin = HostPin.Of(bits);
        Operate(id, DomctlOperation.SetVcpuAffinity,
            new DomctlVcpuAffinity { Flags = VcpuAffinityFlags.Hard, Hard = new XenctlBitmap { Bitmap = pin.Address, BitCount = 64 } });
    }

    public void Destroy(DomId id) => Operate(id, DomctlOperation.DestroyDomain, 0);

    public void Dispose() => _core.Dispose();

    private void Operate<T>(DomId id, DomctlOperation operation, T argument) where T : unmanaged
    {
        var control = new Domctl { Operation = operation, InterfaceVersion = Domctl.CurrentInterfaceVersion, Domain = id };
        MemoryMarshal.Write((Span<byte>)control.Argument, argument);
        Control(ref control);
    }

    private void Control(ref Domctl control) => Expect(0, HostAddress.Call(_core.Dom0, (ulong)HypercallNumber.Domctl, ref control));

    private static void Expect(long wanted, long result)
    {
        if (result != wanted)
            throw new InvalidOperationException($"A hypercall answered {result}, not {wanted}.");
    }

    private sealed class Turns(Func<TurnOutcome> run) : IManagedKernel
    {
        public TurnOutcome RunTurns() => run();
    }
}
