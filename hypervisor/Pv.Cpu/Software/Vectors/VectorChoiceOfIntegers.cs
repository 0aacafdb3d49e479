using Iced.Intel;

namespace Pv.Cpu.Software;

/// <summary>The choice for shuffles and for integers in lanes.</summary>
// SAFETY: takes addresses of static methods; writes the Op that it is given.
internal static unsafe partial class VectorChoice
{
    private static Handler OfShuffles(Op* op, Mnemonic mnemonic, in VectorForm form)
    {
        switch (mnemonic)
        {
            case Mnemonic.Pshufb:
                return Of<ShuffleBytes>(form);
            case Mnemonic.Pshufd:
                return Of<ShuffleDwords>(form);
            case Mnemonic.Pshuflw:
                return Of<ShuffleLowWords>(form);
            case Mnemonic.Pshufhw:
                return Of<ShuffleHighWords>(form);
            case Mnemonic.Shufps:
                return Of<ShuffleSingles>(form);
            case Mnemonic.Shufpd:
                return Of<ShuffleDoubles>(form);
            case Mnemonic.Punpcklbw:
                return Of<InterleaveLowBytes>(form);
            case Mnemonic.Punpcklwd:
                return Of<InterleaveLowWords>(form);
            case Mnemonic.Punpckldq or Mnemonic.Unpcklps:
                return Of<InterleaveLowDwords>(form);
            case Mnemonic.Punpcklqdq or Mnemonic.Unpcklpd:
                return Of<JoinLowHalves>(form);
            case Mnemonic.Punpckhbw:
                return Of<InterleaveHighBytes>(form);
            case Mnemonic.Punpckhwd:
                return Of<InterleaveHighWords>(form);
            case Mnemonic.Punpckhdq or Mnemonic.Unpckhps:
                return Of<InterleaveHighDwords>(form);
            case Mnemonic.Punpckhqdq or Mnemonic.Unpckhpd:
                return Of<JoinHighHalves>(form);
            case Mnemonic.Packsswb:
                return Of<PackWordsSigned>(form);
            case Mnemonic.Packuswb:
                return Of<PackWordsUnsigned>(form);
            case Mnemonic.Packssdw:
                return Of<PackDwordsSigned>(form);
            case Mnemonic.Packusdw:
                return Of<PackDwordsUnsigned>(form);
            case Mnemonic.Palignr:
                return Of<AlignRight>(form);
            case Mnemonic.Pslldq:
                return Shift<ShiftBytesLeft>(form);
            case Mnemonic.Psrldq:
                return Shift<ShiftBytesRight>(form);
            case Mnemonic.Pblendw:
                return Of<BlendWords>(form);
            case Mnemonic.Blendps:
                return Of<BlendSingles>(form);
            case Mnemonic.Blendpd:
                return Of<BlendDoubles>(form);
            case Mnemonic.Insertps:
                if (form.Places == VectorPlaces.RegMem)
                    op->Imm &= 0x3f;
                return Of<InsertSingle>(form);
            case Mnemonic.Movddup:
                return Of<RepeatLow>(form);
            case Mnemonic.Movsldup:
                return Of<RepeatEven>(form);
            case Mnemonic.Movshdup:
                return Of<RepeatOdd>(form);
            case Mnemonic.Pmovsxbw:
                return Of<WidenLanes<sbyte, short>>(form);
            case Mnemonic.Pmovsxbd:
                return Of<WidenLanes<sbyte, int>>(form);
            case Mnemonic.Pmovsxbq:
                return Of<WidenLanes<sbyte, long>>(form);
            case Mnemonic.Pmovsxwd:
                return Of<WidenLanes<short, int>>(form);
            case Mnemonic.Pmovsxwq:
                return Of<WidenLanes<short, long>>(form);
            case Mnemonic.Pmovsxdq:
                return Of<WidenLanes<int, long>>(form);
            case Mnemonic.Pmovzxbw:
                return Of<WidenLanes<byte, ushort>>(form);
            case Mnemonic.Pmovzxbd:
                return Of<WidenLanes<byte, uint>>(form);
            case Mnemonic.Pmovzxbq:
                return Of<WidenLanes<byte, ulong>>(form);
            case Mnemonic.Pmovzxwd:
                return Of<WidenLanes<ushort, uint>>(form);
            case Mnemonic.Pmovzxwq:
                return Of<WidenLanes<ushort, ulong>>(form);
            case Mnemonic.Pmovzxdq:
                return Of<WidenLanes<uint, ulong>>(form);
            default:
                return null;
        }
    }

