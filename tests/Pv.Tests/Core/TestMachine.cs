using System.Runtime.InteropServices;
using Pv.Abi;
using Pv.Cpu;
using Pv.Hypervisor;
using Pv.Hypervisor.Auditing;
using Pv.Hypervisor.Domains;
using Pv.Hypervisor.Stepping;
using Pv.Hypervisor.Time;
using Pv.Machine;
using Pv.Machine.Gate;

namespace Pv.Tests.Core;

/// <summary>Time that stands still until a test moves it.</summary>
internal sealed class ManualClock : IClock
{
    private ulong _now = 1;

    public ulong Now => Volatile.Read(ref _now);

    public ulong BootWallClock => 1_700_000_000_000_000_000;

    public void Advance(ulong nanoseconds) => Interlocked.Add(ref _now, nanoseconds);
}

/// <summary>A small machine around a hypervisor core, driven by Dom0's door; no code of a guest runs but a test's script.</summary>
internal sealed class TestMachine : IDisposable
{
    public TestMachine(ulong frames = 1024, int pcpus = 1, ulong dom0Frames = 16, bool manualTime = true, Stepper? stepper = null, Func<MachineMemory, ICpuEngine>? engine = null)
    {
        Core = new HypervisorCore(new MachineOptions
        {
            Frames = frames,
            PCpus = pcpus,
            Dom0Frames = dom0Frames,
            Clock = manualTime ? Clock : new HostClock(),
            ManualTimers = manualTime,
            Random = new Random(1),
            Stepper = stepper,
            ParavirtualizedEngine = engine ?? (_ => Engine),
            ManagedEngine = _ => Managed,
        });
        FreeAtStart = Core.FreeFrames;
    }

    public HypervisorCore Core { get; }

    public ManualClock Clock { get; } = new();

    public ScriptedEngine Engine { get; } = new();

    public ScriptedEngine Managed { get; } = new();

    /// <summary>Frames that were free before any domain but Dom0 was made.</summary>
    public ulong FreeAtStart { get; }

    public Domain Dom0 => Core.Domains.Find(DomId.Dom0)!;

    /// <summary>Moves the clock and fires what is due, on this thread.</summary>
    public void Advance(ulong nanoseconds)
    {
        Clock.Advance(nanoseconds);
        Core.Timekeeper.FireExpired();
    }

    public long Control<T>(DomctlOperation operation, ref DomId domain, ref T argument) where T : unmanaged
    {
        var control = new Domctl { Operation = operation, InterfaceVersion = Domctl.CurrentInterfaceVersion, Domain = domain };
        ((Span<byte>)control.Argument).Clear();
        MemoryMarshal.Write(control.Argument, in argument);
        var result = HostAddress.Call(Core.Dom0, (ulong)HypercallNumber.Domctl, ref control);
        domain = control.Domain;
        argument = MemoryMarshal.Read<T>(control.Argument);
        return result;
    }

    public Errno Control<T>(SysctlOperation operation, ref T argument) where T : unmanaged
    {
        var control = new Sysctl { Operation = operation, InterfaceVersion = Sysctl.CurrentInterfaceVersion };
        ((Span<byte>)control.Argument).Clear();
        MemoryMarshal.Write(control.Argument, in argument);
        var result = HostAddress.Call(Core.Dom0, (ulong)HypercallNumber.Sysctl, ref control);
        argument = MemoryMarshal.Read<T>(control.Argument);
        return (Errno)(-result);
    }

    public void ControlOrThrow<T>(DomctlOperation operation, DomId domain, T argument) where T : unmanaged
    {
        if (Control(operation, ref domain, ref argument) is not 0 and var result)
            throw new InvalidOperationException($"{operation} of {domain}: {result}");
    }

    public void ControlOrThrow(DomctlOperation operation, DomId domain) => ControlOrThrow(operation, domain, 0ul);

    /// <summary>Makes a domain with memory and vCPUs, paused and without a state.</summary>
    public Domain CreateDomain(int frames, int vcpus = 1, bool managed = false, int grantFrames = 2, int maptrackFrames = 1, bool asynchronous = false, int ports = 127)
    {
        var create = new DomctlCreateDomain
        {
            Flags = managed ? DomainCreateFlags.Hvm | DomainCreateFlags.Hap : DomainCreateFlags.None,
            MaxVcpus = (uint)vcpus,
            MaxEventChannelPort = (uint)ports,
            MaxGrantFrames = grantFrames,
            MaxMapTrackFrames = maptrackFrames,
            GrantOptions = 2,
            Arch = new ArchDomainConfig { MiscellaneousFlags = asynchronous ? AsyncHypercalls.CreateFlag : 0 },
        };
        var id = default(DomId);
        if (Control(DomctlOperation.CreateDomain, ref id, ref create) is not 0 and var result)
            throw new InvalidOperationException($"createdomain: {result}");
        ControlOrThrow(DomctlOperation.MaxMemory, id, new DomctlMaxMemory { MaxMemoryKib = (ulong)frames * 4 });
        ControlOrThrow(DomctlOperation.MaxVcpus, id, new DomctlMaxVcpus { Max = (uint)vcpus });
        Populate(id, frames);
        return Core.Domains.Find(id)!;
    }

    /// <summary>Gives a domain memory at pseudo-physical 0 on; returns the machine frames of a PV domain.</summary>
    public Mfn[] Populate(DomId id, int frames)
    {
        var list = new ulong[frames];
        for (var i = 0; i < frames; i++)
            list[i] = (ulong)i;
        using var pin = HostPin.Of(list);
        var reservation = new MemoryReservation { ExtentStart = pin.Address, ExtentCount = (ulong)frames, Domain = id };
        var done = HostAddress.Call(Core.Dom0, (ulong)HypercallNumber.MemoryOp, (ulong)MemoryOperation.PopulatePhysmap, ref reservation);
        if (done != frames)
            throw new InvalidOperationException($"populate: {done} of {frames}");
        return [.. list.Select(frame => new Mfn(frame))];
    }

    /// <summary>The frames of a domain's own memory, by rising number.</summary>
    public List<Mfn> FramesOf(Domain domain)
    {
        List<Mfn> frames = [.. Core.Frames.List(domain)];
        frames.Sort();
        return frames;
    }

    public void Destroy(Domain domain) => ControlOrThrow(DomctlOperation.DestroyDomain, domain.Id);

    /// <summary>Whatever a test did, the hypervisor's accounts must be right at its end.</summary>
    public void Dispose()
    {
        var findings = new MachineAudit(Core).StopAndLook();
        Core.Dispose();
        if (!findings.AreNone)
            throw new InvalidOperationException($"The audit at the test's end found {findings}");
    }
}
