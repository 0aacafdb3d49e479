using System.Diagnostics;
using Pv.Abi;
using Pv.Machine;
using Pv.Machine.Gate;

namespace Pv.Benchmarks.Core;

/// <summary>
/// An event from one domain to the upcall of another whose vCPU is blocked, there and back: on two pCPUs, beside a futex ping-pong of two
/// threads in turn with it; and on one pCPU. Half a round trip is shown, the median of many rounds. And what it costs to send to a vCPU that
/// runs and takes each event as soon as it sees it, beside two threads that do the same to a page without a hypervisor: what the processor's
/// caches ask for it.
/// </summary>
internal static class EventBenchmark
{
    private const int Rounds = 15, TripsARound = 5_000, SendsARound = 50_000, SendsToWarmUp = 500_000;

    public static int Run()
    {
        Console.WriteLine("half a round trip, median of rounds taken in turn:");
        var (events, futexes) = (new List<double>(), new List<double>());
        using (var two = new PingPong(2))
        {
            for (var i = 0; i < Rounds; i++)
            {
                events.Add(two.Round(TripsARound));
                futexes.Add(FutexRound(TripsARound));
            }
        }
        var (eventTime, futexTime) = (Median(events), Median(futexes));
        Console.WriteLine($"event to upcall, other pCPU              {eventTime,8:f0} ns");
        Console.WriteLine($"futex ping-pong of two threads           {futexTime,8:f0} ns   ratio {eventTime / futexTime:f2}");
        Console.WriteLine($"event to upcall, same pCPU               {AlonePingPong(1, listens: false, one => one.Round(TripsARound)),8:f0} ns");
        // The last first and for long, so that the compiler has optimized what is measured next.
        var repeatTime = AlonePingPong(2, listens: true, paused => paused.RepeatedSends(SendsToWarmUp));
        var sendTime = AlonePingPong(2, listens: true, running => running.Sends(SendsARound));
        var writeTime = BareRounds();
        Console.WriteLine($"send to a vCPU that runs, other pCPU     {sendTime,8:f0} ns");
        Console.WriteLine($"the writes of it by bare threads         {writeTime,8:f0} ns   difference {sendTime - writeTime:f0} ns");
        Console.WriteLine($"send of what is pending already          {repeatTime,8:f0} ns");
        return 0;
    }

    /// <summary>The median of rounds on a machine of its own: each keeps its pCPUs busy between rounds, too.</summary>
    private static double AlonePingPong(int pcpus, bool listens, Func<PingPong, double> round)
    {
        using var machine = new PingPong(pcpus, listens);
        return Median(Enumerable.Range(0, Rounds).Select(_ => round(machine)).ToList());
    }

    private static double BareRounds()
    {
        using var bare = new BareSends();
        return Median(Enumerable.Range(0, Rounds).Select(_ => bare.Round(SendsARound)).ToList());
    }

    private static double Median(List<double> values)
    {
        values.Sort();
        return values[values.Count / 2];
    }

    private static double FutexRound(int trips)
    {
        using var ping = new HostSignal();
        using var pong = new HostSignal();
        var other = new Thread(() =>
        {
            for (var i = 0; i < trips; i++)
            {
                ping.Wait();
                pong.Set();
            }
        });
        other.Start();
        var start = Stopwatch.GetTimestamp();
        for (var i = 0; i < trips; i++)
        {
            ping.Set();
            pong.Wait();
        }
        var elapsed = Stopwatch.GetElapsedTime(start).TotalNanoseconds;
        other.Join();
        return elapsed / trips / 2;
    }

    /// <summary>Two domains that answer each other's events.</summary>
    private sealed class PingPong : IDisposable
    {
        private static readonly Pfn SharedInfoAt = new(100), ArgumentPage = new(4);

        private const int UpcallPending = 0;

        private readonly BareGuests _guests;
        private readonly ManualResetEventSlim _done = new();
        private readonly DomId _first, _second;
        private volatile int _left;
        private EventPort _offered;
        private double _sendTime;
        private int _heard;
        private volatile bool _repeats;

        /// <param name="pcpus">1 or 2.</param>
        /// <param name="listens">Instead of answering, the second runs all the time and counts; see <see cref="Sends"/>.</param>
        public PingPong(int pcpus, bool listens = false)
        {
            _guests = new BareGuests(pcpus);
            DomId second = default;
            using var offered = new ManualResetEventSlim();
            using var bound = new ManualResetEventSlim();
            _first = _guests.Create(gate => listens
                ? Sender(gate, () => Offer(gate, second, offered))
                : Player(gate, () => Offer(gate, second, offered), starts: true));
            _second = second = _guests.Create(gate => listens
                ? Listener(gate, () => Accept(gate, _first, bound))
                : Player(gate, () => Accept(gate, _first, bound), starts: false));
            _guests.Pin(_first, 0);
            _guests.Pin(_second, pcpus - 1);
            _guests.Unpause(_first);
            offered.Wait();
            _guests.Unpause(_second);
            bound.Wait();
        }

        /// <summary>Nanoseconds for half a trip.</summary>
        public double Round(int trips)
        {
            _done.Reset();
            _left = trips;
            var start = Stopwatch.GetTimestamp();
            _done.Wait();
            return Stopwatch.GetElapsedTime(start).TotalNanoseconds / trips / 2;
        }

        /// <summary>Nanoseconds for one of so many events, each sent when the one before has been taken.</summary>
        public double Sends(int count)
        {
            _done.Reset();
            _left = count;
            _done.Wait();
            return _sendTime;
        }

