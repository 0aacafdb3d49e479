using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Pv.Toolstack.Building.Compression;

/// <summary>
/// The XZ format ("The .xz File Format", version 1.2), one stream of it, with LZMA2 and the filter for x86 branches,
/// as Linux packs its kernels. Integrity checks are verified.
/// </summary>
public static class Xz
{
    private const int StreamHeaderBytes = 12;
    private const ulong Lzma2Filter = 0x21, BranchX86Filter = 0x04;
    private const int CheckNone = 0, CheckCrc32 = 1, CheckCrc64 = 4, CheckSha256 = 10;

    public static bool IsXz(ReadOnlySpan<byte> bytes) => bytes.StartsWith((ReadOnlySpan<byte>)[0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]);

    /// <exception cref="ImageException">It is damaged, uses another filter, or unpacks to more than <paramref name="maxBytes"/>.</exception>
    public static ReadOnlyMemory<byte> Unpack(ReadOnlySpan<byte> packed, int maxBytes)
    {
        if (packed.Length < StreamHeaderBytes || packed[6] != 0 || packed[7] > 15 || Crc.Crc32(packed[6..8]) != BinaryPrimitives.ReadUInt32LittleEndian(packed[8..]))
            throw Damaged();
        var check = packed[7];

        var unpacked = new UnpackedBytes(maxBytes);
        var at = StreamHeaderBytes;

        // A block starts with the size of its header; what starts with 0 is the index, after the last block.
        while (at < packed.Length && packed[at] != 0)
            at += UnpackBlock(packed[at..], check, unpacked);
        if (at >= packed.Length)
            throw Damaged();
        return unpacked.Written;
    }

    // Returns how many bytes the block takes.
    private static int UnpackBlock(ReadOnlySpan<byte> block, int check, UnpackedBytes unpacked)
    {
        var headerBytes = (block[0] + 1) * 4;
        if (headerBytes > block.Length)
            throw Damaged();
        var hasBranchFilter = ReadHeader(block[..headerBytes]);

        var start = unpacked.Length;
        var dataBytes = Lzma2.Unpack(block[headerBytes..], unpacked);
        var data = unpacked.Buffer.AsSpan(start, unpacked.Length - start);
        if (hasBranchFilter)
            BranchX86.Undo(data);

        var checkAt = (headerBytes + dataBytes + 3) & ~3;
        var checkBytes = CheckBytes(check);
        if (checkBytes > block.Length - checkAt)
            throw Damaged();
        Verify(check, data, block.Slice(checkAt, checkBytes));
        return checkAt + checkBytes;
    }

    // Returns whether LZMA2 stands behind the filter for branches.
    private static bool ReadHeader(ReadOnlySpan<byte> header)
    {
        var body = header[..^sizeof(uint)];
        if (Crc.Crc32(body) != BinaryPrimitives.ReadUInt32LittleEndian(header[^sizeof(uint)..]))
            throw Damaged();

        var flags = body[1];
        if ((flags & 0x3c) != 0)
            throw Damaged();
        var at = 2;
        for (var sizes = flags & 0xc0; sizes != 0; sizes &= sizes - 1)
            Number(body, ref at);

        var hasBranchFilter = false;
        for (var left = (flags & 3) + 1; left > 0; left--)
        {
            var filter = Number(body, ref at);
            var propertyBytes = Number(body, ref at);
            if (propertyBytes > (ulong)(body.Length - at))
                throw Damaged();
            var properties = body.Slice(at, (int)propertyBytes);
            at += properties.Length;

            var isLast = left == 1;
            if (isLast && filter == Lzma2Filter && properties.Length == 1)
                return hasBranchFilter;
            if (isLast || hasBranchFilter || filter != BranchX86Filter || properties.ContainsAnyExcept((byte)0))
                throw new ImageException($"The XZ data in the image has a filter (0x{filter:x}) other than LZMA2 behind x86 branches.");
            hasBranchFilter = true;
        }

        throw Damaged();
    }

    // Seven bits a byte, the lowest first; the highest bit says that more follow.
    private static ulong Number(ReadOnlySpan<byte> bytes, ref int at)
    {
        ulong number = 0;
        for (var shift = 0; shift < 63; shift += 7)
        {
            if (at >= bytes.Length)
                throw Damaged();
            var next = bytes[at++];
            number |= (ulong)(next & 0x7f) << shift;
            if ((next & 0x80) == 0)
                return number;
        }

        throw Damaged();
    }

    private static int CheckBytes(int check) => check == CheckNone ? 0 : 4 << ((check - 1) / 3);

    private static void Verify(int check, ReadOnlySpan<byte> data, ReadOnlySpan<byte> stated)
    {
        var holds = check switch
        {
            CheckNone => true,
            CheckCrc32 => Crc.Crc32(data) == BinaryPrimitives.ReadUInt32LittleEndian(stated),
            CheckCrc64 => Crc.Crc64(data) == BinaryPrimitives.ReadUInt64LittleEndian(stated),
            CheckSha256 => SHA256.HashData(data).AsSpan().SequenceEqual(stated),
            _ => throw new ImageException($"The XZ data in the image has an unknown check ({check})."),
        };
        if (!holds)
            throw Damaged();
    }

    private static ImageException Damaged() => new("The XZ data in the image is damaged.");
}
