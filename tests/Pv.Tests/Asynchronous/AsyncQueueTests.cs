using NUnit.Framework;
using Pv.Abi;
using Pv.Hypervisor.Domains;
using Pv.Hypervisor.Hypercalls;
using Pv.Hypervisor.Traps;
using Pv.Machine.Gate;
using Pv.Tests.Core;

namespace Pv.Tests.Asynchronous;

/// <summary>Queues of asynchronous hypercalls, as <c>docs/async-hypercalls.md</c> specifies them.</summary>
[TestFixture]
internal sealed class AsyncQueueTests
{
    private static readonly HypercallRegisters Version = new((ulong)HypercallNumber.XenVersion, (ulong)XenVersionOperation.Version);
    private const long VersionNumber = 4L << 16 | 17;

    [Test]
    public void Without_the_configurations_leave_there_is_no_sign_of_it()
    {
        using var machine = new TestMachine();
        var guest = new TestGuest(machine, 3);
        for (var leaf = AsyncHypercalls.FirstLeaf; leaf <= AsyncHypercalls.LastLeaf; leaf++)
            Assert.That(GuestCpuid.Get(leaf, 0, guest.Caller), Is.EqualTo(default(Pv.Cpu.CpuidLeaf)));
        foreach (var operation in Enum.GetValues<AsyncOperation>())
            Assert.That(guest.Call(AsyncHypercalls.Number, (ulong)operation, 0), Is.EqualTo(-(long)Errno.ENOSYS));
        Assert.That(machine.Core.Dom0.Call(new HypercallRegisters((ulong)AsyncHypercalls.Number)), Is.EqualTo(-(long)Errno.ENOSYS));
        machine.Destroy(guest.Domain);
    }

    [Test]
    public void With_it_a_guest_finds_the_number_and_the_version()
    {
        using var machine = new TestMachine();
        var guest = new TestGuest(machine, 3, asynchronous: true);
        var first = GuestCpuid.Get(AsyncHypercalls.FirstLeaf, 0, guest.Caller);
        Assert.That(first.Eax, Is.EqualTo(0x4000_0201));
        Span<byte> text = stackalloc byte[12];
        BitConverter.TryWriteBytes(text, first.Ebx);
        BitConverter.TryWriteBytes(text[4..], first.Ecx);
        BitConverter.TryWriteBytes(text[8..], first.Edx);
        Assert.That(System.Text.Encoding.ASCII.GetString(text), Is.EqualTo("PvAsyncCalls"));
        var second = GuestCpuid.Get(AsyncHypercalls.LastLeaf, 0, guest.Caller);
        Assert.That((second.Eax, second.Ebx, second.Ecx, second.Edx), Is.EqualTo((1u, 55u, 1024u, 0u)));
        Assert.That(GuestCpuid.Get(XenCpuid.FirstLeaf, 0, guest.Caller).Eax, Is.EqualTo(XenCpuid.FirstLeaf + XenCpuid.MaxLeaves), "Xen's leaves end where they end");
        Assert.That(guest.Call(second.Ebx == 55 ? AsyncHypercalls.Number : default, (ulong)AsyncOperation.Query), Is.EqualTo(1));
        machine.Destroy(guest.Domain);
    }

