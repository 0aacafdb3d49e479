using Pv.Abi;
using Pv.Hypervisor.Memory;
using Pv.Machine.Gate;
using Pv.Tests.Core;

namespace Pv.Tests.Fuzzing;

/// <summary>Has Dom0 let go of everything that it holds of other domains, as its daemons do when one dies: grants, foreign pages, channels.</summary>
internal static class Dom0Holds
{
    private const uint MostHandles = 8192;

    public static void Release(TestMachine machine)
    {
        var dom0 = machine.Dom0;
        for (uint handle = 0; handle < MostHandles; handle++)
        {
            if (dom0.Grants.FindMap(handle) is not { } map)
                continue;
            var unmap = new GrantTableUnmapGrantRef { HostAddress = map.HostAddress, Handle = handle };
            HostAddress.Call(machine.Core.Dom0, (ulong)HypercallNumber.GrantTableOp, (ulong)GrantTableOperation.UnmapGrantRef, ref unmap, 1);
        }
        foreach (var pfn in dom0.PhysicalMap!.Mapped().ToList())
        {
            if (dom0.PhysicalMap.Get(pfn, out _) != PhysicalMapKind.Foreign)
                continue;
            var remove = new RemoveFromPhysmap { Domain = DomId.Self, Gpfn = pfn };
            HostAddress.Call(machine.Core.Dom0, (ulong)HypercallNumber.MemoryOp, (ulong)MemoryOperation.RemoveFromPhysmap, ref remove);
        }
        var reset = new EventChannelReset { Domain = DomId.Self };
        HostAddress.Call(machine.Core.Dom0, (ulong)HypercallNumber.EventChannelOp, (ulong)EventChannelOperation.Reset, ref reset);
    }
}