    private static Handler OfArithmetic(Mnemonic mnemonic, in VectorForm form)
    {
        switch (mnemonic)
        {
            case Mnemonic.Paddb:
                return Of<AddLanes<byte>>(form);
            case Mnemonic.Paddw:
                return Of<AddLanes<ushort>>(form);
            case Mnemonic.Paddd:
                return Of<AddLanes<uint>>(form);
            case Mnemonic.Paddq:
                return Of<AddLanes<ulong>>(form);
            case Mnemonic.Psubb:
                return Of<SubtractLanes<byte>>(form);
            case Mnemonic.Psubw:
                return Of<SubtractLanes<ushort>>(form);
            case Mnemonic.Psubd:
                return Of<SubtractLanes<uint>>(form);
            case Mnemonic.Psubq:
                return Of<SubtractLanes<ulong>>(form);
            case Mnemonic.Paddsb:
                return Of<AddSaturated<sbyte>>(form);
            case Mnemonic.Paddsw:
                return Of<AddSaturated<short>>(form);
            case Mnemonic.Paddusb:
                return Of<AddSaturated<byte>>(form);
            case Mnemonic.Paddusw:
                return Of<AddSaturated<ushort>>(form);
            case Mnemonic.Psubsb:
                return Of<SubtractSaturated<sbyte>>(form);
            case Mnemonic.Psubsw:
                return Of<SubtractSaturated<short>>(form);
            case Mnemonic.Psubusb:
                return Of<SubtractSaturated<byte>>(form);
            case Mnemonic.Psubusw:
                return Of<SubtractSaturated<ushort>>(form);
            case Mnemonic.Pmullw:
                return Of<MultiplyLow<short>>(form);
            case Mnemonic.Pmulld:
                return Of<MultiplyLow<int>>(form);
            case Mnemonic.Pmulhw:
                return Of<MultiplyHighSigned>(form);
            case Mnemonic.Pmulhuw:
                return Of<MultiplyHighUnsigned>(form);
            case Mnemonic.Pmulhrsw:
                return Of<MultiplyRounded>(form);
            case Mnemonic.Pmuludq:
                return Of<MultiplyEvenUnsigned>(form);
            case Mnemonic.Pmuldq:
                return Of<MultiplyEvenSigned>(form);
            case Mnemonic.Pmaddwd:
                return Of<MultiplyAddWords>(form);
            case Mnemonic.Pmaddubsw:
                return Of<MultiplyAddBytes>(form);
            case Mnemonic.Psadbw:
                return Of<SumOfDifferences>(form);
            case Mnemonic.Mpsadbw:
                return Of<SlidingDifferences>(form);
            case Mnemonic.Phminposuw:
                return Of<LeastWord>(form);
            case Mnemonic.Phaddw:
                return Of<AddNeighbourWords>(form);
            case Mnemonic.Phaddd:
                return Of<AddNeighbourDwords>(form);
            case Mnemonic.Phaddsw:
                return Of<AddNeighbourWordsSaturated>(form);
            case Mnemonic.Phsubw:
                return Of<SubtractNeighbourWords>(form);
            case Mnemonic.Phsubd:
                return Of<SubtractNeighbourDwords>(form);
            case Mnemonic.Phsubsw:
                return Of<SubtractNeighbourWordsSaturated>(form);
            case Mnemonic.Pavgb:
                return Of<AverageLanes<byte>>(form);
            case Mnemonic.Pavgw:
                return Of<AverageLanes<ushort>>(form);
            case Mnemonic.Pabsb:
                return Of<AbsoluteLanes<sbyte>>(form);
            case Mnemonic.Pabsw:
                return Of<AbsoluteLanes<short>>(form);
            case Mnemonic.Pabsd:
                return Of<AbsoluteLanes<int>>(form);
            case Mnemonic.Psignb:
                return Of<SignLanes<sbyte>>(form);
            case Mnemonic.Psignw:
                return Of<SignLanes<short>>(form);
            case Mnemonic.Psignd:
                return Of<SignLanes<int>>(form);
            default:
                return null;
        }
    }

