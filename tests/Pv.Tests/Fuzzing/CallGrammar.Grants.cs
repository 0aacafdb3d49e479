using Pv.Abi;

namespace Pv.Tests.Fuzzing;

// grant_table_op.
internal sealed partial class CallGrammar
{
    private static readonly Rule[] GrantRules =
    [
        new(12, grammar => grammar.MapGrant()), new(10, grammar => grammar.UnmapGrant()), new(8, grammar => grammar.CopyGrant()), new(3, grammar => grammar.SetupTable()),
        new(1, grammar => grammar.QuerySize()), new(1, grammar => grammar.SetVersion()), new(1, grammar => grammar.GetVersion()), new(1, grammar => grammar.StatusFrames()),
        new(2, grammar => grammar.SwapGrants()), new(3, grammar => grammar.Replace()), new(1, grammar => grammar.TransferGrant()), new(1, grammar => grammar.FlushCache()),
        new(1, grammar => grammar.GrantOdds()),
    ];

    private void Grant<T>(GrantTableOperation operation, in T argument, Lesson learn, int at, int which = 0) where T : unmanaged
    {
        var address = Put(0, argument);
        Call(FuzzLabels.Grants[(int)operation], learn, at, which, HypercallNumber.GrantTableOp, (ulong)operation, address,
            _dice.OneIn(40) && !IsTrusted ? Count() : 1, simple: address == Good(0));
        if (_registers.Third != 1)
            _made = _made with { IsSimple = false };
    }

    /// <summary>Where a grant is to be mapped: a page of the playground, an entry of a table, a pseudo-physical page.</summary>
    private ulong MapAddress(ref GrantMapFlags flags)
    {
        if (IsManaged)
            return _dice.OneIn(20) ? Odd() : (ulong)(300 + _dice.Below(60)) << PageSize.Shift;
        if (!_dice.OneIn(3))
            return _dice.OneIn(10) ? Linear() : FuzzDomain.Playground + ((ulong)(256 + _dice.Below(60)) << PageSize.Shift);
        flags |= GrantMapFlags.ContainsPte;
        return (_dice.OneIn(3) ? _self!.Safe[^1] : Frame(FrameUse.L1)).Address | (uint)Slot() * 8 | (_dice.OneIn(30) ? 1u : 0);
    }

    private void MapGrant()
    {
        var flags = (_dice.OneIn(30) ? (GrantMapFlags)Odd() : GrantMapFlags.HostMap) | (_dice.OneIn(2) ? GrantMapFlags.ReadOnly : 0)
            | (_dice.OneIn(3) ? GrantMapFlags.ApplicationMap : 0) | (_dice.OneIn(20) ? (GrantMapFlags)(0x10000u << _dice.Below(4)) : 0);
        var host = MapAddress(ref flags);
        Grant(GrantTableOperation.MapGrantRef, new GrantTableMapGrantRef
        {
            HostAddress = host, Flags = flags, Ref = new GrantRef(Ref()), Domain = _dice.OneIn(10) ? Domain() : Other().Domain.Id,
        }, Lesson.MapHandle, 0);
    }

    private void UnmapGrant()
    {
        var (handle, address, which) = Handle();
        Grant(GrantTableOperation.UnmapGrantRef, new GrantTableUnmapGrantRef { HostAddress = address, DevBusAddress = _dice.OneIn(10) ? Odd() : 0, Handle = handle }, Lesson.UnmapHandle, 20, which);
    }

    private (uint Handle, ulong Address, int Which) Handle()
    {
        if (_self is not { } self || _dice.OneIn(12))
            return (_dice.OneIn(2) ? (uint)_dice.Below(16) : (uint)Odd(), Linear(), -1);
        var which = _dice.Below(FuzzDomain.KnownHandles);
        var (handle, address) = self.Handles[which];
        return (handle, _dice.OneIn(20) ? Linear() : address, which);
    }

    private void Replace()
    {
        var (handle, address, which) = Handle();
        var to = _dice.OneIn(3) ? 0 : FuzzDomain.Playground + ((ulong)_dice.Below(320) << PageSize.Shift);
        Grant(GrantTableOperation.UnmapAndReplace, new GrantTableUnmapAndReplace { HostAddress = address, NewAddress = to, Handle = handle }, Lesson.UnmapHandle, 20, which);
    }

