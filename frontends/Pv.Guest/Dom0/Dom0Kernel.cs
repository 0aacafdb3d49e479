using Pv.Abi;
using Pv.Machine.Gate;

namespace Pv.Guest;

/// <summary>
/// What Dom0's services stand on: the same hypercalls, event channels, grants and clock as a C# guest's, on host threads.
/// </summary>
/// <remarks>
/// Any thread. <see cref="Upcall"/> is the hypervisor's to call when an event channel of Dom0 becomes pending; channels are then
/// delivered on a thread of the pool, one after the other: handlers must not block, and waits go on on the pool. Channels that only signal
/// are delivered in the upcall itself.
/// </remarks>
public sealed class Dom0Kernel : IThreadPoolWorkItem, IAsyncDisposable
{
    private const int Idle = 0, Delivering = 1, Wanted = 2;

    private readonly SharedInfoPage _shared;
    private readonly Action<IThreadPoolWorkItem>? _deliverLater;
    private int _state;
    private bool _isStopped;

    /// <param name="gate">Dom0's gate.</param>
    /// <param name="handlerFailed">Told when a channel's handler throws; the event is lost, nothing else.</param>
    /// <param name="deliverLater">
    /// Takes what the pool would execute, soon and one after the other, where Dom0 is no more than one thread; null for the pool.
    /// </param>
    public Dom0Kernel(IGuestGate gate, Action<EventChannel, Exception> handlerFailed, Action<IThreadPoolWorkItem>? deliverLater = null)
    {
        _deliverLater = deliverLater;
        var start = GuestDevices.ReadStartInfo(gate);
        var sharedInfo = Pfn.OfAddress(start.SharedInfo);
        Memory = new GuestMemory(gate, GuestDevices.Taken(gate, start, sharedInfo));
        Hypercalls = Hypercalls.ForDom0(gate);
        if (start.SharedInfo == 0)
        {
            // A hypervisor that builds Dom0 no start page leaves it to Dom0 where its shared_info is.
            sharedInfo = Memory.TakeSlot();
            Hypercalls.AddToPhysmap(PhysmapSpace.SharedInfo, 0, sharedInfo).OrThrow("XENMEM_add_to_physmap of shared_info");
        }
        _shared = new SharedInfoPage(gate.Page(sharedInfo));
        Clock = new GuestClock(gate, _shared);
        Events = new EventChannels(Hypercalls, _shared, handlerFailed);
        Grants = new GrantTable(Hypercalls, Memory);
        _shared.UpcallMask = false;
        // What came before there was anybody to call.
        Upcall();
    }

    public Hypercalls Hypercalls { get; }

    public EventChannels Events { get; }

    public GrantTable Grants { get; }

    public GuestMemory Memory { get; }

    public GuestClock Clock { get; }

    /// <summary>An event channel of Dom0 became pending. Never blocks, and may be called from inside a hypercall.</summary>
    public void Upcall()
    {
        // Whoever delivers now sees that more is wanted.
        if (Interlocked.Exchange(ref _state, Wanted) != Idle)
            return;
        do
        {
            Volatile.Write(ref _state, Delivering);
            Interlocked.MemoryBarrier();
            while (_shared.UpcallPending)
            {
                if (Events.DeliverSignals())
                    continue;
                // The right to deliver goes to the pool with the rest.
                if (_deliverLater is { } deliverLater)
                    deliverLater(this);
                else
                    ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
                return;
            }
        }
        while (Interlocked.CompareExchange(ref _state, Idle, Delivering) != Delivering);
    }

    /// <summary>No more events are delivered, and none is being delivered when this completes: the hypervisor may end then.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _isStopped, true))
            return;
        // Whoever holds the delivering keeps all others from it; here it is never given back.
        while (Interlocked.CompareExchange(ref _state, Delivering, Idle) != Idle)
            await Task.Yield();
    }

    void IThreadPoolWorkItem.Execute()
    {
        do
        {
            Volatile.Write(ref _state, Delivering);
            Interlocked.MemoryBarrier();
            while (_shared.UpcallPending)
                Events.Deliver();
        }
        while (Interlocked.CompareExchange(ref _state, Idle, Delivering) != Delivering);
    }
}
