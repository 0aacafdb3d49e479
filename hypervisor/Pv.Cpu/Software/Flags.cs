using System.Numerics;
using System.Runtime.CompilerServices;

namespace Pv.Cpu.Software;

/// <summary>
/// The six arithmetic flags, kept as the operation that made them and computed when asked for.
/// <see cref="CpuState.FlagKind"/> is a kind times four plus the logarithm of the operand's bytes;
/// <see cref="CpuState.FlagA"/> and <see cref="CpuState.FlagB"/> are zero-extended values.
/// </summary>
/// <remarks>
/// <code>
/// kind      A             B                   carry
/// Explicit  the flags     -                   bit 0 of A
/// Logic     result        -                   0
/// Add       result        second operand      A &lt; B
/// AddCarry  result        second operand      A &lt;= B     (a carry came in)
/// Sub       first operand second operand      A &lt; B
/// SubBorrow first operand second operand      A &lt;= B     (a borrow came in)
/// Inc, Dec  result        the carry before    B
/// </code>
/// </remarks>
// SAFETY: reads and writes fields of the CpuState that it is given, nothing else.
internal static unsafe class Flags
{
    public const uint Carry = 1, Parity = 4, Adjust = 0x10, Zero = 0x40, Sign = 0x80, Overflow = 0x800;
    public const uint Arithmetic = Carry | Parity | Adjust | Zero | Sign | Overflow;
    public const uint Trap = 0x100, Interrupt = 0x200, Direction = 0x400, Nested = 0x4000, Resume = 0x10000, AlignmentCheck = 0x40000,
        Identification = 0x200000;

    public const uint Explicit = 0, Logic = 1, Add = 2, AddCarry = 3, Sub = 4, SubBorrow = 5, Inc = 6, Dec = 7;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Kind<T>(uint kind) where T : unmanaged => (kind << 2) | (uint)BitOperations.Log2((uint)sizeof(T));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Wide<T>(T value) where T : unmanaged
    {
        if (typeof(T) == typeof(byte))
            return (byte)(object)value;
        if (typeof(T) == typeof(ushort))
            return (ushort)(object)value;
        if (typeof(T) == typeof(uint))
            return (uint)(object)value;
        return (ulong)(object)value;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static long Signed<T>(T value) where T : unmanaged
    {
        if (typeof(T) == typeof(byte))
            return (sbyte)(byte)(object)value;
        if (typeof(T) == typeof(ushort))
            return (short)(ushort)(object)value;
        if (typeof(T) == typeof(uint))
            return (int)(uint)(object)value;
        return (long)(ulong)(object)value;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Set<T>(CpuState* s, uint kind, T a, T b) where T : unmanaged
    {
        s->FlagA = Wide(a);
        s->FlagB = Wide(b);
        s->FlagKind = Kind<T>(kind);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void SetLogic<T>(CpuState* s, T result) where T : unmanaged
    {
        s->FlagA = Wide(result);
        s->FlagKind = Kind<T>(Logic);
    }

    /// <summary>Sets all six from bits as RFLAGS has them.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void SetExplicit(CpuState* s, uint flags)
    {
        s->FlagA = flags & Arithmetic;
        s->FlagKind = Explicit << 2;
    }

    /// <summary>Replaces those of <paramref name="mask"/>.</summary>
    public static void Change(CpuState* s, uint mask, uint flags) => SetExplicit(s, (Get(s) & ~mask) | (flags & mask));

    /// <summary>Whether the carry flag is set.</summary>
    public static bool IsCarry(CpuState* s)
    {
        switch (s->FlagKind >> 2)
        {
            case Explicit:
                return (s->FlagA & Carry) != 0;
            case Logic:
                return false;
            case Add or Sub:
                return s->FlagA < s->FlagB;
            case AddCarry or SubBorrow:
                return s->FlagA <= s->FlagB;
            default:
                return s->FlagB != 0;
        }
    }

    /// <summary>Whether the zero flag is set.</summary>
    public static bool IsZero(CpuState* s) => (s->FlagKind >> 2) switch
    {
        Explicit => (s->FlagA & Zero) != 0,
        Sub => s->FlagA == s->FlagB,
        SubBorrow => (Get(s) & Zero) != 0,
        _ => s->FlagA == 0,
    };

    /// <summary>All six, as bits of RFLAGS.</summary>
    public static uint Get(CpuState* s)
    {
        var kind = s->FlagKind >> 2;
        if (kind == Explicit)
            return (uint)s->FlagA;
        var shift = 64 - (8 << (int)(s->FlagKind & 3));
        ulong a = s->FlagA, b = s->FlagB;
        switch (kind)
        {
            case Logic:
                return OfResult(a, shift);
            case Add or AddCarry:
            {
                var first = a - b - (kind == AddCarry ? 1ul : 0);
                var carry = kind == AddCarry ? a <= b : a < b;
                return OfResult(a, shift) | (carry ? Carry : 0) | ((uint)(first ^ b ^ a) & Adjust) | OverflowOf((first ^ a) & (b ^ a), shift);
            }
            case Sub or SubBorrow:
            {
                var result = a - b - (kind == SubBorrow ? 1ul : 0);
                var borrow = kind == SubBorrow ? a <= b : a < b;
                return OfResult(result, shift) | (borrow ? Carry : 0) | ((uint)(a ^ b ^ result) & Adjust) | OverflowOf((a ^ b) & (a ^ result), shift);
            }
            case Inc:
                return OfResult(a, shift) | (uint)b | ((a & 15) == 0 ? Adjust : 0) | (a << shift == 1ul << 63 ? Overflow : 0);
            default:
                return OfResult(a, shift) | (uint)b | ((a & 15) == 15 ? Adjust : 0) | (a << shift == (ulong.MaxValue >> 1) >> shift << shift ? Overflow : 0);
        }
    }

    /// <summary>After a multiplication: carry and overflow as told; sign and parity of the low half; zero and adjust clear (AMD leaves them so).</summary>
    public static void SetProduct(CpuState* s, ulong low, int shift, bool lost)
        => SetExplicit(s, (OfResult(low, shift) & (Sign | Parity)) | (lost ? Carry | Overflow : 0));

    /// <summary>Zero, sign and parity of a result that is moved up by <paramref name="shift"/> to fill 64 bits.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint OfResult(ulong result, int shift)
    {
        var top = result << shift;
        return (top == 0 ? Zero : 0) | ((uint)(top >> 63) << 7) | ParityOf(result);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint ParityOf(ulong result) => (BitOperations.PopCount((uint)(byte)result) & 1) == 0 ? Parity : 0;

    private static uint OverflowOf(ulong bits, int shift) => (uint)((bits << shift) >> 63) << 11;
}