    [Test]
    public void A_set_up_that_is_wrong_is_refused_and_holds_nothing()
    {
        using var machine = new TestMachine();
        var guest = new TestGuest(machine, 6, asynchronous: true);
        // A frame that is a page table, one of Dom0's, one that no machine has, one that the hypervisor shares with the guest.
        Mfn[] good = guest.Frames[..3];
        Mfn[] bad = [guest.Safe[3], new(1), new(ulong.MaxValue >> 12), guest.Domain.SharedInfo];
        foreach (var frame in bad)
        {
            for (var at = 0; at < good.Length; at++)
            {
                Mfn[] frames = [.. good];
                frames[at] = frame;
                Assert.That(TestQueue.SetUp(machine, guest, TestQueue.Setup(guest, 8, frames)), Is.EqualTo(-(long)Errno.EINVAL), $"{frame} at {at}");
            }
        }
        var right = TestQueue.Setup(guest, 8, good);
        foreach (var wrong in new[] { right with { Entries = 0 }, right with { Entries = 3 }, right with { Entries = 2048, FrameCount = 41 }, right with { FrameCount = 2 }, right with { FrameCount = 4 }, right with { Flags = 1 }, right with { Reserved = 1 } })
            Assert.That(TestQueue.SetUp(machine, guest, wrong), Is.EqualTo(-(long)Errno.EINVAL));
        Assert.That(TestQueue.SetUp(machine, guest, right with { FrameList = 0x1000_0000 }), Is.EqualTo(-(long)Errno.EFAULT));
        Assert.That(guest.Call(AsyncHypercalls.Number, (ulong)AsyncOperation.SetUp, 0x1000_0000), Is.EqualTo(-(long)Errno.EFAULT));
        Assert.That(guest.Call(AsyncHypercalls.Number, (ulong)AsyncOperation.Kick), Is.EqualTo(-(long)Errno.ENOENT));
        Assert.That(guest.Call(AsyncHypercalls.Number, (ulong)AsyncOperation.TearDown), Is.EqualTo(-(long)Errno.ENOENT));
        Assert.That(guest.Call(AsyncHypercalls.Number, 4), Is.EqualTo(-(long)Errno.ENOSYS));
        Assert.That(good.Select(machine.Core.Frames.References), Is.All.EqualTo(2), "the allocation and the map of vCPU 0");
        Assert.That(TestQueue.SetUp(machine, guest, right), Is.Zero);
        Assert.That(TestQueue.SetUp(machine, guest, right), Is.EqualTo(-(long)Errno.EBUSY));
        Assert.That(guest.Extended(MmuExtOperation.PinL1Table, good[1].Value), Is.Not.Zero, "while it is held it is no page table");
        machine.Destroy(guest.Domain);
        Assert.That(machine.Core.FreeFrames, Is.EqualTo(machine.FreeAtStart));
    }

    [Test]
    public void Calls_answer_what_they_answer_directly()
    {
        using var machine = new TestMachine();
        var (direct, queued) = (new TestGuest(machine, 8, asynchronous: true), new TestGuest(machine, 8, asynchronous: true));
        var queue = new TestQueue(machine, queued);
        TestQueue.Run(machine, queued);
        var said = Answers(machine, direct, direct.Call);
        Assert.That(Answers(machine, queued, queue.Call), Is.EqualTo(said));
        Assert.That(said, Has.Some.Zero.And.Some.Negative.And.Some.Positive);
        machine.Destroy(direct.Domain);
        machine.Destroy(queued.Domain);
        Assert.That(machine.Core.FreeFrames, Is.EqualTo(machine.FreeAtStart));
    }

    [Test]
    public void Calls_that_concern_the_vcpu_itself_are_not_made()
    {
        using var machine = new TestMachine();
        var guest = new TestGuest(machine, 8, asynchronous: true);
        var queue = new TestQueue(machine, guest);
        TestQueue.Run(machine, guest);
        for (var number = 0u; number < 66; number++)
        {
            // An address that is not the arguments'.
            var result = queue.Call((HypercallNumber)number, 0x1000_0000);
            var expected = (HypercallNumber)number switch
            {
                HypercallNumber.MmuUpdate or HypercallNumber.MmuExtOp or HypercallNumber.UpdateVaMapping or HypercallNumber.MemoryOp or HypercallNumber.XenVersion
                    or HypercallNumber.ConsoleIo or HypercallNumber.GrantTableOp or HypercallNumber.EventChannelOp => result,
                _ => -(long)(machine.Core.Hypercalls.Has(number) ? Errno.EOPNOTSUPP : Errno.ENOSYS),
            };
            Assert.That(result, Is.EqualTo(expected), $"{(HypercallNumber)number}");
        }
        foreach (var operation in new[] { MmuExtOperation.NewBasePointer, MmuExtOperation.NewUserBasePointer, MmuExtOperation.SetLdt })
        {
            guest.Put(0, new MmuExt { Operation = operation, Argument1 = guest.Safe[4].Value });
            Assert.That(queue.Call(HypercallNumber.MmuExtOp, 0, 1, 0, DomId.Self.Value), Is.EqualTo(-(long)Errno.EOPNOTSUPP), $"{operation}");
        }
        Assert.That(guest.Caller.Traps.KernelTable, Is.EqualTo(guest.Safe[0]));
        machine.Destroy(guest.Domain);
    }

