using Pv.Abi;
using Pv.Guest;

namespace Pv.LabGuests;

/// <summary>The tasks in which a guest of the lab waits for somebody: for events, the timer, a back end.</summary>
internal sealed class LabPeer(GuestContext guest, LabMemory memory, ulong control, EventChannel lab)
{
    private EventChannel? _peer, _ringChannel;
    private FrontRing<ulong, ulong>? _ring;

    private EventChannel Peer => _peer ?? throw new InvalidOperationException("the lab named no peer");

    private ulong Samples => memory.ReadWord(control + LabControl.Samples);

    public Task RunAsync(LabTask task, int count) => task switch
    {
        LabTask.Offer => OfferAsync(),
        LabTask.Bind => BindAsync(),
        LabTask.Ping => PingAsync(count),
        LabTask.Echo => EchoAsync(count),
        LabTask.Sleep => SleepAsync(count),
        LabTask.OfferRing => OfferRingAsync(),
        LabTask.Grant => GrantAsync(count),
        LabTask.RoundTrip => RoundTripAsync(count),
        _ => throw new InvalidOperationException($"the lab asks for task {task}"),
    };

    private Task OfferAsync()
    {
        _peer = guest.Events.AllocUnbound(new DomId((ushort)memory.ReadWord(control + LabControl.FirstOperand)));
        Put(0, _peer.Port.Value);
        return Task.CompletedTask;
    }

    private async Task BindAsync()
    {
        var port = new EventPort((uint)memory.ReadWord(control + LabControl.SecondOperand));
        _peer = guest.Events.BindInterdomain(new DomId((ushort)memory.ReadWord(control + LabControl.FirstOperand)), port);
        // What was sent before is not lost, so a new binding is pending once.
        await _peer.WaitAsync();
    }

    private async Task PingAsync(int count)
    {
        for (var i = 0; i < count; i++)
        {
            var sent = guest.Clock.Now;
            Peer.Notify();
            var returned = guest.Clock.Now;
            await Peer.WaitAsync();
            Put(3 * i, sent);
            Put((3 * i) + 1, returned);
            Put((3 * i) + 2, guest.Clock.Now);
        }
    }

    /// <summary>In the upcall itself; between events the vCPU sleeps, or runs on if the first operand says so.</summary>
    private async Task EchoAsync(int count)
    {
        var seen = 0;
        var all = new EventSignal();
        Peer.Handler = () =>
        {
            Put(seen, guest.Clock.Now);
            Peer.Notify();
            if (++seen == count)
                all.Set();
        };
        // From here on no event goes to a wait, where nobody would answer it.
        memory.WriteWord(control + LabControl.Armed, 1);
        lab.Notify();
        if (memory.ReadWord(control + LabControl.FirstOperand) == 0)
        {
            await all.WaitAsync();
        }
        else
        {
            while (seen < count)
                await guest.Poll();
        }
        Peer.Handler = null;
        memory.WriteWord(control + LabControl.Armed, 0);
    }

    private async Task SleepAsync(int count)
    {
        for (var i = 0; i < count; i++)
        {
            var deadline = guest.Clock.Now + memory.ReadWord(Samples + (ulong)(i * sizeof(ulong)));
            await guest.DelayUntil(deadline);
            Put(i, guest.Clock.Now - deadline);
        }
    }

    private Task OfferRingAsync()
    {
        var pfn = guest.Memory.Allocate();
        _ring = new FrontRing<ulong, ulong>(guest.Memory.Page(pfn));
        _ringChannel = guest.Events.AllocUnbound(DomId.Dom0);
        Put(0, guest.Grants.Grant(DomId.Dom0, pfn).Value);
        Put(1, _ringChannel.Port.Value);
        return Task.CompletedTask;
    }

    private Task GrantAsync(int count)
    {
        for (var i = 0; i < count; i++)
            Put(i, guest.Grants.Grant(DomId.Dom0, guest.Memory.Allocate()).Value);
        return Task.CompletedTask;
    }

    private async Task RoundTripAsync(int count)
    {
        var (ring, channel) = (_ring!, _ringChannel!);
        for (var i = 0; i < count; i++)
        {
            var began = guest.Clock.Now;
            ring.TryPut((ulong)i);
            if (ring.Publish())
                channel.Notify();
            while (ring.TryTake(out _) is var taken && taken != RingResult.Done)
            {
                if (taken == RingResult.Corrupt)
                    throw new InvalidOperationException(ring.Corruption);
                if (!ring.FinalCheck())
                    await channel.WaitAsync();
            }
            Put(i, guest.Clock.Now - began);
        }
    }

    private void Put(int sample, ulong value) => memory.WriteWord(Samples + (ulong)(sample * sizeof(ulong)), value);
}
