using FsCheck;
using FsCheck.Fluent;
using NUnit.Framework;
using Pv.Abi;
using Pv.XenStore;

namespace Pv.Tests.XenStore;

[TestFixture]
public class MessageDecoderTests
{
    [Test]
    public void Messages_come_out_however_the_bytes_are_cut()
        => Prop.ForAll<byte[][], byte[]>((payloads, cuts) =>
        {
            var decoder = new MessageDecoder(new BufferPool(MessageDecoder.BufferBytes));
            var stream = payloads.SelectMany((payload, i) => MessageEncoder.Encode(XenStoreMessageType.Write, (uint)i, 7, payload)).ToArray();
            var decoded = new List<StoreMessage>();
            var (at, cut) = (0, 0);
            while (at < stream.Length)
            {
                var most = cuts.Length == 0 ? int.MaxValue : (cuts[cut++ % cuts.Length] % 40) + 1;
                at += Feed(decoder, stream.AsSpan(at), most);
                while (decoder.TryTake(out var message))
                    decoded.Add(message with { Payload = message.Payload.ToArray() });
                decoder.Rest();
            }
            return decoded.Select(message => message.Payload.ToArray()).SequenceEqual(payloads, ByteArrays.Same)
                && decoded.Select(message => message.RequestId).SequenceEqual(Enumerable.Range(0, payloads.Length).Select(i => (uint)i))
                && decoded.All(message => message is { Type: XenStoreMessageType.Write, TransactionId: 7 });
        }).QuickCheckThrowOnFailure();

    [Test]
    public void Any_bytes_at_all_are_messages_or_the_end_of_the_stream()
        => Prop.ForAll<byte[]>(bytes =>
        {
            var decoder = new MessageDecoder(new BufferPool(MessageDecoder.BufferBytes));
            var at = 0;
            while (at < bytes.Length && !decoder.IsBroken)
            {
                at += Feed(decoder, bytes.AsSpan(at), int.MaxValue);
                while (decoder.TryTake(out var message))
                {
                    if (message.Payload.Length > XenStoreLimits.PayloadBytes)
                        return false;
                }
            }
            return !decoder.IsBroken || (decoder.Free.IsEmpty && !decoder.TryTake(out _));
        }).QuickCheckThrowOnFailure();

    [TestCase(0, false)]
    [TestCase(4096, false)]
    [TestCase(4097, true)]
    [TestCase(-1, true)]
    public void A_header_that_promises_too_much_breaks_the_stream(int length, bool isBroken)
    {
        var decoder = new MessageDecoder(new BufferPool(MessageDecoder.BufferBytes));
        var header = MessageEncoder.Encode(XenStoreMessageType.Read, 1, 0, default);
        BitConverter.TryWriteBytes(header.AsSpan(12), length);
        header.CopyTo(decoder.Free);
        decoder.Advance(header.Length);
        Assert.That(decoder.TryTake(out _), Is.EqualTo(length == 0));
        Assert.That(decoder.IsBroken, Is.EqualTo(isBroken));
    }

    private static int Feed(MessageDecoder decoder, ReadOnlySpan<byte> bytes, int most)
    {
        var count = Math.Min(most, Math.Min(decoder.Free.Length, bytes.Length));
        bytes[..count].CopyTo(decoder.Free);
        decoder.Advance(count);
        return count;
    }

    private sealed class ByteArrays : IEqualityComparer<byte[]>
    {
        public static readonly ByteArrays Same = new();

        public bool Equals(byte[]? x, byte[]? y) => x.AsSpan().SequenceEqual(y);

        public int GetHashCode(byte[] bytes) => bytes.Length;
    }
}
