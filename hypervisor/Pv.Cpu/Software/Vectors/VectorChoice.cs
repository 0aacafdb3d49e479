using Iced.Intel;

namespace Pv.Cpu.Software;

/// <summary>Chooses the handler of a vector instruction.</summary>
// SAFETY: takes addresses of static methods; writes the Op that it is given.
internal static unsafe partial class VectorChoice
{
    /// <summary>Fills the operation. False: the general layer must do it.</summary>
    public static bool TryWrite(Op* op, in Instruction instruction)
    {
        if (!VectorForm.IsSse(instruction))
            return false;
        var form = VectorForm.Describe(op, instruction);
        var chosen = OfMoves(instruction.Mnemonic, form);
        if (chosen == null)
            chosen = OfShuffles(op, instruction.Mnemonic, form);
        if (chosen == null)
            chosen = OfArithmetic(instruction.Mnemonic, form);
        if (chosen == null)
            chosen = OfLanes(instruction.Mnemonic, form);
        if (chosen == null)
            chosen = FloatChoice.Of(instruction.Mnemonic, form);
        if (chosen == null)
            chosen = FloatChoice.ToInteger(instruction.Mnemonic, form, Registers.SizeOf(instruction.Op0Register));
        op->Handler = chosen;
        return chosen != null;
    }

    private static Handler OfMoves(Mnemonic mnemonic, in VectorForm form)
    {
        switch (mnemonic)
        {
            case Mnemonic.Movaps or Mnemonic.Movapd or Mnemonic.Movdqa or Mnemonic.Movntdqa or Mnemonic.Movntps or Mnemonic.Movntpd
                or Mnemonic.Movntdq:
                return Whole<AlignedWhole>(form);
            case Mnemonic.Movups or Mnemonic.Movupd or Mnemonic.Movdqu or Mnemonic.Lddqu:
                return Whole<UnalignedWhole>(form);
            case Mnemonic.Movd:
                return form.Places switch
                {
                    VectorPlaces.RegGeneral => &VectorHandlers.RegGeneral<TakeLow, uint>,
                    VectorPlaces.GeneralReg => &VectorHandlers.GeneralReg<ExtractLowest<uint>>,
                    _ => ScalarMove<uint>(form),
                };
            case Mnemonic.Movq:
                return form.Places switch
                {
                    VectorPlaces.RegReg => &VectorHandlers.RegReg<TakeLow>,
                    VectorPlaces.RegGeneral => &VectorHandlers.RegGeneral<TakeLow, ulong>,
                    VectorPlaces.GeneralReg => &VectorHandlers.GeneralReg<ExtractLowest<ulong>>,
                    _ => ScalarMove<ulong>(form),
                };
            case Mnemonic.Movss:
                return form.Places == VectorPlaces.RegReg ? &VectorHandlers.RegReg<ReplaceLowest> : ScalarMove<uint>(form);
            case Mnemonic.Movsd:
                return form.Places == VectorPlaces.RegReg ? &VectorHandlers.RegReg<ReplaceLow> : ScalarMove<ulong>(form);
            case Mnemonic.Movlps or Mnemonic.Movlpd:
                return form.Places == VectorPlaces.MemReg ? ScalarMove<ulong>(form) : Of<ReplaceLow>(form);
            case Mnemonic.Movhps or Mnemonic.Movhpd:
                return form.Places == VectorPlaces.MemReg ? Store<ExtractHigh, ulong>(form) : Of<JoinLowHalves>(form);
            case Mnemonic.Movhlps:
                return &VectorHandlers.RegReg<ReplaceLowByHigh>;
            case Mnemonic.Movlhps:
                return &VectorHandlers.RegReg<JoinLowHalves>;
            case Mnemonic.Pmovmskb:
                return &VectorHandlers.GeneralReg<ExtractSigns<byte>>;
            case Mnemonic.Movmskps:
                return &VectorHandlers.GeneralReg<ExtractSigns<uint>>;
            case Mnemonic.Movmskpd:
                return &VectorHandlers.GeneralReg<ExtractSigns<ulong>>;
            case Mnemonic.Pinsrb:
                return Inserted<byte>(form);
            case Mnemonic.Pinsrw:
                return Inserted<ushort>(form);
            case Mnemonic.Pinsrd:
                return Inserted<uint>(form);
            case Mnemonic.Pinsrq:
                return Inserted<ulong>(form);
            case Mnemonic.Pextrb:
                return Extracted<byte>(form);
            case Mnemonic.Pextrw:
                return Extracted<ushort>(form);
            case Mnemonic.Pextrd or Mnemonic.Extractps:
                return Extracted<uint>(form);
            case Mnemonic.Pextrq:
                return Extracted<ulong>(form);
            default:
                return null;
        }
    }

