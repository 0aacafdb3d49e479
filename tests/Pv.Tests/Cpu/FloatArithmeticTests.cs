using NUnit.Framework;
using Pv.Cpu.Software;

namespace Pv.Tests.Cpu;

/// <summary>The soft-float core against .NET's own numbers (which round to nearest) and against exact arithmetic.</summary>
[TestFixture]
public sealed class FloatArithmeticTests
{
    private const int Rounds = 50_000;
    private readonly Random _random = new(754);
    private FloatStatus _status;

    [SetUp]
    public void Start() => _status = FloatStatus.OfMxcsr(0x1f80);

    private double PickDouble() => BitConverter.UInt64BitsToDouble(PickBits(64, 52));

    private float PickFloat() => BitConverter.UInt32BitsToSingle((uint)PickBits(32, 23));

    /// <summary>Any bits; often with an exponent near the middle or an end, often with a fraction of few bits.</summary>
    private ulong PickBits(int width, int fractionBits)
    {
        var bits = (ulong)_random.NextInt64(long.MinValue, long.MaxValue);
        var exponents = (1 << (width - fractionBits - 1)) - 1;
        var middle = exponents / 2;
        var exponent = _random.Next(6) switch
        {
            0 => 0,
            1 => _random.Next(0, fractionBits + 3),
            2 => exponents - _random.Next(3),
            3 => _random.Next(exponents + 1),
            _ => middle + _random.Next(-fractionBits - 2, fractionBits + 3),
        };
        var fraction = bits & ((1ul << fractionBits) - 1);
        fraction = _random.Next(4) switch
        {
            0 => fraction & (0 - (1ul << _random.Next(fractionBits))),
            1 => (1ul << _random.Next(fractionBits)) - (ulong)_random.Next(2),
            _ => fraction,
        };
        return (bits >> 63 << (width - 1)) | ((ulong)exponent << fractionBits) | fraction;
    }

    private static bool Same(double expected, ulong actual)
        => BitConverter.DoubleToUInt64Bits(expected) == actual || (double.IsNaN(expected) && double.IsNaN(BitConverter.UInt64BitsToDouble(actual)));

    private static bool Same(float expected, ulong actual)
        => BitConverter.SingleToUInt32Bits(expected) == actual || (float.IsNaN(expected) && float.IsNaN(BitConverter.UInt32BitsToSingle((uint)actual)));

    [Test]
    public void Doubles_are_what_the_host_makes_of_them()
    {
        for (var i = 0; i < Rounds; i++)
        {
            double a = PickDouble(), b = PickDouble();
            ulong x = BitConverter.DoubleToUInt64Bits(a), y = BitConverter.DoubleToUInt64Bits(b);
            var good = Same(a + b, FloatArithmetic.Add<Binary64>(ref _status, x, y))
                && Same(a - b, FloatArithmetic.Subtract<Binary64>(ref _status, x, y))
                && Same(a * b, FloatArithmetic.Multiply<Binary64>(ref _status, x, y))
                && Same(a / b, FloatArithmetic.Divide<Binary64>(ref _status, x, y))
                && Same(Math.Sqrt(a), FloatArithmetic.SquareRoot<Binary64>(ref _status, x))
                && Same((float)a, FloatConversion.Convert<Binary64, Binary32>(ref _status, x))
                && Same(Math.Round(a, MidpointRounding.ToEven), FloatConversion.RoundToIntegral<Binary64>(ref _status, x, RoundingMode.NearestEven, true))
                && Same(Math.Floor(a), FloatConversion.RoundToIntegral<Binary64>(ref _status, x, RoundingMode.Down, true))
                && Same(Math.Ceiling(a), FloatConversion.RoundToIntegral<Binary64>(ref _status, x, RoundingMode.Up, true))
                && Same(Math.Truncate(a), FloatConversion.RoundToIntegral<Binary64>(ref _status, x, RoundingMode.TowardZero, true));
            Assert.That(good, $"{x:x} {y:x}");
        }
    }

    [Test]
    public void Singles_are_what_the_host_makes_of_them()
    {
        for (var i = 0; i < Rounds; i++)
        {
            float a = PickFloat(), b = PickFloat();
            ulong x = BitConverter.SingleToUInt32Bits(a), y = BitConverter.SingleToUInt32Bits(b);
            var good = Same(a + b, FloatArithmetic.Add<Binary32>(ref _status, x, y))
                && Same(a - b, FloatArithmetic.Subtract<Binary32>(ref _status, x, y))
                && Same(a * b, FloatArithmetic.Multiply<Binary32>(ref _status, x, y))
                && Same(a / b, FloatArithmetic.Divide<Binary32>(ref _status, x, y))
                && Same(MathF.Sqrt(a), FloatArithmetic.SquareRoot<Binary32>(ref _status, x))
                && Same((double)a, FloatConversion.Convert<Binary32, Binary64>(ref _status, x));
            Assert.That(good, $"{x:x} {y:x}");
        }
    }

