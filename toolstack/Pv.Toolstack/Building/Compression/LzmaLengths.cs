using System.Runtime.CompilerServices;

namespace Pv.Toolstack.Building.Compression;

/// <summary>How LZMA writes the length of a match: 2 to 9 or 10 to 17 in trees of the position, 18 to 273 in one tree.</summary>
internal sealed class LzmaLengths
{
    private const int PositionStates = 16, SmallBits = 3, LargeBits = 8, Smallest = 2;

    private readonly ushort[] _choices = new ushort[2];
    private readonly ushort[] _low = new ushort[PositionStates << SmallBits];
    private readonly ushort[] _middle = new ushort[PositionStates << SmallBits];
    private readonly ushort[] _high = new ushort[1 << LargeBits];

    public void Reset()
    {
        _choices.AsSpan().Fill(RangeDecoder.Even);
        _low.AsSpan().Fill(RangeDecoder.Even);
        _middle.AsSpan().Fill(RangeDecoder.Even);
        _high.AsSpan().Fill(RangeDecoder.Even);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public int Decode(ref RangeDecoder input, int positionState)
    {
        if (input.Bit(ref _choices[0]) == 0)
            return Smallest + (int)input.Tree(_low.AsSpan(positionState << SmallBits, 1 << SmallBits), SmallBits);
        if (input.Bit(ref _choices[1]) == 0)
            return Smallest + (1 << SmallBits) + (int)input.Tree(_middle.AsSpan(positionState << SmallBits, 1 << SmallBits), SmallBits);
        return Smallest + (2 << SmallBits) + (int)input.Tree(_high, LargeBits);
    }
}
