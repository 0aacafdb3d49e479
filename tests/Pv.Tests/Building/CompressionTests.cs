using System.IO.Compression;
using NUnit.Framework;
using Pv.Toolstack.Building;
using Pv.Toolstack.Building.Compression;

namespace Pv.Tests.Building;

[TestFixture]
public sealed class CompressionTests
{
    private const int Limit = 1 << 20;

    [TestCase("text-crc32.xz")]
    [TestCase("text-crc64.xz")]
    [TestCase("text-sha256.xz")]
    [TestCase("text-none.xz")]
    [TestCase("text-blocks.xz")]
    public void Xz_unpacks_text(string file) =>
        Assert.That(Xz.Unpack(PackedSamples.Packed(file), Limit).ToArray(), Is.EqualTo(PackedSamples.Text));

    [Test]
    public void Xz_unpacks_what_did_not_pack() =>
        Assert.That(Xz.Unpack(PackedSamples.Packed("noise.xz"), Limit).ToArray(), Is.EqualTo(PackedSamples.Noise));

    [Test]
    public void Xz_undoes_the_branch_filter() =>
        Assert.That(Xz.Unpack(PackedSamples.Packed("branches.xz"), Limit).ToArray(), Is.EqualTo(PackedSamples.Branches));

    [Test]
    public void Xz_names_a_filter_that_it_does_not_have() =>
        Assert.That(() => Xz.Unpack(PackedSamples.Packed("delta.xz"), Limit), Throws.TypeOf<ImageException>().With.Message.Contains("filter (0x3)"));

    [Test]
    public void Xz_notices_every_changed_byte_of_its_data()
    {
        var packed = PackedSamples.Packed("text-crc32.xz");

        // Behind the last block are an index and a footer, which a decoder of one stream has no use for.
        for (var i = 0; i < packed.Length - 28; i++)
        {
            var damaged = packed.ToArray();
            damaged[i] ^= 0x41;
            byte[]? unpacked = null;
            try
            {
                unpacked = i < 6 && !Xz.IsXz(damaged) ? null : Xz.Unpack(damaged, Limit).ToArray();
            }
            catch (ImageException)
            {
            }

            Assert.That(unpacked, Is.Null.Or.EqualTo(PackedSamples.Text), $"byte {i}");
        }
    }

    [Test]
    public void Lz4_unpacks_text() =>
        Assert.That(Lz4Legacy.Unpack(PackedSamples.Packed("text.lz4"), Limit).ToArray(), Is.EqualTo(PackedSamples.Text));

    [Test]
    public void Lz4_refuses_a_match_before_the_start()
    {
        byte[] packed = [0x02, 0x21, 0x4c, 0x18, 5, 0, 0, 0, 0x10, (byte)'a', 2, 0, 0];

        Assert.That(() => Lz4Legacy.Unpack(packed, Limit), Throws.TypeOf<ImageException>());
    }

    [Test]
    public void Lz4_repeats_a_match_that_reaches_into_itself()
    {
        // One literal, then 4 + 6 bytes from one byte back, then a literal.
        byte[] packed = [0x02, 0x21, 0x4c, 0x18, 6, 0, 0, 0, 0x16, (byte)'a', 1, 0, 0x10, (byte)'b'];

        Assert.That(Lz4Legacy.Unpack(packed, Limit).ToArray(), Is.EqualTo("aaaaaaaaaaab"u8.ToArray()));
    }

    [Test]
    public void Gzip_unpacks_text() =>
        Assert.That(Gzip.Unpack(GzipOf(PackedSamples.Text), Limit).ToArray(), Is.EqualTo(PackedSamples.Text));

    [Test]
    public void A_ramdisk_of_one_gzip_file_is_unpacked() =>
        Assert.That(Gzip.UnpackIfWhole(GzipOf(PackedSamples.Text), Limit).ToArray(), Is.EqualTo(PackedSamples.Text));

    [Test]
    public void A_ramdisk_of_several_archives_stays_as_it_is()
    {
        byte[] archives = [.. GzipOf(PackedSamples.Text), .. "070701 and so on"u8];

        Assert.That(Gzip.UnpackIfWhole(archives, Limit).ToArray(), Is.EqualTo(archives));
        Assert.That(Gzip.UnpackIfWhole(PackedSamples.Noise, Limit).ToArray(), Is.EqualTo(PackedSamples.Noise));
    }

    [Test]
    public void No_decoder_produces_more_than_it_may([Values(1, 100, 8655)] int limit)
    {
        Assert.That(() => Xz.Unpack(PackedSamples.Packed("text-crc32.xz"), limit), Throws.TypeOf<ImageException>());
        Assert.That(() => Lz4Legacy.Unpack(PackedSamples.Packed("text.lz4"), limit), Throws.TypeOf<ImageException>());
        Assert.That(() => Gzip.Unpack(GzipOf(PackedSamples.Text), limit), Throws.TypeOf<ImageException>());
    }

    /// <summary>Packs bytes with gzip.</summary>
    internal static byte[] GzipOf(byte[] bytes)
    {
        using var packed = new MemoryStream();
        using (var stream = new GZipStream(packed, CompressionLevel.Optimal))
            stream.Write(bytes);
        return packed.ToArray();
    }
}
