using System.Numerics;
using Iced.Intel;

namespace Pv.Cpu.Software;

/// <summary>Chooses the handler of an instruction that changes one register in place, and of multiplications.</summary>
// SAFETY: takes addresses of static methods only.
internal static unsafe class UnaryChoice
{
    /// <summary>Handlers by size and flags; the same question for each family, so it is asked once.</summary>
    private interface IFamily
    {
        static abstract Handler Of<T, TFlags>(Mnemonic mnemonic)
            where T : unmanaged, IBinaryInteger<T>
            where TFlags : struct, IFlagUse;
    }

    public static Handler OneOperand(Mnemonic mnemonic, int size, bool live) => Pick<Single>(mnemonic, size, live);

    public static Handler ShiftImm(Mnemonic mnemonic, int size, bool live) => Pick<ByImm>(mnemonic, size, live);

    /// <summary>A copy of a register, fused with a shift of the copy.</summary>
    public static Handler CopyShift(Mnemonic mnemonic, int size, bool live) => Pick<ByCopy>(mnemonic, size, live);

    public static Handler ShiftByCl(Mnemonic mnemonic, int size, bool live) => Pick<ByCl>(mnemonic, size, live);

    public static Handler MultiplyReg(int size, bool live) => Pick<ProductReg>(Mnemonic.Imul, size, live);

    public static Handler MultiplyRegImm(int size, bool live) => Pick<ProductRegImm>(Mnemonic.Imul, size, live);

    public static Handler MultiplyMem(int size, bool live, AddressForm address) => address switch
    {
        AddressForm.Base => Pick<ProductMem<BaseAddress>>(Mnemonic.Imul, size, live),
        AddressForm.Indexed => Pick<ProductMem<IndexedAddress>>(Mnemonic.Imul, size, live),
        _ => Pick<ProductMem<AnyAddress>>(Mnemonic.Imul, size, live),
    };

    private static Handler Pick<TFamily>(Mnemonic mnemonic, int size, bool live)
        where TFamily : struct, IFamily => size switch
    {
        1 => live ? TFamily.Of<byte, LiveFlags>(mnemonic) : TFamily.Of<byte, DeadFlags>(mnemonic),
        2 => live ? TFamily.Of<ushort, LiveFlags>(mnemonic) : TFamily.Of<ushort, DeadFlags>(mnemonic),
        4 => live ? TFamily.Of<uint, LiveFlags>(mnemonic) : TFamily.Of<uint, DeadFlags>(mnemonic),
        _ => live ? TFamily.Of<ulong, LiveFlags>(mnemonic) : TFamily.Of<ulong, DeadFlags>(mnemonic),
    };

    private readonly struct Single : IFamily
    {
        public static Handler Of<T, TFlags>(Mnemonic mnemonic)
            where T : unmanaged, IBinaryInteger<T>
            where TFlags : struct, IFlagUse
        {
            switch (mnemonic)
            {
                case Mnemonic.Inc:
                    return &UnaryHandlers.Inc<T, TFlags>;
                case Mnemonic.Dec:
                    return &UnaryHandlers.Dec<T, TFlags>;
                case Mnemonic.Neg:
                    return &UnaryHandlers.Neg<T, TFlags>;
                case Mnemonic.Not:
                    return &UnaryHandlers.Not<T>;
                default:
                    return null;
            }
        }
    }

    private readonly struct ByImm : IFamily
    {
        public static Handler Of<T, TFlags>(Mnemonic mnemonic)
            where T : unmanaged, IBinaryInteger<T>
            where TFlags : struct, IFlagUse
        {
            switch (mnemonic)
            {
                case Mnemonic.Shl or Mnemonic.Sal:
                    return &UnaryHandlers.ShiftImm<ShiftLeft, T, TFlags>;
                case Mnemonic.Shr:
                    return &UnaryHandlers.ShiftImm<ShiftRight, T, TFlags>;
                case Mnemonic.Sar:
                    return &UnaryHandlers.ShiftImm<ShiftArithmetic, T, TFlags>;
                case Mnemonic.Rol:
                    return &UnaryHandlers.ShiftImm<RotateLeft, T, TFlags>;
                case Mnemonic.Ror:
                    return &UnaryHandlers.ShiftImm<RotateRight, T, TFlags>;
                default:
                    return null;
            }
        }
    }

    private readonly struct ByCopy : IFamily
    {
        public static Handler Of<T, TFlags>(Mnemonic mnemonic)
            where T : unmanaged, IBinaryInteger<T>
            where TFlags : struct, IFlagUse
        {
            switch (mnemonic)
            {
                case Mnemonic.Shl or Mnemonic.Sal:
                    return &UnaryHandlers.CopyShift<ShiftLeft, T, TFlags>;
                case Mnemonic.Shr:
                    return &UnaryHandlers.CopyShift<ShiftRight, T, TFlags>;
                case Mnemonic.Sar:
                    return &UnaryHandlers.CopyShift<ShiftArithmetic, T, TFlags>;
                case Mnemonic.Rol:
                    return &UnaryHandlers.CopyShift<RotateLeft, T, TFlags>;
                case Mnemonic.Ror:
                    return &UnaryHandlers.CopyShift<RotateRight, T, TFlags>;
                default:
                    return null;
            }
        }
    }

    private readonly struct ByCl : IFamily
    {
        public static Handler Of<T, TFlags>(Mnemonic mnemonic)
            where T : unmanaged, IBinaryInteger<T>
            where TFlags : struct, IFlagUse
        {
            switch (mnemonic)
            {
                case Mnemonic.Shl or Mnemonic.Sal:
                    return &UnaryHandlers.ShiftByCl<ShiftLeft, T, TFlags>;
                case Mnemonic.Shr:
                    return &UnaryHandlers.ShiftByCl<ShiftRight, T, TFlags>;
                case Mnemonic.Sar:
                    return &UnaryHandlers.ShiftByCl<ShiftArithmetic, T, TFlags>;
                case Mnemonic.Rol:
                    return &UnaryHandlers.ShiftByCl<RotateLeft, T, TFlags>;
                case Mnemonic.Ror:
                    return &UnaryHandlers.ShiftByCl<RotateRight, T, TFlags>;
                default:
                    return null;
            }
        }
    }

    private readonly struct ProductReg : IFamily
    {
        public static Handler Of<T, TFlags>(Mnemonic mnemonic)
            where T : unmanaged, IBinaryInteger<T>
            where TFlags : struct, IFlagUse => &UnaryHandlers.MultiplyReg<T, TFlags>;
    }

    private readonly struct ProductRegImm : IFamily
    {
        public static Handler Of<T, TFlags>(Mnemonic mnemonic)
            where T : unmanaged, IBinaryInteger<T>
            where TFlags : struct, IFlagUse => &UnaryHandlers.MultiplyRegImm<T, TFlags>;
    }

    private readonly struct ProductMem<TAddress> : IFamily
        where TAddress : struct, IAddress
    {
        public static Handler Of<T, TFlags>(Mnemonic mnemonic)
            where T : unmanaged, IBinaryInteger<T>
            where TFlags : struct, IFlagUse => &UnaryHandlers.MultiplyMem<T, TFlags, TAddress, Straight>;
    }
}
