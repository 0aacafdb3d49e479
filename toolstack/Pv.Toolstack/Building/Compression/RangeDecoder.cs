using System.Buffers.Binary;
using System.Runtime.CompilerServices;

namespace Pv.Toolstack.Building.Compression;

/// <summary>
/// The range decoder of LZMA: reads one binary decision after another, each with a probability that adapts to what was read.
/// </summary>
internal ref struct RangeDecoder
{
    /// <summary>A decision that is as likely as not.</summary>
    public const ushort Even = 1 << (ProbabilityBits - 1);

    private const int ProbabilityBits = 11, AdaptShift = 5, HeaderBytes = 5;
    private const uint Top = 1 << 24;

    private readonly ReadOnlySpan<byte> _input;
    private int _at;
    private uint _range, _code;

    public RangeDecoder(ReadOnlySpan<byte> input)
    {
        if (input.Length < HeaderBytes || input[0] != 0)
            throw Lzma2.Damaged();
        _input = input;
        _at = HeaderBytes;
        _range = uint.MaxValue;
        _code = BinaryPrimitives.ReadUInt32BigEndian(input[1..]);
    }

    /// <summary>Whether all input was used, as it must be after the last decision.</summary>
    public readonly bool IsDone => _at == _input.Length && _code == 0;

    /// <summary>Reads a decision.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public uint Bit(ref ushort probability)
    {
        var bound = (_range >> ProbabilityBits) * probability;
        uint bit;
        if (_code < bound)
        {
            _range = bound;
            probability += (ushort)(((1 << ProbabilityBits) - probability) >> AdaptShift);
            bit = 0;
        }
        else
        {
            _range -= bound;
            _code -= bound;
            probability -= (ushort)(probability >> AdaptShift);
            bit = 1;
        }

        Normalize();
        return bit;
    }

    /// <summary>Reads a number of so many bits, the highest first, through a tree of probabilities.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public uint Tree(Span<ushort> probabilities, int bits)
    {
        uint node = 1;
        for (var i = 0; i < bits; i++)
            node = (node << 1) | Bit(ref probabilities[(int)node]);
        return node - (1u << bits);
    }

    /// <summary>The same, the lowest bit first.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public uint ReverseTree(Span<ushort> probabilities, int bits)
    {
        uint node = 1, number = 0;
        for (var i = 0; i < bits; i++)
        {
            var bit = Bit(ref probabilities[(int)node]);
            node = (node << 1) | bit;
            number |= bit << i;
        }

        return number;
    }

    /// <summary>Reads a number of so many bits that are as likely as not, the highest first.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public uint Direct(int bits)
    {
        uint number = 0;
        for (; bits > 0; bits--)
        {
            _range >>= 1;
            var bit = _code >= _range ? 1u : 0;
            _code -= _range & (0 - bit);
            number = (number << 1) | bit;
            Normalize();
        }

        return number;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Normalize()
    {
        if (_range >= Top)
            return;
        if (_at >= _input.Length)
            throw Lzma2.Damaged();
        _range <<= 8;
        _code = (_code << 8) | _input[_at++];
    }
}
