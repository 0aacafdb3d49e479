using Iced.Intel;

namespace Pv.Cpu.Software;

/// <summary>Chooses the handler of a floating-point instruction.</summary>
// SAFETY: takes addresses of static methods only.
internal static unsafe class FloatChoice
{
    public static Handler Of(Mnemonic mnemonic, in VectorForm form)
    {
        var chosen = OfArithmetic(mnemonic, form);
        return chosen != null ? chosen : OfConversions(mnemonic, form);
    }

    private static Handler OfArithmetic(Mnemonic mnemonic, in VectorForm form)
    {
        switch (mnemonic)
        {
            case Mnemonic.Addps:
                return Of<PackedArithmetic<AddFloats, float>>(form);
            case Mnemonic.Addpd:
                return Of<PackedArithmetic<AddFloats, double>>(form);
            case Mnemonic.Addss:
                return Of<ScalarArithmetic<AddFloats, float>>(form);
            case Mnemonic.Addsd:
                return Of<ScalarArithmetic<AddFloats, double>>(form);
            case Mnemonic.Subps:
                return Of<PackedArithmetic<SubtractFloats, float>>(form);
            case Mnemonic.Subpd:
                return Of<PackedArithmetic<SubtractFloats, double>>(form);
            case Mnemonic.Subss:
                return Of<ScalarArithmetic<SubtractFloats, float>>(form);
            case Mnemonic.Subsd:
                return Of<ScalarArithmetic<SubtractFloats, double>>(form);
            case Mnemonic.Mulps:
                return Of<PackedArithmetic<MultiplyFloats, float>>(form);
            case Mnemonic.Mulpd:
                return Of<PackedArithmetic<MultiplyFloats, double>>(form);
            case Mnemonic.Mulss:
                return Of<ScalarArithmetic<MultiplyFloats, float>>(form);
            case Mnemonic.Mulsd:
                return Of<ScalarArithmetic<MultiplyFloats, double>>(form);
            case Mnemonic.Divps:
                return Of<PackedArithmetic<DivideFloats, float>>(form);
            case Mnemonic.Divpd:
                return Of<PackedArithmetic<DivideFloats, double>>(form);
            case Mnemonic.Divss:
                return Of<ScalarArithmetic<DivideFloats, float>>(form);
            case Mnemonic.Divsd:
                return Of<ScalarArithmetic<DivideFloats, double>>(form);
            case Mnemonic.Sqrtps:
                return Of<PackedArithmetic<RootFloats, float>>(form);
            case Mnemonic.Sqrtpd:
                return Of<PackedArithmetic<RootFloats, double>>(form);
            case Mnemonic.Sqrtss:
                return Of<ScalarArithmetic<RootFloats, float>>(form);
            case Mnemonic.Sqrtsd:
                return Of<ScalarArithmetic<RootFloats, double>>(form);
            case Mnemonic.Minps:
                return Of<PackedArithmetic<LesserFloats, float>>(form);
            case Mnemonic.Minpd:
                return Of<PackedArithmetic<LesserFloats, double>>(form);
            case Mnemonic.Minss:
                return Of<ScalarArithmetic<LesserFloats, float>>(form);
            case Mnemonic.Minsd:
                return Of<ScalarArithmetic<LesserFloats, double>>(form);
            case Mnemonic.Maxps:
                return Of<PackedArithmetic<GreaterFloats, float>>(form);
            case Mnemonic.Maxpd:
                return Of<PackedArithmetic<GreaterFloats, double>>(form);
            case Mnemonic.Maxss:
                return Of<ScalarArithmetic<GreaterFloats, float>>(form);
            case Mnemonic.Maxsd:
                return Of<ScalarArithmetic<GreaterFloats, double>>(form);
            case Mnemonic.Addsubps:
                return Of<PackedArithmetic<AddAndSubtractFloats, float>>(form);
            case Mnemonic.Addsubpd:
                return Of<PackedArithmetic<AddAndSubtractFloats, double>>(form);
            case Mnemonic.Haddps:
                return Of<HorizontalArithmetic<AddFloats, float>>(form);
            case Mnemonic.Haddpd:
                return Of<HorizontalArithmetic<AddFloats, double>>(form);
            case Mnemonic.Hsubps:
                return Of<HorizontalArithmetic<SubtractFloats, float>>(form);
            case Mnemonic.Hsubpd:
                return Of<HorizontalArithmetic<SubtractFloats, double>>(form);
            case Mnemonic.Dpps:
                return Of<DotProduct<float>>(form);
            case Mnemonic.Dppd:
                return Of<DotProduct<double>>(form);
            case Mnemonic.Cmpps:
                return Of<CompareToMask<float, AllLanes>>(form);
            case Mnemonic.Cmppd:
                return Of<CompareToMask<double, AllLanes>>(form);
            case Mnemonic.Cmpss:
                return Of<CompareToMask<float, OneLane>>(form);
            case Mnemonic.Cmpsd:
                return Of<CompareToMask<double, OneLane>>(form);
            case Mnemonic.Comiss:
                return Of<CompareToFlags<float, InvalidNans>>(form);
            case Mnemonic.Comisd:
                return Of<CompareToFlags<double, InvalidNans>>(form);
            case Mnemonic.Ucomiss:
                return Of<CompareToFlags<float, QuietNans>>(form);
            case Mnemonic.Ucomisd:
                return Of<CompareToFlags<double, QuietNans>>(form);
            default:
                return null;
        }
    }