    [Test]
    public void Calls_are_made_and_answered_in_order_wherever_they_make_way()
    {
        using var machine = new TestMachine();
        var guest = new TestGuest(machine, 8, asynchronous: true);
        var queue = new TestQueue(machine, guest, 64, 4);
        var dice = new Dice(7);
        machine.Core.PreemptionChooser = _ => dice.OneIn(2);
        TestQueue.Run(machine, guest);
        for (var round = 0; round < 20; round++)
        {
            for (var i = 0; i < 64; i++)
            {
                // The last of many writes of one word counts, and each list goes from the first element to the last.
                for (var j = 0; j < 4; j++)
                    guest.Put((ulong)((i % 16 * 4 + j) * MmuUpdate.WireSize), new MmuUpdate { Pointer = guest.Frames[j].Address | 1, Value = (ulong)(round * 1000 + i) });
                queue.Add(new HypercallRegisters((ulong)HypercallNumber.MmuUpdate, (ulong)(i % 16 * 4 * MmuUpdate.WireSize), 4, TestGuest.StatusAddress, DomId.Self.Value), i);
                if (i % 16 == 15)
                {
                    queue.Publish();
                    Assert.That(queue.Await(16));
                    Assert.That(queue.Take().Select(done => (done.Cookie, done.Result)), Is.EqualTo(Enumerable.Range(i - 15, 16).Select(n => ((long)n, 0L))));
                    for (var j = 0; j < 4; j++)
                        Assert.That(machine.Core.MachineToPhysical[guest.Frames[j]], Is.EqualTo(new Pfn((ulong)(round * 1000 + i))));
                    Assert.That(guest.Get<uint>(TestGuest.StatusAddress), Is.EqualTo(4));
                }
            }
        }
        machine.Destroy(guest.Domain);
    }

    [Test]
    public void No_more_is_taken_than_there_is_room_to_answer()
    {
        using var machine = new TestMachine();
        var guest = new TestGuest(machine, 3, asynchronous: true);
        var queue = new TestQueue(machine, guest, 8);
        TestQueue.Run(machine, guest);
        for (var i = 0; i < 8; i++)
            queue.Add(Version, i);
        Assert.That(queue.Publish(), Is.Zero);
        Assert.That(queue.Await(8));
        // The ring of submissions is free again, that of completions is not.
        for (var i = 8; i < 16; i++)
            queue.Add(Version, i);
        Assert.That(queue.Publish(), Is.Zero);
        Assert.That(queue.AwaitSleep());
        Assert.That((queue.Produced, Volatile.Read(ref queue.Header(AsyncRing.SubmissionConsumer)), queue.Flags), Is.EqualTo((8u, 8u, AsyncRingFlags.NeedWakeup)));
        var counts = queue.Owner.Counters.Queue!.Read();
        Assert.That((counts.Submissions, counts.Completions, counts.Waits), Is.EqualTo((8ul, 8ul, 1ul)));
        guest.Domain.Trace.Switch(true);
        Assert.That(queue.Take().Select(done => done.Cookie), Is.EqualTo(Enumerable.Range(0, 8)));
        Assert.That(queue.Kick(), Is.Zero);
        Assert.That(queue.Await(8));
        Assert.That(queue.Take().Select(done => (done.Cookie, done.Result)), Is.EqualTo(Enumerable.Range(8, 8).Select(n => ((long)n, VersionNumber))));
        var after = queue.Owner.Counters.Queue!.Read();
        Assert.That((after.Submissions, after.Completions, after.Waits), Is.EqualTo((16ul, 16ul, 1ul)));
        Assert.That(after.WakeUps, Is.EqualTo(counts.WakeUps + 1));
        var traced = guest.Domain.Trace.Read().Where(call => call.Queued is not null).Select(call => call.Queued!.Value).ToArray();
        Assert.That(traced[0], Is.EqualTo(new QueuedCall(8, 8, WokeUp: true, Waited: true)));
        Assert.That(traced[1..], Is.EqualTo(Enumerable.Range(9, 7).Select(n => new QueuedCall((uint)n, n, false, false))));
        Assert.That(guest.Domain.Trace.Count().Hypercalls.Keys, Is.EqualTo((HypercallNumber[])[AsyncHypercalls.Number]), "the kick is the one entry");
        machine.Destroy(guest.Domain);
    }

