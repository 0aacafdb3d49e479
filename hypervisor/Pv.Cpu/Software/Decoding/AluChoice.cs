using System.Numerics;
using Iced.Intel;

namespace Pv.Cpu.Software;

/// <summary>Where the operands of a two-operand instruction are.</summary>
internal enum OperandForm : byte
{
    None,
    RegReg,
    RegImm,
    RegMem,
    MemReg,
    MemImm,

    /// <summary>A copy of one register to another, fused with an operation of the copy and a third.</summary>
    CopyReg,

    /// <summary>The same with a constant.</summary>
    CopyImm,
}

/// <summary>Chooses the handler of a two-operand arithmetic instruction.</summary>
// SAFETY: takes addresses of static methods only.
internal static unsafe class AluChoice
{
    public static Handler Of(Mnemonic mnemonic, OperandForm form, int size, bool live, AddressForm address) => mnemonic switch
    {
        Mnemonic.Add => Of<AddOperation>(form, size, live, address),
        Mnemonic.Sub => Of<SubOperation>(form, size, live, address),
        Mnemonic.Cmp => Of<CompareOperation>(form, size, true, address),
        Mnemonic.And => Of<AndOperation>(form, size, live, address),
        Mnemonic.Test => Of<TestOperation>(form, size, true, address),
        Mnemonic.Or => Of<OrOperation>(form, size, live, address),
        Mnemonic.Xor => Of<XorOperation>(form, size, live, address),
        Mnemonic.Adc => Of<AddCarryOperation>(form, size, live, address),
        Mnemonic.Sbb => Of<SubBorrowOperation>(form, size, live, address),
        _ => null,
    };

    private static Handler Of<TOperation>(OperandForm form, int size, bool live, AddressForm address)
        where TOperation : struct, IAluOperation => size switch
    {
        1 => Of<TOperation, byte>(form, live, address),
        2 => Of<TOperation, ushort>(form, live, address),
        4 => Of<TOperation, uint>(form, live, address),
        8 => Of<TOperation, ulong>(form, live, address),
        _ => null,
    };

    private static Handler Of<TOperation, T>(OperandForm form, bool live, AddressForm address)
        where TOperation : struct, IAluOperation
        where T : unmanaged, IBinaryInteger<T> => live
        ? Of<TOperation, T, LiveFlags>(form, address)
        : Of<TOperation, T, DeadFlags>(form, address);

    private static Handler Of<TOperation, T, TFlags>(OperandForm form, AddressForm address)
        where TOperation : struct, IAluOperation
        where T : unmanaged, IBinaryInteger<T>
        where TFlags : struct, IFlagUse
    {
        switch (form)
        {
            case OperandForm.RegReg:
                return &AluHandlers.RegReg<TOperation, T, TFlags>;
            case OperandForm.RegImm:
                return &AluHandlers.RegImm<TOperation, T, TFlags>;
            case OperandForm.CopyReg:
                return &AluHandlers.CopyReg<TOperation, T, TFlags>;
            case OperandForm.CopyImm:
                return &AluHandlers.CopyImm<TOperation, T, TFlags>;
            default:
                return address switch
                {
                    AddressForm.Base => OfMemory<TOperation, T, TFlags, BaseAddress>(form),
                    AddressForm.Indexed => OfMemory<TOperation, T, TFlags, IndexedAddress>(form),
                    _ => OfMemory<TOperation, T, TFlags, AnyAddress>(form),
                };
        }
    }

    private static Handler OfMemory<TOperation, T, TFlags, TAddress>(OperandForm form)
        where TOperation : struct, IAluOperation
        where T : unmanaged, IBinaryInteger<T>
        where TFlags : struct, IFlagUse
        where TAddress : struct, IAddress
    {
        switch (form)
        {
            case OperandForm.RegMem:
                return &AluHandlers.RegMem<TOperation, T, TFlags, TAddress, Straight>;
            case OperandForm.MemReg:
                return &AluHandlers.MemReg<TOperation, T, TAddress, Straight>;
            case OperandForm.MemImm:
                return &AluHandlers.MemImm<TOperation, T, TAddress, Straight>;
            default:
                return null;
        }
    }
}
