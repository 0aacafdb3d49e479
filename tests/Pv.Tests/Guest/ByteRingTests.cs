using NUnit.Framework;
using Pv.Abi;
using Pv.Guest;
using Pv.Machine;

namespace Pv.Tests.Guest;

[TestFixture]
public sealed class ByteRingTests
{
    private static readonly ByteRingLayout Layout = ByteRingLayout.ConsoleIn;

    private MachineMemory _memory = null!;
    private SharedPage _page;

    [SetUp]
    public void SetUp()
    {
        _memory = new MachineMemory(1);
        _page = new SharedPage(_memory, new Mfn(0));
    }

    [TearDown]
    public void TearDown() => _memory.Dispose();

    [Test]
    public void Bytes_come_out_as_they_went_in_across_many_wraps()
    {
        var random = new Random(7);
        // The indices are free-running: begin close to where they overflow.
        _page.WriteUInt32Release(Layout.Producer, uint.MaxValue - 500);
        _page.WriteUInt32Release(Layout.Consumer, uint.MaxValue - 500);
        var writer = new ByteRingWriter(_page, Layout);
        var reader = new ByteRingReader(_page, Layout);
        var sent = new List<byte>();
        var received = new List<byte>();
        for (var round = 0; round < 2000; round++)
        {
            var bytes = new byte[random.Next(1, 700)];
            random.NextBytes(bytes);
            writer.TryWrite(bytes, out var written);
            sent.AddRange(bytes[..written]);
            var into = new byte[random.Next(1, 700)];
            reader.TryRead(into, out var read, out _);
            received.AddRange(into[..read]);
        }
        var rest = new byte[Layout.Size];
        reader.TryRead(rest, out var last, out _);
        received.AddRange(rest[..last]);
        Assert.That(received, Is.EqualTo(sent));
        Assert.That(sent, Has.Count.GreaterThan(100 * Layout.Size));
    }

    [Test]
    public void A_full_ring_takes_nothing_and_an_empty_one_gives_nothing()
    {
        var writer = new ByteRingWriter(_page, Layout);
        var reader = new ByteRingReader(_page, Layout);
        Assert.That(reader.TryRead(new byte[1], out _, out _), Is.EqualTo(RingResult.Wait));
        Assert.That(writer.TryWrite(new byte[Layout.Size + 1], out var written), Is.EqualTo(RingResult.Done));
        Assert.That(written, Is.EqualTo(Layout.Size));
        Assert.That(writer.TryWrite(new byte[1], out _), Is.EqualTo(RingResult.Wait));
        Assert.That(reader.TryRead(new byte[1], out _, out var wasFull), Is.EqualTo(RingResult.Done));
        Assert.That(wasFull, Is.True, "the writer may be waiting for room");
        Assert.That(reader.TryRead(new byte[1], out _, out wasFull), Is.EqualTo(RingResult.Done));
        Assert.That(wasFull, Is.False);
    }

    [Test]
    public void An_impossible_index_is_corruption_and_stays_so()
    {
        var writer = new ByteRingWriter(_page, Layout);
        var reader = new ByteRingReader(_page, Layout);
        _page.WriteUInt32Release(Layout.Producer, (uint)Layout.Size + 1);
        Assert.That(reader.TryRead(new byte[1], out _, out _), Is.EqualTo(RingResult.Corrupt));
        Assert.That(reader.Corruption, Does.Contain("1025 bytes ahead"));
        _page.WriteUInt32Release(Layout.Producer, 0);
        Assert.That(reader.TryRead(new byte[1], out _, out _), Is.EqualTo(RingResult.Corrupt));

        _page.WriteUInt32Release(Layout.Consumer, 1);
        Assert.That(writer.TryWrite(new byte[1], out _), Is.EqualTo(RingResult.Corrupt));
        Assert.That(writer.Corruption, Is.Not.Null);
    }
}
