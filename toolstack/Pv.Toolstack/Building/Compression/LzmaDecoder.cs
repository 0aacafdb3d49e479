using System.Runtime.CompilerServices;

namespace Pv.Toolstack.Building.Compression;

/// <summary>
/// LZMA (the LZMA specification in the LZMA SDK): literals and matches, where a match is a length and a distance, and the last four
/// distances have short forms. What is likely next depends on the last few packets (the state) and on the position.
/// A kernel is unpacked once or twice in a process's life, so the loops are compiled in full at first sight.
/// </summary>
internal sealed class LzmaDecoder
{
    private const int States = 12, LiteralStates = 7, PositionStates = 16;
    private const int DistanceLengthStates = 4, SlotBits = 6, AlignBits = 4;
    private const int FirstModelSlot = 4, EndModelSlot = 14, ModelDistances = 1 << (EndModelSlot / 2);
    private const int LiteralProbabilities = 0x300, MaxLiteralBits = 4;

    private readonly ushort[] _isMatch = new ushort[States * PositionStates];
    private readonly ushort[] _isRepeat = new ushort[States];
    private readonly ushort[] _isRepeatFirst = new ushort[States];
    private readonly ushort[] _isRepeatSecond = new ushort[States];
    private readonly ushort[] _isRepeatThird = new ushort[States];
    private readonly ushort[] _isLongFirst = new ushort[States * PositionStates];
    private readonly ushort[] _slots = new ushort[DistanceLengthStates << SlotBits];
    private readonly ushort[] _distances = new ushort[ModelDistances];
    private readonly ushort[] _align = new ushort[1 << AlignBits];
    private readonly ushort[] _literals = new ushort[LiteralProbabilities << MaxLiteralBits];
    private readonly LzmaLengths _matchLengths = new(), _repeatLengths = new();

    private int _literalContextBits, _literalPositionMask, _positionMask;
    private bool _hasProperties, _hasState;
    private int _state;
    private uint _distance0, _distance1, _distance2, _distance3;

    /// <summary>Sets lc, lp and pb, which a byte holds as (pb * 5 + lp) * 9 + lc.</summary>
    public void SetProperties(byte properties)
    {
        int lc = properties % 9, lp = properties / 9 % 5, pb = properties / 45;
        if (pb > 4 || lc + lp > MaxLiteralBits)
            throw Lzma2.Damaged();
        _literalContextBits = lc;
        _literalPositionMask = (1 << lp) - 1;
        _positionMask = (1 << pb) - 1;
        _hasProperties = true;
        _hasState = false;
    }

    /// <summary>Forgets what was learnt.</summary>
    public void ResetState()
    {
        foreach (var probabilities in (ReadOnlySpan<ushort[]>)
            [_isMatch, _isRepeat, _isRepeatFirst, _isRepeatSecond, _isRepeatThird, _isLongFirst, _slots, _distances, _align, _literals])
            probabilities.AsSpan().Fill(RangeDecoder.Even);
        _matchLengths.Reset();
        _repeatLengths.Reset();
        _state = 0;
        _distance0 = _distance1 = _distance2 = _distance3 = 0;
        _hasState = true;
    }

