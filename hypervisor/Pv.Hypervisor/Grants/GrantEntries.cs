using Pv.Abi;
using Pv.Hypervisor.Domains;

namespace Pv.Hypervisor.Grants;

/// <summary>
/// The entries of a grant table as they stand in frames that the guest writes at any time. Version 1 has everything in one word; version 2 has
/// flags and domain in one word of the entry, and the marks of use in status frames of their own. The table's lock is held.
/// </summary>
internal sealed class GrantEntries(Domain domain)
{
    private const int FirstPerFrame = PageSize.Bytes / GrantEntryV1.WireSize, SecondPerFrame = PageSize.Bytes / GrantEntryV2.WireSize;
    private const int StatusPerFrame = PageSize.Bytes / sizeof(ushort);

    private readonly List<Mfn> _frames = [];
    private readonly List<Mfn> _statusFrames = [];

    /// <summary>The form of the entries, 1 or 2.</summary>
    public int Version { get; private set; } = 1;

    public int FrameCount => _frames.Count;

    public int StatusFrameCount => _statusFrames.Count;

    /// <summary>How many entries there are.</summary>
    public uint Count => (uint)(_frames.Count * (Version == 1 ? FirstPerFrame : SecondPerFrame));

    public Mfn Frame(int index) => _frames[index];

    public Mfn StatusFrame(int index) => _statusFrames[index];

    /// <summary>Adds a frame, and the status frame that it may need. False when there is no memory.</summary>
    public bool TryAddFrame()
    {
        if (!domain.Core.Frames.TryAllocateXenFrame(domain, out var mfn))
            return false;
        domain.Core.Meter?.Count(1);
        _frames.Add(mfn);
        if (Version == 1 || TryAddStatusFrames())
            return true;
        _frames.RemoveAt(_frames.Count - 1);
        domain.Core.Frames.ReleaseXenFrame(mfn);
        return false;
    }

    /// <summary>
    /// Changes the form. All entries become invalid but those reserved for console and xenstore.
    /// <see cref="Errno.EBUSY"/> when the guest still maps a status frame that would go; <see cref="Errno.EINVAL"/> when a reserved entry is of a
    /// kind that the other form lacks.
    /// </summary>
    public Errno TryChangeVersion(int version)
    {
        Span<(uint Header, ulong Frame)> reserved = stackalloc (uint, ulong)[ReservedGrants.Count];
        for (uint i = 0; i < reserved.Length && i < Count; i++)
        {
            var entry = Read(new GrantRef(i));
            if (entry.Type is not (GrantEntryFlags.Invalid or GrantEntryFlags.PermitAccess) || entry.IsSubPage || entry.Frame > uint.MaxValue)
                return Errno.EINVAL;
            var used = Version == 2 ? Volatile.Read(ref Status(i)) : 0u;
            reserved[(int)i] = (entry.Header | used, entry.Frame);
        }
        if (version == 1 ? !TryRemoveStatusFrames() : !TryAddStatusFrames())
            return version == 1 ? Errno.EBUSY : Errno.ENOMEM;
        foreach (var frame in _frames)
        {
            domain.Core.Memory.Frame(frame).Clear();
            domain.Core.Meter?.CountBytes(PageSize.Bytes);
        }
        Version = version;
        const uint marks = (uint)(GrantEntryFlags.Reading | GrantEntryFlags.Writing);
        for (uint i = 0; i < reserved.Length && i < Count; i++)
        {
            var (header, frame) = reserved[(int)i];
            if (version == 1)
            {
                Word(i) = header | frame << 32;
                continue;
            }
            Volatile.Write(ref Status(i), (ushort)(header & marks));
            domain.Core.Memory.At<GrantEntryV2>(Address(i)).Frame = frame;
            Volatile.Write(ref Header(i), header & ~marks);
        }
        return Errno.None;
    }