        /// <summary>Nanoseconds for an event to one who does not run and has been told: what a send costs by itself. The last thing to be asked.</summary>
        public double RepeatedSends(int count)
        {
            if (!_repeats)
                _guests.Pause(_second);
            _repeats = true;
            return Sends(count);
        }

        public void Dispose()
        {
            _guests.Destroy(_first);
            _guests.Destroy(_second);
            _guests.Dispose();
        }

        private Func<TurnOutcome> Player(IGuestGate gate, Func<EventPort> connect, bool starts)
        {
            EventPort? port = null;
            var serving = false;
            return () =>
            {
                if (port is null)
                {
                    Map(gate);
                    port = connect();
                    return starts ? TurnOutcome.Yielded : TurnOutcome.Idle;
                }
                var shared = gate.Page(SharedInfoAt);
                var heard = TakePending(shared, port.Value);
                // Between rounds the first one looks for the next; inside one both sleep between events.
                if (starts && !serving)
                {
                    if (_left == 0)
                        return TurnOutcome.Yielded;
                    serving = true;
                }
                else if (!heard)
                {
                    return TurnOutcome.Idle;
                }
                else if (starts && --_left == 0)
                {
                    serving = false;
                    _done.Set();
                    return TurnOutcome.Yielded;
                }
                Send(gate, port.Value);
                return TurnOutcome.Idle;
            };
        }

        private Func<TurnOutcome> Sender(IGuestGate gate, Func<EventPort> connect)
        {
            EventPort? port = null;
            return () =>
            {
                if (port is null)
                {
                    Map(gate);
                    port = connect();
                }
                if (_left is var count and not 0)
                {
                    var page = gate.Page(ArgumentPage);
                    page.WriteUInt32Release(0, port.Value.Value);
                    var send = new HypercallRegisters((ulong)HypercallNumber.EventChannelOp, (ulong)EventChannelOperation.Send, ArgumentPage.Address);
                    _sendTime = _repeats ? SendTimer.MeasureRow(count, () => gate.Call(send)) : SendTimer.Measure(count, ref _heard, () => gate.Call(send));
                    _left = 0;
                    _done.Set();
                }
                return TurnOutcome.Yielded;
            };
        }

        private Func<TurnOutcome> Listener(IGuestGate gate, Func<EventPort> connect)
        {
            EventPort? port = null;
            return () =>
            {
                if (port is null)
                {
                    Map(gate);
                    port = connect();
                }
                var shared = gate.Page(SharedInfoAt);
                while (!gate.YieldRequested)
                {
                    // Looked at before it is written, as the guests' runtime does: nothing is taken from the sender's cache for nothing.
                    if (shared.ReadByteAcquire(UpcallPending) != 0 && TakePending(shared, port.Value))
                        Volatile.Write(ref _heard, _heard + 1);
                }
                return TurnOutcome.Yielded;
            };
        }

        private EventPort Offer(IGuestGate gate, DomId to, ManualResetEventSlim offered)
        {
            var allocate = new EventChannelAllocUnbound { Domain = DomId.Self, RemoteDomain = to };
            Do(gate, EventChannelOperation.AllocUnbound, ref allocate);
            _offered = allocate.Port;
            Unmask(gate, allocate.Port);
            offered.Set();
            return allocate.Port;
        }

        private EventPort Accept(IGuestGate gate, DomId from, ManualResetEventSlim bound)
        {
            var bind = new EventChannelBindInterdomain { RemoteDomain = from, RemotePort = _offered };
            Do(gate, EventChannelOperation.BindInterdomain, ref bind);
            TakePending(gate.Page(SharedInfoAt), bind.LocalPort);
            Unmask(gate, bind.LocalPort);
            bound.Set();
            return bind.LocalPort;
        }

        private static void Map(IGuestGate gate)
        {
            var add = new AddToPhysmap { Domain = DomId.Self, Space = PhysmapSpace.SharedInfo, Gpfn = SharedInfoAt };
            Call(gate, HypercallNumber.MemoryOp, (ulong)MemoryOperation.AddToPhysmap, ref add);
        }

        private static bool TakePending(SharedPage shared, EventPort port)
        {
            const int pendingSelector = 8, pending = 0x800;
            shared.WriteByteRelease(UpcallPending, 0);
            if (shared.ExchangeUInt64(pendingSelector, 0) == 0)
                return false;
            var bit = 1ul << (int)port.Value;
            return (shared.AndUInt64(pending, ~bit) & bit) != 0;
        }

        private static void Unmask(IGuestGate gate, EventPort port)
        {
            var unmask = new EventChannelUnmask { Port = port };
            Do(gate, EventChannelOperation.Unmask, ref unmask);
        }

        private static void Send(IGuestGate gate, EventPort port)
        {
            var send = new EventChannelSend { Port = port };
            Do(gate, EventChannelOperation.Send, ref send);
        }

        private static void Do<T>(IGuestGate gate, EventChannelOperation operation, ref T argument) where T : unmanaged
            => Call(gate, HypercallNumber.EventChannelOp, (ulong)operation, ref argument);

        private static void Call<T>(IGuestGate gate, HypercallNumber number, ulong operation, ref T argument) where T : unmanaged
        {
            var page = gate.Page(ArgumentPage);
            var bytes = System.Runtime.InteropServices.MemoryMarshal.AsBytes(new Span<T>(ref argument));
            page.CopyFrom(0, bytes);
            if (gate.Call(new HypercallRegisters((ulong)number, operation, ArgumentPage.Address)) is var result and < 0)
                throw new InvalidOperationException($"{number} {operation} answered {result}.");
            page.CopyTo(0, bytes);
        }
    }
}
