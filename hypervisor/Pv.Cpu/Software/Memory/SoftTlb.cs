using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Pv.Abi;

namespace Pv.Cpu.Software;

/// <summary>
/// A page's translation. A key is minus the page's linear address when that kind of access may go straight to host memory, else
/// <see cref="NoneFor"/>. <see cref="Addend"/> turns a linear address into a host address and serves all three.
/// </summary>
/// <remarks>
/// A table holds all read keys, then all write keys, and so on: a pointer to an entry is one to its read key, and the next entry's is 8 bytes
/// on. Translated code depends on that, and on this: an address and the key of the entry that it selects add up to less than a page when
/// they belong together, and to more for every other address.
/// </remarks>
[StructLayout(LayoutKind.Explicit)]
internal struct TlbEntry
{
    public const int Stride = 8;
    public const int WriteOffset = SoftTlb.Entries * Stride, FetchOffset = 2 * WriteOffset, AddendOffset = 3 * WriteOffset;

    [FieldOffset(0)]
    public ulong ReadKey;

    [FieldOffset(WriteOffset)]
    public ulong WriteKey;

    [FieldOffset(FetchOffset)]
    public ulong FetchKey;

    [FieldOffset(AddendOffset)]
    public ulong Addend;

    /// <summary>The key that no address matches in the entry of <paramref name="page"/>: that of a page that belongs to another entry.</summary>
    public static ulong NoneFor(ulong page) => 0 - (page ^ (SoftTlb.Entries / 2 * PageSize.Bytes));
}

/// <summary>The soft TLB: direct-mapped, one table for each of the page-table roots that ran last.</summary>
/// <remarks>
/// Keys are written only where the access needs no further look: a write key means that the page is writable for the user, its dirty bit
/// is set and its frame bears no mark. Of one thread, as its vCPU.
/// </remarks>
// SAFETY: tables live in a pinned array held by this object; indices are cut to the table; addends are made from checked frames.
internal sealed unsafe class SoftTlb
{
    public const int Entries = 1024;
    public const int Roots = 4;
    private const int EntryShift = 3;
    private const int TableBytes = TlbEntry.AddendOffset + (Entries * TlbEntry.Stride);

    // Of zeros: tables that no root has had yet are looked at, too, and what another machine left there would be found.
    private readonly byte[] _storage = GC.AllocateArray<byte>(((Roots + 1) * TableBytes) + 64, pinned: true);
    private readonly byte* _tables;
    private readonly ulong[] _cr3 = new ulong[Roots];
    private readonly bool[] _valid = new bool[Roots];
    private readonly ulong[] _tags = new ulong[Roots];
    private int _current;
    private ulong _lastTag;