    /// <summary>Decodes one chunk.</summary>
    /// <param name="packed">The whole of the chunk's input.</param>
    /// <param name="buffer">Everything produced so far, with room for the chunk.</param>
    /// <param name="dictionaryStart">Where in the buffer the dictionary starts; a match reaches no further back.</param>
    /// <param name="at">Where in the buffer the chunk goes.</param>
    /// <param name="count">How many bytes the chunk produces.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Decode(ReadOnlySpan<byte> packed, byte[] buffer, int dictionaryStart, int at, int count)
    {
        if (!_hasProperties || !_hasState)
            throw Lzma2.Damaged();

        var input = new RangeDecoder(packed);
        for (var end = at + count; at < end;)
        {
            var positionState = (at - dictionaryStart) & _positionMask;
            if (input.Bit(ref _isMatch[(_state * PositionStates) + positionState]) == 0)
            {
                DecodeLiteral(ref input, buffer, dictionaryStart, at++);
                continue;
            }

            var length = DecodeMatch(ref input, positionState);
            if (_distance0 >= (uint)(at - dictionaryStart) || length > end - at)
                throw Lzma2.Damaged();
            CopyMatch(buffer, at, (int)_distance0 + 1, length);
            at += length;
        }

        if (!input.IsDone)
            throw Lzma2.Damaged();
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void DecodeLiteral(ref RangeDecoder input, byte[] buffer, int dictionaryStart, int at)
    {
        var position = at - dictionaryStart;
        var previous = position > 0 ? buffer[at - 1] : 0;
        var context = ((position & _literalPositionMask) << _literalContextBits) + (previous >> (8 - _literalContextBits));
        var probabilities = _literals.AsSpan(LiteralProbabilities * context, LiteralProbabilities);

        uint symbol = 1;
        if (_state >= LiteralStates)
        {
            // After a match, the byte that would have gone on with it tells what this one is not.
            if (_distance0 >= (uint)position)
                throw Lzma2.Damaged();
            uint expected = buffer[at - (int)_distance0 - 1];
            while (symbol < 0x100)
            {
                var expectedBit = (expected >> 7) & 1;
                expected <<= 1;
                var bit = input.Bit(ref probabilities[(int)(((1 + expectedBit) << 8) + symbol)]);
                symbol = (symbol << 1) | bit;
                if (bit != expectedBit)
                    break;
            }
        }

        while (symbol < 0x100)
            symbol = (symbol << 1) | input.Bit(ref probabilities[(int)symbol]);

        buffer[at] = (byte)symbol;
        _state = _state < 4 ? 0 : _state < 10 ? _state - 3 : _state - 6;
    }

    // Leaves the distance, less one, in _distance0.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private int DecodeMatch(ref RangeDecoder input, int positionState)
    {
        var afterLiteral = _state < LiteralStates;
        if (input.Bit(ref _isRepeat[_state]) == 0)
        {
            (_distance3, _distance2, _distance1) = (_distance2, _distance1, _distance0);
            var matched = _matchLengths.Decode(ref input, positionState);
            _state = afterLiteral ? 7 : 10;
            _distance0 = DecodeDistance(ref input, matched);
            return matched;
        }

        if (input.Bit(ref _isRepeatFirst[_state]) == 0)
        {
            if (input.Bit(ref _isLongFirst[(_state * PositionStates) + positionState]) == 0)
            {
                _state = afterLiteral ? 9 : 11;
                return 1;
            }
        }
        else if (input.Bit(ref _isRepeatSecond[_state]) == 0)
        {
            (_distance0, _distance1) = (_distance1, _distance0);
        }
        else if (input.Bit(ref _isRepeatThird[_state]) == 0)
        {
            (_distance0, _distance1, _distance2) = (_distance2, _distance0, _distance1);
        }
        else
        {
            (_distance0, _distance1, _distance2, _distance3) = (_distance3, _distance0, _distance1, _distance2);
        }

        var length = _repeatLengths.Decode(ref input, positionState);
        _state = afterLiteral ? 8 : 11;
        return length;
    }

    // A distance is a slot, which gives its two highest bits, and the bits below.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private uint DecodeDistance(ref RangeDecoder input, int length)
    {
        var lengthState = Math.Min(length - 2, DistanceLengthStates - 1);
        var slot = (int)input.Tree(_slots.AsSpan(lengthState << SlotBits, 1 << SlotBits), SlotBits);
        if (slot < FirstModelSlot)
            return (uint)slot;

        var lowBits = (slot >> 1) - 1;
        var distance = (2u | ((uint)slot & 1)) << lowBits;
        if (slot < EndModelSlot)
            return distance + input.ReverseTree(_distances.AsSpan((int)distance - slot), lowBits);
        distance += input.Direct(lowBits - AlignBits) << AlignBits;
        return distance + input.ReverseTree(_align, AlignBits);
    }

    // A match may reach into what it is itself producing: then it repeats.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void CopyMatch(byte[] buffer, int at, int distance, int length)
    {
        var from = buffer.AsSpan(at - distance);
        var to = buffer.AsSpan(at, length);
        if (distance >= length)
        {
            from[..length].CopyTo(to);
            return;
        }

        for (var i = 0; i < length; i++)
            to[i] = from[i];
    }
}
