using NUnit.Framework;
using Pv.Abi;
using Pv.Hypervisor.Grants;
using Pv.Hypervisor.Hypercalls;

namespace Pv.Tests.Core;

/// <summary>
/// How much a call does between two looks at whether its pCPU is wanted: 512 entries, or 64 KiB, whatever a guest asks for. Each call is made by a
/// guest that is never wanted, and by one that always is, and must answer the same.
/// </summary>
[TestFixture(false)]
[TestFixture(true)]
internal sealed class StretchTests(bool isAlwaysWanted)
{
    private const int MostEntries = 512, MostBytes = 64 * 1024;
    private const int GuestFrames = 480, Tables = 100, Data = 110, Ports = 4095;

    private readonly WorkMeter _meter = new();
    private TestMachine _machine = null!;
    private TestGuest _guest = null!;

    [SetUp]
    public void Prepare()
    {
        _machine = new TestMachine(8192);
        _machine.Core.PreemptionChooser = _ => isAlwaysWanted;
        // Frames from Tables on are no memory of vCPU 0's, so that they can be tables.
        _guest = new TestGuest(_machine, GuestFrames, frame => frame < Tables, vcpus: 3, ports: Ports, grantFrames: 64, maptrackFrames: 16);
        _guest.Domain.MaxPages = 7000;
        _machine.Core.Meter = _meter;
    }

    [TearDown]
    public void End() => _machine.Dispose();

    [Test]
    public void Lists_of_page_table_updates()
    {
        const int count = 20_000;
        for (var i = 0; i < count; i++)
            Word(i * 2, _guest.Frames[i % Tables].Address | (ulong)MmuUpdateKind.MachinePhysical, (ulong)i);
        Assert.That(Measure(HypercallNumber.MmuUpdate, 0, count, 0, DomId.Self.Value), Is.Zero);
    }

    [Test]
    public void Pins_of_deep_tables_and_their_ends()
    {
        var root = DeepTable(lastIsBad: false);
        Assert.That(Extended(MmuExtOperation.PinL4Table, root), Is.Zero);
        Assert.That(Extended(MmuExtOperation.UnpinTable, root), Is.Zero);
        Assert.That(Extended(MmuExtOperation.TlbFlushLocal, default), Is.Zero, "what was left of the table");
    }

    [Test]
    public void A_deep_table_whose_last_entry_is_refused()
    {
        var root = DeepTable(lastIsBad: true);
        for (var i = 0; i < 2; i++)
        {
            Assert.That(Extended(MmuExtOperation.PinL4Table, root), Is.EqualTo(-(long)Errno.EINVAL));
            Assert.That(Extended(MmuExtOperation.TlbFlushLocal, default), Is.Zero);
            Assert.That(_machine.Core.Frames.References(_guest.Frames[Data]), Is.EqualTo(1), "nothing of the table holds anything");
            Assert.That(_guest.Domain.UnfinishedTables, Is.Empty);
        }
    }

    [Test]
    public void A_vCPU_that_begins_with_tables_that_nobody_has_looked_at()
    {
        var context = new VcpuGuestContext { Flags = VcpuContextFlags.InKernel };
        context.ControlRegisters[3] = DeepTable(lastIsBad: false).Address;
        context.GdtEntries = 14 * 512;
        for (var i = 0; i < 14; i++)
            context.GdtFrames[i] = _guest.Frames[Data + 1 + i].Value;
        Store(0, context);
        Assert.That(Measure(HypercallNumber.VcpuOp, (ulong)VcpuOperation.Initialise, 2, 0), Is.Zero);
        Assert.That(_guest.Domain.Vcpus[2]!.IsInitialised);
        Assert.That(_machine.Core.Frames.References(_guest.Frames[Data + 1]), Is.EqualTo(2), "held once, beside its allocation");
    }

    [Test]
    public void A_GDT_of_as_many_frames_as_there_can_be()
    {
        for (var i = 0; i < 14; i++)
            Store(i * 8, _guest.Frames[Data + i].Value);
        Assert.That(Measure(HypercallNumber.SetGdt, 0, 14 * 512), Is.Zero);
        Store(13 * 8, _guest.Frames[0].Value);
        Assert.That(Measure(HypercallNumber.SetGdt, 0, 14 * 512), Is.EqualTo(-(long)Errno.EINVAL), "the last one is mapped writable");
        Assert.That(_guest.Domain.Vcpus[0]!.Traps.GdtFrames, Has.Length.EqualTo(14), "the old one stays");
        Assert.That(Measure(HypercallNumber.SetGdt, 0, 0), Is.Zero);
        for (var i = 0; i < 13; i++)
            Assert.That(_machine.Core.Frames.References(_guest.Frames[Data + i]), Is.EqualTo(1));
    }

