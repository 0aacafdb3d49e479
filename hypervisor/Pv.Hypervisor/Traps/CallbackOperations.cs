using Pv.Abi;
using Pv.Cpu;
using Pv.Hypervisor.Hypercalls;
using Pv.Hypervisor.Paging;

namespace Pv.Hypervisor.Traps;

/// <summary><c>callback_op</c> and its older form <c>set_callbacks</c>.</summary>
internal static class CallbackOperations
{
    public static HypercallResult Handle(ref HypercallContext call)
    {
        switch ((CallbackOperation)(uint)call.Arguments.First)
        {
            case CallbackOperation.Register:
                return call.TryRead(call.Arguments.Second, out CallbackRegister register)
                    ? TrySet(call.Vcpu.Traps, register.Type, register.Address, (register.Flags & CallbackFlags.MaskEvents) != 0) : Errno.EFAULT;
            case CallbackOperation.Unregister:
                return call.TryRead(call.Arguments.Second, out CallbackUnregister unregister)
                    ? TryUnset(call.Vcpu.Traps, unregister.Type) : Errno.EFAULT;
            default:
                return Errno.ENOSYS;
        }
    }

    /// <summary><c>nmi_op</c>: the older way to have a handler of NMIs.</summary>
    public static HypercallResult HandleNmi(ref HypercallContext call)
    {
        const uint register = 0, unregister = 1;
        switch ((uint)call.Arguments.First)
        {
            case register:
                return call.TryRead(call.Arguments.Second, out ulong handler) ? TrySet(call.Vcpu.Traps, CallbackType.Nmi, handler, false) : Errno.EFAULT;
            case unregister:
                return TryUnset(call.Vcpu.Traps, CallbackType.Nmi);
            default:
                return Errno.ENOSYS;
        }
    }

    public static HypercallResult SetCallbacks(ref HypercallContext call)
    {
        var traps = call.Vcpu.Traps;
        TrySet(traps, CallbackType.Event, call.Arguments.First, false);
        TrySet(traps, CallbackType.Failsafe, call.Arguments.Second, false);
        TrySet(traps, CallbackType.Syscall, call.Arguments.Third, false);
        return HypercallResult.Success;
    }

    private static Errno TrySet(TrapState traps, CallbackType type, ulong address, bool masksEvents)
    {
        if (!PageWalker.IsCanonical(address))
            return Errno.EINVAL;
        var callback = new GuestCallback(address, masksEvents);
        switch (type)
        {
            case CallbackType.Event:
                // Events are always masked on their upcall.
                traps.Event = callback;
                return Errno.None;
            case CallbackType.Failsafe:
                traps.Failsafe = callback;
                return Errno.None;
            case CallbackType.Syscall:
                traps.Syscall = callback;
                return Errno.None;
            case CallbackType.Syscall32:
                traps.Syscall32 = callback;
                return Errno.None;
            case CallbackType.Sysenter:
                traps.Sysenter = callback;
                return Errno.None;
            case CallbackType.Nmi:
                // It stands in the trap table, and always masks events.
                traps.Table[ExceptionVector.Nmi] = new TrapInfo
                {
                    Vector = ExceptionVector.Nmi, Flags = TrapFlags.MaskEvents, Cs = XenSegments.FlatCode64, Address = address,
                };
                return Errno.None;
            default:
                return Errno.ENOSYS;
        }
    }

    private static Errno TryUnset(TrapState traps, CallbackType type)
    {
        switch (type)
        {
            case CallbackType.Event:
            case CallbackType.Failsafe:
            case CallbackType.Syscall:
            case CallbackType.Sysenter:
            case CallbackType.Syscall32:
                // Without these a guest could not be entered at all.
                return Errno.EINVAL;
            case CallbackType.Nmi:
                traps.Table[ExceptionVector.Nmi] = default;
                return Errno.None;
            default:
                return Errno.ENOSYS;
        }
    }
}
