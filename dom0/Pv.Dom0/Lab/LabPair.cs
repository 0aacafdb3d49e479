using Pv.Abi;
using Pv.Guest;
using Pv.LabGuests;
using Pv.Toolstack.Lab.Guests;

namespace Pv.Dom0.Lab;

/// <summary>Two C# guests that send each other events, and a back end in Dom0 that answers the first one's requests.</summary>
internal sealed class LabPair : ILabPair
{
    private const int WordsAPing = 3;

    /// <summary>In one run.</summary>
    private const int MostSamples = 10_000;

    private readonly LabMachine _machine;
    private readonly ManagedLabGuest _first, _second;
    private readonly ulong _firstSamples, _secondSamples;
    private readonly LabBackend _backend;
    private readonly LabGrants _grants;

    public LabPair(LabMachine machine, ManagedLabGuest first, ManagedLabGuest second)
    {
        (_machine, _first, _second) = (machine, first, second);
        _firstSamples = first.Area.Take(MostSamples * WordsAPing * sizeof(ulong));
        _secondSamples = second.Area.Take(MostSamples * sizeof(ulong));
        first.SetOperand(LabControl.Samples, _firstSamples);
        second.SetOperand(LabControl.Samples, _secondSamples);
        Do(first, LabTask.Offer, 0, second.Domain.Value);
        Do(second, LabTask.Bind, 0, first.Domain.Value, first.Area.ReadWord(_firstSamples));
        Do(first, LabTask.OfferRing, 0);
        _backend = new LabBackend(
            machine.Kernel, first.Domain, new GrantRef((uint)first.Area.ReadWord(_firstSamples)), new EventPort((uint)first.Area.ReadWord(_firstSamples + sizeof(ulong))));
        Do(first, LabTask.Grant, LabSizes.GrantedFrames);
        _grants = new LabGrants(machine.Kernel, first.Domain, [.. Samples(LabSizes.GrantedFrames).Select(reference => new GrantRef((uint)reference))]);
    }

    public (double[] ToUpcall, double[] Send) PingPong(int count, bool receiverRuns)
    {
        count = Math.Min(count, MostSamples);
        _second.SetOperand(LabControl.FirstOperand, receiverRuns ? 1ul : 0);
        _second.Begin(LabTask.Echo, (ulong)count);
        _second.Await(LabControl.Armed, 1);
        _first.Begin(LabTask.Ping, (ulong)count);
        _first.Await();
        _second.Await();
        var (toUpcall, send) = (new double[count], new double[count]);
        for (var i = 0; i < count; i++)
        {
            var sent = Sample(_first, _firstSamples, WordsAPing * i);
            toUpcall[i] = Sample(_second, _secondSamples, i) - (double)sent;
            send[i] = Sample(_first, _firstSamples, (WordsAPing * i) + 1) - (double)sent;
        }
        return (toUpcall, send);
    }

    public double[] Sleep(IReadOnlyList<ulong> times)
    {
        for (var i = 0; i < times.Count; i++)
            _first.Area.WriteWord(_firstSamples + (ulong)(i * sizeof(ulong)), times[i]);
        Do(_first, LabTask.Sleep, times.Count);
        return Samples(times.Count);
    }

    public double[] MapInDom0(int times) => _grants.MapAndUnmap(times);

    public double[] CopyToDom0(int times) => _grants.Copy(times);

    public double[] CopyPlainly(int times) => _grants.CopyPlainly(times);

    public double[] RoundTrips(int count)
    {
        count = Math.Min(count, MostSamples);
        Do(_first, LabTask.RoundTrip, count);
        return Samples(count);
    }

    public async ValueTask DisposeAsync()
    {
        _backend.Dispose();
        await _machine.DisposeAsync();
    }

    private static void Do(LabDomain guest, LabTask task, int count, ulong firstOperand = 0, ulong secondOperand = 0)
    {
        guest.SetOperand(LabControl.FirstOperand, firstOperand);
        guest.SetOperand(LabControl.SecondOperand, secondOperand);
        guest.Begin(task, (ulong)count);
        guest.Await();
    }

    private static ulong Sample(LabDomain guest, ulong samples, int index) => guest.Area.ReadWord(samples + (ulong)(index * sizeof(ulong)));

    private double[] Samples(int count) => [.. Enumerable.Range(0, count).Select(i => (double)Sample(_first, _firstSamples, i))];
}

/// <summary>A back end as plain as one can be: it answers each request with itself.</summary>
internal sealed class LabBackend : IDisposable
{
    private readonly GrantMapping _mapping;
    private readonly BackRing<ulong, ulong> _ring;
    private readonly EventChannel _channel;

    public LabBackend(Dom0Kernel kernel, DomId domain, GrantRef ring, EventPort port)
    {
        _mapping = kernel.Grants.Map(domain, ring);
        _ring = new BackRing<ulong, ulong>(_mapping.Page);
        _channel = kernel.Events.BindInterdomain(domain, port, Serve);
    }

    public void Dispose()
    {
        _channel.Dispose();
        _mapping.Dispose();
    }

    private void Serve()
    {
        do
        {
            var answered = false;
            while (_ring.TryTake(out var request) == RingResult.Done)
            {
                _ring.Put(request);
                answered = true;
            }
            if (answered && _ring.Publish())
                _channel.Notify();
        }
        while (_ring.FinalCheck());
    }
}
