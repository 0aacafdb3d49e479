using System.Numerics;

namespace Pv.Hypervisor.Traps;

/// <summary>The arithmetic flags that an emulated instruction sets, and which of them it sets (Intel SDM, volume 1, appendix A).</summary>
internal readonly struct StoreFlags
{
    private const ulong Carry = 1 << 0, Parity = 1 << 2, Adjust = 1 << 4, Zero = 1 << 6, Sign = 1 << 7, Overflow = 1 << 11;
    private const ulong All = Carry | Parity | Adjust | Zero | Sign | Overflow;

    private readonly ulong _set, _changed;

    private StoreFlags(ulong set, ulong changed)
    {
        _set = set;
        _changed = changed;
    }

    public static StoreFlags OfLogic(ulong result, int bits) => new(OfResult(result, bits), All);

    public static StoreFlags OfAdd(ulong left, ulong right, ulong result, int bits, bool carry = false) => new(
        OfResult(result, bits) | (result < left || (carry && result == left) ? Carry : 0) | ((left ^ right ^ result) & Adjust)
            | (IsSet((left ^ result) & (right ^ result), bits - 1) ? Overflow : 0), All);

    public static StoreFlags OfSubtract(ulong left, ulong right, ulong result, int bits, bool carry = false) => new(
        OfResult(result, bits) | (left < right || (carry && left == right) ? Carry : 0) | ((left ^ right ^ result) & Adjust)
            | (IsSet((left ^ right) & (left ^ result), bits - 1) ? Overflow : 0), All);

    public static StoreFlags OfCarry(bool carry) => new(carry ? Carry : 0, Carry);

    public static bool IsCarrySet(ulong flags) => (flags & Carry) != 0;

    /// <summary>The same without the carry, which INC and DEC leave alone.</summary>
    public StoreFlags WithoutCarry() => new(_set & ~Carry, _changed & ~Carry);

    public ulong Apply(ulong flags) => flags & ~_changed | _set;

    private static ulong OfResult(ulong result, int bits)
        => (result == 0 ? Zero : 0) | (IsSet(result, bits - 1) ? Sign : 0) | ((BitOperations.PopCount(result & 0xff) & 1) == 0 ? Parity : 0);

    private static bool IsSet(ulong value, int bit) => (value >> bit & 1) != 0;
}
