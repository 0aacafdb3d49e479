using System.Numerics;

namespace Pv.Cpu.Software;

/// <summary>Chooses the handler of a move.</summary>
// SAFETY: takes addresses of static methods only.
internal static unsafe class MoveChoice
{
    public static Handler Of(OperandForm form, int size, AddressForm address) => size switch
    {
        1 => Of<byte>(form, address),
        2 => Of<ushort>(form, address),
        4 => Of<uint>(form, address),
        8 => Of<ulong>(form, address),
        _ => null,
    };

    private static Handler Of<T>(OperandForm form, AddressForm address)
        where T : unmanaged, IBinaryInteger<T>
    {
        switch (form)
        {
            case OperandForm.RegReg:
                return &MoveHandlers.RegReg<T>;
            case OperandForm.RegImm:
                return &MoveHandlers.RegImm<T>;
            default:
                return address switch
                {
                    AddressForm.Base => OfMemory<T, BaseAddress>(form),
                    AddressForm.Indexed => OfMemory<T, IndexedAddress>(form),
                    _ => OfMemory<T, AnyAddress>(form),
                };
        }
    }

    private static Handler OfMemory<T, TAddress>(OperandForm form)
        where T : unmanaged, IBinaryInteger<T>
        where TAddress : struct, IAddress
    {
        switch (form)
        {
            case OperandForm.RegMem:
                return &MoveHandlers.Load<T, TAddress, Straight>;
            case OperandForm.MemReg:
                return &MoveHandlers.Store<T, TAddress, Straight>;
            case OperandForm.MemImm:
                return &MoveHandlers.StoreImm<T, TAddress, Straight>;
            default:
                return null;
        }
    }

    public static Handler Lea(int size, AddressForm address)
    {
        switch (size, address)
        {
            case (8, AddressForm.Base):
                return &MoveHandlers.Lea<ulong, BaseAddress>;
            case (8, AddressForm.Indexed):
                return &MoveHandlers.Lea<ulong, IndexedAddress>;
            case (8, _):
                return &MoveHandlers.Lea<ulong, AnyAddress>;
            case (4, AddressForm.Base):
                return &MoveHandlers.Lea<uint, BaseAddress>;
            case (4, AddressForm.Indexed):
                return &MoveHandlers.Lea<uint, IndexedAddress>;
            case (4, _):
                return &MoveHandlers.Lea<uint, AnyAddress>;
            default:
                return &MoveHandlers.Lea<ushort, AnyAddress>;
        }
    }

    /// <summary>Extensions to 32 or 64 bits. Zero extension to 64 bits is the one to 32.</summary>
    public static Handler Extend(bool signed, int to, int from, bool memory, AddressForm address)
    {
        if (to == 2)
            return Extend<ushort>(signed, from, memory, address);
        return to == 8 && signed ? Extend<ulong>(signed, from, memory, address) : Extend<uint>(signed, from, memory, address);
    }

    private static Handler Extend<TTo>(bool signed, int from, bool memory, AddressForm address)
        where TTo : unmanaged, IBinaryInteger<TTo> => from switch
    {
        1 => signed ? Extend<TTo, byte, SignExtension>(memory, address) : Extend<TTo, byte, ZeroExtension>(memory, address),
        2 => signed ? Extend<TTo, ushort, SignExtension>(memory, address) : Extend<TTo, ushort, ZeroExtension>(memory, address),
        _ => Extend<TTo, uint, SignExtension>(memory, address),
    };

    private static Handler Extend<TTo, TFrom, TSign>(bool memory, AddressForm address)
        where TTo : unmanaged, IBinaryInteger<TTo>
        where TFrom : unmanaged
        where TSign : struct, IExtension
    {
        if (!memory)
            return &MoveHandlers.ExtendReg<TTo, TFrom, TSign>;
        switch (address)
        {
            case AddressForm.Base:
                return &MoveHandlers.ExtendLoad<TTo, TFrom, TSign, BaseAddress, Straight>;
            case AddressForm.Indexed:
                return &MoveHandlers.ExtendLoad<TTo, TFrom, TSign, IndexedAddress, Straight>;
            default:
                return &MoveHandlers.ExtendLoad<TTo, TFrom, TSign, AnyAddress, Straight>;
        }
    }
}