    [Test]
    public void A_trap_table_without_an_end()
    {
        const int count = 5000;
        for (var i = 0; i < count; i++)
            Word(512 + i * 2, 0xe033_0003, 0x1000);
        Assert.That(Measure(HypercallNumber.SetTrapTable, 4096), Is.Zero);
        Assert.That(_meter.Looks, Is.GreaterThan(count / 100));
    }

    [Test]
    public void Lists_of_calls_short_and_long()
    {
        const int count = 4000;
        for (var i = 0; i < count; i++)
            Store(i * MulticallEntry.WireSize, new MulticallEntry { Operation = (ulong)HypercallNumber.XenVersion });
        Assert.That(Measure(HypercallNumber.Multicall, 0, count), Is.Zero);
        const int list = 65536;
        for (var i = 0; i < 1000; i++)
            Store(list + i * MmuUpdate.WireSize, new MmuUpdate { Pointer = _guest.Frames[50].Address, Value = (ulong)i });
        for (var i = 0; i < 100; i++)
        {
            var entry = new MulticallEntry { Operation = (ulong)HypercallNumber.MmuUpdate };
            (entry.Arguments[0], entry.Arguments[1], entry.Arguments[3]) = (list, 1000, DomId.Self.Value);
            Store(i * MulticallEntry.WireSize, entry);
        }
        Assert.That(Measure(HypercallNumber.Multicall, 0, 100), Is.Zero);
    }

    [Test]
    public void Copies_and_swaps_of_grants_and_pages()
    {
        const int count = 2000;
        var (from, to) = (_guest.Frames[90].Value, _guest.Frames[91].Value);
        for (var i = 0; i < count; i++)
        {
            Store(i * GrantTableCopy.WireSize, new GrantTableCopy
            {
                Source = new GrantCopyPointer { Gmfn = from, Domain = DomId.Self }, Destination = new GrantCopyPointer { Gmfn = to, Domain = DomId.Self }, Length = 4096,
            });
        }
        Assert.That(Measure(HypercallNumber.GrantTableOp, (ulong)GrantTableOperation.Copy, 0, count), Is.Zero);
        Assert.That(Measure(HypercallNumber.GrantTableOp, (ulong)GrantTableOperation.SwapGrantRef, 0, 20_000), Is.Zero);
        for (var i = 0; i < count; i++)
            Store(i * MmuExt.WireSize, new MmuExt { Operation = MmuExtOperation.CopyPage, Argument1 = to, Argument2 = from });
        Assert.That(Measure(HypercallNumber.MmuExtOp, 0, count, 0, DomId.Self.Value), Is.Zero);
    }

    [Test]
    public void Memory_that_comes_goes_and_is_exchanged()
    {
        var pages = _guest.Domain.TotalPages;
        for (uint order = 0; order <= 9; order += 9)
        {
            var extents = order == 0 ? 3000u : 4;
            for (ulong i = 0; i < extents; i++)
                Store(4096 + (int)i * 8, 0x10_0000 + (i << (int)order));
            foreach (var operation in (MemoryOperation[])[MemoryOperation.PopulatePhysmap, MemoryOperation.DecreaseReservation, MemoryOperation.IncreaseReservation, MemoryOperation.DecreaseReservation])
            {
                Store(0, new MemoryReservation { ExtentStart = 4096, ExtentCount = extents, ExtentOrder = order, Domain = DomId.Self });
                Assert.That(Measure(HypercallNumber.MemoryOp, (ulong)operation, 0), Is.EqualTo(extents), $"{operation} by {order}");
            }
        }
        Assert.That(_guest.Domain.TotalPages, Is.EqualTo(pages));
    }

