using System.Numerics;

namespace Pv.Cpu.Software;

/// <summary>
/// A result before rounding: ± (<see cref="High"/> · 2^64 + <see cref="Low"/>) · 2^(<see cref="Exponent"/> − 127), bit 127 set, or zero.
/// The last bit also stands for whatever lies below it.
/// </summary>
internal struct WideFloat
{
    public ulong High, Low;
    public int Exponent;
    public bool Negative;

    public readonly bool IsZero => (High | Low) == 0;

    public static WideFloat Of(in Unpacked value)
        => new() { High = value.Class == FloatClass.Finite ? value.Significand : 0, Exponent = value.Exponent, Negative = value.Negative };

    /// <summary>Shifts until bit 127 is set.</summary>
    public void Normalise()
    {
        if (High == 0)
        {
            if (Low == 0)
                return;
            High = Low;
            Low = 0;
            Exponent -= 64;
        }
        var zeros = BitOperations.LeadingZeroCount(High);
        if (zeros == 0)
            return;
        High = (High << zeros) | (Low >> (64 - zeros));
        Low <<= zeros;
        Exponent -= zeros;
    }

    /// <summary>Shifts right; what falls out stays visible in the last bit.</summary>
    public void ShiftRight(int count)
    {
        if (count == 0)
            return;
        var lost = 0ul;
        if (count >= 128)
        {
            lost = High | Low;
            High = Low = 0;
        }
        else if (count >= 64)
        {
            lost = Low | (count == 64 ? 0 : High << (128 - count));
            Low = count == 64 ? High : High >> (count - 64);
            High = 0;
        }
        else
        {
            lost = Low << (64 - count);
            Low = (Low >> count) | (High << (64 - count));
            High >>= count;
        }
        if (lost != 0)
            Low |= 1;
    }
}
