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

    // E820 type 1: usable memory (ACPI specification, system address map).
    private const int E820EntryBytes = 20;
    private const uint E820Ram = 1;

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
            MemoryOperation.MemoryMap => MemoryMap(ref call, argument),
            MemoryOperation.SetMemoryMap => SetMemoryMap(ref call, argument),
            MemoryOperation.Exchange => ExchangeOperation.Handle(ref call, argument),
            MemoryOperation.AddToPhysmap => PhysmapOperations.Add(ref call, argument),
            MemoryOperation.AddToPhysmapBatch => PhysmapOperations.AddBatch(ref call, argument),
            MemoryOperation.AcquireResource => PhysmapOperations.Acquire(ref call, argument),
            MemoryOperation.RemoveFromPhysmap => PhysmapOperations.Remove(ref call, argument),
            MemoryOperation.ClaimPages when !call.TryRead(argument, out MemoryReservation _) => Errno.EFAULT,
            _ when !call.Caller.IsPrivileged => RefusedOperations.OfMemory((MemoryOperation)(call.Arguments.First & OperationMask)),
            _ => Errno.ENOSYS,
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
        => domain.PhysicalMap is { } map ? Math.Max(1, map.End) - 1 : Math.Max(1, domain.Core.Memory.At<SharedInfo>(domain.SharedInfo.Address).Arch.MaxPfn) - 1;

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

    /// <summary>A PV guest's memory map: usable memory from 0 to its maximum.</summary>
    private static HypercallResult MemoryMap(ref HypercallContext call, ulong argument)
    {
        if (!call.TryRead(argument, out MemoryMap map))
            return Errno.EFAULT;
        if (call.Caller.MemoryMapPages is not { } pages)
            return Errno.ENOSYS;
        if (map.EntryCount == 0)
            return HypercallResult.Success;
        Span<byte> entry = stackalloc byte[E820EntryBytes];
        entry.Clear();
        System.Buffers.Binary.BinaryPrimitives.WriteUInt64LittleEndian(entry[8..], pages << PageSize.Shift);
        System.Buffers.Binary.BinaryPrimitives.WriteUInt32LittleEndian(entry[16..], E820Ram);
        map.EntryCount = 1;
        return call.TryWrite(map.Buffer, entry) && call.TryWrite(argument, map) ? HypercallResult.Success : Errno.EFAULT;
    }

    /// <summary>Dom0, or the guest itself, says what its memory map shall be: one entry of usable memory from 0 on, or none.</summary>
    private static HypercallResult SetMemoryMap(ref HypercallContext call, ulong argument)
    {
        if (!call.TryRead(argument, out ForeignMemoryMap foreign))
            return Errno.EFAULT;
        if ((foreign.Domain == DomId.Self ? call.Caller : call.Core.Domains.Find(foreign.Domain)) is not { } domain)
            return Errno.ESRCH;
        if (domain != call.Caller && !call.Caller.IsPrivileged)
            return Errno.EPERM;
        if (foreign.Map.EntryCount == 0)
        {
            domain.MemoryMapPages = null;
            return HypercallResult.Success;
        }
        if (foreign.Map.EntryCount != 1)
            return Errno.EINVAL;
        Span<byte> entry = stackalloc byte[E820EntryBytes];
        if (!call.TryRead(foreign.Map.Buffer, entry))
            return Errno.EFAULT;
        domain.MemoryMapPages = System.Buffers.Binary.BinaryPrimitives.ReadUInt64LittleEndian(entry[8..]) >> PageSize.Shift;
        return HypercallResult.Success;
    }
}
