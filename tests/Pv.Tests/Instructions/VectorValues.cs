using System.Buffers.Binary;

namespace Pv.Tests.Instructions;

/// <summary>Contents of vectors that break operations on lanes: boundaries at every width, lanes that are equal, short texts, small counts.</summary>
internal static class VectorValues
{
    /// <summary>
    /// Fills 16 bytes; <paramref name="others"/> are vectors that they may be like. Mostly floating-point numbers of
    /// <paramref name="floatBytes"/> bytes when that is not 0.
    /// </summary>
    public static void Fill(Random random, int floatBytes, ReadOnlySpan<byte> others, Span<byte> to)
    {
        if (floatBytes != 0 && random.Next(8) != 0)
        {
            FloatValues.Fill(random, floatBytes, others, to);
            return;
        }
        switch (random.Next(8))
        {
            case 0:
                random.NextBytes(to);
                break;
            case 1:
                // A text of few letters, with ends in it.
                var letters = random.Next(2, 6);
                for (var i = 0; i < 16; i++)
                    to[i] = (byte)(random.Next(8) == 0 ? 0 : 'a' + random.Next(letters));
                break;
            case 2:
                // The same of words.
                for (var i = 0; i < 16; i += 2)
                    BinaryPrimitives.WriteUInt16LittleEndian(to[i..], (ushort)(random.Next(8) == 0 ? 0 : 0x7ffe + random.Next(4)));
                break;
            case 3:
                // A count for shifts.
                to.Clear();
                to[0] = (byte)random.Next(72);
                to[random.Next(16)] |= (byte)(random.Next(4) == 0 ? 1 : 0);
                break;
            case 4 when others.Length >= 16:
                others.Slice(random.Next(others.Length / 16) * 16, 16).CopyTo(to);
                if (random.Next(2) == 0)
                    to[random.Next(16)] ^= (byte)(1 << random.Next(8));
                break;
            case 5:
                for (var i = 0; i < 16; i++)
                    to[i] = (byte)OperandValues.Pick(random);
                break;
            case 6:
                for (var i = 0; i < 16; i += 2)
                    BinaryPrimitives.WriteUInt16LittleEndian(to[i..], (ushort)OperandValues.Pick(random));
                break;
            default:
                if (random.Next(2) == 0)
                    for (var i = 0; i < 16; i += 4)
                        BinaryPrimitives.WriteUInt32LittleEndian(to[i..], (uint)OperandValues.Pick(random));
                else
                    for (var i = 0; i < 16; i += 8)
                        BinaryPrimitives.WriteUInt64LittleEndian(to[i..], OperandValues.Pick(random));
                break;
        }
    }
}
