using System.Buffers.Binary;

namespace Pv.Toolstack.Building.Compression;

/// <summary>The packed kernel within a bzImage. Its last 4 bytes are the unpacked size, whatever the packing.</summary>
internal static class KernelPayload
{
    private static readonly (string Name, byte[] Magic)[] Unsupported =
    [
        ("bzip2", [0x42, 0x5a, 0x68]),
        ("LZMA", [0x5d, 0x00, 0x00]),
        ("LZO", [0x89, 0x4c, 0x5a, 0x4f]),
        ("zstd", [0x28, 0xb5, 0x2f, 0xfd]),
    ];

    /// <exception cref="ImageException">It is packed otherwise, or damaged, or has another size than it states, or more than <paramref name="maxBytes"/>.</exception>
    public static ReadOnlyMemory<byte> Unpack(ReadOnlyMemory<byte> payload, int maxBytes)
    {
        var bytes = payload.Span;
        if (ElfFile.IsElf(bytes))
            return payload;
        if (bytes.Length < sizeof(uint))
            throw new ImageException("The bzImage has no payload.");

        var stated = BinaryPrimitives.ReadUInt32LittleEndian(bytes[^sizeof(uint)..]);
        if (stated > (uint)maxBytes)
            throw new ImageException($"The kernel in the bzImage unpacks to {stated} bytes, more than the {maxBytes} that it may have.");

        // Only gzip has the size as a part of its own format.
        var packed = bytes[..^sizeof(uint)];
        var unpacked =
            Gzip.IsGzip(bytes) ? Gzip.Unpack(payload, (int)stated) :
            Xz.IsXz(packed) ? Xz.Unpack(packed, (int)stated) :
            Lz4Legacy.IsLz4(packed) ? Lz4Legacy.Unpack(packed, (int)stated) :
            throw Unknown(bytes);
        if ((uint)unpacked.Length != stated)
            throw new ImageException($"The kernel in the bzImage unpacks to {unpacked.Length} bytes, and it states {stated}.");
        return unpacked;
    }

    private static ImageException Unknown(ReadOnlySpan<byte> payload)
    {
        foreach (var (name, magic) in Unsupported)
        {
            if (payload.StartsWith(magic))
                return new ImageException($"The kernel in the bzImage is packed with {name}; gzip, XZ and LZ4 can be unpacked.");
        }

        return new ImageException("The kernel in the bzImage is packed in an unknown way; gzip, XZ and LZ4 can be unpacked.");
    }
}
