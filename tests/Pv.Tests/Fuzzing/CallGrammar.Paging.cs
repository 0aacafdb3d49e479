using Pv.Abi;
using Pv.Hypervisor.Paging;

namespace Pv.Tests.Fuzzing;

// mmu_update, mmuext_op, update_va_mapping, descriptors.
internal sealed partial class CallGrammar
{
    private static readonly Rule[] PagingRules =
    [
        new(26, grammar => grammar.MmuUpdate()), new(3, grammar => grammar.MmuUpdateList()), new(20, grammar => grammar.MmuExtension()),
        new(4, grammar => grammar.MmuExtensionList()), new(14, grammar => grammar.UpdateVaMapping()), new(3, grammar => grammar.Gdt()),
        new(4, grammar => grammar.DescriptorUpdate()), new(3, grammar => grammar.LocalTable()),
    ];

    /// <summary>An entry for a table: mostly one that may stand there.</summary>
    internal ulong Entry(FrameUse table)
    {
        var level = (int)table;
        var wanted = level <= 1 ? FrameUse.Data : (FrameUse)(level - 1);
        // Linear maps, and tables where they do not belong.
        if (_dice.OneIn(10))
            wanted = _dice.OneIn(2) ? table : (FrameUse)(1 + _dice.Below(4));
        if (_dice.OneIn(8))
            return _dice.OneIn(10) ? _dice.Next() & ~1ul : 0;
        var flags = PageTableEntry.Present | (_dice.Percent(85) ? PageTableEntry.User : 0) | (_dice.OneIn(2) ? PageTableEntry.Accessed : 0);
        if (_dice.Percent(wanted == FrameUse.Data || (int)wanted == level - 1 ? 70 : 20))
            flags |= PageTableEntry.Writable;
        if (_dice.OneIn(60))
            flags ^= 1ul << _dice.Below(12);
        if (_dice.OneIn(60))
            flags ^= 1ul << (52 + _dice.Below(12));
        return Frame(wanted).Address & PageTableEntry.FrameMask | flags;
    }

    internal int Slot() => _dice.OneIn(3) ? _dice.Of(0, 1, 63, 64, 255, 256, 257, 271, 272, 511) : _dice.Below(24);

    private ulong Pointer(out FrameUse use)
    {
        use = (FrameUse)(_dice.OneIn(8) ? 0 : 1 + _dice.Below(4));
        var frame = Frame(use);
        if (frame.Value < _core.Memory.FrameCount && EntryRules.LevelOf(_core.PageTypes.TypeOf(frame)) is > 0 and var level)
            use = (FrameUse)level;
        return frame.Address | (uint)Slot() * 8 | (uint)_dice.Of(0, 0, 0, 0, 1, 2, 2, 3) | (_dice.OneIn(60) ? 4u : 0);
    }

    private ulong Owners() => _dice.OneIn(40) ? _dice.Of(Domain().Value, (ulong)Domain().Value << 16 | DomId.Self.Value, Odd()) : DomId.Self.Value;

    private void MmuUpdate()
    {
        var pointer = Pointer(out var use);
        var address = Put(0, new MmuUpdate { Pointer = pointer, Value = Entry(use == FrameUse.Data ? FrameUse.L1 : use) });
        Call(FuzzLabels.Calls[(int)HypercallNumber.MmuUpdate], Lesson.Nothing, 0, 0, HypercallNumber.MmuUpdate, address,
            1, _dice.OneIn(4) ? Where(0x80) : 0, Owners(), simple: (pointer & 3) != 1);
    }

    private void MmuUpdateList()
    {
        var count = 2 + _dice.Below(14);
        for (var i = 0; i < count; i++)
        {
            var pointer = Pointer(out var use);
            Image(i * Pv.Abi.MmuUpdate.WireSize, new MmuUpdate { Pointer = pointer, Value = Entry(use == FrameUse.Data ? FrameUse.L1 : use) });
        }
        Call(FuzzLabels.Calls[(int)HypercallNumber.MmuUpdate], Lesson.Nothing, 0, 0, HypercallNumber.MmuUpdate, Where(0),
            _dice.OneIn(6) ? Count() : (ulong)count, _dice.OneIn(2) ? Where(0x100) : 0, Owners(), simple: false);
    }

    private MmuExt Extension()
    {
        var operation = _dice.OneIn(40) ? (MmuExtOperation)_dice.Below(24) : _dice.Of(
            MmuExtOperation.PinL1Table, MmuExtOperation.PinL1Table, MmuExtOperation.PinL2Table, MmuExtOperation.PinL2Table, MmuExtOperation.PinL3Table, MmuExtOperation.PinL4Table,
            MmuExtOperation.UnpinTable, MmuExtOperation.UnpinTable, MmuExtOperation.UnpinTable, MmuExtOperation.UnpinTable, MmuExtOperation.NewBasePointer, MmuExtOperation.NewUserBasePointer,
            MmuExtOperation.TlbFlushLocal, MmuExtOperation.InvlpgLocal, MmuExtOperation.TlbFlushMulti, MmuExtOperation.InvlpgMulti,
            MmuExtOperation.TlbFlushAll, MmuExtOperation.InvlpgAll, MmuExtOperation.ClearPage, MmuExtOperation.ClearPage, MmuExtOperation.CopyPage);
        var (first, second) = (0ul, 0ul);
        switch (operation)
        {
            case <= MmuExtOperation.PinL4Table:
                first = Frame((FrameUse)(1 + (int)operation)).Value;
                break;
            case MmuExtOperation.UnpinTable:
                first = Frame((FrameUse)(1 + _dice.Below(4))).Value;
                break;
            case MmuExtOperation.NewBasePointer or MmuExtOperation.NewUserBasePointer:
                first = Base(operation).Value;
                break;
            case MmuExtOperation.ClearPage or MmuExtOperation.CopyPage:
                (first, second) = (Frame((FrameUse)_dice.Below(5)).Value, Frame((FrameUse)_dice.Below(5)).Value);
                break;
            case MmuExtOperation.SetLdt:
                (first, second) = (Linear(), (ulong)_dice.Of(0u, 1u, 512u, 513u, 8192u, 8193u, uint.MaxValue));
                break;
            default:
                (first, second) = (Linear(), Where(0x40));
                break;
        }
        return new MmuExt { Operation = operation, Argument1 = first, Argument2 = second };
    }