    private GrantCopyPointer Pointer(bool granted, bool bad)
    {
        var pointer = new GrantCopyPointer { Domain = granted ? Other().Domain.Id : DomId.Self, Offset = (ushort)(_dice.OneIn(4) ? _dice.Below(4097) : 0) };
        if (granted)
            pointer.Ref = new GrantRef(Ref());
        else
            pointer.Gmfn = Frame(FrameUse.Data).Value;
        if (bad)
            pointer.Domain = Domain();
        return pointer;
    }

    private void CopyGrant()
    {
        var (fromGrant, toGrant) = (_dice.OneIn(2), _dice.OneIn(2));
        Grant(GrantTableOperation.Copy, new GrantTableCopy
        {
            Source = Pointer(fromGrant, _dice.OneIn(12)),
            Destination = Pointer(toGrant, _dice.OneIn(12)),
            Length = (ushort)_dice.Of(0, 1, 8, 64, 512, 4095, 4096, 4097, 65535),
            Flags = (fromGrant ? GrantCopyFlags.SourceGrantRef : 0) | (toGrant ? GrantCopyFlags.DestinationGrantRef : 0) | (_dice.OneIn(40) ? (GrantCopyFlags)Odd() : 0),
        }, Lesson.GrantStatus, 36);
    }

    private void SetupTable()
    {
        Grant(GrantTableOperation.SetupTable, new GrantTableSetupTable
        {
            Domain = Self(), FrameCount = _dice.OneIn(10) ? (uint)Odd() : (uint)_dice.Below(5), FrameList = Where(0x40),
        }, Lesson.GrantFrames, 8);
        // The table stays as long as it could be made.
        _made = _made with { IsSimple = false };
    }

    private void QuerySize() => Grant(GrantTableOperation.QuerySize, new GrantTableQuerySize { Domain = Self() }, Lesson.GrantStatus, 12);

    private void SetVersion()
        => Call(FuzzLabels.Grants[(int)GrantTableOperation.SetVersion], Lesson.Nothing, 0, 0, HypercallNumber.GrantTableOp, (ulong)GrantTableOperation.SetVersion,
            Put(0, new GrantTableSetVersion { Version = (uint)_dice.Of(1, 2, 1, 2, 0, 3, -1) }), 1, simple: false);

    private void GetVersion()
        => Call(FuzzLabels.Grants[(int)GrantTableOperation.GetVersion], HypercallNumber.GrantTableOp, (ulong)GrantTableOperation.GetVersion,
            Put(0, new GrantTableGetVersion { Domain = Self() }), 1);

    private void StatusFrames() => Grant(GrantTableOperation.GetStatusFrames, new GrantTableGetStatusFrames
    {
        FrameCount = _dice.OneIn(10) ? (uint)Odd() : (uint)_dice.Below(3), Domain = Self(), FrameList = Where(0x40),
    }, Lesson.GrantStatus, 6);

    private void SwapGrants() => Grant(GrantTableOperation.SwapGrantRef, new GrantTableSwapGrantRef { RefA = new GrantRef(Ref()), RefB = new GrantRef(Ref()) }, Lesson.GrantStatus, 8);

    private void TransferGrant()
    {
        Grant(GrantTableOperation.Transfer, new GrantTableTransfer { Mfn = Frame(FrameUse.Data), Domain = Domain(), Ref = new GrantRef(Ref()) }, Lesson.GrantStatus, 16);
        // As on Xen a frame that the other one cannot have is lost.
        _made = _made with { IsSimple = false };
    }

    private void FlushCache() => Grant(GrantTableOperation.CacheFlush, new GrantTableCacheFlush
    {
        Address = Frame(FrameUse.Data).Address, Offset = (ushort)_dice.Of(0, 1, 4095, 4096), Length = (ushort)_dice.Of(0, 1, 4096, 4097), Operation = (uint)_dice.Below(5),
    }, Lesson.Nothing, 0);

    private void GrantOdds()
    {
        // Of the number 32 bits count, so that one beyond them may be any operation: not for Dom0, whose addresses would be followed.
        var operation = _dice.OneIn(2) ? (ulong)GrantTableOperation.DumpTable : 13 + Odd() % (IsTrusted ? 1ul << 20 : 1ul << 40);
        Call(FuzzLabels.Grants[(int)Math.Min(operation, 15)], Lesson.Nothing, 0, 0, HypercallNumber.GrantTableOp, operation,
            Put(0, new GrantTableDumpTable { Domain = Domain() }), IsTrusted ? 1 : Count(), simple: false);
    }
}
