using NUnit.Framework;
using Pv.Toolstack.Control;

namespace Pv.Tests.Control;

[TestFixture]
public sealed class PayloadTests
{
    [Test]
    public void A_request_comes_back_as_it_was()
    {
        var request = Duplex.Request("create", "-c", "a\nb", "ü€😀", "");

        var frame = request.ToFrame();
        var header = FrameHeader.Parse(frame.Span);
        var back = CommandRequest.Parse(frame.Span[FrameHeader.Size..]);

        Assert.That(header, Is.EqualTo(new FrameHeader(FrameKind.Command, frame.Length - FrameHeader.Size)));
        Assert.That(back.Words, Is.EqualTo(request.Words));
        Assert.That(back.Environment, Is.EqualTo(request.Environment));
        Assert.That((back.Directory, back.Terminal), Is.EqualTo((request.Directory, request.Terminal)));
    }

    [Test]
    public void A_request_that_is_cut_short_or_too_long_is_refused()
    {
        var payload = Duplex.Request("create", "-c").ToFrame()[FrameHeader.Size..].ToArray();

        for (var length = 0; length < payload.Length; length++)
            Assert.That(() => CommandRequest.Parse(payload.AsSpan(0, length)), Throws.TypeOf<ControlProtocolException>(), $"{length} bytes");
        Assert.That(() => CommandRequest.Parse([.. payload, 0]), Throws.TypeOf<ControlProtocolException>());
    }

    [Test]
    public void Damaged_bytes_never_cost_more_than_the_refusal([Values(1, 2, 3, 4, 5)] int seed)
    {
        var random = new Random(seed);
        var whole = Duplex.Request("create", "-c", "name=\"x\"").ToFrame()[FrameHeader.Size..].ToArray();
        for (var i = 0; i < 2000; i++)
        {
            var damaged = whole.ToArray();
            for (var hits = random.Next(1, 6); hits > 0; hits--)
                damaged[random.Next(damaged.Length)] = (byte)random.Next(256);
            try
            {
                CommandRequest.Parse(damaged);
            }
            catch (ControlProtocolException)
            {
                continue;
            }
            // Damage within a string changes its content, not the frame.
            Assert.That(damaged, Has.Length.EqualTo(whole.Length));
        }
    }

    [TestCase(ControlProtocol.MaxPayload + 1u, 1u)]
    [TestCase(uint.MaxValue, 1u)]
    [TestCase(0u, 0u)]
    [TestCase(0u, 0x100u)]
    public void A_damaged_header_is_refused(uint length, uint kind)
    {
        var header = new byte[FrameHeader.Size];
        BitConverter.TryWriteBytes(header, length);
        BitConverter.TryWriteBytes(header.AsSpan(4), kind);

        Assert.That(() => FrameHeader.Parse(header), Throws.TypeOf<ControlProtocolException>());
    }
}