    /// <summary>What an exchange gives and takes at once is an extent of the larger size: 512 frames go and 512 come.</summary>
    [Test]
    public void An_exchange_of_extents()
    {
        Store(0, new MemoryReservation { ExtentStart = 4096, ExtentCount = 1024, Domain = DomId.Self });
        Assert.That(Measure(HypercallNumber.MemoryOp, (ulong)MemoryOperation.IncreaseReservation, 0), Is.EqualTo(1024));
        Store(0, new MemoryExchange
        {
            In = new MemoryReservation { ExtentStart = 4096, ExtentCount = 1024, Domain = DomId.Self },
            Out = new MemoryReservation { ExtentStart = 16384, ExtentCount = 2, ExtentOrder = 9, Domain = DomId.Self },
        });
        Assert.That(Measure(HypercallNumber.MemoryOp, (ulong)MemoryOperation.Exchange, 0, most: 2 * MostEntries), Is.Zero);
    }

    /// <summary>The last of many ports is found without a look at the others, and so is the way into and out of the queues.</summary>
    [Test]
    public void Many_ports()
    {
        for (var i = 1; i < Ports; i++)
            Assert.That(_guest.Domain.Events.BindIpi(new VcpuId(0), out _), Is.EqualTo(Errno.None));
        Store(0, new EventChannelBindIpi());
        Assert.That(Events(EventChannelOperation.BindIpi, most: 1), Is.Zero);
        Assert.That(Read<EventChannelBindIpi>(0).Port.Value, Is.EqualTo(Ports));
        Assert.That(Events(EventChannelOperation.BindIpi, most: 1), Is.EqualTo(-(long)Errno.ENOSPC));
        Store(0, new EventChannelClose { Port = new EventPort(77) });
        Assert.That(Events(EventChannelOperation.Close), Is.Zero);
        Store(0, new EventChannelBindIpi());
        Assert.That(Events(EventChannelOperation.BindIpi, most: 1), Is.Zero);
        Assert.That(Read<EventChannelBindIpi>(0).Port.Value, Is.EqualTo(77));

        _guest.Domain.Events.Send(new EventPort(2000));
        Store(0, new EventChannelInitControl { ControlGfn = _guest.Frames[95].Value });
        Assert.That(Events(EventChannelOperation.InitControl, most: 64), Is.Zero);
        for (var page = 0; page < 4; page++)
        {
            Store(0, new EventChannelExpandArray { ArrayGfn = _guest.Frames[96 + page].Value });
            Assert.That(Events(EventChannelOperation.ExpandArray, most: 20), Is.Zero);
        }
        Assert.That(_machine.Core.Memory.At<uint>(_guest.Frames[97].Address + (2000 - 1024) * 4) >> FifoEvents.PendingBit & 1, Is.EqualTo(1), "it came before there were queues");

        Store(0, new EventChannelReset { Domain = DomId.Self });
        Assert.That(Events(EventChannelOperation.Reset), Is.Zero);
        Assert.That(_guest.Domain.Events.OpenPorts, Is.Zero);
        Assert.That(_machine.Core.Frames.References(_guest.Frames[97]), Is.EqualTo(2), "beside its allocation vCPU 0's entry");
    }

    [Test]
    public void A_grant_table_that_grows_and_changes_its_form()
    {
        const int frames = 64, list = 4096;
        Store(0, new GrantTableSetupTable { Domain = DomId.Self, FrameCount = frames, FrameList = list });
        Assert.That(Measure(HypercallNumber.GrantTableOp, (ulong)GrantTableOperation.SetupTable, 0, 1), Is.Zero);
        Assert.That(Read<GrantTableSetupTable>(0).Status, Is.EqualTo(GrantStatus.Okay));
        foreach (var version in (uint[])[2, 1])
        {
            Store(0, new GrantTableSetVersion { Version = version });
            // All frames at once, as Xen does.
            Assert.That(Measure(HypercallNumber.GrantTableOp, (ulong)GrantTableOperation.SetVersion, 0, 1, mostBytes: frames * 4096), Is.Zero);
        }
    }

