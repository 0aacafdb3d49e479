using NUnit.Framework;
using Pv.Abi;
using Pv.Hypervisor.Stepping;
using Pv.Machine.Gate;
using Pv.Tests.Core;
using Pv.Tests.Determinism;

namespace Pv.Tests.Asynchronous;

/// <summary>What serves a queue beside the guest's own vCPUs, searched for races by seeds.</summary>
[TestFixture]
internal sealed class AsyncRaceTests
{
    private const ulong Seeds = 100;

    private static readonly object[] Scenes =
    [
        new TestCaseData((Func<Stepper, TraceLog, string?>)CopyOutAgainstExchange).SetArgDisplayNames("copy out, exchange"),
        new TestCaseData((Func<Stepper, TraceLog, string?>)UpdatesAgainstUpdates).SetArgDisplayNames("updates of one table"),
        new TestCaseData((Func<Stepper, TraceLog, string?>)SleepAgainstSubmission).SetArgDisplayNames("sleep, submission"),
        new TestCaseData((Func<Stepper, TraceLog, string?>)CallsAgainstDestruction).SetArgDisplayNames("calls, destruction"),
    ];

    [TestCaseSource(nameof(Scenes))]
    public void No_interleaving_goes_wrong(Func<Stepper, TraceLog, string?> scene)
    {
        var report = new SeedSearch(scene).Run(1, Seeds);
        Assert.Multiple(() =>
        {
            Assert.That(report.Failures, Is.Empty);
            Assert.That(report.Interleavings, Is.GreaterThan((int)Seeds * 9 / 10), "seeds that are no other interleaving search nothing");
        });
    }

    /// <summary>A queue's call answers into a page that the vCPU gives away meanwhile, to whoever gets it next.</summary>
    private static string? CopyOutAgainstExchange(Stepper stepper, TraceLog trace)
    {
        using var scene = new SteppedScene(stepper, trace);
        var guest = scene.AddGuest(8);
        // vCPU 0 has page 1 of the frames at the address of that number; its queue walks the same tables.
        var queue = TestQueue.OfVictim(scene.Machine, guest, 4, firstFrame: 4);
        TestQueue.Run(scene.Machine, guest);
        scene.Play("asks", () =>
        {
            for (var round = 0; round < 4; round++)
                queue.Call(HypercallNumber.XenVersion, (ulong)XenVersionOperation.GetFeatures, TestGuest.AddressOf(1));
            queue.TearDown();
        });
        scene.Play("gives", () =>
        {
            guest.Update(guest.Safe[7].Address + sizeof(ulong), 0);
            RaceScenes.Exchange(guest, guest.Frames[1]);
        });
        return scene.Finish();
    }

    /// <summary>A vCPU and its queue write the same entries.</summary>
    private static string? UpdatesAgainstUpdates(Stepper stepper, TraceLog trace)
    {
        using var scene = new SteppedScene(stepper, trace);
        var guest = scene.AddGuest(8);
        var queue = TestQueue.OfVictim(scene.Machine, guest, 4, firstFrame: 5);
        TestQueue.Run(scene.Machine, guest);
        scene.Play("queue", () =>
        {
            var dice = new Dice(stepper.Seed << 1);
            for (var step = 0; step < 10; step++)
            {
                scene.Machine.Core.Memory.At<MmuUpdate>(guest.Frames[0].Address) = Draw(ref dice, guest);
                queue.Call(HypercallNumber.MmuUpdate, 0, 1, 0, DomId.Self.Value);
                queue.Call(HypercallNumber.UpdateVaMapping, TestGuest.AddressOf(2 + dice.Below(3)), dice.OneIn(2) ? 0 : Entry(ref dice, guest), (ulong)UpdateVaMappingFlags.Invlpg);
            }
            queue.TearDown();
        });
        scene.Play("vcpu", () =>
        {
            var dice = new Dice(stepper.Seed << 1 | 1);
            for (var step = 0; step < 10; step++)
                guest.Call(HypercallNumber.MmuUpdate, guest.Put(0, Draw(ref dice, guest)), 1, 0, DomId.Self.Value);
        });
        return scene.Finish();

        static MmuUpdate Draw(ref Dice dice, TestGuest guest)
            => new() { Pointer = guest.Safe[7].Address + (ulong)(2 + dice.Below(3)) * sizeof(ulong), Value = dice.OneIn(3) ? 0 : Entry(ref dice, guest) };

        static ulong Entry(ref Dice dice, TestGuest guest)
            => guest.Frames[2 + dice.Below(3)].Address | TestGuest.PresentUser | (dice.OneIn(2) ? TestGuest.Writable : 0);
    }

    /// <summary>What goes to sleep finds what was submitted, or is kicked: every call ends.</summary>
    private static string? SleepAgainstSubmission(Stepper stepper, TraceLog trace)
    {
        using var scene = new SteppedScene(stepper, trace);
        var guest = scene.AddGuest(8);
        var queue = TestQueue.OfVictim(scene.Machine, guest, 4, firstFrame: 4);
        TestQueue.Run(scene.Machine, guest);
        var made = 0;
        scene.Play("submits", () =>
        {
            var dice = new Dice(stepper.Seed);
            for (var round = 0; round < 20; round++)
            {
                var count = (uint)dice.Below(5);
                for (var i = 0u; i < count; i++)
                    queue.Add(new HypercallRegisters((ulong)HypercallNumber.XenVersion));
                queue.Publish();
                queue.Await(count);
                made += queue.Take().Length - (int)count;
            }
            queue.TearDown();
        });
        return scene.Finish() ?? (made == 0 ? null : $"{made} calls too many were made");
    }

    /// <summary>Dom0 destroys the guest in the midst of its queue's calls.</summary>
    private static string? CallsAgainstDestruction(Stepper stepper, TraceLog trace)
    {
        using var scene = new SteppedScene(stepper, trace);
        var guest = scene.AddGuest(8);
        var queue = TestQueue.OfVictim(scene.Machine, guest, 8, firstFrame: 4);
        for (var i = 0; i < 8; i++)
        {
            scene.Machine.Core.Memory.At<MmuUpdate>(guest.Frames[0].Address + (ulong)(i * MmuUpdate.WireSize)) = new MmuUpdate { Pointer = guest.Frames[i % 4].Address | 1, Value = (ulong)i };
            queue.Add(new HypercallRegisters((ulong)HypercallNumber.MmuUpdate, 0, (ulong)i + 1, 0, DomId.Self.Value));
        }
        TestQueue.Run(scene.Machine, guest);
        queue.Publish();
        scene.Play("dom0", () =>
        {
            // Before the first, between them, after the last.
            for (var i = 0ul; i < stepper.Seed % 40; i++)
                scene.Machine.Core.Dom0.Call(new HypercallRegisters((ulong)HypercallNumber.XenVersion));
            scene.Machine.Destroy(guest.Domain);
        });
        return scene.Finish();
    }
}
