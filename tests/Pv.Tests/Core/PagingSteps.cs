using Pv.Abi;
using Pv.Hypervisor.Domains;
using Pv.Hypervisor.Hypercalls;
using Pv.Hypervisor.Memory;
using Pv.Hypervisor.Paging;
using Pv.Hypervisor.Traps;
using Pv.Machine.Gate;

namespace Pv.Tests.Core;

/// <summary>
/// Random work of two hostile guests on one machine: everything by which a guest changes what its frames are used as. A step is made of
/// its own number and the seed alone, so that any of them can be left out.
/// </summary>
internal sealed class PagingSteps : IDisposable
{
    private const int GrantRefs = 12;
    private const int MostContinuations = 200_000;

    private static readonly FrameType[] Favourites =
        [FrameType.L1Table, FrameType.L1Table, FrameType.L2Table, FrameType.L2Table, FrameType.L3Table, FrameType.L4Table, FrameType.Writable, FrameType.Writable];

    private readonly TestMachine _machine = new(800);
    private readonly TestGuest[] _guests;
    private readonly Mfn[] _grantFrames;
    private readonly FrameModel _model;
    private Dice _dice, _preemptions;
    private int _preemptPercent;

    public PagingSteps()
    {
        // Only calls of guests are preempted: what sets them up is Dom0's.
        _machine.Core.PreemptionChooser = _ => _preemptPercent != 0 && _preemptions.Percent(_preemptPercent);
        _guests = [new TestGuest(_machine, 64, IsData), new TestGuest(_machine, 24, IsData)];
        _grantFrames = [.. _guests.Select(SetUpGrants)];
        _model = new FrameModel(_machine.Core);
    }

    /// <summary>How often each kind of call ended how: so that a test can say that it tested something.</summary>
    public Dictionary<string, int> Outcomes { get; } = [];

    /// <summary>What the last step was, for a report.</summary>
    public string Last { get; private set; } = "";

    /// <summary>Does one step; what is wrong after it, or null.</summary>
    public string? Step(ulong seed, int number)
    {
        _dice = new Dice(seed * 0x1_0000_0001 + (ulong)number);
        _preemptions = new Dice(_dice.Next());
        _preemptPercent = _dice.Of(0, 0, 0, 5, 30, 90);
        var which = _dice.Below(4) == 0 ? 1 : 0;
        Last = "";
        Act(_guests[which], which);
        return _model.Compare();
    }

    /// <summary>Ends both domains, whatever state they are in; what is left of them, or null.</summary>
    public string? End(ulong seed)
    {
        _preemptPercent = 0;
        var first = (int)(seed & 1);
        _machine.Destroy(_guests[first].Domain);
        _machine.Destroy(_guests[1 - first].Domain);
        var core = _machine.Core;
        if (core.Domains.Snapshot().Count != 1)
            return "a domain is left";
        if (core.FreeFrames != _machine.FreeAtStart)
            return $"{core.FreeFrames} frames are free, and {_machine.FreeAtStart} were";
        foreach (var guest in _guests)
        {
            foreach (var mfn in guest.Frames)
            {
                if (core.Memory.Frame(mfn).ContainsAnyExcept((byte)0))
                    return $"{mfn} is free, and holds what its owner left";
            }
        }
        return null;
    }

    public void Dispose() => _machine.Dispose();

    private Mfn SetUpGrants(TestGuest guest)
    {
        var setup = new GrantTableSetupTable { Domain = DomId.Self, FrameCount = 1, FrameList = TestGuest.FrameListAddress };
        guest.Call(HypercallNumber.GrantTableOp, (ulong)GrantTableOperation.SetupTable, guest.Put(0, setup), 1);
        return new Mfn(guest.Get<ulong>(TestGuest.FrameListAddress));
    }

    private void Act(TestGuest guest, int which)
    {
        switch (_dice.Below(30))
        {
            case < 4:
                StoreDirectly(guest);
                break;
            case < 12:
                Update(guest);
                break;
            case < 16:
                Pin(guest);
                break;
            case < 19:
                Unpin(guest);
                break;
            case < 21:
                UpdateByAddress(guest);
                break;
            case 21:
                SetBase(guest);
                break;
            case 22:
                ClearOrCopy(guest);
                break;
            case 23:
                Descriptors(guest);
                break;
            case 24:
                Reservation(guest);
                break;
            case 25:
                Grant(guest, which);
                break;
            case 26 or 27:
                Map(guest, which);
                break;
            case 28:
                Unmap(guest);
                break;
            default:
                Odds(guest);
                break;
        }
    }

