using System.Buffers.Binary;
using Pv.Abi;
using Pv.Hypervisor.Hypercalls;

namespace Pv.Hypervisor.Memory;

/// <summary>
/// The operations of <c>memory_op</c> about memory maps: what a toolstack or the guest itself says that a guest's physical memory is, and what the
/// machine's is. Entries are those of the ACPI specification's system address map: address, length, type, in 20 bytes.
/// </summary>
internal static class MemoryMaps
{
    private const int EntryBytes = 20;
    private const uint MostEntries = 1024;

    // Usable memory.
    private const uint Ram = 1;

    /// <summary>The caller's own map: as many entries as it has room for, with their number.</summary>
    public static HypercallResult Get(ref HypercallContext call, ulong argument)
    {
        if (!call.TryRead(argument, out MemoryMap map))
            return Errno.EFAULT;
        return call.Caller.MemoryMap is { } entries ? Tell(ref call, argument, map, entries) : Errno.ENOSYS;
    }

    public static HypercallResult Set(ref HypercallContext call, ulong argument)
    {
        if (!call.TryRead(argument, out ForeignMemoryMap foreign))
            return Errno.EFAULT;
        if (foreign.Map.EntryCount > MostEntries)
            return Errno.EINVAL;
        if ((foreign.Domain == DomId.Self ? call.Caller : call.Core.Domains.Find(foreign.Domain)) is not { } domain)
            return Errno.ESRCH;
        if (domain != call.Caller && !call.Caller.IsPrivileged)
            return Errno.EPERM;
        var entries = new byte[foreign.Map.EntryCount * EntryBytes];
        if (!call.TryRead(foreign.Map.Buffer, entries))
            return Errno.EFAULT;
        domain.MemoryMap = entries.Length == 0 ? null : entries;
        return HypercallResult.Success;
    }

    /// <summary>The machine's own: all frames, one piece of usable memory.</summary>
    public static HypercallResult OfMachine(ref HypercallContext call, ulong argument)
    {
        if (!call.Caller.IsPrivileged)
            return Errno.EPERM;
        if (!call.TryRead(argument, out MemoryMap map))
            return Errno.EFAULT;
        var entry = new byte[EntryBytes];
        BinaryPrimitives.WriteUInt64LittleEndian(entry.AsSpan(sizeof(ulong)), call.Core.Memory.FrameCount << PageSize.Shift);
        BinaryPrimitives.WriteUInt32LittleEndian(entry.AsSpan(2 * sizeof(ulong)), Ram);
        return Tell(ref call, argument, map, entry);
    }

    private static HypercallResult Tell(ref HypercallContext call, ulong argument, MemoryMap map, byte[] entries)
    {
        map.EntryCount = (uint)Math.Min(map.EntryCount, (uint)(entries.Length / EntryBytes));
        return call.TryWrite(map.Buffer, entries.AsSpan(0, (int)map.EntryCount * EntryBytes)) && call.TryWrite(argument, map)
            ? HypercallResult.Success : Errno.EFAULT;
    }
}
