using NUnit.Framework;
using Pv.Abi;
using Pv.Hypervisor.Tracing;

namespace Pv.Tests.Advisories;

/// <summary>XSA-152, XSA-169. What a guest does is written to a log each time, until nobody finds anything in it, or it fills the host.</summary>
[TestFixture]
internal sealed class LogFlood : AdvisoryFixture
{
    [Test]
    public void Refused_calls_and_odd_wishes_say_nothing_or_say_it_once()
    {
        Machine.Core.Log.Read(true);
        for (var i = 0; i < 200; i++)
        {
            Attacker.Call(HypercallNumber.SetDebugRegister, 7, 1);
            Attacker.Call(HypercallNumber.SetCallbacks, 0x1000, 0x1000, 0x1000);
            Attacker.Call(HypercallNumber.Domctl, 0);
            Attacker.Call(HypercallNumber.XenPmuOp, 0, 0);
            Attacker.Call(HypercallNumber.XenoprofOp, 0, 0);
            Attacker.Call(HypercallNumber.ConsoleIo, 0, 5, 0);
            Attacker.Call(HypercallNumber.PhysdevOp, 999, 0);
            Update(0, 0);
            Extended((MmuExtOperation)99, 0);
        }
        Assert.That(Machine.Core.Log.Read(false).Split('\n', StringSplitOptions.RemoveEmptyEntries), Has.Length.LessThanOrEqualTo(1));
    }

    [Test]
    public void The_log_and_a_trace_have_a_size_whatever_a_guest_does()
    {
        var ring = new MessageRing(1000);
        for (var i = 0; i < 10_000; i++)
            ring.Write($"line {i}");
        Assert.That(ring.Read(false), Has.Length.LessThanOrEqualTo(1000));
        Attacker.Domain.Trace.Switch(true);
        // A list of calls each of which copies nothing.
        for (var i = 0; i < 100; i++)
            Attacker.Put((ulong)i * MulticallEntry.WireSize, new MulticallEntry { Operation = (ulong)HypercallNumber.SetGdt });
        Assert.That(Attacker.Call(HypercallNumber.Multicall, 0, 100), Is.Zero);
        Assert.That(Attacker.Domain.Trace.Read()[^1].Inputs.Count(input => input.Content.Length == 0), Is.Zero);
        Attacker.Domain.Trace.Switch(false);
    }
}
