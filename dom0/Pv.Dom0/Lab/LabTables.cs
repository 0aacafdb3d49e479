using System.Buffers.Binary;
using Pv.Abi;

namespace Pv.Dom0.Lab;

/// <summary>A guest's page tables as they were built: where each address lies, and by which entry.</summary>
internal sealed class LabTables(LabMachine machine, DomId domain, ulong root)
{
    private const ulong FrameMask = 0x000f_ffff_ffff_f000, Present = 1;
    private const int Levels = 4, IndexBits = 9;

    private readonly Dictionary<ulong, byte[]> _tables = [];

    public ulong FrameOf(ulong address) => (ReadEntry(EntryOf(address)) & FrameMask) >> PageSize.Shift;

    /// <summary>As <see cref="FrameOf"/>, for what the guest has changed since.</summary>
    public ulong Reread(ulong address)
    {
        _tables.Clear();
        return FrameOf(address);
    }

    /// <summary>The machine address of the L1 entry for an address.</summary>
    public ulong EntryOf(ulong address)
    {
        var table = root << PageSize.Shift;
        for (var level = Levels; ; level--)
        {
            var index = (address >> (PageSize.Shift + ((level - 1) * IndexBits))) & ((1 << IndexBits) - 1);
            var at = table + (index * sizeof(ulong));
            if (level == 1)
                return at;
            var entry = ReadEntry(at);
            if ((entry & Present) == 0)
                throw new InvalidOperationException($"The lab's kernel has no mapping of 0x{address:x}.");
            table = entry & FrameMask;
        }
    }

    public byte[] Read(ulong address, int length)
    {
        var bytes = new byte[length];
        for (var done = 0; done < length;)
        {
            var offset = (int)((address + (ulong)done) & PageSize.OffsetMask);
            var part = Math.Min(length - done, PageSize.Bytes - offset);
            machine.ReadForeign(domain, FrameOf(address + (ulong)done)).AsSpan(offset, part).CopyTo(bytes.AsSpan(done));
            done += part;
        }
        return bytes;
    }

    private ulong ReadEntry(ulong at)
    {
        var frame = at >> PageSize.Shift;
        if (!_tables.TryGetValue(frame, out var table))
            _tables[frame] = table = machine.ReadForeign(domain, frame);
        return BinaryPrimitives.ReadUInt64LittleEndian(table.AsSpan((int)(at & PageSize.OffsetMask)));
    }
}
