using NUnit.Framework;
using Pv.Abi;

namespace Pv.Tests.Advisories;

/// <summary>
/// XSA-107, XSA-188, XSA-358, XSA-359. The queues of events stand in the guest's memory, and some of them are not there yet or no more: links in
/// circles, words that belong to nobody, control blocks that were never given, frames that were given twice.
/// </summary>
[TestFixture]
internal sealed class FifoQueueCorruption : AdvisoryFixture
{
    private const int Control = 0, Words = 1;
    private const uint Linked = 1u << FifoEvents.LinkedBit, Pending = 1u << FifoEvents.PendingBit;

    [Test]
    public void A_control_block_has_a_place_in_an_own_frame_once()
    {
        foreach (var offset in new[] { 1u, 4u, 4096u - FifoControlBlock.WireSize + 8, 4096u, 0x8000_0000u, uint.MaxValue })
            AssertRefused(Errno.EINVAL, () => InitControl(0, Attacker.Frames[Control], offset), $"{offset:x}");
        foreach (var frame in new[] { Neighbour.Frames[0], Attacker.Safe[0], new Mfn(0), new Mfn(ulong.MaxValue) })
            AssertRefused(Errno.EINVAL, () => InitControl(0, frame, 0), $"{frame}");
        AssertRefused(Errno.ENOENT, () => InitControl(3, Attacker.Frames[Control], 0));
        AssertRefused(Errno.EOPNOTSUPP, () => Expand(Attacker.Frames[Words]), "before any control block");
        Assert.That(InitControl(0, Attacker.Frames[Control], 0), Is.Zero);
        AssertRefused(Errno.EINVAL, () => InitControl(0, Attacker.Frames[2], 0), "a second one");
        AssertRefused(Errno.EINVAL, () => Expand(Neighbour.Frames[0]));
        AssertRefused(Errno.EINVAL, () => Expand(Attacker.Safe[3]));
        AssertRefused(Errno.EINVAL, () => Extended(MmuExtOperation.PinL1Table, Attacker.Frames[Control].Value), "the hypervisor writes there");
    }

    [Test]
    public void Events_for_a_vCPU_without_a_control_block_and_ports_without_a_word_are_kept_or_lost()
    {
        Assert.That(InitControl(0, Attacker.Frames[Control], 0), Is.Zero);
        var port = Ipi(1);
        Assert.That(Attacker.Domain.Events.Send(port), Is.EqualTo(Errno.None), "no word yet");
        Assert.That(Expand(Attacker.Frames[Words]), Is.Zero);
        Assert.That(Attacker.Domain.Events.Send(port), Is.EqualTo(Errno.None), "no queue of its vCPU");
        Assert.That(InitControl(1, Attacker.Frames[2], 0), Is.Zero);
        Assert.That(Attacker.Domain.Events.Send(port), Is.EqualTo(Errno.None));
        Assert.That(At<uint>(Attacker.Frames[Words], port.Value * 4) & Pending, Is.Not.Zero);
    }

    [Test]
    public void Links_in_circles_and_words_of_nobody_are_never_followed()
    {
        Assert.That(InitControl(0, Attacker.Frames[Control], 0), Is.Zero);
        Assert.That(Expand(Attacker.Frames[Words]), Is.Zero);
        var ports = Enumerable.Range(0, 20).Select(_ => Ipi(0)).ToArray();
        var random = new Random(7);
        var neighbour = Machine.Core.Memory.Frame(Neighbour.Frames[0]).ToArray();
        for (var round = 0; round < 2000; round++)
        {
            var target = (uint)random.Next(1024);
            At<uint>(Attacker.Frames[Words], target * 4) = random.Next(3) switch
            {
                0 => Linked | target,
                1 => (uint)random.NextInt64(),
                _ => Linked | FifoEvents.LinkMask,
            };
            At<uint>(Attacker.Frames[Control], (ulong)random.Next(18) * 4) = (uint)random.NextInt64();
            var port = ports[random.Next(ports.Length)];
            Assert.That(Attacker.Domain.Events.Send(port), Is.EqualTo(Errno.None));
            Attacker.Domain.Events.Unmask(port);
            Attacker.Domain.Events.SetPriority(port, (uint)random.Next(20));
            if (round % 50 == 0)
            {
                Attacker.Domain.Events.Close(port);
                ports[Array.IndexOf(ports, port)] = Ipi(0);
            }
        }
        Assert.That(Machine.Core.Memory.Frame(Neighbour.Frames[0]).SequenceEqual(neighbour));
        // A port in a queue is not given out while the guest says so, so that what is linked there is not two things.
        Assert.That(Attacker.Domain.Events.Reset(goesOn: false), Is.EqualTo(Errno.None));
    }

    private long InitControl(uint vcpu, Mfn frame, uint offset)
        => Events(EventChannelOperation.InitControl, new EventChannelInitControl { Vcpu = new VcpuId(vcpu), ControlGfn = frame.Value, Offset = offset });

    private long Expand(Mfn frame) => Events(EventChannelOperation.ExpandArray, new EventChannelExpandArray { ArrayGfn = frame.Value });

    private EventPort Ipi(uint vcpu)
    {
        // The guest says that every port is in a queue: then there is none to give out until it stops to say so.
        for (uint word = 0; word < 128; word++)
            Interlocked.And(ref At<uint>(Attacker.Frames[Words], word * 4), ~Linked);
        Assert.That(Events(EventChannelOperation.BindIpi, new EventChannelBindIpi { Vcpu = new VcpuId(vcpu) }), Is.Zero);
        return Attacker.Get<EventChannelBindIpi>(0).Port;
    }
}