    [Test]
    public void Integers_go_in_and_out()
    {
        for (var i = 0; i < Rounds; i++)
        {
            var value = _random.NextInt64(long.MinValue, long.MaxValue) >> _random.Next(64);
            Assert.That(Same((double)value, FloatConversion.FromInteger<Binary64>(ref _status, value)), $"{value:x}");
            Assert.That(Same((float)value, FloatConversion.FromInteger<Binary32>(ref _status, value)), $"{value:x}");
            var a = PickDouble();
            var truncated = FloatConversion.ToInteger<Binary64>(ref _status, BitConverter.DoubleToUInt64Bits(a), RoundingMode.TowardZero, 64);
            Assert.That(truncated, Is.EqualTo(Math.Abs(a) < 9223372036854775808.0 ? (long)a : long.MinValue), $"{a}");
        }
    }

    [Test]
    public void Orders_are_the_hosts()
    {
        for (var i = 0; i < Rounds; i++)
        {
            var a = PickDouble();
            var b = _random.Next(4) == 0 ? a : PickDouble();
            var order = FloatComparison.Compare<Binary64>(ref _status, BitConverter.DoubleToUInt64Bits(a), BitConverter.DoubleToUInt64Bits(b), quiet: true);
            var expected = a < b ? FloatOrder.Less : a > b ? FloatOrder.Greater : a == b ? FloatOrder.Equal : FloatOrder.Unordered;
            Assert.That(order, Is.EqualTo(expected), $"{a} {b}");
        }
    }

    /// <summary>A result and the remainder that it leaves tell which neighbours it must lie between, in every mode.</summary>
    [TestCase(1)]
    [TestCase(2)]
    [TestCase(3)]
    public void Directed_results_enclose_the_true_ones(int number)
    {
        var mode = (RoundingMode)number;
        _status.Rounding = mode;
        for (var i = 0; i < Rounds; i++)
        {
            var a = (_random.NextDouble() - 0.5) * Math.ScaleB(1, _random.Next(-60, 60));
            var b = (_random.NextDouble() - 0.5) * Math.ScaleB(1, _random.Next(-60, 60));
            ulong x = BitConverter.DoubleToUInt64Bits(a), y = BitConverter.DoubleToUInt64Bits(b);
            Check(a * b, Math.FusedMultiplyAdd(a, b, -(a * b)), FloatArithmetic.Multiply<Binary64>(ref _status, x, y));
            var quotient = a / b;
            Check(quotient, Math.FusedMultiplyAdd(-quotient, b, a) * Math.Sign(b), FloatArithmetic.Divide<Binary64>(ref _status, x, y));
            var root = Math.Sqrt(Math.Abs(a));
            Check(root, Math.FusedMultiplyAdd(-root, root, Math.Abs(a)), FloatArithmetic.SquareRoot<Binary64>(ref _status, x & long.MaxValue));
        }

        // error: where the true value lies, seen from the nearest.
        void Check(double nearest, double error, ulong actual)
        {
            var up = mode == RoundingMode.Up || (mode == RoundingMode.TowardZero && nearest < 0);
            var expected = up ? error > 0 ? Math.BitIncrement(nearest) : nearest : error < 0 ? Math.BitDecrement(nearest) : nearest;
            Assert.That(BitConverter.UInt64BitsToDouble(actual), Is.EqualTo(expected));
        }
    }

    [Test]
    public void Extended_precision_reduced_to_double_is_the_hosts_in_the_hosts_range()
    {
        for (var i = 0; i < Rounds; i++)
        {
            var a = (_random.NextDouble() - 0.5) * Math.ScaleB(1, _random.Next(-60, 60));
            var b = (_random.NextDouble() - 0.5) * Math.ScaleB(1, _random.Next(-60, 60));
            Unpacked x = Unpacked.Of<Binary64>(_status, BitConverter.DoubleToUInt64Bits(a)), y = Unpacked.Of<Binary64>(_status, BitConverter.DoubleToUInt64Bits(b));
            Check(a + b, ExactArithmetic.Add(x, y, subtract: false));
            Check(a * b, ExactArithmetic.Multiply(x, y));
            Check(a / b, ExactArithmetic.Divide(x, y));
        }

        void Check(double expected, in WideFloat exact)
        {
            var packed = Float80.Pack(ref _status, exact, 53).Unpack();
            Assert.That(Same(expected, FloatConversion.Pack<Binary64>(ref _status, packed, noteDenormal: false)));
        }
    }
}