    private static Handler OfConversions(Mnemonic mnemonic, in VectorForm form)
    {
        switch (mnemonic)
        {
            case Mnemonic.Roundps:
                return Of<RoundFloats<float, AllLanes>>(form);
            case Mnemonic.Roundpd:
                return Of<RoundFloats<double, AllLanes>>(form);
            case Mnemonic.Roundss:
                return Of<RoundFloats<float, OneLane>>(form);
            case Mnemonic.Roundsd:
                return Of<RoundFloats<double, OneLane>>(form);
            case Mnemonic.Cvtsi2ss:
                return form.Bytes == 4 ? Of<IntegerToFloat<int, float>>(form) : Of<IntegerToFloat<long, float>>(form);
            case Mnemonic.Cvtsi2sd:
                return form.Bytes == 4 ? Of<IntegerToFloat<int, double>>(form) : Of<IntegerToFloat<long, double>>(form);
            case Mnemonic.Cvtss2sd:
                return Of<SingleToDouble>(form);
            case Mnemonic.Cvtsd2ss:
                return Of<DoubleToSingle>(form);
            case Mnemonic.Cvtps2pd:
                return Of<PackedConversion<ConvertFloats<Binary32, Binary64>>>(form);
            case Mnemonic.Cvtpd2ps:
                return Of<PackedConversion<ConvertFloats<Binary64, Binary32>>>(form);
            case Mnemonic.Cvtdq2ps:
                return Of<PackedConversion<ConvertFromIntegers<Binary32>>>(form);
            case Mnemonic.Cvtdq2pd:
                return Of<PackedConversion<ConvertFromIntegers<Binary64>>>(form);
            case Mnemonic.Cvtps2dq:
                return Of<PackedConversion<ConvertToIntegers<Binary32, Rounded>>>(form);
            case Mnemonic.Cvttps2dq:
                return Of<PackedConversion<ConvertToIntegers<Binary32, Truncated>>>(form);
            case Mnemonic.Cvtpd2dq:
                return Of<PackedConversion<ConvertToIntegers<Binary64, Rounded>>>(form);
            case Mnemonic.Cvttpd2dq:
                return Of<PackedConversion<ConvertToIntegers<Binary64, Truncated>>>(form);
            default:
                return null;
        }
    }

    /// <summary>A conversion to a general register of 4 or 8 bytes.</summary>
    public static Handler ToInteger(Mnemonic mnemonic, in VectorForm form, int bytes) => mnemonic switch
    {
        Mnemonic.Cvtss2si => ToInteger<float, Rounded>(form, bytes),
        Mnemonic.Cvtsd2si => ToInteger<double, Rounded>(form, bytes),
        Mnemonic.Cvttss2si => ToInteger<float, Truncated>(form, bytes),
        Mnemonic.Cvttsd2si => ToInteger<double, Truncated>(form, bytes),
        _ => null,
    };

    private static Handler ToInteger<T, TRounding>(in VectorForm form, int bytes)
        where T : unmanaged
        where TRounding : struct, IIntegerRounding
        => bytes == 4 ? Of<FloatToInteger<T, int, TRounding>>(form) : Of<FloatToInteger<T, long, TRounding>>(form);

    private static Handler Of<TInstruction>(in VectorForm form)
        where TInstruction : struct, IFloatInstruction => (form.Places, form.Bytes) switch
    {
        (VectorPlaces.RegReg or VectorPlaces.GeneralReg, _) => &FloatHandlers.RegReg<TInstruction>,
        (VectorPlaces.RegGeneral, _) => &FloatHandlers.RegGeneral<TInstruction>,
        (VectorPlaces.RegMem, 16) => OfMemory<TInstruction, AlignedWhole>(form),
        (VectorPlaces.RegMem, 8) => OfMemory<TInstruction, Scalar<ulong>>(form),
        (VectorPlaces.RegMem, 4) => OfMemory<TInstruction, Scalar<uint>>(form),
        _ => null,
    };

    private static Handler OfMemory<TInstruction, TSource>(in VectorForm form)
        where TInstruction : struct, IFloatInstruction
        where TSource : struct, IVectorSource => form.Address switch
    {
        AddressForm.Base => &FloatHandlers.RegMem<TInstruction, TSource, BaseAddress, Straight>,
        AddressForm.Indexed => &FloatHandlers.RegMem<TInstruction, TSource, IndexedAddress, Straight>,
        _ => &FloatHandlers.RegMem<TInstruction, TSource, AnyAddress, Straight>,
    };
}
