using NUnit.Framework;
using Pv.Backends.Storage;
using Pv.Backends.Storage.Nbd;

namespace Pv.Tests.Backends.Nbd;

/// <summary>What a client says and believes before the first request. The bytes are the protocol's examples, written out.</summary>
[TestFixture]
public sealed class NbdHandshakeTests
{
    private static readonly byte[] Hello = [.. "NBDMAGICIHAVEOPT"u8, 0, 3];
    private static readonly byte[] Export = Reply(3, [0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0x2d]);
    private static readonly byte[] Ack = Reply(1, []);

    [Test]
    public void It_asks_for_the_export_and_its_block_sizes()
    {
        var stream = new Dialogue([.. Hello, .. Export, .. Reply(3, [0, 3, 0, 0, 2, 0, 0, 1, 0, 0, 0, 0x40, 0, 0]), .. Ack]);

        var export = NbdHandshake.Negotiate(stream, "ab");

        Assert.That(export, Is.EqualTo(new NbdExport(65536, (NbdExportFlags)0x2d, 512, 65536, 4 << 20)));
        Assert.That(stream.Said, Is.EqualTo((byte[])[0, 0, 0, 3, .. "IHAVEOPT"u8, 0, 0, 0, 7, 0, 0, 0, 10, 0, 0, 0, 2, .. "ab"u8, 0, 1, 0, 3]));
    }

    [Test]
    public void Without_block_sizes_it_keeps_to_those_of_the_protocol()
        => Assert.That(NbdHandshake.Negotiate(new Dialogue([.. Hello, .. Export, .. Ack])), Is.EqualTo(new NbdExport(65536, (NbdExportFlags)0x2d, 1, 4096, 32 << 20)));

    private static IEnumerable<TestCaseData> Refusals =>
    [
        new TestCaseData((byte[])[.. "HTTP/1.1 400 Bad R"u8], "the server speaks no NBD").SetArgDisplayNames("other protocol"),
        new TestCaseData((byte[])[.. "NBDMAGICIHAVEOPT"u8, 0, 2], "the server speaks an NBD without options").SetArgDisplayNames("old server"),
        new TestCaseData((byte[])[.. Hello, .. Reply(0x80000001, [])], "the server does not know NBD_OPT_GO").SetArgDisplayNames("no GO"),
        new TestCaseData((byte[])[.. Hello, .. Reply(0x80000006, [])], "the server has no export \"x\"").SetArgDisplayNames("no export"),
        new TestCaseData((byte[])[.. Hello, .. Reply(0x80000002, "not today"u8)], "the server refuses the export (error 2: not today)").SetArgDisplayNames("policy"),
        new TestCaseData((byte[])[.. Hello, .. Ack], "the server's answer is no NBD").SetArgDisplayNames("acknowledged without a size"),
        new TestCaseData((byte[])[.. Hello, .. Export.AsSpan(0, 16), 0x7f, 0xff, 0xff, 0xff], "the server's answer is no NBD").SetArgDisplayNames("endless answer"),
        new TestCaseData((byte[])[.. Hello, .. Reply(3, [0, 0, 0xff, 0, 0, 0, 0, 1, 0, 0, 0, 0x2d])], "the server's export is too large").SetArgDisplayNames("too large"),
        new TestCaseData((byte[])[.. Hello, .. Export, .. Reply(3, [0, 3, 0, 0, 3, 0, 0, 1, 0, 0, 0, 0x40, 0, 0])],
            "the server's block sizes are out of the protocol's bounds: 768, 65536").SetArgDisplayNames("odd block"),
    ];

    [TestCaseSource(nameof(Refusals))]
    public void What_it_cannot_use_is_said_in_words(byte[] answers, string sentence)
        => Assert.That(() => NbdHandshake.Negotiate(new Dialogue(answers), "x"), Throws.TypeOf<StorageException>().With.Message.EqualTo(sentence));

    [Test]
    public void A_server_that_hangs_up_is_heard([Range(0, 38, 19)] int bytes)
        => Assert.That(() => NbdHandshake.Negotiate(new Dialogue([.. Hello, .. Export[..Math.Max(0, bytes - Hello.Length)]])), Throws.InstanceOf<IOException>());

    private static byte[] Reply(uint type, ReadOnlySpan<byte> data)
        => [0, 3, 0xe8, 0x89, 4, 0x55, 0x65, 0xa9, 0, 0, 0, 7, (byte)(type >> 24), 0, 0, (byte)type, 0, 0, 0, (byte)data.Length, .. data];

    /// <summary>A stream that says what it was given, whatever it is told.</summary>
    private sealed class Dialogue(byte[] answers) : MemoryStream(answers)
    {
        private readonly List<byte> _said = [];

        public IReadOnlyList<byte> Said => _said;

        public override void Write(ReadOnlySpan<byte> buffer) => _said.AddRange(buffer);

        public override void Write(byte[] buffer, int offset, int count) => _said.AddRange(buffer.AsSpan(offset, count));
    }
}
