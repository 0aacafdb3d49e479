using System.IO.Compression;

namespace Pv.Toolstack.Building.Compression;

/// <summary>gzip (RFC 1952).</summary>
public static class Gzip
{
    private const int ChunkBytes = 1 << 18;

    // Header and trailer without a byte of data.
    private const int SmallestBytes = 18;

    public static bool IsGzip(ReadOnlySpan<byte> bytes) => bytes.Length >= SmallestBytes && bytes.StartsWith((ReadOnlySpan<byte>)[0x1f, 0x8b, 0x08]);

    /// <exception cref="ImageException">It is damaged, or unpacks to more than <paramref name="maxBytes"/>.</exception>
    public static ReadOnlyMemory<byte> Unpack(ReadOnlyMemory<byte> packed, int maxBytes)
    {
        var unpacked = new UnpackedBytes(maxBytes);
        try
        {
            using var stream = new GZipStream(new ReadOnlyMemoryStream(packed), CompressionMode.Decompress);
            var chunk = new byte[ChunkBytes];
            for (int read; (read = stream.Read(chunk)) > 0;)
                unpacked.Append(chunk.AsSpan(0, read));
        }
        catch (InvalidDataException)
        {
            throw new ImageException("The gzip data in the image is damaged.");
        }

        return unpacked.Written;
    }

    /// <summary>
    /// Unpacks a ramdisk if it is one whole gzip file; otherwise gives it back as it is, for the kernel to make sense of.
    /// A ramdisk may be several archives in a row, of which only some are packed.
    /// </summary>
    public static ReadOnlyMemory<byte> UnpackIfWhole(ReadOnlyMemory<byte> bytes, int maxBytes)
    {
        if (!IsGzip(bytes.Span))
            return bytes;
        try
        {
            var unpacked = Unpack(bytes, maxBytes);
            var stated = System.Buffers.Binary.BinaryPrimitives.ReadUInt32LittleEndian(bytes.Span[^4..]);
            return (uint)unpacked.Length == stated ? unpacked : bytes;
        }
        catch (ImageException)
        {
            return bytes;
        }
    }
}
