using Pv.Abi;

namespace Pv.Hypervisor.Hypercalls;

/// <summary>
/// <c>hvm_op</c>: all but two operations are about hardware-assisted domains, of which there are none. Who asks hears what Xen says of a
/// paravirtualized domain.
/// </summary>
internal static class HvmOperations
{
    private const uint ParameterCount = 39;

    // struct xen_hvm_param and struct xen_hvm_get_mem_type begin with the domain; the parameter's index follows at 4.
    private const int IndexShift = 32;

    // struct xen_hvm_xentrace: the event, how many bytes it has beyond, and those.
    private const int TraceEventLimit = 0x1000, MostTraceBytes = 16;

    private enum Operation : ulong
    {
        SetParameter = 0, GetParameter = 1, FlushTlbs = 5, PagetableDying = 9, GetTime = 10, Trace = 11, GetMemoryType = 15, SetEventChannelVector = 23,
        RequestVmEvent = 24, AlternatePhysmap = 25,
    }

    public static HypercallResult Handle(ref HypercallContext call)
    {
        var argument = call.Arguments.Second;
        return (Operation)call.Arguments.First switch
        {
            Operation.SetParameter or Operation.GetParameter => Parameter(ref call, argument),
            Operation.FlushTlbs or Operation.SetEventChannelVector => Errno.EINVAL,
            Operation.PagetableDying => OfDomain(ref call, argument, Errno.EOPNOTSUPP),
            Operation.GetTime => call.TryWrite(argument, call.Core.Clock.Now) ? HypercallResult.Success : Errno.EFAULT,
            Operation.Trace => Trace(ref call, argument),
            Operation.GetMemoryType => OfDomain(ref call, argument, Errno.EPERM),
            Operation.RequestVmEvent => argument == 0 ? HypercallResult.Success : Errno.EINVAL,
            Operation.AlternatePhysmap => Errno.EOPNOTSUPP,
            _ => Errno.ENOSYS,
        };
    }

    private static HypercallResult Parameter(ref HypercallContext call, ulong argument)
    {
        if (!call.TryRead(argument, out ulong head))
            return Errno.EFAULT;
        return head >> IndexShift >= ParameterCount || IsThere(ref call, head) ? Errno.EINVAL : Errno.ESRCH;
    }

    private static HypercallResult OfDomain(ref HypercallContext call, ulong argument, Errno ofOther)
    {
        if (!call.TryRead(argument, out ulong head))
            return Errno.EFAULT;
        if (!IsThere(ref call, head))
            return Errno.ESRCH;
        return new DomId((ushort)head) == DomId.Self || new DomId((ushort)head) == call.Caller.Id ? Errno.EINVAL : ofOther;
    }

    private static bool IsThere(ref HypercallContext call, ulong head)
        => new DomId((ushort)head) is var id && (id == DomId.Self || call.Core.Domains.Find(id) is not null);

    /// <summary>A guest's own record for a trace buffer that nobody reads.</summary>
    private static HypercallResult Trace(ref HypercallContext call, ulong argument)
    {
        Span<byte> record = stackalloc byte[sizeof(ushort) + 1 + MostTraceBytes + 1];
        if (!call.TryRead(argument, record))
            return Errno.EFAULT;
        return BitConverter.ToUInt16(record) >= TraceEventLimit || record[sizeof(ushort)] > MostTraceBytes ? Errno.EINVAL : HypercallResult.Success;
    }
}
