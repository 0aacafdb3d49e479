using NUnit.Framework;
using Pv.Abi;
using Pv.Machine;

namespace Pv.Tests.Machine;

[TestFixture]
public class SharedPageTests
{
    private MachineMemory _memory = null!;

    [SetUp]
    public void Create() => _memory = new MachineMemory(4);

    [TearDown]
    public void Dispose() => _memory.Dispose();

    [Test]
    public void Words_stand_at_their_offsets_in_the_frame()
    {
        var page = new SharedPage(_memory, new Mfn(2));
        page.WriteUInt32Release(2048, 0xA1B2C3D4);
        page.WriteUInt16Release(6, 0x1234);
        page.WriteByteRelease(4095, 7);
        page.CopyFrom(100, "abc"u8);

        var frame = _memory.Frame(new Mfn(2));
        Assert.That(frame.Slice(2048, 4).ToArray(), Is.EqualTo(new byte[] { 0xD4, 0xC3, 0xB2, 0xA1 }));
        Assert.That(frame.Slice(6, 2).ToArray(), Is.EqualTo(new byte[] { 0x34, 0x12 }));
        Assert.That(frame[4095], Is.EqualTo(7));
        Assert.That(page.ReadUInt32Acquire(2048), Is.EqualTo(0xA1B2C3D4));
        var copy = new byte[3];
        page.CopyTo(100, copy);
        Assert.That(copy, Is.EqualTo("abc"u8.ToArray()));
        page.Clear(101, 1);
        Assert.That(page.ReadByteAcquire(101), Is.Zero);
    }

    [TestCase(-4), TestCase(4096), TestCase(4093), TestCase(2)]
    public void A_word_beyond_the_page_or_across_words_is_refused(int offset)
        => Assert.That(() => new SharedPage(_memory, new Mfn(1)).ReadUInt32Acquire(offset), Throws.InstanceOf<ArgumentException>());

    [TestCase(-1, 1), TestCase(4096, 1), TestCase(4000, 97), TestCase(0, 4097)]
    public void A_copy_beyond_the_page_is_refused(int offset, int length)
        => Assert.That(() => new SharedPage(_memory, new Mfn(1)).CopyTo(offset, new byte[length]), Throws.InstanceOf<ArgumentException>());

    [Test]
    public void A_frame_beyond_the_machine_is_refused()
        => Assert.That(() => new SharedPage(_memory, new Mfn(4)), Throws.InstanceOf<ArgumentOutOfRangeException>());

    [Test]
    public void Every_write_tells_the_hook()
    {
        var page = new SharedPage(_memory, new Mfn(3));
        var told = 0;
        _memory.Marks.Set(new Mfn(3), FrameMark.DirtyLog);
        _memory.Marks.Written += (mfn, mark) => told += mfn == new Mfn(3) && mark == FrameMark.DirtyLog ? 1 : 0;
        page.WriteUInt32Release(0, 1);
        page.CopyFrom(8, "x"u8);
        page.Clear(8, 1);
        page.WriteByteRelease(9, 1);
        page.WriteUInt16Release(10, 1);
        Assert.That(told, Is.EqualTo(5));
        page.ReadUInt32Acquire(0);
        Assert.That(told, Is.EqualTo(5));
    }
}