    [Test]
    public void An_event_comes_when_the_completion_that_was_asked_for_is_there_and_not_before()
    {
        using var machine = new TestMachine();
        var guest = new TestGuest(machine, 3, asynchronous: true);
        guest.Call(HypercallNumber.EventChannelOp, (ulong)EventChannelOperation.BindIpi, guest.Put(0, new EventChannelBindIpi { Vcpu = new VcpuId(1) }));
        var port = guest.Get<EventChannelBindIpi>(0).Port;
        var queue = new TestQueue(machine, guest, 8, port: port);
        TestQueue.Run(machine, guest);
        Volatile.Write(ref queue.Header(AsyncRing.CompletionEvent), 3);
        queue.Call(HypercallNumber.XenVersion);
        queue.Call(HypercallNumber.XenVersion);
        Assert.That(guest.Domain.Events.IsPending(port), Is.False);
        queue.Call(HypercallNumber.XenVersion);
        Assert.That(SpinWait.SpinUntil(() => guest.Domain.Events.IsPending(port), TestQueue.Patience));
        machine.Core.Memory.Bytes(guest.Domain.SharedInfo.Address + 0x800, 8).Clear();
        queue.Call(HypercallNumber.XenVersion);
        queue.Call(HypercallNumber.XenVersion);
        Assert.That(guest.Domain.Events.IsPending(port), Is.False, "it was wanted once");
        machine.Destroy(guest.Domain);
    }

    [TestCase(AsyncRing.SubmissionProducer, 9u)]
    [TestCase(AsyncRing.SubmissionProducer, uint.MaxValue)]
    [TestCase(AsyncRing.CompletionConsumer, 1u)]
    [TestCase(AsyncRing.CompletionConsumer, 0x8000_0000u)]
    public void An_index_that_cannot_be_right_stops_the_queue_and_nothing_else(int offset, uint value)
    {
        using var machine = new TestMachine();
        var guest = new TestGuest(machine, 3, asynchronous: true);
        var queue = new TestQueue(machine, guest, 8);
        TestQueue.Run(machine, guest);
        Volatile.Write(ref queue.Header(offset), value);
        Assert.That(queue.Kick(), Is.Zero);
        Assert.That(SpinWait.SpinUntil(() => (queue.Flags & AsyncRingFlags.Stopped) != 0, TestQueue.Patience));
        Assert.That(Volatile.Read(ref queue.Header(AsyncRing.Error)), Is.EqualTo((uint)Errno.EBADMSG));
        Assert.That(queue.Kick(), Is.EqualTo(-(long)Errno.EBADMSG));
        Assert.That(guest.Domain.Shutdown, Is.Null);
        Assert.That(queue.TearDown(), Is.Zero);
        var next = new TestQueue(machine, guest, 8);
        Assert.That(next.Call(HypercallNumber.XenVersion), Is.EqualTo(VersionNumber));
        machine.Destroy(guest.Domain);
        Assert.That(machine.Core.FreeFrames, Is.EqualTo(machine.FreeAtStart));
    }

    [Test]
    public void What_the_guest_writes_to_the_hypervisors_half_changes_nothing()
    {
        using var machine = new TestMachine();
        var guest = new TestGuest(machine, 3, asynchronous: true);
        var queue = new TestQueue(machine, guest, 8);
        TestQueue.Run(machine, guest);
        for (var i = 0; i < 20; i++)
        {
            queue.Header(AsyncRing.SubmissionConsumer) = queue.Header(AsyncRing.Error) = 77;
            queue.Header(AsyncRing.Flags) = (uint)AsyncRingFlags.Stopped;
            Assert.That(queue.Kick(), Is.Zero);
            Assert.That(queue.AwaitSleep());
            Assert.That(queue.Call(HypercallNumber.XenVersion), Is.EqualTo(VersionNumber));
        }
        machine.Destroy(guest.Domain);
    }