    private int FrameIndex(TestGuest guest, FrameType wanted)
    {
        for (var tries = 0; tries < 8; tries++)
        {
            var index = _dice.Below(guest.Frames.Length);
            if (Favourites[index % Favourites.Length] == wanted)
                return index;
        }
        return _dice.Below(guest.Frames.Length);
    }

    /// <summary>Some frame: mostly one of the guest's that is often of a type, now and then anything.</summary>
    private Mfn Frame(TestGuest guest, FrameType wanted)
    {
        if (!_dice.OneIn(30))
            return guest.Frames[FrameIndex(guest, wanted)];
        return _dice.Below(8) switch
        {
            0 => new Mfn(_dice.Next() & 0xf_ffff_ffff),
            1 => new Mfn(0xff_ffff_ffff),
            2 => new Mfn((ulong)_dice.Below((int)_machine.Core.Memory.FrameCount)),
            3 => guest.Domain.SharedInfo,
            4 => _guests[0].Frames[_dice.Below(_guests[0].Frames.Length)],
            5 => _machine.Core.MachineToPhysical.L3,
            6 => _grantFrames[_dice.Below(2)],
            _ => guest.Safe[4 + _dice.Below(4)],
        };
    }

    private ulong Entry(TestGuest guest, FrameType table)
    {
        var level = EntryRules.LevelOf(table);
        var wanted = level <= 1 ? FrameType.Writable : EntryRules.TypeOf(level - 1);
        // Linear maps, and tables where they do not belong.
        if (_dice.OneIn(8))
            wanted = _dice.OneIn(2) ? table : _dice.Of(FrameType.L1Table, FrameType.L2Table, FrameType.L3Table, FrameType.L4Table);
        var flags = PageTableEntry.Present | (_dice.Percent(80) ? PageTableEntry.User : 0) | (_dice.OneIn(2) ? PageTableEntry.Accessed : 0);
        if (_dice.Percent(wanted == FrameType.Writable || EntryRules.LevelOf(wanted) == level - 1 ? 70 : 20))
            flags |= PageTableEntry.Writable;
        if (_dice.OneIn(50))
            flags ^= 1ul << _dice.Below(12);
        if (_dice.OneIn(50))
            flags ^= 1ul << (52 + _dice.Below(12));
        return _dice.OneIn(8) ? 0 : Frame(guest, wanted).Address | flags;
    }

    private int Index() => _dice.Of(0, 1, 2, 3, 5, 63, 64, 65, 128, 255, 256, 257, 271, 272, 500, 511);

    private static bool IsData(int frame) => Favourites[frame % Favourites.Length] == FrameType.Writable;

    /// <summary>A guest writes by itself what it could have mapped writable, and nothing else.</summary>
    private bool IsFreeFor(TestGuest guest, Mfn frame)
    {
        var types = _machine.Core.PageTypes;
        return _machine.Core.Frames.TryGetOwner(frame, out var owner) && owner == guest.Domain.Id
            && (types.TypeOf(frame) is FrameType.None or FrameType.Writable || types.Uses(frame) == 0);
    }

    private void StoreDirectly(TestGuest guest)
    {
        var index = _dice.Below(guest.Frames.Length);
        var frame = guest.Frames[index];
        var (core, entry) = (_machine.Core, Index());
        if (!IsFreeFor(guest, frame))
            return;
        if (_dice.OneIn(4))
        {
            Last = $"clear {frame}";
            core.Memory.Frame(frame).Clear();
            return;
        }
        var value = Entry(guest, Favourites[index % Favourites.Length]);
        Last = $"store {frame}[{entry}] = {value:x}";
        guest.Store(frame, entry, value);
    }

    private void Update(TestGuest guest)
    {
        var count = _dice.OneIn(4) ? 1 + _dice.Below(4) : 1;
        for (var i = 0; i < count; i++)
        {
            // Now and then in the tables by which vCPU 0 runs.
            var frame = _dice.OneIn(40) ? Frame(guest, FrameType.L1Table)
                : _dice.OneIn(6) ? guest.Safe[4 + _dice.Below(4)] : guest.Frames[_dice.Below(guest.Frames.Length)];
            if (guest.Safe.Contains(frame) && Array.IndexOf(guest.Safe, frame) is < 4 or > 7)
                frame = guest.Frames[0];
            var type = frame.Value < _machine.Core.Memory.FrameCount ? _machine.Core.PageTypes.TypeOf(frame) : FrameType.None;
            var pointer = frame.Address | (uint)Index() * 8 | (uint)_dice.Of(0, 0, 0, 1, 2, 2, 3) | (_dice.OneIn(50) ? 4u : 0);
            var value = EntryRules.LevelOf(type) > 1 && _dice.OneIn(12) ? frame.Address | 0x25 : Entry(guest, EntryRules.LevelOf(type) != 0 ? type : FrameType.L1Table);
            guest.Put((ulong)i * MmuUpdate.WireSize, new MmuUpdate { Pointer = pointer, Value = value });
            Last += $"mmu_update {pointer:x} = {value:x}; ";
        }
        var domain = _dice.OneIn(40) ? _dice.Of(0u, 1u, 2u, 0x7ff2u, 0x2_7ff0u) : DomId.Self.Value;
        Go(guest, guest.Caller, new HypercallRegisters((ulong)HypercallNumber.MmuUpdate, 0, (ulong)count, TestGuest.StatusAddress, domain));
    }

