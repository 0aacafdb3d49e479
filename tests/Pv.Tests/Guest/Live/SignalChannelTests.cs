using NUnit.Framework;
using Pv.Abi;

namespace Pv.Tests.Guest.Live;

/// <summary>Dom0's channels whose handlers only signal are delivered where they are notified, the others on the thread pool.</summary>
[TestFixture]
public sealed class SignalChannelTests
{
    private const int Rounds = 2000;

    [Test]
    public async Task A_channel_that_only_signals_is_delivered_at_once_and_no_whichof_any_is_lost()
    {
        await using var machine = new LiveMachine();
        var (signals, others, onPool, offPool) = (0, 0, 0, 0);
        var ports = new TaskCompletionSource<(EventPort Signal, EventPort Other)>();
        var seen = new SemaphoreSlim(0);
        var guest = await machine.StartAsync(async context =>
        {
            var (signal, other) = (context.Events.AllocUnbound(DomId.Dom0), context.Events.AllocUnbound(DomId.Dom0));
            ports.SetResult((signal.Port, other.Port));
            await context.Console.ReadLineAsync();
            for (var round = 0; round < Rounds; round++)
            {
                // Dom0 answers on both when it has seen both: neither may hang on the other.
                signal.Notify();
                other.Notify();
                await signal.WaitAsync();
                await other.WaitAsync();
            }
        });
        var (signalPort, otherPort) = await ports.Task;
        using var signalled = machine.Dom0.Events.BindInterdomain(guest.Domain, signalPort, OnSignal, onlySignals: true);
        using var delivered = machine.Dom0.Events.BindInterdomain(guest.Domain, otherPort, OnOther);
        // Binding makes a channel pending, once: that is not to be counted.
        for (var which = 0; which < 2; which++)
            Assert.That(await seen.WaitAsync(LiveMachine.Patience), Is.True, "a channel that was bound is told so");
        (signals, others, onPool, offPool) = (0, 0, 0, 0);
        await guest.TypeAsync("\r");
        for (var round = 0; round < Rounds; round++)
        {
            for (var which = 0; which < 2; which++)
                Assert.That(await seen.WaitAsync(LiveMachine.Patience), Is.True, $"round {round}: {signals} signals and {others} others came");
            signalled.Notify();
            delivered.Notify();
        }
        Assert.That(await guest.EndAsync(), Is.EqualTo(ShutdownReason.PowerOff));
        Assert.That(others, Is.EqualTo(Rounds));
        Assert.That(signals, Is.EqualTo(Rounds));
        Assert.That(offPool, Is.GreaterThan(0), "some were delivered by the guest's own call");
        Assert.That(onPool, Is.EqualTo(Rounds), "the others never are");

        void OnSignal()
        {
            Interlocked.Increment(ref signals);
            if (!Thread.CurrentThread.IsThreadPoolThread)
                offPool++;
            seen.Release();
        }

        void OnOther()
        {
            Interlocked.Increment(ref others);
            if (Thread.CurrentThread.IsThreadPoolThread)
                onPool++;
            seen.Release();
        }
    }
}