    [Test]
    public void Frames_that_are_ballooned_away_stay_until_the_queue_goes()
    {
        using var machine = new TestMachine();
        // vCPU 0 maps none of them, so that they can be given back.
        var guest = new TestGuest(machine, 3, _ => false, asynchronous: true);
        var queue = new TestQueue(machine, guest, 8);
        var free = machine.Core.FreeFrames;
        for (var i = 0; i < 3; i++)
            guest.Put(TestGuest.FrameListAddress + (ulong)i * 8, guest.Frames[i].Value);
        Assert.That(guest.Call(HypercallNumber.MemoryOp, (ulong)MemoryOperation.DecreaseReservation,
            guest.Put(0, new MemoryReservation { ExtentStart = TestGuest.FrameListAddress, ExtentCount = 3, Domain = DomId.Self })), Is.EqualTo(3));
        TestQueue.Run(machine, guest);
        Assert.That(machine.Core.FreeFrames, Is.EqualTo(free));
        Assert.That(queue.Call(HypercallNumber.XenVersion), Is.EqualTo(VersionNumber));
        Assert.That(queue.TearDown(), Is.Zero);
        Assert.That(machine.Core.FreeFrames, Is.EqualTo(free + 3));
        machine.Destroy(guest.Domain);
        Assert.That(machine.Core.FreeFrames, Is.EqualTo(machine.FreeAtStart));
    }

    [Test]
    public void A_domain_ends_with_calls_under_way_and_leaves_nothing()
    {
        using var machine = new TestMachine(pcpus: 2, manualTime: false);
        var dice = new Dice(3);
        for (var life = 0; life < 300; life++)
        {
            var guest = new TestGuest(machine, 8, asynchronous: true);
            var queue = new TestQueue(machine, guest, 64, 4);
            TestQueue.Run(machine, guest);
            for (var i = 0; i < 64; i++)
            {
                guest.Put((ulong)(i * MmuUpdate.WireSize), new MmuUpdate { Pointer = guest.Frames[i % 4].Address | 1, Value = (ulong)i });
                queue.Add(i % 2 == 0 ? Version : new HypercallRegisters((ulong)HypercallNumber.MmuUpdate, 0, (ulong)i + 1, 0, DomId.Self.Value));
            }
            queue.Publish();
            Thread.SpinWait(dice.Below(3000));
            if (dice.OneIn(4))
            {
                Assert.That(queue.TearDown(), Is.Zero);
                Assert.That(queue.Service, Is.Null);
            }
            machine.Destroy(guest.Domain);
            Assert.That(machine.Core.FreeFrames, Is.EqualTo(machine.FreeAtStart), $"life {life}");
            Assert.That(machine.Core.Domains.Find(guest.Domain.Id), Is.Null);
        }
    }

    [Test]
    public void A_paused_domains_queue_rests_and_goes_on()
    {
        using var machine = new TestMachine();
        var guest = new TestGuest(machine, 3, asynchronous: true);
        var queue = new TestQueue(machine, guest, 8);
        TestQueue.Run(machine, guest);
        Assert.That(queue.Call(HypercallNumber.XenVersion), Is.EqualTo(VersionNumber));
        machine.ControlOrThrow(DomctlOperation.PauseDomain, guest.Domain.Id);
        queue.Add(Version);
        Assert.That(queue.Publish(), Is.Zero);
        Assert.That(SpinWait.SpinUntil(() => queue.Produced != 1, TimeSpan.FromMilliseconds(50)), Is.False);
        machine.ControlOrThrow(DomctlOperation.UnpauseDomain, guest.Domain.Id);
        Assert.That(queue.Await(1));
        machine.Destroy(guest.Domain);
    }

