using Pv.Abi;
using Pv.Machine.Gate;

namespace Pv.Toolstack.Hypervisor;

/// <content>Other domains' memory (<c>public/memory.h</c>), ports (<c>public/event_channel.h</c>) and page tables (<c>public/xen.h</c>).</content>
public sealed partial class HypervisorControl
{
    /// <summary>
    /// Gives a domain extents of 2^<paramref name="order"/> frames at pseudo-physical numbers. Returns how many were given; the row then holds
    /// their machine frames, if the domain is not auto-translated.
    /// </summary>
    public int Populate(DomId domain, ulong[] extents, int first, int count, int order)
    {
        using var pin = HostPin.Of(extents);
        var argument = new MemoryReservation
        {
            ExtentStart = pin.Address + (ulong)first * sizeof(ulong), ExtentCount = (ulong)count, ExtentOrder = (uint)order, Domain = domain,
        };
        return (int)Math.Max(0, MemoryOp(MemoryOperation.PopulatePhysmap, ref argument));
    }

    /// <summary>Says what memory map a domain finds: usable memory from 0 up to <paramref name="kibibytes"/> KiB.</summary>
    public Errno SetMemoryMap(DomId domain, ulong kibibytes)
    {
        // An entry of the E820 map: start, length, kind (1 is usable memory).
        const int entryBytes = 20, lengthOffset = 8, kindOffset = 16;
        var entry = new byte[entryBytes];
        System.Buffers.Binary.BinaryPrimitives.WriteUInt64LittleEndian(entry.AsSpan(lengthOffset), kibibytes << 10);
        System.Buffers.Binary.BinaryPrimitives.WriteUInt32LittleEndian(entry.AsSpan(kindOffset), 1);
        using var pin = HostPin.Of(entry);
        var argument = new ForeignMemoryMap { Domain = domain, Map = new MemoryMap { EntryCount = 1, Buffer = pin.Address } };
        return ErrnoOf(MemoryOp(MemoryOperation.SetMemoryMap, ref argument));
    }

    /// <summary>Maps a domain's shared_info page at one of its own pseudo-physical numbers.</summary>
    public Errno MapSharedInfo(DomId domain, Pfn at)
    {
        var argument = new AddToPhysmap { Domain = domain, Space = PhysmapSpace.SharedInfo, Gpfn = at };
        return ErrnoOf(MemoryOp(MemoryOperation.AddToPhysmap, ref argument));
    }

    /// <summary>Maps frames of another domain (machine frames, or an auto-translated one's own numbers) at numbers of Dom0.</summary>
    public Errno MapForeign(DomId domain, ulong[] frames, Pfn[] at)
    {
        var errors = new int[frames.Length];
        using var indices = HostPin.Of(frames);
        using var gpfns = HostPin.Of(at);
        using var results = HostPin.Of(errors);
        var argument = new AddToPhysmapBatch
        {
            Domain = DomId.Self, Space = (ushort)PhysmapSpace.GmfnForeign, Size = (ushort)frames.Length,
            Extra = new AddToPhysmapBatchExtra { ForeignDomain = domain },
            Indices = indices.Address, Gpfns = gpfns.Address, Errors = results.Address,
        };
        var result = ErrnoOf(MemoryOp(MemoryOperation.AddToPhysmapBatch, ref argument));
        return result != Errno.None ? result : (Errno)(-errors.FirstOrDefault(error => error != 0));
    }

    /// <summary>Maps a frame of a domain's grant table at a number of Dom0.</summary>
    public Errno MapGrantFrame(DomId domain, uint frame, Pfn at)
    {
        Pfn[] slots = [at];
        using var pin = HostPin.Of(slots);
        var argument = new AcquireResource { Domain = domain, Type = ResourceType.GrantTable, FrameCount = 1, Frame = frame, FrameList = pin.Address };
        return ErrnoOf(MemoryOp(MemoryOperation.AcquireResource, ref argument));
    }

    /// <summary>Takes away what Dom0 has mapped at a number.</summary>
    public Errno Unmap(Pfn at)
    {
        var argument = new RemoveFromPhysmap { Domain = DomId.Self, Gpfn = at };
        return ErrnoOf(MemoryOp(MemoryOperation.RemoveFromPhysmap, ref argument));
    }

    /// <summary>Makes a port of a domain to which Dom0 may bind.</summary>
    public Errno AllocUnbound(DomId domain, out EventPort port)
    {
        var argument = new EventChannelAllocUnbound { Domain = domain, RemoteDomain = DomId.Dom0 };
        var result = HostAddress.Call(door, (ulong)HypercallNumber.EventChannelOp, (ulong)EventChannelOperation.AllocUnbound, ref argument);
        port = argument.Port;
        return ErrnoOf(result);
    }

    /// <summary>Validates the tree of page tables of a new domain and keeps it so.</summary>
    public Errno PinRoot(DomId domain, Mfn root)
    {
        MmuExt[] operations = [new() { Operation = MmuExtOperation.PinL4Table, Argument1 = root.Value }];
        using var pin = HostPin.Of(operations);
        var result = door.Call(new HypercallRegisters((ulong)HypercallNumber.MmuExtOp, pin.Address, 1, 0, domain.Value));
        return ErrnoOf(result);
    }
}
