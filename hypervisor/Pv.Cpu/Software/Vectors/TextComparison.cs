using System.Numerics;
using System.Runtime.Intrinsics;

namespace Pv.Cpu.Software;

/// <summary>
/// What the string instructions of SSE4.2 find (Intel SDM volume 1, section 4.1 of volume 2B): the elements of a text that are in a set, in
/// ranges, equal to those of another text, or the start of it.
/// </summary>
/// <remarks>
/// The constant:
/// <code>
///  7   6        5 4       3 2          1 0
///  -   output   polarity  aggregation  format
/// </code>
/// </remarks>
internal readonly ref struct TextComparison
{
    private const int AnyOf = 0, InRanges = 1, EqualEach = 2, EqualOrdered = 3;

    private readonly Vector128<byte> _first, _second;
    private readonly int _control;

    /// <param name="first">The first operand: the set, the ranges, or the text that is looked for.</param>
    /// <param name="second">The second operand: the text.</param>
    /// <param name="control">The constant.</param>
    public TextComparison(Vector128<byte> first, Vector128<byte> second, byte control)
    {
        _first = first;
        _second = second;
        _control = control;
    }

    /// <summary>Whether elements are words.</summary>
    public bool IsWide => (_control & 1) != 0;

    /// <summary>The elements in a register.</summary>
    public int Count => IsWide ? 8 : 16;

    /// <summary>How many elements an operand has before its first zero.</summary>
    public int LengthOf(Vector128<byte> text)
    {
        var zeros = IsWide
            ? Vector128.Equals(text.AsUInt16(), Vector128<ushort>.Zero).ExtractMostSignificantBits()
            : Vector128.Equals(text, Vector128<byte>.Zero).ExtractMostSignificantBits();
        return zeros == 0 ? Count : BitOperations.TrailingZeroCount(zeros);
    }

    /// <summary>A bit for each element of the second operand, after the polarity.</summary>
    public uint Find(int firstLength, int secondLength)
    {
        var all = (1u << Count) - 1;
        var valid = (1u << secondLength) - 1;
        var found = ((_control >> 2) & 3) switch
        {
            AnyOf => AnyEqual(firstLength) & valid,
            InRanges => WithinAny(firstLength) & valid,
            EqualEach => Each(firstLength, secondLength),
            _ => Ordered(firstLength, secondLength),
        };
        return ((_control >> 4) & 3) switch
        {
            1 => ~found & all,
            3 => found ^ valid,
            _ => found,
        };
    }

    private uint AnyEqual(int firstLength)
    {
        var found = 0u;
        for (var i = 0; i < firstLength; i++)
            found |= EqualTo(i);
        return found;
    }

    private uint WithinAny(int firstLength)
    {
        var found = 0u;
        for (var i = 0; i + 1 < firstLength; i += 2)
            for (var j = 0; j < Count; j++)
                if (Element(_second, j) >= Element(_first, i) && Element(_second, j) <= Element(_first, i + 1))
                    found |= 1u << j;
        return found;
    }

    /// <summary>Behind the ends of both, elements count as equal.</summary>
    private uint Each(int firstLength, int secondLength)
    {
        var equal = IsWide
            ? Vector128.Equals(_first.AsUInt16(), _second.AsUInt16()).ExtractMostSignificantBits()
            : Vector128.Equals(_first, _second).ExtractMostSignificantBits();
        var (shorter, longer) = (Math.Min(firstLength, secondLength), Math.Max(firstLength, secondLength));
        return (equal & ((1u << shorter) - 1)) | (((1u << Count) - 1) & ~((1u << longer) - 1));
    }

    /// <summary>Where the first text begins; it may go on behind the second one's register, but not behind its end.</summary>
    private uint Ordered(int firstLength, int secondLength)
    {
        var found = (1u << Count) - 1;
        var valid = (1u << secondLength) - 1;
        for (var i = 0; i < firstLength; i++)
        {
            // The elements that would lie beyond the register are not compared.
            var equal = (EqualTo(i) & valid) | ~((1u << Count) - 1);
            found &= (uint)((((ulong)uint.MaxValue << 32) | equal) >> i);
        }
        return found & ((1u << Count) - 1);
    }

    /// <summary>The elements of the second operand that equal one of the first.</summary>
    private uint EqualTo(int place) => IsWide
        ? Vector128.Equals(_second.AsUInt16(), Vector128.Create(_first.AsUInt16().GetElement(place))).ExtractMostSignificantBits()
        : Vector128.Equals(_second, Vector128.Create(_first.GetElement(place))).ExtractMostSignificantBits();

    private int Element(Vector128<byte> text, int place) => (_control & 3) switch
    {
        0 => text.GetElement(place),
        1 => text.AsUInt16().GetElement(place),
        2 => text.AsSByte().GetElement(place),
        _ => text.AsInt16().GetElement(place),
    };
}