    /// <summary>What an entry says, read once; the marks of use are not part of it.</summary>
    public GrantEntry Read(GrantRef reference)
    {
        if (Version == 1)
        {
            var word = Volatile.Read(ref Word(reference.Value));
            // A part of a page is unknown there, whatever the flags say.
            return new GrantEntry((uint)word, word >> 32, PageSize.Bytes << 16);
        }
        var header = Volatile.Read(ref Header(reference.Value));
        Interlocked.MemoryBarrier();
        ref var body = ref domain.Core.Memory.At<ulong>(Address(reference.Value));
        // The part between header and frame: a page's part, or the domain of a grant that is passed on.
        var part = (uint)(Volatile.Read(ref body) >> 32);
        var frame = Volatile.Read(ref domain.Core.Memory.At<ulong>(Address(reference.Value) + sizeof(ulong)));
        return new GrantEntry(header, frame, part);
    }

    /// <summary>Marks an entry as in use. False when it does not say any more what was read.</summary>
    public bool TryMark(GrantRef reference, in GrantEntry seen, GrantEntryFlags marks)
    {
        domain.Core.Stepper?.Point();
        if (Version == 1)
        {
            var expected = seen.Header | seen.Frame << 32;
            return Interlocked.CompareExchange(ref Word(reference.Value), expected | (ulong)marks, expected) == expected;
        }
        ref var status = ref Status(reference.Value);
        var before = Volatile.Read(ref status);
        SetStatus(ref status, marks, 0);
        Interlocked.MemoryBarrier();
        // A guest that ends a grant changes the header first and then looks at the marks.
        if (Volatile.Read(ref Header(reference.Value)) == seen.Header)
            return true;
        SetStatus(ref status, 0, (GrantEntryFlags)((ushort)marks & ~before));
        return false;
    }

    /// <summary>Commits to a frame that comes from <paramref name="from"/>. False when the entry says anything else than that it accepts one.</summary>
    public bool TryAccept(GrantRef reference, DomId from, out Pfn at)
    {
        const uint accepts = (uint)GrantEntryFlags.AcceptTransfer, committed = (uint)GrantEntryFlags.TransferCommitted;
        at = new Pfn(Version == 1 ? domain.Core.Memory.At<uint>(Frame(reference)) : domain.Core.Memory.At<ulong>(Frame(reference)));
        var wanted = accepts | (uint)from.Value << 16;
        return Interlocked.CompareExchange(ref FirstWord(reference), wanted | committed, wanted) == wanted;
    }

    /// <summary>Tells which frame came.</summary>
    public void Complete(GrantRef reference, Mfn mfn)
    {
        if (reference.Value >= Count)
            return;
        if (Version == 1)
            Volatile.Write(ref domain.Core.Memory.At<uint>(Frame(reference)), (uint)mfn.Value);
        else
            Volatile.Write(ref domain.Core.Memory.At<ulong>(Frame(reference)), mfn.Value);
        Interlocked.Or(ref FirstWord(reference), (uint)GrantEntryFlags.TransferCompleted);
    }

    public void ClearMarks(GrantRef reference, GrantEntryFlags marks)
    {
        // A table that is gone has nobody left to show the use to.
        if (reference.Value >= Count)
            return;
        if (Version == 1)
            Interlocked.And(ref Word(reference.Value), ~(ulong)marks);
        else
            SetStatus(ref Status(reference.Value), 0, marks);
    }

    /// <summary>Swaps two entries that nobody uses.</summary>
    public void Swap(GrantRef one, GrantRef other)
    {
        if (Version == 1)
        {
            (Word(one.Value), Word(other.Value)) = (Word(other.Value), Word(one.Value));
            return;
        }
        var memory = domain.Core.Memory;
        (memory.At<GrantEntryV2>(Address(one.Value)), memory.At<GrantEntryV2>(Address(other.Value)))
            = (memory.At<GrantEntryV2>(Address(other.Value)), memory.At<GrantEntryV2>(Address(one.Value)));
        (Status(one.Value), Status(other.Value)) = (Status(other.Value), Status(one.Value));
    }

    /// <summary>Gives the last frame back: while there are entries, their status words stay. False when there is none any more.</summary>
    public bool TryReleaseLast()
    {
        var from = _frames.Count != 0 ? _frames : _statusFrames;
        if (from.Count == 0)
            return false;
        var last = from[^1];
        from.RemoveAt(from.Count - 1);
        domain.Core.Frames.ReleaseXenFrame(last);
        return true;
    }