    /// <summary>A root to run on, or another frame.</summary>
    internal Mfn Root() => Base(MmuExtOperation.NewBasePointer);

    /// <summary>Mostly a table by which arguments can still be read: a vCPU's first one.</summary>
    private Mfn Base(MmuExtOperation operation)
    {
        if (operation == MmuExtOperation.NewUserBasePointer && _dice.OneIn(4))
            return default;
        return _self is { Safe.Length: > 0 } self && !_dice.OneIn(operation == MmuExtOperation.NewBasePointer ? 40 : 3)
            ? self.Root(_dice.Below(self.Domain.Vcpus.Length)) : Frame(FrameUse.L4);
    }

    private void MmuExtension()
    {
        var extension = Extension();
        var address = Put(0, extension);
        Image(0x40, (ulong)_dice.Below(16));
        Call(FuzzLabels.MmuExt[Math.Min((int)extension.Operation, FuzzLabels.MmuExt.Length - 1)], HypercallNumber.MmuExtOp, address, _dice.OneIn(60) && !IsTrusted ? Count() : 1, _dice.OneIn(5) ? Where(0x80) : 0,
            IsTrusted ? Other().Domain.Id.Value : Owners());
        if (_registers.Second != 1)
            _made = _made with { IsSimple = false };
    }

    private void MmuExtensionList()
    {
        var count = 2 + _dice.Below(9);
        for (var i = 0; i < count; i++)
        {
            var extension = Extension();
            Image(i * MmuExt.WireSize, extension);
            // What is half taken apart becomes whole again.
            if (extension.Operation == MmuExtOperation.UnpinTable && extension.Argument1 < _core.Memory.FrameCount && i + 1 < count
                && EntryRules.LevelOf(_core.PageTypes.TypeOf(extension.Mfn)) is > 0 and var level)
                Image(++i * MmuExt.WireSize, extension with { Operation = (MmuExtOperation)(level - 1) });
        }
        Call(FuzzLabels.Calls[(int)HypercallNumber.MmuExtOp], Lesson.Nothing, 0, 0, HypercallNumber.MmuExtOp, Where(0),
            _dice.OneIn(6) ? Count() : (ulong)count, _dice.OneIn(2) ? Where(0x100) : 0, Owners(), simple: false);
    }

    private void UpdateVaMapping()
    {
        var other = _dice.OneIn(12);
        Image(0, (ulong)_dice.Below(16));
        var flags = _dice.OneIn(4) ? Where(0) & ~7ul | (uint)_dice.Below(8) : (ulong)_dice.Of(0, 1, 2, 3, 5, 6);
        Call(FuzzLabels.Calls[(int)(other ? HypercallNumber.UpdateVaMappingOtherDomain : HypercallNumber.UpdateVaMapping)], Lesson.Nothing, 0, 0,
            other ? HypercallNumber.UpdateVaMappingOtherDomain : HypercallNumber.UpdateVaMapping, Linear(), Entry(FrameUse.L1), flags, other ? Domain().Value : 0ul,
            simple: flags <= 3);
    }

    private void Gdt()
    {
        var count = _dice.Below(4);
        for (var i = 0; i < count; i++)
            Image(i * 8, Frame(FrameUse.Data).Value);
        var entries = _dice.OneIn(10) ? Odd() : (ulong)(count * 512 - (count > 0 ? _dice.Below(512) : 0));
        Call(FuzzLabels.Calls[(int)HypercallNumber.SetGdt], HypercallNumber.SetGdt, Where(0), entries);
    }

    private void DescriptorUpdate()
        => Call(FuzzLabels.Calls[(int)HypercallNumber.UpdateDescriptor], HypercallNumber.UpdateDescriptor, Frame(FrameUse.Data).Address | (uint)Slot() * 8 | (_dice.OneIn(30) ? 4u : 0),
            _dice.Of<ulong>(0, 0x00cf_fb00_0000_ffff, 0x00cf_9300_0000_ffff, 0x0000_8900_0000_0067, _dice.Next()));

    /// <summary>An LDT in the playground, and a selector that makes the hypervisor look at it.</summary>
    private void LocalTable()
    {
        if (_dice.OneIn(2))
        {
            var address = Put(0, new MmuExt { Operation = MmuExtOperation.SetLdt, Argument1 = Linear(), Argument2 = _dice.Of<ulong>(0, 1, 512, 600, 8192, 8193, 1ul << 32) });
            Call(FuzzLabels.MmuExt[(int)MmuExtOperation.SetLdt], HypercallNumber.MmuExtOp, address, 1, 0, Owners());
            return;
        }
        // It takes the frames of the table that it looks at.
        Call(FuzzLabels.Calls[(int)HypercallNumber.SetSegmentBase], Lesson.Nothing, 0, 0, HypercallNumber.SetSegmentBase, (ulong)SegmentBase.GsUserSelector,
            (ulong)(_dice.Below(700) << 3 | 7), simple: false);
    }
}
