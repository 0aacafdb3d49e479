using Pv.Abi;
using Pv.Hypervisor.Hypercalls;
using Pv.Hypervisor.Scheduling;

namespace Pv.Hypervisor.Domains;

/// <summary>Keeps the copies of the runstate up to date that guests registered (<c>VCPUOP_register_runstate_memory_area</c>).</summary>
internal static class RunstateAreas
{
    private const ulong EntryTimeOffset = 8;

    /// <summary>Writes the area of a vCPU. On the thread that runs it, or on its behalf in a hypercall of its own.</summary>
    public static void Update(Vcpu vcpu)
    {
        if (vcpu.RunstateArea == 0)
            return;
        var info = ToAbi(vcpu.Domain.Core.Scheduler.Snapshot(vcpu));
        var guest = GuestAccess.OfKernel(vcpu);
        // The guest's page may be gone meanwhile: then there is nobody to tell.
        if (!vcpu.Domain.HasAssist(VmAssistType.RunstateUpdateFlag))
        {
            _ = guest.TryWrite(vcpu.RunstateArea, in info);
            return;
        }
        // Another vCPU that reads sees the mark before anything changes, and until everything has.
        info.StateEntryTime |= Runstates.UpdateFlag;
        var marked = vcpu.RunstateArea + EntryTimeOffset;
        if (!guest.TryWrite(marked, info.StateEntryTime))
            return;
        Interlocked.MemoryBarrier();
        _ = guest.TryWrite(vcpu.RunstateArea, in info);
        Interlocked.MemoryBarrier();
        _ = guest.TryWrite(marked, info.StateEntryTime & ~Runstates.UpdateFlag);
    }

    public static VcpuRunstateInfo ToAbi(RunstateSnapshot snapshot)
    {
        var info = new VcpuRunstateInfo { State = snapshot.State, StateEntryTime = snapshot.StateEntryTime };
        info.Times[(int)Runstate.Running] = snapshot.Running;
        info.Times[(int)Runstate.Runnable] = snapshot.Runnable;
        info.Times[(int)Runstate.Blocked] = snapshot.Blocked;
        info.Times[(int)Runstate.Offline] = snapshot.Offline;
        return info;
    }
}