    private static Handler OfLanes(Mnemonic mnemonic, in VectorForm form)
    {
        switch (mnemonic)
        {
            case Mnemonic.Pxor or Mnemonic.Xorps or Mnemonic.Xorpd:
                return Of<XorBits>(form);
            case Mnemonic.Por or Mnemonic.Orps or Mnemonic.Orpd:
                return Of<OrBits>(form);
            case Mnemonic.Pand or Mnemonic.Andps or Mnemonic.Andpd:
                return Of<AndBits>(form);
            case Mnemonic.Pandn or Mnemonic.Andnps or Mnemonic.Andnpd:
                return Of<AndNotBits>(form);
            case Mnemonic.Pcmpeqb:
                return Of<EqualLanes<byte>>(form);
            case Mnemonic.Pcmpeqw:
                return Of<EqualLanes<ushort>>(form);
            case Mnemonic.Pcmpeqd:
                return Of<EqualLanes<uint>>(form);
            case Mnemonic.Pcmpeqq:
                return Of<EqualLanes<ulong>>(form);
            case Mnemonic.Pcmpgtb:
                return Of<GreaterThanLanes<sbyte>>(form);
            case Mnemonic.Pcmpgtw:
                return Of<GreaterThanLanes<short>>(form);
            case Mnemonic.Pcmpgtd:
                return Of<GreaterThanLanes<int>>(form);
            case Mnemonic.Pcmpgtq:
                return Of<GreaterThanLanes<long>>(form);
            case Mnemonic.Pminub:
                return Of<LesserLanes<byte>>(form);
            case Mnemonic.Pminsb:
                return Of<LesserLanes<sbyte>>(form);
            case Mnemonic.Pminuw:
                return Of<LesserLanes<ushort>>(form);
            case Mnemonic.Pminsw:
                return Of<LesserLanes<short>>(form);
            case Mnemonic.Pminud:
                return Of<LesserLanes<uint>>(form);
            case Mnemonic.Pminsd:
                return Of<LesserLanes<int>>(form);
            case Mnemonic.Pmaxub:
                return Of<GreaterLanes<byte>>(form);
            case Mnemonic.Pmaxsb:
                return Of<GreaterLanes<sbyte>>(form);
            case Mnemonic.Pmaxuw:
                return Of<GreaterLanes<ushort>>(form);
            case Mnemonic.Pmaxsw:
                return Of<GreaterLanes<short>>(form);
            case Mnemonic.Pmaxud:
                return Of<GreaterLanes<uint>>(form);
            case Mnemonic.Pmaxsd:
                return Of<GreaterLanes<int>>(form);
            case Mnemonic.Psllw:
                return Shift<ShiftLanesLeft<ushort>>(form);
            case Mnemonic.Pslld:
                return Shift<ShiftLanesLeft<uint>>(form);
            case Mnemonic.Psllq:
                return Shift<ShiftLanesLeft<ulong>>(form);
            case Mnemonic.Psrlw:
                return Shift<ShiftLanesRight<ushort>>(form);
            case Mnemonic.Psrld:
                return Shift<ShiftLanesRight<uint>>(form);
            case Mnemonic.Psrlq:
                return Shift<ShiftLanesRight<ulong>>(form);
            case Mnemonic.Psraw:
                return Shift<ShiftLanesArithmetic<short>>(form);
            case Mnemonic.Psrad:
                return Shift<ShiftLanesArithmetic<int>>(form);
            case Mnemonic.Rcpps:
                return Of<Approximate<Reciprocal, AllLanes>>(form);
            case Mnemonic.Rcpss:
                return Of<Approximate<Reciprocal, OneLane>>(form);
            case Mnemonic.Rsqrtps:
                return Of<Approximate<ReciprocalRoot, AllLanes>>(form);
            case Mnemonic.Rsqrtss:
                return Of<Approximate<ReciprocalRoot, OneLane>>(form);
            default:
                return null;
        }
    }
}
