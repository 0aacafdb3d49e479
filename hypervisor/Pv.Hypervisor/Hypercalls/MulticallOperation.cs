using Pv.Abi;
using Pv.Machine.Gate;

namespace Pv.Hypervisor.Hypercalls;

/// <summary>
/// <c>multicall</c>: a list of calls in one entry. Each entry gets its own result; one that fails does not stop the others.
/// </summary>
internal static class MulticallOperation
{
    public static HypercallResult Handle(ref HypercallContext call)
    {
        if (call.InMulticall)
            return Errno.EINVAL;
        var (list, count) = (call.Arguments.First, (ulong)(uint)call.Arguments.Second);
        if (!call.MayBeMemory(list))
            return Errno.EFAULT;
        var own = call.Arguments;
        if (count == 0)
            return HypercallResult.Success;
        call.InMulticall = true;
        call.Core.Meter?.Count(1);
        if (!call.TryReadEntry(list))
            return Stop(ref call, own, Errno.EFAULT);
        for (ulong done = 0; ; done++)
        {
            var at = list + done * MulticallEntry.WireSize;
            var result = call.Core.Hypercalls.Dispatch(ref call);
            if (result.Outcome == HypercallOutcome.Continue)
            {
                // The entry itself says how to go on, and the list begins at it next time.
                var entry = Entry(call.Arguments);
                if (!call.TryWrite(at, entry))
                    return Stop(ref call, own, Errno.EFAULT);
                return Continue(ref call, own, at, count - done);
            }
            if (result.Outcome == HypercallOutcome.RegistersSet)
            {
                // An iret: the vCPU is elsewhere now, and the list is left. Its result is what rax became.
                _ = call.TryWrite(at + sizeof(ulong), call.Vcpu.Registers.Rax);
                return Stop(ref call, own, result);
            }
            if (result.Outcome == HypercallOutcome.Done && done + 1 < count && !call.PreemptionWanted)
            {
                call.Core.Meter?.Count(1);
                if (!call.TryGoOnToEntry(at + MulticallEntry.WireSize, result.Value))
                    return Stop(ref call, own, Errno.EFAULT);
                continue;
            }
            if (!call.TryWrite(at + sizeof(ulong), result.Value))
                return Stop(ref call, own, Errno.EFAULT);
            var waits = result.Outcome is HypercallOutcome.Block or HypercallOutcome.Yield;
            if (done + 1 == count)
                return Stop(ref call, own, waits ? result with { Value = 0 } : HypercallResult.Success);
            var rest = Continue(ref call, own, at + MulticallEntry.WireSize, count - done - 1);
            // What follows runs after the vCPU did.
            return waits ? rest with { Outcome = result.Outcome, Rerun = true } : rest;
        }
    }

    private static HypercallResult Continue(ref HypercallContext call, HypercallRegisters own, ulong list, ulong count)
        => Stop(ref call, own with { First = list, Second = count }, HypercallResult.Again);

    private static HypercallResult Stop(ref HypercallContext call, HypercallRegisters arguments, HypercallResult result)
    {
        call.Arguments = arguments;
        call.InMulticall = false;
        return result;
    }

    private static MulticallEntry Entry(HypercallRegisters registers)
    {
        var entry = new MulticallEntry { Operation = registers.Number };
        entry.Arguments[0] = registers.First;
        entry.Arguments[1] = registers.Second;
        entry.Arguments[2] = registers.Third;
        entry.Arguments[3] = registers.Fourth;
        entry.Arguments[4] = registers.Fifth;
        entry.Arguments[5] = registers.Sixth;
        return entry;
    }
}