    private void Pin(TestGuest guest)
    {
        var index = _dice.Below(guest.Frames.Length);
        var type = Favourites[index % Favourites.Length];
        var level = type == FrameType.Writable || _dice.OneIn(8) ? 1 + _dice.Below(4) : EntryRules.LevelOf(type);
        var frame = _dice.OneIn(30) ? Frame(guest, type) : guest.Frames[index];
        // What a failed attempt left in a frame would make every later one fail.
        if (_dice.OneIn(3) && guest.Frames.Contains(frame) && IsFreeFor(guest, frame))
            _machine.Core.Memory.Frame(frame).Clear();
        if (Extended(guest, (MmuExtOperation)(level - 1), frame.Value))
            _model.Pins.Add(frame);
    }

    private void Unpin(TestGuest guest)
    {
        if (_dice.OneIn(3))
        {
            PinAgain(guest);
            return;
        }
        Mfn[] own = [.. _model.Pins.Where(pin => _machine.Core.Frames.TryGetOwner(pin, out var owner) && owner == guest.Domain.Id).Order()];
        var frame = own.Length == 0 || _dice.OneIn(10) ? Frame(guest, FrameType.L1Table) : own[_dice.Below(own.Length)];
        if (Extended(guest, MmuExtOperation.UnpinTable, frame.Value))
            _model.Pins.Remove(frame);
    }

    /// <summary>Unpins a table and pins it again in one call: what is half taken apart becomes whole again.</summary>
    private void PinAgain(TestGuest guest)
    {
        var pinned = _model.Pins.Where(pin => guest.Frames.Contains(pin)).Order().ToArray();
        if (pinned.Length == 0)
            return;
        var frame = pinned[_dice.Below(pinned.Length)];
        var level = (uint)_machine.Core.PageTypes.TypeOf(frame);
        Last = $"PinAgain {frame} of level {level}";
        guest.Put(0, new MmuExt { Operation = MmuExtOperation.UnpinTable, Argument1 = frame.Value });
        guest.Put(MmuExt.WireSize, new MmuExt { Operation = (MmuExtOperation)(level - 1), Argument1 = frame.Value });
        guest.Put(TestGuest.StatusAddress, 0u);
        Go(guest, guest.Caller, new HypercallRegisters((ulong)HypercallNumber.MmuExtOp, 0, 2, TestGuest.StatusAddress, DomId.Self.Value));
        if (guest.Get<uint>(TestGuest.StatusAddress) == 1)
            _model.Pins.Remove(frame);
    }

    private void UpdateByAddress(TestGuest guest)
    {
        var victim = _dice.OneIn(2);
        var address = (ulong)_dice.Of(0, 0, 0, 0, 1, 256, 272) << 39 | (ulong)(_dice.OneIn(3) ? Index() : 0) << 30
            | (ulong)(_dice.OneIn(2) ? Index() : 0) << 21 | (ulong)(_dice.OneIn(2) ? Math.Max(2, Index()) : 2 + _dice.Below(70)) << 12;
        if ((address >> 47 & 1) != 0)
            address |= 0xffff_0000_0000_0000;
        if (_dice.OneIn(40))
            address ^= 1ul << 60;
        var entry = Entry(guest, FrameType.L1Table);
        Last = $"update_va_mapping {address:x} = {entry:x} by {(victim ? 0 : 1)}";
        Go(guest, victim ? guest.Victim : guest.Caller,
            new HypercallRegisters((ulong)HypercallNumber.UpdateVaMapping, address, entry, (ulong)_dice.Of(0, 1, 2, 5, 6)));
    }

