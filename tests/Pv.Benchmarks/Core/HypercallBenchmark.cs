using System.Diagnostics;
using System.Runtime.InteropServices;
using Pv.Abi;
using Pv.Cpu.Software;
using Pv.Machine;
using Pv.Machine.Gate;

namespace Pv.Benchmarks.Core;

/// <summary>
/// What a hypercall of a C# guest costs through the encoded door: one null call (<c>xen_version</c> of nothing but the version), and one more
/// entry in a multicall of them. The best of many rounds, since the machine is shared; allocations are exact.
/// </summary>
internal static class HypercallBenchmark
{
    private const int Rounds = 200, CallsARound = 100_000;
    private const int LongList = 32;
    private static readonly Pfn ListPage = new(8);

    public static int Run()
    {
        using var guests = new BareGuests(1);
        using var done = new ManualResetEventSlim();
        var report = "";
        var id = guests.Create(gate => () =>
        {
            if (!done.IsSet)
            {
                report = Measure(gate);
                done.Set();
            }
            return TurnOutcome.Idle;
        });
        guests.Unpause(id);
        done.Wait();
        Console.Write(report);
        Report("interpreted", -1);
        Report("translated", SoftwareEngine.UsualTranslateAfter);
        Report("interpreted", -1);
        return 0;
    }

    /// <summary>The same calls of machine code on the software engine, by the guest's own clock.</summary>
    private static void Report(string engine, int translateAfter)
    {
        var guest = new CallingGuest();
        using var host = new MachineCodeHost(1, translateAfter);
        var (domain, first) = host.Start(guest.Emit);
        while (!host.HasEnded(domain))
            Thread.Sleep(10);
        var (single, one, entry) = guest.Costs(host, first);
        Console.WriteLine($"""
            null hypercall, {engine,-11}            {single,8:f1} ns
            multicall of one null call             {one,8:f1} ns
            one more entry in a multicall          {entry,8:f1} ns   {1 - entry / single:p0} of a call saved
            """);
    }

    private static string Measure(IGuestGate gate)
    {
        var single = Best(() => NullCalls(gate, CallsARound), CallsARound, out var singleBytes);
        Prepare(gate.Page(ListPage));
        var one = Best(() => Multicalls(gate, 1, CallsARound), CallsARound, out _);
        var many = Best(() => Multicalls(gate, LongList, CallsARound / 10), CallsARound / 10, out var manyBytes);
        return $"""
            null hypercall, encoded door           {single,8:f1} ns   {singleBytes} bytes allocated in {CallsARound} calls
            multicall of one null call             {one,8:f1} ns
            one more entry in a multicall          {(many - one) / (LongList - 1),8:f1} ns   {manyBytes} bytes allocated in {CallsARound / 10} calls

            """;
    }

    private static void NullCalls(IGuestGate gate, int count)
    {
        var call = new HypercallRegisters((ulong)HypercallNumber.XenVersion, (ulong)XenVersionOperation.Version);
        for (var i = 0; i < count; i++)
        {
            if (gate.Call(call) <= 0)
                throw new InvalidOperationException("xen_version failed.");
        }
    }

    private static void Multicalls(IGuestGate gate, int entries, int count)
    {
        var call = new HypercallRegisters((ulong)HypercallNumber.Multicall, ListPage.Address, (ulong)entries);
        for (var i = 0; i < count; i++)
        {
            if (gate.Call(call) != 0)
                throw new InvalidOperationException("multicall failed.");
        }
    }

    private static void Prepare(SharedPage page)
    {
        var entry = new MulticallEntry { Operation = (ulong)HypercallNumber.XenVersion };
        for (var i = 0; i < LongList; i++)
            page.CopyFrom(i * MulticallEntry.WireSize, MemoryMarshal.AsBytes(new ReadOnlySpan<MulticallEntry>(in entry)));
    }

    private static double Best(Action round, int calls, out long allocated)
    {
        var best = double.MaxValue;
        allocated = long.MaxValue;
        for (var i = 0; i < Rounds; i++)
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            var start = Stopwatch.GetTimestamp();
            round();
            best = Math.Min(best, Stopwatch.GetElapsedTime(start).TotalNanoseconds / calls);
            allocated = Math.Min(allocated, GC.GetAllocatedBytesForCurrentThread() - before);
        }
        return best;
    }
}