    [Test]
    public void Two_domains_whose_queues_are_never_empty_share_a_pcpu_and_it_is_their_time()
    {
        const ulong second = 1_000_000_000, callTime = 20_000;
        using var machine = new TestMachine();
        using var begun = new ManualResetEventSlim();
        using var over = new ManualResetEventSlim();
        (TestGuest Guest, TestQueue Queue)[] pairs = [.. Enumerable.Range(0, 2).Select(_ =>
        {
            var guest = new TestGuest(machine, 3, asynchronous: true);
            return (guest, new TestQueue(machine, guest, 8));
        })];
        // Time moves by the calls alone, and whoever was served submits at once again. It begins when both have submitted.
        var made = new int[2];
        machine.Core.Hypercalls.Replace(HypercallNumber.XenVersion, (ref HypercallContext call) =>
        {
            begun.Wait();
            var which = call.Caller == pairs[0].Guest.Domain ? 0 : 1;
            made[which]++;
            if (machine.Clock.Now >= second)
            {
                over.Set();
                return 0L;
            }
            pairs[which].Queue.Take();
            pairs[which].Queue.Add(Version);
            Volatile.Write(ref pairs[which].Queue.Header(AsyncRing.SubmissionProducer), (uint)made[which] + 4);
            machine.Advance(callTime);
            return 0L;
        });
        foreach (var (guest, queue) in pairs)
        {
            for (var i = 0; i < 4; i++)
                queue.Add(Version);
            TestQueue.Run(machine, guest);
        }
        foreach (var (_, queue) in pairs)
            queue.Publish();
        begun.Set();
        Assert.That(over.Wait(TestQueue.Patience));
        Assert.That((double)made[0] / made[1], Is.EqualTo(1).Within(0.02), $"{made[0]} and {made[1]} calls");
        for (var i = 0; i < 2; i++)
            Assert.That(DomainInformation.Of(pairs[i].Guest.Domain).CpuTime, Is.EqualTo((ulong)made[i] * callTime).Within(second / 50));
        foreach (var (guest, _) in pairs)
            machine.Destroy(guest.Domain);
    }

    [Test]
    public void An_exception_in_a_call_costs_its_domain_and_names_the_queue()
    {
        using var machine = new TestMachine();
        var guest = new TestGuest(machine, 3, asynchronous: true);
        var queue = new TestQueue(machine, guest, 8);
        TestQueue.Run(machine, guest);
        machine.Core.Hypercalls.Replace(HypercallNumber.XenVersion, (ref HypercallContext _) => throw new InvalidOperationException("on purpose"));
        queue.Add(Version);
        queue.Publish();
        Assert.That(SpinWait.SpinUntil(() => guest.Domain.Shutdown is not null, TestQueue.Patience));
        Assert.That(guest.Domain.Shutdown, Is.EqualTo(ShutdownReason.Crash));
        Assert.That(machine.Core.Log.Read(clear: false), Does.Contain("d1v1's queue: ").And.Contain("on purpose"));
        machine.Destroy(guest.Domain);
        Assert.That(machine.Core.FreeFrames, Is.EqualTo(machine.FreeAtStart));
    }

    private delegate long Caller(HypercallNumber number, ulong first = 0, ulong second = 0, ulong third = 0, ulong fourth = 0);

