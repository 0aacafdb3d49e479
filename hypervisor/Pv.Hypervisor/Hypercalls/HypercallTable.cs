using Pv.Abi;
using Pv.Hypervisor.Asynchronous;
using Pv.Hypervisor.Domains;
using Pv.Hypervisor.Events;
using Pv.Hypervisor.Grants;
using Pv.Hypervisor.Memory;
using Pv.Hypervisor.Paging;
using Pv.Hypervisor.Scheduling;
using Pv.Hypervisor.Time;
using Pv.Hypervisor.Tracing;
using Pv.Hypervisor.Traps;
using Pv.Machine.Gate;

namespace Pv.Hypervisor.Hypercalls;

/// <summary>Serves one hypercall. What a guest can cause is an <see cref="Errno"/>; an exception is a fault of ours and costs the caller its domain.</summary>
internal delegate HypercallResult HypercallHandler(ref HypercallContext call);

/// <summary>The one way in: every hypercall of every domain goes through <see cref="Dispatch"/>.</summary>
internal sealed class HypercallTable
{
    /// <summary>A bit for each call that only a domain with a processor's state of its own can make.</summary>
    private const ulong OfMachineCode = 1ul << (int)HypercallNumber.SetTrapTable | 1ul << (int)HypercallNumber.MmuUpdate
        | 1ul << (int)HypercallNumber.SetGdt | 1ul << (int)HypercallNumber.StackSwitch | 1ul << (int)HypercallNumber.SetCallbacks
        | 1ul << (int)HypercallNumber.FpuTaskswitch | 1ul << (int)HypercallNumber.SetDebugRegister | 1ul << (int)HypercallNumber.GetDebugRegister
        | 1ul << (int)HypercallNumber.UpdateDescriptor | 1ul << (int)HypercallNumber.UpdateVaMapping
        | 1ul << (int)HypercallNumber.UpdateVaMappingOtherDomain | 1ul << (int)HypercallNumber.Iret | 1ul << (int)HypercallNumber.SetSegmentBase
        | 1ul << (int)HypercallNumber.CallbackOp;

    private readonly HypercallHandler?[] _handlers = new HypercallHandler?[64];

