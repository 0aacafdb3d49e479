using System.Buffers.Binary;

namespace Pv.Toolstack.Building.Compression;

/// <summary>
/// LZMA2: chunks of at most 2 MiB unpacked, each plain or packed with LZMA, each saying how much of the decoder's state
/// it starts afresh.
/// </summary>
internal static class Lzma2
{
    private const byte End = 0, PlainNewDictionary = 1, Plain = 2, Packed = 0x80;
    private const int StateReset = 1, PropertiesReset = 2, DictionaryReset = 3;

    /// <summary>Unpacks chunks until the one that ends them.</summary>
    /// <returns>How many bytes they took.</returns>
    public static int Unpack(ReadOnlySpan<byte> packed, UnpackedBytes unpacked)
    {
        var lzma = new LzmaDecoder();
        int at = 0, dictionaryStart = -1;
        while (true)
        {
            var control = Take(packed, ref at, 1)[0];
            if (control == End)
                return at;

            if (control < Packed)
            {
                if (control > Plain || (control == Plain && dictionaryStart < 0))
                    throw Damaged();
                if (control == PlainNewDictionary)
                    dictionaryStart = unpacked.Length;
                unpacked.Append(Take(packed, ref at, BinaryPrimitives.ReadUInt16BigEndian(Take(packed, ref at, 2)) + 1));
                continue;
            }

            var sizes = Take(packed, ref at, 4);
            var unpackedBytes = ((control & 0x1f) << 16) + BinaryPrimitives.ReadUInt16BigEndian(sizes) + 1;
            var packedBytes = BinaryPrimitives.ReadUInt16BigEndian(sizes[2..]) + 1;
            var reset = (control >> 5) & 3;
            if (reset == DictionaryReset)
                dictionaryStart = unpacked.Length;
            if (dictionaryStart < 0)
                throw Damaged();
            if (reset >= PropertiesReset)
                lzma.SetProperties(Take(packed, ref at, 1)[0]);
            if (reset >= StateReset)
                lzma.ResetState();

            unpacked.Reserve(unpackedBytes);
            lzma.Decode(Take(packed, ref at, packedBytes), unpacked.Buffer, dictionaryStart, unpacked.Length, unpackedBytes);
            unpacked.Length += unpackedBytes;
        }
    }

    private static ReadOnlySpan<byte> Take(ReadOnlySpan<byte> packed, ref int at, int count)
    {
        if (count > packed.Length - at)
            throw Damaged();
        at += count;
        return packed.Slice(at - count, count);
    }

    internal static ImageException Damaged() => new("The LZMA2 data in the image is damaged.");
}
