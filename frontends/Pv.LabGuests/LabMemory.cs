using System.Runtime.InteropServices;
using Pv.Abi;
using Pv.Guest;
using Pv.Machine;

namespace Pv.LabGuests;

/// <summary>The guest's memory by pseudo-physical address; what was looked up once is kept.</summary>
internal sealed class LabMemory(GuestMemory memory)
{
    private readonly Dictionary<ulong, SharedPage> _pages = [];

    public ulong ReadWord(ulong address) => Page(address).ReadUInt64Acquire(Offset(address));

    public void WriteWord(ulong address, ulong value) => Page(address).WriteUInt64Release(Offset(address), value);

    public void Read(ulong address, Span<byte> into)
    {
        while (!into.IsEmpty)
        {
            var part = Math.Min(into.Length, PageSize.Bytes - Offset(address));
            Page(address).CopyTo(Offset(address), into[..part]);
            into = into[part..];
            address += (ulong)part;
        }
    }

    public void Write(ulong address, ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            var part = Math.Min(bytes.Length, PageSize.Bytes - Offset(address));
            Page(address).CopyFrom(Offset(address), bytes[..part]);
            bytes = bytes[part..];
            address += (ulong)part;
        }
    }

    public ulong[] ReadWords(ulong address, int count)
    {
        var words = new ulong[count];
        Read(address, MemoryMarshal.AsBytes(words.AsSpan()));
        return words;
    }

    public SharedPage Page(ulong address)
    {
        var pfn = address >> PageSize.Shift;
        if (!_pages.TryGetValue(pfn, out var page))
            _pages[pfn] = page = memory.Page(new Pfn(pfn));
        return page;
    }

    private static int Offset(ulong address) => (int)(address & PageSize.OffsetMask);
}
