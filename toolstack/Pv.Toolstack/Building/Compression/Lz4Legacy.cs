using System.Buffers.Binary;

namespace Pv.Toolstack.Building.Compression;

/// <summary>
/// The legacy frame of LZ4 that Linux kernels use (lz4's <c>lz4_Frame_format.md</c>, "Legacy frame", and
/// <c>lz4_Block_format.md</c>): a magic number, then blocks, each of its packed length and at most 8 MiB unpacked.
/// </summary>
public static class Lz4Legacy
{
    private const int BlockBytes = 8 << 20;
    private const int MinMatch = 4;

    public static bool IsLz4(ReadOnlySpan<byte> bytes) => bytes.StartsWith((ReadOnlySpan<byte>)[0x02, 0x21, 0x4c, 0x18]);

    /// <exception cref="ImageException">It is damaged, or unpacks to more than <paramref name="maxBytes"/>.</exception>
    public static ReadOnlyMemory<byte> Unpack(ReadOnlySpan<byte> packed, int maxBytes)
    {
        var unpacked = new UnpackedBytes(maxBytes);
        for (var rest = packed[4..]; rest.Length >= sizeof(uint);)
        {
            var length = BinaryPrimitives.ReadUInt32LittleEndian(rest);
            rest = rest[sizeof(uint)..];
            if (length == 0 || length > (uint)rest.Length)
                throw Damaged();
            UnpackBlock(rest[..(int)length], unpacked);
            rest = rest[(int)length..];
        }

        return unpacked.Written;
    }

    // A block is sequences: a token of two 4-bit lengths, literals, then the distance and length of a match. The last has literals only.
    private static void UnpackBlock(ReadOnlySpan<byte> block, UnpackedBytes unpacked)
    {
        var start = unpacked.Length;
        for (var at = 0; at < block.Length;)
        {
            var token = block[at++];

            var literals = Length(block, ref at, token >> 4);
            if (literals > block.Length - at)
                throw Damaged();
            unpacked.Append(block.Slice(at, literals));
            at += literals;
            if (at == block.Length)
                return;

            if (block.Length - at < sizeof(ushort))
                throw Damaged();
            var distance = BinaryPrimitives.ReadUInt16LittleEndian(block[at..]);
            at += sizeof(ushort);
            var match = Length(block, ref at, token & 15) + MinMatch;
            if (distance == 0 || distance > unpacked.Length - start)
                throw Damaged();
            CopyMatch(unpacked, distance, match);
            if (unpacked.Length - start > BlockBytes)
                throw Damaged();
        }
    }

    // 15 says that bytes follow, added up, until one is not 255.
    private static int Length(ReadOnlySpan<byte> block, ref int at, int nibble)
    {
        if (nibble < 15)
            return nibble;
        long length = nibble;
        while (true)
        {
            if (at >= block.Length)
                throw Damaged();
            var more = block[at++];
            length += more;
            if (length > BlockBytes)
                throw Damaged();
            if (more != 255)
                return (int)length;
        }
    }

    // A match may reach into what it is itself producing: then it repeats.
    private static void CopyMatch(UnpackedBytes unpacked, int distance, int length)
    {
        unpacked.Reserve(length);
        var to = unpacked.Buffer.AsSpan(unpacked.Length, length);
        var from = unpacked.Buffer.AsSpan(unpacked.Length - distance);
        if (distance >= length)
        {
            from[..length].CopyTo(to);
        }
        else
        {
            for (var i = 0; i < length; i++)
                to[i] = from[i];
        }

        unpacked.Length += length;
    }

    private static ImageException Damaged() => new("The LZ4 data in the image is damaged.");
}
