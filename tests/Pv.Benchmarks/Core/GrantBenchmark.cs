using System.Diagnostics;
using Pv.Abi;
using Pv.Machine.Gate;

namespace Pv.Benchmarks.Core;

/// <summary>
/// What Dom0's back ends pay for a granted page: a copy of 4 KiB beside a plain copy of the same pages in turn with it, and a map with its
/// unmap; each as one of a list of 64. Medians of many rounds; allocations are exact.
/// </summary>
internal static class GrantBenchmark
{
    private const int Rounds = 300, ListsARound = 100, Listed = 64;
    private const ulong GuestFrames = 2 * Listed, MapsAt = 1 << 20;
    private static readonly Pfn GrantTableAt = new(1000);

    public static int Run()
    {
        using var guests = new BareGuests(1);
        using var granted = new ManualResetEventSlim();
        var guest = guests.Create(gate => () =>
        {
            if (!granted.IsSet)
            {
                Grant(gate);
                granted.Set();
            }
            return TurnOutcome.Idle;
        }, GuestFrames);
        guests.Unpause(guest);
        granted.Wait();

        var dom0 = guests.Core.Dom0;
        var (copies, maps, unmaps) = (Copies(dom0, guest), Maps(guest), new GrantTableUnmapGrantRef[Listed]);
        var (from, to) = (new byte[Listed * PageSize.Bytes], new byte[Listed * PageSize.Bytes]);
        var (plain, copied, mapped) = (new double[Rounds], new double[Rounds], new double[Rounds]);
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < Rounds; i++)
        {
            plain[i] = Time(() => PlainCopies(from, to));
            copied[i] = Time(() => Do(dom0, GrantTableOperation.Copy, copies));
            mapped[i] = Time(() => MapAndUnmap(dom0, maps, unmaps));
        }
        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        Demand(copies.All(copy => copy.Status == GrantStatus.Okay) && unmaps.All(unmap => unmap.Status == GrantStatus.Okay));
        Console.WriteLine($"plain copy of 4 KiB                    {Median(plain),8:f0} ns");
        Console.WriteLine($"grant copy of 4 KiB, one of {Listed}         {Median(copied),8:f0} ns   {Median([.. copied.Zip(plain, (grant, own) => grant - own)]):f0} ns more");
        Console.WriteLine($"grant map and unmap, one of {Listed}         {Median(mapped),8:f0} ns");
        Console.WriteLine($"allocated in {Rounds * ListsARound * 3} lists: {allocated} bytes, of which the measuring itself has {Rounds * 3 * 64}");
        return 0;
    }

    /// <summary>The guest's upper frames, to Dom0.</summary>
    private static void Grant(IGuestGate gate)
    {
        var add = new AddToPhysmap { Domain = DomId.Self, Space = PhysmapSpace.GrantTable, Gpfn = GrantTableAt };
        var argument = gate.Page(new Pfn(0));
        argument.CopyFrom(0, System.Runtime.InteropServices.MemoryMarshal.AsBytes(new ReadOnlySpan<AddToPhysmap>(in add)));
        Demand(gate.Call(new HypercallRegisters((ulong)HypercallNumber.MemoryOp, (ulong)MemoryOperation.AddToPhysmap, 0)) == 0);
        var table = gate.Page(GrantTableAt);
        for (var i = 0; i < Listed; i++)
            table.WriteUInt64Release(i * GrantEntryV1.WireSize, (ulong)GrantEntryFlags.PermitAccess | (ulong)(Listed + i) << 32);
    }

    private static GrantTableCopy[] Copies(IGuestGate dom0, DomId guest)
    {
        Demand(dom0.InitialFrames >= 4 * Listed);
        var copies = new GrantTableCopy[Listed];
        for (var i = 0; i < Listed; i++)
        {
            copies[i].Source = new GrantCopyPointer { Domain = guest, Ref = new GrantRef((uint)i) };
            copies[i].Destination = new GrantCopyPointer { Domain = DomId.Self, Gmfn = dom0.InitialFrames - 1 - (ulong)i };
            copies[i].Length = PageSize.Bytes;
            copies[i].Flags = GrantCopyFlags.SourceGrantRef;
        }
        return copies;
    }

    private static GrantTableMapGrantRef[] Maps(DomId guest)
    {
        var maps = new GrantTableMapGrantRef[Listed];
        for (var i = 0; i < Listed; i++)
        {
            maps[i] = new GrantTableMapGrantRef
            {
                HostAddress = new Pfn(MapsAt + (ulong)i).Address,
                Domain = guest,
                Ref = new GrantRef((uint)i),
                Flags = GrantMapFlags.HostMap,
            };
        }
        return maps;
    }

    private static void PlainCopies(byte[] from, byte[] to)
    {
        for (var i = 0; i < Listed; i++)
            from.AsSpan(i * PageSize.Bytes, PageSize.Bytes).CopyTo(to.AsSpan(i * PageSize.Bytes, PageSize.Bytes));
    }

    private static void MapAndUnmap(IGuestGate dom0, GrantTableMapGrantRef[] maps, GrantTableUnmapGrantRef[] unmaps)
    {
        Do(dom0, GrantTableOperation.MapGrantRef, maps);
        for (var i = 0; i < Listed; i++)
            unmaps[i] = new GrantTableUnmapGrantRef { HostAddress = maps[i].HostAddress, Handle = maps[i].Handle };
        Do(dom0, GrantTableOperation.UnmapGrantRef, unmaps);
    }

    private static void Do<T>(IGuestGate dom0, GrantTableOperation operation, T[] list) where T : unmanaged
    {
        using var pin = HostPin.Of(list);
        Demand(dom0.Call(new HypercallRegisters((ulong)HypercallNumber.GrantTableOp, (ulong)operation, pin.Address, (ulong)list.Length)) == 0);
    }

    /// <summary>Nanoseconds an element of one list.</summary>
    private static double Time(Action list)
    {
        var start = Stopwatch.GetTimestamp();
        for (var i = 0; i < ListsARound; i++)
            list();
        return Stopwatch.GetElapsedTime(start).TotalNanoseconds / ListsARound / Listed;
    }

    private static double Median(double[] values)
    {
        Array.Sort(values);
        return values[values.Length / 2];
    }

    private static void Demand(bool holds)
    {
        if (!holds)
            throw new InvalidOperationException("A hypercall of the benchmark failed.");
    }
}
