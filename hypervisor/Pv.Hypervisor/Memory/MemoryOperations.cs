using Pv.Abi;
using Pv.Hypervisor.Domains;
using Pv.Hypervisor.Hypercalls;

namespace Pv.Hypervisor.Memory;

/// <summary><c>memory_op</c>.</summary>
internal static class MemoryOperations
{
    // The operation is the low six bits of the first argument; above them a continuation carries how many extents are done.
    private const int ExtentShift = 6;
    private const ulong OperationMask = (1ul << ExtentShift) - 1;

    public static HypercallResult Handle(ref HypercallContext call)
    {
        var argument = call.Arguments.Second;
        return (MemoryOperation)(call.Arguments.First & OperationMask) switch
        {
            MemoryOperation.IncreaseReservation or MemoryOperation.PopulatePhysmap or MemoryOperation.DecreaseReservation
                => ReservationOperations.Handle(ref call, argument, call.Arguments.First >> ExtentShift),
            MemoryOperation.MaximumRamPage => (long)call.Core.Memory.FrameCount - 1,
            MemoryOperation.CurrentReservation => OfDomain(ref call, argument, domain => domain.TotalPages),
            MemoryOperation.MaximumReservation => OfDomain(ref call, argument, domain => domain.MaxPages),
            MemoryOperation.MaximumGpfn => OfDomain(ref call, argument, MaximumGpfn),
            MemoryOperation.MachphysMapping => MachphysMapping(ref call, argument),
            MemoryOperation.MachphysMfnList => MachphysMfnList(ref call, argument),
            MemoryOperation.MemoryMap => MemoryMaps.Get(ref call, argument),
            MemoryOperation.SetMemoryMap => MemoryMaps.Set(ref call, argument),
            MemoryOperation.MachineMemoryMap => MemoryMaps.OfMachine(ref call, argument),
            MemoryOperation.Exchange => ExchangeOperation.Handle(ref call, argument),
            MemoryOperation.AddToPhysmap => PhysmapOperations.Add(ref call, argument),
            MemoryOperation.AddToPhysmapBatch => PhysmapOperations.AddBatch(ref call, argument),
            MemoryOperation.AcquireResource => PhysmapOperations.Acquire(ref call, argument),
            MemoryOperation.RemoveFromPhysmap => PhysmapOperations.Remove(ref call, argument),
            MemoryOperation.ClaimPages => Claim(ref call, argument),
            _ => AbsentMemoryOperations.Handle(ref call, (MemoryOperation)(call.Arguments.First & OperationMask), argument),
        };
    }

    /// <summary>The first argument of a call that goes on after so many extents.</summary>
    public static ulong ContinueAt(ulong operation, ulong extentsDone) => operation & OperationMask | extentsDone << ExtentShift;

    private static HypercallResult OfDomain(ref HypercallContext call, ulong argument, Func<Domain, ulong> value)
    {
        if (!call.TryRead(argument, out MemoryDomain of))
            return Errno.EFAULT;
        var domain = of.Domain == DomId.Self ? call.Caller : call.Core.Domains.Find(of.Domain);
        if (domain is null)
            return Errno.ESRCH;
        if (domain != call.Caller && !call.Caller.IsPrivileged)
            return Errno.EPERM;
        return (long)value(domain);
    }

    private static ulong MaximumGpfn(Domain domain)
        => domain.PhysicalMap is { } map ? Math.Max(1, map.End) - 1 : domain.IsDying ? 0 : Math.Max(1, domain.Core.Memory.At<SharedInfo>(domain.SharedInfo.Address).Arch.MaxPfn) - 1;

    private static HypercallResult MachphysMapping(ref HypercallContext call, ulong argument)
    {
        var mapping = new MachinePhysicalMapping
        {
            VirtualStart = MachineToPhysical.VirtualStart,
            VirtualEnd = XenVirtualMemory.MachineToPhysicalEnd,
            MaxMfn = new Mfn(call.Core.Memory.FrameCount - 1),
        };
        return call.TryWrite(argument, mapping) ? HypercallResult.Success : Errno.EFAULT;
    }

    /// <summary>The machine frames of the machine-to-physical table itself, one for each 2 MiB of it.</summary>
    private static HypercallResult MachphysMfnList(ref HypercallContext call, ulong argument)
    {
        const ulong framesPerExtent = 512;
        if (!call.TryRead(argument, out MachinePhysicalMfnList list))
            return Errno.EFAULT;
        var extents = PageSize.PagesFor(call.Core.Memory.FrameCount * sizeof(ulong)) / framesPerExtent + 1;
        list.ExtentCount = (uint)Math.Min(list.MaxExtents, extents);
        for (uint i = 0; i < list.ExtentCount; i++)
        {
            if (!call.TryWrite(list.ExtentStart + i * sizeof(ulong), i * framesPerExtent))
                return Errno.EFAULT;
        }
        return call.TryWrite(argument, list) ? HypercallResult.Success : Errno.EFAULT;
    }

    /// <summary>Puts memory aside for a domain that a toolstack is about to fill. One extent is as large as the whole claim.</summary>
    private static HypercallResult Claim(ref HypercallContext call, ulong argument)
    {
        if (!call.TryRead(argument, out MemoryReservation claim))
            return Errno.EFAULT;
        if (claim.ExtentStart != 0 || claim.ExtentOrder != 0 || claim.Flags != 0 || call.Core.Domains.Find(claim.Domain) is not { } domain)
            return Errno.EINVAL;
        return call.Caller.IsPrivileged ? call.Core.Frames.Claim(domain, claim.ExtentCount) : Errno.EPERM;
    }
}
