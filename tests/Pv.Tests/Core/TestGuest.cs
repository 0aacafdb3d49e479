using Pv.Abi;
using Pv.Hypervisor.Domains;
using Pv.Hypervisor.Hypercalls;
using Pv.Hypervisor.Paging;
using Pv.Machine.Gate;

namespace Pv.Tests.Core;

/// <summary>
/// A PV domain as a test plays it. vCPU 0 is at the test's mercy; vCPU 1 keeps page tables of its own, which map two pages for arguments at
/// linear address 0, so that calls can be made whatever becomes of the rest.
/// </summary>
internal sealed class TestGuest
{
    public const ulong PresentUser = PageTableEntry.Present | PageTableEntry.User | PageTableEntry.Accessed | PageTableEntry.Dirty;
    public const ulong Writable = PageTableEntry.Writable;
    public const ulong FrameListAddress = 0x1800, StatusAddress = 0x1f00;

    private readonly TestMachine _machine;

    /// <param name="machine">Where.</param>
    /// <param name="frames">How many frames a test may do anything to.</param>
    /// <param name="maps">Which of them vCPU 0 maps writable at first, by number; all when null.</param>
    /// <param name="vcpus">How many vCPUs there are; those after the second have no state yet.</param>
    /// <param name="asynchronous">May it have queues of asynchronous hypercalls.</param>
    /// <param name="ports">Its last event port.</param>
    /// <param name="grantFrames">The most frames of its grant table.</param>
    /// <param name="maptrackFrames">The most maps of others' grants, by 256.</param>
    public TestGuest(TestMachine machine, int frames, Predicate<int>? maps = null, int vcpus = 2, bool asynchronous = false, int ports = 127, int grantFrames = 2, int maptrackFrames = 1)
    {
        _machine = machine;
        const int own = 10;
        Domain = machine.CreateDomain(frames + own, vcpus, asynchronous: asynchronous, ports: ports, grantFrames: grantFrames, maptrackFrames: maptrackFrames);
        var all = machine.FramesOf(Domain);
        Safe = [.. all.Take(own)];
        Frames = [.. all.Skip(own)];
        Tree(Safe[0], Safe[1], Safe[2], Safe[3], [Safe[8], Safe[9]]);
        Tree(Safe[4], Safe[5], Safe[6], Safe[7], Frames, maps);
        Start(0, Safe[4]);
        Start(1, Safe[0]);
    }

    public Domain Domain { get; }

    /// <summary>The frames that a test may do anything to.</summary>
    public Mfn[] Frames { get; }

    /// <summary>The first tables of both vCPUs (0 to 3: vCPU 1's, 4 to 7: vCPU 0's, highest level first) and the pages of arguments (8, 9).</summary>
    public Mfn[] Safe { get; }

    public Vcpu Victim => Domain.Vcpus[0]!;

    public Vcpu Caller => Domain.Vcpus[1]!;

    /// <summary>The linear address at which vCPU 0's first tables map a frame of the test's.</summary>
    public static ulong AddressOf(int frame) => (ulong)frame << PageSize.Shift;

    /// <summary>Puts an argument where vCPU 1 maps it.</summary>
    public ulong Put<T>(ulong address, T value) where T : unmanaged
    {
        _machine.Core.Memory.At<T>(Safe[8 + (int)(address >> PageSize.Shift)].Address + (address & PageSize.OffsetMask)) = value;
        return address;
    }

    public T Get<T>(ulong address) where T : unmanaged
        => _machine.Core.Memory.At<T>(Safe[8 + (int)(address >> PageSize.Shift)].Address + (address & PageSize.OffsetMask));

    /// <summary>One entry into the hypervisor, from code of the guest's.</summary>
    public HypercallResult Enter(Vcpu vcpu, ref HypercallRegisters registers)
    {
        vcpu.KnownPages.Forget();
        return _machine.Core.Hypercalls.Enter(vcpu, ref registers);
    }

    /// <summary>A call of vCPU 1, continued until it is done.</summary>
    public long Call(HypercallNumber number, ulong first = 0, ulong second = 0, ulong third = 0, ulong fourth = 0)
        => Call(Caller, number, first, second, third, fourth);

    public long Call(Vcpu vcpu, HypercallNumber number, ulong first = 0, ulong second = 0, ulong third = 0, ulong fourth = 0)
    {
        var registers = new HypercallRegisters((ulong)number, first, second, third, fourth);
        while (true)
        {
            var result = Enter(vcpu, ref registers);
            if (result.Outcome != HypercallOutcome.Continue)
                return result.Value;
        }
    }

    public long Extended(MmuExtOperation operation, ulong first, ulong second = 0)
        => Call(HypercallNumber.MmuExtOp, Put(0, new MmuExt { Operation = operation, Argument1 = first, Argument2 = second }), 1, 0, DomId.Self.Value);

    public long Update(ulong pointer, ulong value)
        => Call(HypercallNumber.MmuUpdate, Put(0, new MmuUpdate { Pointer = pointer, Value = value }), 1, 0, DomId.Self.Value);

    /// <summary>Writes an entry as a guest writes a frame that it has mapped writable.</summary>
    public void Store(Mfn frame, int index, ulong value) => _machine.Core.Memory.Words(frame)[index] = value;

    private void Tree(Mfn l4, Mfn l3, Mfn l2, Mfn l1, Mfn[] mapped, Predicate<int>? maps = null)
    {
        Store(l4, 0, l3.Address | PresentUser | Writable);
        Store(l3, 0, l2.Address | PresentUser | Writable);
        Store(l2, 0, l1.Address | PresentUser | Writable);
        for (var i = 0; i < mapped.Length; i++)
        {
            if (maps?.Invoke(i) != false)
                Store(l1, i, mapped[i].Address | PresentUser | Writable);
        }
    }

    private void Start(uint vcpu, Mfn root)
    {
        var context = new VcpuGuestContext { Flags = VcpuContextFlags.InKernel | VcpuContextFlags.Online };
        context.ControlRegisters[3] = root.Address;
        var contexts = new[] { context };
        using var pin = HostPin.Of(contexts);
        _machine.ControlOrThrow(DomctlOperation.SetVcpuContext, Domain.Id, new DomctlVcpuContext { Vcpu = new VcpuId(vcpu), Context = pin.Address });
    }
}