    /// <summary>The register is both destination and first operand; the second is a register or memory as long as the form says.</summary>
    private static Handler Of<TOperation>(in VectorForm form)
        where TOperation : struct, IVectorOperation => (form.Places, form.Bytes) switch
    {
        (VectorPlaces.RegReg, _) => &VectorHandlers.RegReg<TOperation>,
        (VectorPlaces.RegMem, 16) => OfMemory<TOperation, AlignedWhole>(form),
        (VectorPlaces.RegMem, 8) => OfMemory<TOperation, Scalar<ulong>>(form),
        (VectorPlaces.RegMem, 4) => OfMemory<TOperation, Scalar<uint>>(form),
        (VectorPlaces.RegMem, 2) => OfMemory<TOperation, Scalar<ushort>>(form),
        (VectorPlaces.RegMem, 1) => OfMemory<TOperation, Scalar<byte>>(form),
        _ => null,
    };

    private static Handler OfMemory<TOperation, TSource>(in VectorForm form)
        where TOperation : struct, IVectorOperation
        where TSource : struct, IVectorSource => form.Address switch
    {
        AddressForm.Base => &VectorHandlers.RegMem<TOperation, TSource, BaseAddress, Straight>,
        AddressForm.Indexed => &VectorHandlers.RegMem<TOperation, TSource, IndexedAddress, Straight>,
        _ => &VectorHandlers.RegMem<TOperation, TSource, AnyAddress, Straight>,
    };

    /// <summary>A shift: its count may be a constant.</summary>
    private static Handler Shift<TOperation>(in VectorForm form)
        where TOperation : struct, IVectorOperation => form.Places == VectorPlaces.RegImm ? &VectorHandlers.RegImm<TOperation> : Of<TOperation>(form);

    private static Handler Whole<TSource>(in VectorForm form)
        where TSource : struct, IVectorSource => (form.Places, form.Address) switch
    {
        (VectorPlaces.RegReg, _) => &VectorMoveHandlers.RegReg,
        (VectorPlaces.RegMem, AddressForm.Base) => &VectorMoveHandlers.Load<TSource, BaseAddress, Straight>,
        (VectorPlaces.RegMem, AddressForm.Indexed) => &VectorMoveHandlers.Load<TSource, IndexedAddress, Straight>,
        (VectorPlaces.RegMem, _) => &VectorMoveHandlers.Load<TSource, AnyAddress, Straight>,
        (VectorPlaces.MemReg, AddressForm.Base) => &VectorMoveHandlers.Store<TSource, BaseAddress, Straight>,
        (VectorPlaces.MemReg, AddressForm.Indexed) => &VectorMoveHandlers.Store<TSource, IndexedAddress, Straight>,
        (VectorPlaces.MemReg, _) => &VectorMoveHandlers.Store<TSource, AnyAddress, Straight>,
        _ => null,
    };

    /// <summary>A scalar from memory, which clears the rest, or to memory.</summary>
    private static Handler ScalarMove<T>(in VectorForm form)
        where T : unmanaged => (form.Places, form.Address) switch
    {
        (VectorPlaces.RegMem, AddressForm.Base) => &VectorMoveHandlers.Load<Scalar<T>, BaseAddress, Straight>,
        (VectorPlaces.RegMem, AddressForm.Indexed) => &VectorMoveHandlers.Load<Scalar<T>, IndexedAddress, Straight>,
        (VectorPlaces.RegMem, _) => &VectorMoveHandlers.Load<Scalar<T>, AnyAddress, Straight>,
        _ => Store<ExtractLowest<T>, T>(form),
    };

    private static Handler Store<TExtraction, T>(in VectorForm form)
        where TExtraction : struct, IVectorExtraction
        where T : unmanaged => (form.Places, form.Address) switch
    {
        (VectorPlaces.MemReg, AddressForm.Base) => &VectorHandlers.MemReg<TExtraction, T, BaseAddress, Straight>,
        (VectorPlaces.MemReg, AddressForm.Indexed) => &VectorHandlers.MemReg<TExtraction, T, IndexedAddress, Straight>,
        (VectorPlaces.MemReg, _) => &VectorHandlers.MemReg<TExtraction, T, AnyAddress, Straight>,
        _ => null,
    };

    private static Handler Inserted<T>(in VectorForm form)
        where T : unmanaged => form.Places == VectorPlaces.RegGeneral ? &VectorHandlers.RegGeneral<Insert<T>, ulong> : Of<Insert<T>>(form);

    private static Handler Extracted<T>(in VectorForm form)
        where T : unmanaged => form.Places == VectorPlaces.GeneralReg ? &VectorHandlers.GeneralReg<Extract<T>> : Store<Extract<T>, T>(form);
}