    /// <summary>The answers to a call of every kind that a queue takes, in success and in failure, and what the calls left.</summary>
    private static List<long> Answers(TestMachine machine, TestGuest guest, Caller call)
    {
        var self = (ulong)DomId.Self.Value;
        var (table, page, other) = (guest.Frames[5], guest.Frames[6], guest.Frames[7]);
        List<long> said = [];
        said.Add(call(HypercallNumber.XenVersion, (ulong)XenVersionOperation.Version));
        said.Add(call(HypercallNumber.XenVersion, (ulong)XenVersionOperation.GetFeatures, guest.Put(0, default(XenFeatureInfo))));
        said.Add(guest.Get<XenFeatureInfo>(0).Submap);
        said.Add(call(HypercallNumber.XenVersion, (ulong)XenVersionOperation.GetFeatures, 0x7fff_f000));
        said.Add(call(HypercallNumber.ConsoleIo, (ulong)ConsoleIoOperation.Write, 1, 0));
        said.Add(call(HypercallNumber.MemoryOp, (ulong)MemoryOperation.CurrentReservation, guest.Put(0, new MemoryDomain { Domain = DomId.Self })));
        said.Add(call(HypercallNumber.MemoryOp, 999));
        said.Add(call(HypercallNumber.EventChannelOp, (ulong)EventChannelOperation.BindIpi, guest.Put(0, new EventChannelBindIpi { Vcpu = new VcpuId(0) })));
        var port = guest.Get<EventChannelBindIpi>(0).Port;
        said.Add(port.Value);
        said.Add(call(HypercallNumber.EventChannelOp, (ulong)EventChannelOperation.Send, guest.Put(0, new EventChannelSend { Port = port })));
        said.Add(guest.Domain.Events.IsPending(port) ? 1 : 0);
        said.Add(call(HypercallNumber.EventChannelOp, (ulong)EventChannelOperation.Close, guest.Put(0, new EventChannelClose { Port = port })));
        said.Add(call(HypercallNumber.EventChannelOp, (ulong)EventChannelOperation.Send, guest.Put(0, new EventChannelSend { Port = new EventPort(5000) })));
        said.Add(call(HypercallNumber.GrantTableOp, (ulong)GrantTableOperation.QuerySize, guest.Put(0, new GrantTableQuerySize { Domain = DomId.Self }), 1));
        said.Add(guest.Get<GrantTableQuerySize>(0).MaxFrameCount);
        said.Add(call(HypercallNumber.GrantTableOp, (ulong)GrantTableOperation.MapGrantRef,
            guest.Put(0, new GrantTableMapGrantRef { Domain = guest.Domain.Id, Ref = new GrantRef(9), Flags = GrantMapFlags.HostMap, HostAddress = TestGuest.AddressOf(1) }), 1));
        said.Add((long)guest.Get<GrantTableMapGrantRef>(0).Status);
        // vCPU 1's own tables map nothing at 2 and 3.
        said.Add(call(HypercallNumber.UpdateVaMapping, TestGuest.AddressOf(2), page.Address | TestGuest.PresentUser, (ulong)UpdateVaMappingFlags.Invlpg));
        said.Add((long)(machine.Core.Memory.Words(guest.Safe[3])[2] - page.Address));
        said.Add(call(HypercallNumber.UpdateVaMapping, TestGuest.AddressOf(3), 1ul << 40 | TestGuest.PresentUser, 0));
        said.Add(call(HypercallNumber.UpdateVaMapping, TestGuest.AddressOf(2), 0, (ulong)(UpdateVaMappingFlags.TlbFlush | UpdateVaMappingFlags.All)));
        said.Add(Extended(MmuExtOperation.ClearPage, page.Value));
        said.Add(Extended(MmuExtOperation.CopyPage, page.Value, other.Value));
        said.Add(Extended(MmuExtOperation.TlbFlushAll, 0));
        said.Add(Extended(MmuExtOperation.TlbFlushLocal, 0));
        said.Add(Extended(MmuExtOperation.InvlpgLocal, 0x1000));
        said.Add(Extended(MmuExtOperation.PinL1Table, table.Value));
        said.Add(call(HypercallNumber.MmuUpdate, guest.Put(0, new MmuUpdate { Pointer = machine.Core.MachineToPhysical[table].Value, Value = 1 }), 1, 0, self));
        said.Add(call(HypercallNumber.MmuUpdate, guest.Put(0, new MmuUpdate { Pointer = page.Address | 1, Value = 42 }), 1, TestGuest.StatusAddress, self));
        said.Add((long)machine.Core.MachineToPhysical[page].Value);
        said.Add(call(HypercallNumber.MmuUpdate, 0x7fff_f000, 1, TestGuest.StatusAddress, self));
        said.Add(guest.Get<uint>(TestGuest.StatusAddress));
        return said;

        long Extended(MmuExtOperation operation, ulong first, ulong second = 0)
            => call(HypercallNumber.MmuExtOp, guest.Put(0, new MmuExt { Operation = operation, Argument1 = first, Argument2 = second }), 1, 0, self);
    }
}