    private void ReleaseStatusFrames()
    {
        foreach (var frame in _statusFrames)
            domain.Core.Frames.ReleaseXenFrame(frame);
        _statusFrames.Clear();
    }

    /// <summary>Whether every entry has a status word.</summary>
    public bool HasStatusForAll => _statusFrames.Count * StatusPerFrame >= _frames.Count * SecondPerFrame;

    private bool TryAddStatusFrames()
    {
        while (!HasStatusForAll)
        {
            if (!domain.Core.Frames.TryAllocateXenFrame(domain, out var mfn))
            {
                // No form of the table lacks some of them.
                if (Version == 1)
                    ReleaseStatusFrames();
                return false;
            }
            _statusFrames.Add(mfn);
        }
        return true;
    }

    private bool TryRemoveStatusFrames()
    {
        // Beside the allocation itself nobody may hold one.
        if (_statusFrames.Exists(frame => domain.Core.Frames.References(frame) != 1))
            return false;
        ReleaseStatusFrames();
        return true;
    }

    /// <summary>The guest reads the status word and its neighbours, and may write them: changed by exchange of the whole word around it.</summary>
    private static void SetStatus(ref ushort status, GrantEntryFlags set, GrantEntryFlags clear)
    {
        ushort seen;
        do
            seen = Volatile.Read(ref status);
        while (Interlocked.CompareExchange(ref status, (ushort)((seen | (ushort)set) & ~(ushort)clear), seen) != seen);
    }

    // The entry of version 1 as one word, little-endian: flags, domain, frame.
    private ref ulong Word(uint reference)
        => ref domain.Core.Memory.At<ulong>(FirstAddress(reference));

    private ulong FirstAddress(uint reference) => _frames[(int)reference / FirstPerFrame].Address + reference % FirstPerFrame * GrantEntryV1.WireSize;

    // Flags and domain, of either version.
    private ref uint FirstWord(GrantRef reference) => ref domain.Core.Memory.At<uint>(Version == 1 ? FirstAddress(reference.Value) : Address(reference.Value));

    private ulong Frame(GrantRef reference)
        => Version == 1 ? FirstAddress(reference.Value) + sizeof(uint) : Address(reference.Value) + sizeof(ulong);

    private ref uint Header(uint reference) => ref domain.Core.Memory.At<uint>(Address(reference));

    private ref ushort Status(uint reference)
        => ref domain.Core.Memory.At<ushort>(_statusFrames[(int)reference / StatusPerFrame].Address + reference % StatusPerFrame * sizeof(ushort));

    private ulong Address(uint reference)
        => _frames[(int)reference / SecondPerFrame].Address + reference % SecondPerFrame * GrantEntryV2.WireSize;
}

/// <summary>One entry, as it was read.</summary>
/// <param name="Header">Flags in the low half, the domain in the high one; with version 1 the marks of use are among the flags.</param>
/// <param name="Frame">The frame, or the reference of the grant that is passed on.</param>
/// <param name="Part">With version 2: offset and length of a page's part, or the domain whose grant is passed on.</param>
internal readonly record struct GrantEntry(uint Header, ulong Frame, uint Part)
{
    public GrantEntryFlags Type => (GrantEntryFlags)Header & GrantEntryFlags.TypeMask;

    public bool IsReadOnly => ((GrantEntryFlags)Header & GrantEntryFlags.ReadOnly) != 0;

    public bool IsSubPage => ((GrantEntryFlags)Header & GrantEntryFlags.SubPage) != 0;

    public DomId User => new((ushort)(Header >> 16));

    /// <summary>Of a grant that is passed on: whose it is, and its reference there.</summary>
    public DomId PassedDomain => new((ushort)Part);

    public GrantRef PassedRef => new((uint)Frame);

    /// <summary>The part of the page that is granted.</summary>
    public GrantPart Granted => IsSubPage ? new GrantPart((ushort)Part, (ushort)(Part >> 16)) : GrantPart.WholePage;
}

/// <summary>A part of a page, in bytes.</summary>
internal readonly record struct GrantPart(int Offset, int Length)
{
    public static readonly GrantPart WholePage = new(0, PageSize.Bytes);

    public bool Contains(int offset, int length) => offset >= Offset && offset + length <= Offset + Length;
}