    [Test]
    public void Flushes_of_frames_that_are_anothers()
    {
        const int maps = 3000;
        var owner = new TestGuest(_machine, 8);
        Assert.That(owner.Domain.Grants.TryGrow(1));
        Assert.That(owner.Domain.Grants.GetSharedFrame(0, out var table), Is.EqualTo(Errno.None));
        foreach (var reference in (int[])[9, 10])
            _machine.Core.Memory.Words(table)[reference] = (ulong)GrantEntryFlags.PermitAccess | (ulong)_guest.Domain.Id.Value << 16 | owner.Frames[reference - 9].Value << 32;
        var handles = new uint[maps + 1];
        for (var i = 0; i <= maps; i++)
        {
            var reference = new GrantRef(i < maps ? 9u : 10);
            Assert.That(owner.Domain.Grants.TryPin(reference, _guest.Domain.Id, true, out var mfn), Is.EqualTo(GrantStatus.Okay));
            Assert.That(_guest.Domain.Grants.TryTakeHandle(out handles[i]));
            Assert.That(_guest.Domain.Grants.TrySetMap(handles[i], new GrantMap(owner.Domain.Id, reference, true, 0, GrantMapFlags.ReadOnly, mfn)));
        }
        const int count = 5;
        for (var i = 0; i < count; i++)
            Store(i * GrantTableCacheFlush.WireSize, new GrantTableCacheFlush { Address = owner.Frames[1].Address, Length = 64, Operation = 1 });
        Assert.That(Measure(HypercallNumber.GrantTableOp, (ulong)GrantTableOperation.CacheFlush, 0, count), Is.Zero, "the last of its maps");
        Assert.That(_meter.Looks, Is.GreaterThan(count * maps / 300));
        Store(3 * GrantTableCacheFlush.WireSize, new GrantTableCacheFlush { Address = owner.Frames[2].Address, Length = 64, Operation = 1 });
        Assert.That(Measure(HypercallNumber.GrantTableOp, (ulong)GrantTableOperation.CacheFlush, 0, count), Is.EqualTo(-(long)Errno.EINVAL), "none of its maps");
        // They were no maps of any table, so they end here.
        for (var i = 0; i <= maps; i++)
        {
            Assert.That(_guest.Domain.Grants.TryRemoveMap(handles[i], _guest.Domain.Grants.FindMap(handles[i])!.Value));
            owner.Domain.Grants.Unpin(new GrantRef(i < maps ? 9u : 10), true);
        }
    }

    private Mfn DeepTable(bool lastIsBad)
        => DeepTables.Make(_guest, Data + 17, GuestFrames - Data - 20, _guest.Frames[Data], lastIsBad);

    private long Extended(MmuExtOperation operation, Mfn mfn)
    {
        Store(0, new MmuExt { Operation = operation, Argument1 = mfn.Value });
        return Measure(HypercallNumber.MmuExtOp, 0, 1, 0, DomId.Self.Value);
    }

    private long Events(EventChannelOperation operation, int most = MostEntries) => Measure(HypercallNumber.EventChannelOp, (ulong)operation, 0, most: most);

    /// <summary>A call of vCPU 0, with the stretches that it was made of.</summary>
    private long Measure(
        HypercallNumber number, ulong first = 0, ulong second = 0, ulong third = 0, ulong fourth = 0, int most = MostEntries, int mostBytes = MostBytes)
    {
        _meter.Reset();
        var result = _guest.Call(_guest.Victim, number, first, second, third, fourth);
        _meter.Look();
        TestContext.Out.WriteLine($"{number} {first:x}: at most {_meter.MostEntries} entries, {_meter.MostBytes} bytes; {_meter.Looks} looks");
        Assert.That(_meter.MostEntries, Is.LessThanOrEqualTo(most), $"entries between two looks of {number}");
        Assert.That(_meter.MostBytes, Is.LessThanOrEqualTo(mostBytes), $"bytes between two looks of {number}");
        return result;
    }

    private void Word(int index, ulong first, ulong second)
    {
        Store(index * 8, first);
        Store(index * 8 + 8, second);
    }

    private T Read<T>(int address) where T : unmanaged => _machine.Core.Memory.At<T>(_guest.Frames[address >> 12].Address + (ulong)(address & 0xfff));

    /// <summary>Puts something into the frames that vCPU 0 maps at 0.</summary>
    private void Store<T>(int address, T value) where T : unmanaged
    {
        var bytes = System.Runtime.InteropServices.MemoryMarshal.AsBytes(new ReadOnlySpan<T>(in value));
        foreach (var one in bytes)
        {
            _machine.Core.Memory.Bytes(_guest.Frames[address >> 12].Address + (ulong)(address & 0xfff), 1)[0] = one;
            address++;
        }
    }
}