    public SoftTlb()
    {
        var start = (byte*)Unsafe.AsPointer(ref _storage[0]);
        _tables = (byte*)(((nuint)start + 63) & ~(nuint)63);
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
        return ((address + (ulong)(size - 1)) & ~PageSize.OffsetMask) + entry->ReadKey == 0 ? (byte*)(address + entry->Addend) : null;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static byte* TryWrite(CpuState* s, ulong address, int size)
    {
        var entry = EntryOf(s, address);
        return ((address + (ulong)(size - 1)) & ~PageSize.OffsetMask) + entry->WriteKey == 0 ? (byte*)(address + entry->Addend) : null;
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
        s->Tlb = Table(_current);
        if (!s->ChecksAlignment)
            return;
        // Reads and writes never enter this table, so that each is looked at; it starts empty since flushes pass it by.
        s->Tlb = Table(Roots);
        Empty(s->Tlb);
    }

    public void FlushAll() => Array.Clear(_valid);

    public void FlushPage(ulong address)
    {
        var page = address & ~PageSize.OffsetMask;
        for (var root = 0; root < Roots; root++)
        {
            var entry = At(Table(root), (int)((address >> PageSize.Shift) & (Entries - 1)));
            if (Holds(entry, page))
                Empty(entry, page);
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
        if (entry->Addend != addend || !Holds(entry, page))
        {
            Empty(entry, page);
            entry->Addend = addend;
        }
        if (access == PageAccess.Fetch)
        {
            entry->FetchKey = 0 - page;
            return;
        }
        if (s->ChecksAlignment)
            return;
        entry->ReadKey = 0 - page;
        if (writable)
            entry->WriteKey = 0 - page;
    }

    /// <summary>Takes the right to write straight to a frame out of all roots. True when there was one.</summary>
    public bool Protect(byte* frame)
    {
        var found = false;
        for (var root = 0; root < Roots; root++)
            for (var i = 0; i < Entries; i++)
            {
                var entry = At(Table(root), i);
                if (entry->Addend - entry->WriteKey != (ulong)frame || !IsOf(entry->WriteKey, i))
                    continue;
                entry->WriteKey = None(i);
                found = true;
            }
        return found;
    }

    /// <summary>Adds the translations that the vCPU may use without another walk, for whoever holds them against what the tables say. The vCPU does not run.</summary>
    public void Collect(List<HeldTranslation> translations, byte* memory)
    {
        for (var root = 0; root < Roots; root++)
        {
            for (var i = 0; i < Entries && _valid[root]; i++)
            {
                var entry = At(Table(root), i);
                var (read, write, fetch) = (IsOf(entry->ReadKey, i), IsOf(entry->WriteKey, i), IsOf(entry->FetchKey, i));
                if (!read && !write && !fetch)
                    continue;
                var page = 0 - (read ? entry->ReadKey : write ? entry->WriteKey : entry->FetchKey);
                translations.Add(new HeldTranslation(_cr3[root], page, Mfn.OfAddress(page + entry->Addend - (ulong)memory), write));
            }
        }
    }

    /// <summary>Takes all rights to write straight out of the tables of the root that runs, so that each page's next write is seen.</summary>
    public static void ForbidWrites(CpuState* s)
    {
        for (var i = 0; i < Entries; i++)
            At(s->Tlb, i)->WriteKey = None(i);
    }

    private TlbEntry* Table(int root) => (TlbEntry*)(_tables + (root * TableBytes));

    private static TlbEntry* At(TlbEntry* table, int index) => (TlbEntry*)((byte*)table + (index * TlbEntry.Stride));

    private static ulong None(int index) => TlbEntry.NoneFor((ulong)index << PageSize.Shift);

    /// <summary>Whether a key is of a page that selects this entry, and so not none.</summary>
    private static bool IsOf(ulong key, int index) => (((0 - key) >> PageSize.Shift) & (Entries - 1)) == (ulong)index;

    private static bool Holds(TlbEntry* entry, ulong page)
        => entry->ReadKey + page == 0 || entry->WriteKey + page == 0 || entry->FetchKey + page == 0;

    private static void Empty(TlbEntry* entry, ulong page) => entry->ReadKey = entry->WriteKey = entry->FetchKey = TlbEntry.NoneFor(page);

    private static void Empty(TlbEntry* table)
    {
        for (var i = 0; i < Entries; i++)
            Empty(At(table, i), (ulong)i << PageSize.Shift);
    }

    private int Fresh(ulong cr3)
    {
        var slot = Array.IndexOf(_valid, false);
        if (slot < 0)
            slot = (_current + 1) % Roots;
        Empty(Table(slot));
        _cr3[slot] = cr3;
        _valid[slot] = true;
        _tags[slot] = ++_lastTag;
        return slot;
    }
}

/// <summary>A translation that a vCPU holds.</summary>
/// <param name="Root">The machine address of the L4 table that it is of.</param>
/// <param name="Address">The page.</param>
/// <param name="Frame">Where it leads.</param>
/// <param name="Writes">Writes go there, too.</param>
internal readonly record struct HeldTranslation(ulong Root, ulong Address, Mfn Frame, bool Writes);