    /// <summary>As an emulated write to cr3 does it: a call by vCPU 0 could read no argument by tables that may map nothing any more.</summary>
    private void SetBase(TestGuest guest)
    {
        var user = _dice.OneIn(2);
        var frame = user && _dice.OneIn(4) ? default : Frame(guest, FrameType.L4Table);
        Last = $"new {(user ? "user " : "")}base {frame}";
        using (guest.Domain.PagingLock.Hold())
        {
            for (var tries = _dice.Below(20); tries >= 0; tries--)
            {
                if ((user ? BasePointers.SetUser(guest.Victim, frame) : BasePointers.SetKernel(guest.Victim, frame)) != Errno.ERESTART)
                    return;
            }
        }
    }

    private void ClearOrCopy(TestGuest guest)
    {
        var to = Frame(guest, FrameType.Writable);
        if (guest.Safe.Contains(to))
            return;
        Extended(guest, _dice.OneIn(2) ? MmuExtOperation.ClearPage : MmuExtOperation.CopyPage, to.Value, Frame(guest, FrameType.L1Table).Value);
    }

    private void Descriptors(TestGuest guest)
    {
        if (_dice.OneIn(2))
        {
            var count = _dice.Below(3);
            for (var i = 0; i < count; i++)
                guest.Put((ulong)i * 8, Frame(guest, FrameType.Writable).Value);
            Last = $"set_gdt of {count}";
            Go(guest, guest.Caller, new HypercallRegisters((ulong)HypercallNumber.SetGdt, 0, (ulong)(count * 512 - (count > 0 ? _dice.Below(512) : 0))));
            return;
        }
        var frame = Frame(guest, FrameType.Writable);
        if (guest.Safe.Contains(frame))
            return;
        Last = $"update_descriptor in {frame}";
        Go(guest, guest.Caller, new HypercallRegisters((ulong)HypercallNumber.UpdateDescriptor, frame.Address | (uint)Index() * 8,
            _dice.Of<ulong>(0ul, 0x00cf_fb00_0000_ffff, 0x00cf_9300_0000_ffff, 0x0000_8900_0000_0067, _dice.Next())));
    }

    private void Reservation(TestGuest guest)
    {
        var grow = _dice.OneIn(2);
        var count = 1 + _dice.Below(3);
        for (var i = 0; i < count; i++)
        {
            var frame = Frame(guest, FrameType.Writable);
            guest.Put(TestGuest.FrameListAddress + (ulong)i * 8, grow ? (ulong)i : guest.Safe.Contains(frame) ? ulong.MaxValue : frame.Value);
        }
        Last = $"{(grow ? "populate" : "decrease")} {count}";
        guest.Put(0, new MemoryReservation { ExtentStart = TestGuest.FrameListAddress, ExtentCount = (ulong)count, ExtentOrder = (uint)(_dice.OneIn(10) ? 1 : 0), Domain = DomId.Self });
        Go(guest, guest.Caller, new HypercallRegisters((ulong)HypercallNumber.MemoryOp,
            (ulong)(grow ? MemoryOperation.PopulatePhysmap : MemoryOperation.DecreaseReservation), 0));
    }

    private void Grant(TestGuest guest, int which)
    {
        var reference = 8 + _dice.Below(GrantRefs);
        var flags = _dice.Of<GrantEntryFlags>(GrantEntryFlags.Invalid, GrantEntryFlags.PermitAccess, GrantEntryFlags.PermitAccess, GrantEntryFlags.PermitAccess | GrantEntryFlags.ReadOnly);
        var frame = Frame(guest, FrameType.Writable);
        Last = $"grant {reference} of {frame}: {flags}";
        _machine.Core.Memory.Words(_grantFrames[which])[reference] =
            (ulong)flags | (ulong)_guests[_dice.OneIn(8) ? which : 1 - which].Domain.Id.Value << 16 | frame.Value << 32;
    }