    public HypercallTable()
    {
        this[HypercallNumber.SetTrapTable] = TrapOperations.SetTrapTable;
        this[HypercallNumber.MmuUpdate] = MmuUpdateOperation.Handle;
        this[HypercallNumber.SetGdt] = DescriptorOperations.SetGdt;
        this[HypercallNumber.StackSwitch] = TrapOperations.StackSwitch;
        this[HypercallNumber.SetCallbacks] = CallbackOperations.SetCallbacks;
        this[HypercallNumber.FpuTaskswitch] = TrapOperations.FpuTaskswitch;
        this[HypercallNumber.SchedOpCompat] = SchedOperations.HandleCompat;
        this[HypercallNumber.SetDebugRegister] = TrapOperations.SetDebugRegister;
        this[HypercallNumber.GetDebugRegister] = TrapOperations.GetDebugRegister;
        this[HypercallNumber.UpdateDescriptor] = DescriptorOperations.UpdateDescriptor;
        this[HypercallNumber.MemoryOp] = MemoryOperations.Handle;
        this[HypercallNumber.Multicall] = MulticallOperation.Handle;
        this[HypercallNumber.UpdateVaMapping] = UpdateVaMappingOperation.Handle;
        this[HypercallNumber.SetTimerOp] = TimerOperations.SetTimer;
        this[HypercallNumber.XenVersion] = XenVersionOperations.Handle;
        this[HypercallNumber.ConsoleIo] = ConsoleIoOperations.Handle;
        this[HypercallNumber.GrantTableOp] = GrantTableOperations.Handle;
        this[HypercallNumber.VmAssist] = TrapOperations.VmAssist;
        this[HypercallNumber.UpdateVaMappingOtherDomain] = UpdateVaMappingOperation.HandleOtherDomain;
        this[HypercallNumber.Iret] = IretOperation.Handle;
        this[HypercallNumber.VcpuOp] = VcpuOperations.Handle;
        this[HypercallNumber.SetSegmentBase] = DescriptorOperations.SetSegmentBase;
        this[HypercallNumber.MmuExtOp] = MmuExtOperations.Handle;
        this[HypercallNumber.SchedOp] = SchedOperations.Handle;
        this[HypercallNumber.CallbackOp] = CallbackOperations.Handle;
        this[HypercallNumber.EventChannelOp] = EventChannelOperations.Handle;
        this[HypercallNumber.PhysdevOp] = PhysdevOperations.Handle;
        this[HypercallNumber.Sysctl] = SysctlOperations.Handle;
        this[HypercallNumber.Domctl] = DomctlOperations.Handle;
        this[HypercallNumber.EventChannelOpCompat] = EventChannelOperations.HandleCompat;
        this[HypercallNumber.PhysdevOpCompat] = PhysdevOperations.HandleCompat;
        this[HypercallNumber.NmiOp] = CallbackOperations.HandleNmi;
        this[HypercallNumber.PlatformOp] = RefusedOperations.Platform;
        this[HypercallNumber.HvmOp] = HvmOperations.Handle;
        this[HypercallNumber.KexecOp] = RefusedOperations.NotPermitted;
        this[HypercallNumber.XenPmuOp] = RefusedOperations.NotSupported;
        this[HypercallNumber.DmOp] = RefusedOperations.DeviceModel;
        this[HypercallNumber.HypfsOp] = RefusedOperations.NotPermitted;
        this[HypercallNumber.Arch0] = RefusedOperations.NotPermitted;
        this[HypercallNumber.Arch1] = RefusedOperations.PagingControl;
        this[AsyncHypercalls.Number] = AsyncOperations.Handle;
    }

    private HypercallHandler this[HypercallNumber number]
    {
        set => _handlers[(int)number] = value;
    }

    /// <summary>Replaces a handler, so that a test can see what an exception in it costs.</summary>
    internal HypercallHandler? Replace(HypercallNumber number, HypercallHandler? handler)
        => Interlocked.Exchange(ref _handlers[(int)number], handler);

    /// <summary>Whether there is such a call at all.</summary>
    public bool Has(ulong number) => number < (ulong)_handlers.Length && _handlers[number] is not null;

    /// <summary>Serves a call. Exceptions pass through: the entry that called this crashes the caller's domain with them.</summary>
    public HypercallResult Dispatch(ref HypercallContext call)
    {
        var number = call.Arguments.Number;
        if (number >= (ulong)_handlers.Length || _handlers[number] is not { } handler)
            return Errno.ENOSYS;
        // An auto-translated domain has no traps, descriptors or page tables: Xen's table for it lacks these calls, too.
        if ((OfMachineCode >> (int)number & 1) != 0 && call.Caller.Kind != DomainKind.Paravirtualized)
            return Errno.ENOSYS;
        return handler(ref call);
    }

    /// <summary>Serves a call of a vCPU, with its trace when that is on.</summary>
    public HypercallResult Enter(Vcpu vcpu, ref HypercallRegisters registers)
    {
        vcpu.Domain.Core.Stepper?.Point();
        vcpu.Counters.NoteHypercall(registers.Number);
        var call = new HypercallContext(vcpu, registers, GuestAccess.OfCaller(vcpu));
        if (vcpu.Domain.Trace.IsOn)
            return EnterTraced(ref call, ref registers);
        var result = Dispatch(ref call);
        registers = call.Arguments;
        return result;
    }

    private HypercallResult EnterTraced(ref HypercallContext call, ref HypercallRegisters registers)
    {
        var record = TraceRecord.Begin(call.Vcpu, registers);
        call.Trace = record;
        var result = Dispatch(ref call);
        registers = call.Arguments;
        call.Caller.Trace.Add(record, result);
        return result;
    }
}
