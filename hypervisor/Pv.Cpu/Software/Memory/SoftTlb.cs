using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Pv.Abi;

namespace Pv.Cpu.Software;

/// <summary>
/// A page's translation. A tag is the page's linear address when that kind of access may go straight to host memory, else
/// <see cref="None"/>. <see cref="Addend"/> turns a linear address into a host address and serves all three.
/// </summary>
[StructLayout(LayoutKind.Sequential, Size = 32)]
internal struct TlbEntry
{
    /// <summary>Equal to no page address: its lowest bit is set.</summary>
    public const ulong None = 1;

    public ulong ReadTag, WriteTag, FetchTag;
    public ulong Addend;
}

/// <summary>The soft TLB: direct-mapped, one table for each of the page-table roots that ran last.</summary>
/// <remarks>
/// Tags are written only where the access needs no further look: a write tag means that the page is writable for the user, its dirty bit
/// is set and its frame bears no mark. Of one thread, as its vCPU.
/// </remarks>
// SAFETY: tables live in a pinned array held by this object; indices are cut to the table; addends are made from checked frames.
internal sealed unsafe class SoftTlb
{
    public const int Entries = 1024;
    public const int Roots = 4;
    private const int EntryShift = 5;

    private readonly byte[] _storage = GC.AllocateUninitializedArray<byte>(((Roots + 1) * Entries * sizeof(TlbEntry)) + 64, pinned: true);
    private readonly TlbEntry* _tables;
    private readonly ulong[] _cr3 = new ulong[Roots];
    private readonly bool[] _valid = new bool[Roots];
    private readonly ulong[] _tags = new ulong[Roots];
    private int _current;
    private ulong _lastTag;

    public SoftTlb()
    {
        var start = (byte*)Unsafe.AsPointer(ref _storage[0]);
        _tables = (TlbEntry*)(((nuint)start + 63) & ~(nuint)63);
    }

    /// <summary>The entry where <paramref name="address"/> would be.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TlbEntry* EntryOf(CpuState* s, ulong address)
        => (TlbEntry*)((byte*)s->Tlb + ((address >> (PageSize.Shift - EntryShift)) & ((Entries - 1) << EntryShift)));

    /// <summary>The host address of a read of <paramref name="size"/> bytes, or null when the slow way must be taken.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static byte* TryRead(CpuState* s, ulong address, int size)
    {
        var entry = EntryOf(s, address);
        return ((address + (ulong)(size - 1)) & ~PageSize.OffsetMask) == entry->ReadTag ? (byte*)(address + entry->Addend) : null;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static byte* TryWrite(CpuState* s, ulong address, int size)
    {
        var entry = EntryOf(s, address);
        return ((address + (ulong)(size - 1)) & ~PageSize.OffsetMask) == entry->WriteTag ? (byte*)(address + entry->Addend) : null;
    }

    /// <summary>Makes the tables of a root the ones that <paramref name="s"/> uses.</summary>
    public void Select(CpuState* s, ulong cr3)
    {
        if (!_valid[_current] || _cr3[_current] != cr3)
        {
            var found = -1;
            for (var i = 0; i < Roots && found < 0; i++)
                if (_valid[i] && _cr3[i] == cr3)
                    found = i;
            _current = found >= 0 ? found : Fresh(cr3);
        }
        s->MapTag = _tags[_current];
        s->Tlb = _tables + (_current * Entries);
        if (!s->ChecksAlignment)
            return;
        // Reads and writes never enter this table, so that each is looked at; it starts empty since flushes pass it by.
        s->Tlb = _tables + (Roots * Entries);
        Empty(s->Tlb);
    }

    public void FlushAll() => Array.Clear(_valid);

    public void FlushPage(ulong address)
    {
        var page = address & ~PageSize.OffsetMask;
        for (var root = 0; root < Roots; root++)
        {
            var entry = _tables + (root * Entries) + (int)((address >> PageSize.Shift) & (Entries - 1));
            if (entry->ReadTag == page || entry->WriteTag == page || entry->FetchTag == page)
                entry->ReadTag = entry->WriteTag = entry->FetchTag = TlbEntry.None;
        }
        Renew();
    }

    /// <summary>Voids all links and remembered jumps.</summary>
    public void Renew()
    {
        for (var root = 0; root < Roots; root++)
            _tags[root] = ++_lastTag;
    }

    /// <summary>The number of the current root's view.</summary>
    public ulong Tag => _tags[_current];

    /// <summary>Enters a translation.</summary>
    public static void Fill(CpuState* s, ulong address, byte* frame, PageAccess access, bool writable)
    {
        var entry = EntryOf(s, address);
        var page = address & ~PageSize.OffsetMask;
        var addend = (ulong)frame - page;
        if (entry->Addend != addend || (entry->ReadTag != page && entry->WriteTag != page && entry->FetchTag != page))
        {
            entry->ReadTag = entry->WriteTag = entry->FetchTag = TlbEntry.None;
            entry->Addend = addend;
        }
        if (access == PageAccess.Fetch)
        {
            entry->FetchTag = page;
            return;
        }
        if (s->ChecksAlignment)
            return;
        entry->ReadTag = page;
        if (writable)
            entry->WriteTag = page;
    }

    /// <summary>Takes the right to write straight to a frame out of all roots. True when there was one.</summary>
    public bool Protect(byte* frame)
    {
        var found = false;
        for (var entry = _tables; entry < _tables + (Roots * Entries); entry++)
        {
            if (entry->WriteTag == TlbEntry.None || entry->WriteTag + entry->Addend != (ulong)frame)
                continue;
            entry->WriteTag = TlbEntry.None;
            found = true;
        }
        return found;
    }

    /// <summary>Takes all rights to write straight out of the tables of the root that runs, so that each page's next write is seen.</summary>
    public static void ForbidWrites(CpuState* s)
    {
        for (var i = 0; i < Entries; i++)
            s->Tlb[i].WriteTag = TlbEntry.None;
    }

    private static void Empty(TlbEntry* table)
    {
        for (var i = 0; i < Entries; i++)
            table[i].ReadTag = table[i].WriteTag = table[i].FetchTag = TlbEntry.None;
    }

    private int Fresh(ulong cr3)
    {
        var slot = Array.IndexOf(_valid, false);
        if (slot < 0)
            slot = (_current + 1) % Roots;
        Empty(_tables + (slot * Entries));
        _cr3[slot] = cr3;
        _valid[slot] = true;
        _tags[slot] = ++_lastTag;
        return slot;
    }
}