    private void Map(TestGuest guest, int which)
    {
        var granter = _guests[_dice.OneIn(8) ? which : 1 - which];
        var byEntry = _dice.OneIn(2);
        var map = new GrantTableMapGrantRef
        {
            HostAddress = byEntry ? Frame(guest, FrameType.L1Table).Address | (uint)Index() * 8 : (ulong)(2 + _dice.Below(70)) << 12,
            Flags = (_dice.OneIn(20) ? 0 : GrantMapFlags.HostMap) | (byEntry ? GrantMapFlags.ContainsPte : 0) | (_dice.OneIn(2) ? GrantMapFlags.ReadOnly : 0),
            Ref = new GrantRef((uint)(8 + _dice.Below(GrantRefs))),
            Domain = granter.Domain.Id,
        };
        Last = $"map {map.Ref} of {granter.Domain.Id} at {map.HostAddress:x} {map.Flags}";
        if (guest.Safe.Take(4).Contains(Mfn.OfAddress(map.HostAddress)) && byEntry)
            return;
        guest.Put(0, map);
        Go(guest, guest.Caller, new HypercallRegisters((ulong)HypercallNumber.GrantTableOp, (ulong)GrantTableOperation.MapGrantRef, 0, 1));
        map = guest.Get<GrantTableMapGrantRef>(0);
        if (map.Status == GrantStatus.Okay)
        {
            Outcomes["mapped"] = Outcomes.GetValueOrDefault("mapped") + 1;
            _model.Grants.Add(new HeldGrant(guest.Domain.Id, granter.Domain.Id, map.Ref.Value, (map.Flags & GrantMapFlags.ReadOnly) != 0,
                Mfn.OfAddress(map.DevBusAddress), map.Handle, map.HostAddress));
        }
    }

    private void Unmap(TestGuest guest)
    {
        var own = _model.Grants.FindAll(grant => grant.Mapper == guest.Domain.Id);
        if (own.Count == 0)
            return;
        var held = own[_dice.Below(own.Count)];
        Last = $"unmap {held}";
        guest.Put(0, new GrantTableUnmapGrantRef { HostAddress = _dice.OneIn(10) ? 0x3000 : held.HostAddress, Handle = _dice.OneIn(20) ? 999 : held.Handle });
        Go(guest, guest.Caller, new HypercallRegisters((ulong)HypercallNumber.GrantTableOp, (ulong)GrantTableOperation.UnmapGrantRef, 0, 1));
        if (guest.Get<GrantTableUnmapGrantRef>(0).Status == GrantStatus.Okay && _model.Grants.Remove(held))
            Outcomes["unmapped"] = Outcomes.GetValueOrDefault("unmapped") + 1;
    }

    private void Odds(TestGuest guest)
    {
        if (_dice.OneIn(2))
        {
            Extended(guest, MmuExtOperation.SetLdt, (ulong)_dice.Below(70) << 12, 600);
            _ = DescriptorTables.TryRead(_dice.OneIn(2) ? guest.Caller : guest.Victim, (ushort)(_dice.Below(600) << 3 | 4), out _);
            return;
        }
        var frame = Frame(guest, FrameType.Writable);
        Last = $"vcpu_info in {frame}";
        guest.Put(0, new VcpuRegisterVcpuInfo { Mfn = frame, Offset = 64 });
        // Of another vCPU only while that one is down.
        guest.Victim.IsOnline = _dice.OneIn(4);
        Go(guest, guest.Caller, new HypercallRegisters((ulong)HypercallNumber.VcpuOp, (ulong)VcpuOperation.RegisterVcpuInfo, 0, 0));
        guest.Victim.IsOnline = true;
    }

    private bool Extended(TestGuest guest, MmuExtOperation operation, ulong first, ulong second = 0)
    {
        Last = $"{operation} {first:x} {second:x}";
        guest.Put(0, new MmuExt { Operation = operation, Argument1 = first, Argument2 = second });
        return Go(guest, guest.Caller, new HypercallRegisters((ulong)HypercallNumber.MmuExtOp, 0, 1, TestGuest.StatusAddress, DomId.Self.Value));
    }

    private void Note(ulong number, long value, int entries)
    {
        var operation = (HypercallNumber)number == HypercallNumber.MmuExtOp ? Last.Split(' ')[0] : ((HypercallNumber)number).ToString();
        var outcome = $"{operation} {(value < 0 ? "refused" : "done")}{(entries > 1 ? " after a stop" : "")}";
        Outcomes[outcome] = Outcomes.GetValueOrDefault(outcome) + 1;
    }

    /// <summary>Makes a call and, when it is to be continued, continues it, or lets it be. True when it succeeded.</summary>
    private bool Go(TestGuest guest, Vcpu vcpu, HypercallRegisters registers)
    {
        for (var entries = 1; ; entries++)
        {
            var result = guest.Enter(vcpu, ref registers);
            if (result.Outcome != HypercallOutcome.Continue)
            {
                Note(registers.Number, result.Value, entries);
                Last += $" -> {result.Value} in {entries}";
                return result.Value == 0;
            }
            if (_dice.OneIn(200))
            {
                Outcomes["given up"] = Outcomes.GetValueOrDefault("given up") + 1;
                Last += $" -> given up after {entries}";
                return false;
            }
            if (entries > MostContinuations)
                throw new InvalidOperationException("a call makes no progress");
        }
    }
}
