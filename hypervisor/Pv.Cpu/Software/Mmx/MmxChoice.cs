using Iced.Intel;

namespace Pv.Cpu.Software;

/// <summary>The part of the choice that works on MMX registers.</summary>
// SAFETY: takes addresses of static methods only.
internal static unsafe partial class GeneralChoice
{
    private static delegate*<CpuState*, Op*, GeneralRecord*, bool> OfMmx(in Instruction instruction)
    {
        switch (instruction.Mnemonic)
        {
            case Mnemonic.Emms:
                return &MmxMoves.Empty;
            case Mnemonic.Cvtpi2ps:
                return &MmxConversions.FromIntegers<Binary32>;
            case Mnemonic.Cvtpi2pd:
                return &MmxConversions.FromIntegers<Binary64>;
        }
        if (instruction.Encoding != EncodingKind.Legacy || !UsesMmx(instruction))
            return null;
        var chosen = OfMmxMoves(instruction.Mnemonic);
        if (chosen == null)
            chosen = OfMmxArithmetic(instruction.Mnemonic);
        return chosen == null ? OfMmxLanes(instruction.Mnemonic) : chosen;
    }

    private static delegate*<CpuState*, Op*, GeneralRecord*, bool> OfMmxMoves(Mnemonic mnemonic)
    {
        switch (mnemonic)
        {
            case Mnemonic.Movd or Mnemonic.Movq or Mnemonic.Movntq:
                return &MmxMoves.Move;
            case Mnemonic.Movq2dq:
                return &MmxMoves.MoveToXmm;
            case Mnemonic.Movdq2q:
                return &MmxMoves.MoveFromXmm;
            case Mnemonic.Pinsrw:
                return &MmxMoves.InsertWord;
            case Mnemonic.Pextrw:
                return &MmxMoves.ExtractWord;
            case Mnemonic.Pmovmskb:
                return &MmxMoves.ExtractSigns;
            case Mnemonic.Maskmovq:
                return &MmxMoves.StoreMasked;
            case Mnemonic.Cvtps2pi:
                return &MmxConversions.OfSingles<Rounded>;
            case Mnemonic.Cvttps2pi:
                return &MmxConversions.OfSingles<Truncated>;
            case Mnemonic.Cvtpd2pi:
                return &MmxConversions.OfDoubles<Rounded>;
            case Mnemonic.Cvttpd2pi:
                return &MmxConversions.OfDoubles<Truncated>;
            default:
                return null;
        }
    }

    private static delegate*<CpuState*, Op*, GeneralRecord*, bool> OfMmxArithmetic(Mnemonic mnemonic)
    {
        switch (mnemonic)
        {
            case Mnemonic.Paddb:
                return &MmxLanes.Run<AddLanes<byte>, InLowerHalf>;
            case Mnemonic.Paddw:
                return &MmxLanes.Run<AddLanes<ushort>, InLowerHalf>;
            case Mnemonic.Paddd:
                return &MmxLanes.Run<AddLanes<uint>, InLowerHalf>;
            case Mnemonic.Paddq:
                return &MmxLanes.Run<AddLanes<ulong>, InLowerHalf>;
            case Mnemonic.Psubb:
                return &MmxLanes.Run<SubtractLanes<byte>, InLowerHalf>;
            case Mnemonic.Psubw:
                return &MmxLanes.Run<SubtractLanes<ushort>, InLowerHalf>;
            case Mnemonic.Psubd:
                return &MmxLanes.Run<SubtractLanes<uint>, InLowerHalf>;
            case Mnemonic.Psubq:
                return &MmxLanes.Run<SubtractLanes<ulong>, InLowerHalf>;
            case Mnemonic.Paddsb:
                return &MmxLanes.Run<AddSaturated<sbyte>, InLowerHalf>;
            case Mnemonic.Paddsw:
                return &MmxLanes.Run<AddSaturated<short>, InLowerHalf>;
            case Mnemonic.Paddusb:
                return &MmxLanes.Run<AddSaturated<byte>, InLowerHalf>;
            case Mnemonic.Paddusw:
                return &MmxLanes.Run<AddSaturated<ushort>, InLowerHalf>;
            case Mnemonic.Psubsb:
                return &MmxLanes.Run<SubtractSaturated<sbyte>, InLowerHalf>;
            case Mnemonic.Psubsw:
                return &MmxLanes.Run<SubtractSaturated<short>, InLowerHalf>;
            case Mnemonic.Psubusb:
                return &MmxLanes.Run<SubtractSaturated<byte>, InLowerHalf>;
            case Mnemonic.Psubusw:
                return &MmxLanes.Run<SubtractSaturated<ushort>, InLowerHalf>;
            case Mnemonic.Pmullw:
                return &MmxLanes.Run<MultiplyLow<short>, InLowerHalf>;
            case Mnemonic.Pmulhw:
                return &MmxLanes.Run<MultiplyHighSigned, InLowerHalf>;
            case Mnemonic.Pmulhuw:
                return &MmxLanes.Run<MultiplyHighUnsigned, InLowerHalf>;
            case Mnemonic.Pmulhrsw:
                return &MmxLanes.Run<MultiplyRounded, InLowerHalf>;
            case Mnemonic.Pmuludq:
                return &MmxLanes.Run<MultiplyEvenUnsigned, InLowerHalf>;
            case Mnemonic.Pmaddwd:
                return &MmxLanes.Run<MultiplyAddWords, InLowerHalf>;
            case Mnemonic.Pmaddubsw:
                return &MmxLanes.Run<MultiplyAddBytes, InLowerHalf>;
            case Mnemonic.Psadbw:
                return &MmxLanes.Run<SumOfDifferences, InLowerHalf>;
            case Mnemonic.Pavgb:
                return &MmxLanes.Run<AverageLanes<byte>, InLowerHalf>;
            case Mnemonic.Pavgw:
                return &MmxLanes.Run<AverageLanes<ushort>, InLowerHalf>;
            case Mnemonic.Pabsb:
                return &MmxLanes.Run<AbsoluteLanes<sbyte>, InLowerHalf>;
            case Mnemonic.Pabsw:
                return &MmxLanes.Run<AbsoluteLanes<short>, InLowerHalf>;
            case Mnemonic.Pabsd:
                return &MmxLanes.Run<AbsoluteLanes<int>, InLowerHalf>;
            case Mnemonic.Psignb:
                return &MmxLanes.Run<SignLanes<sbyte>, InLowerHalf>;
            case Mnemonic.Psignw:
                return &MmxLanes.Run<SignLanes<short>, InLowerHalf>;
            case Mnemonic.Psignd:
                return &MmxLanes.Run<SignLanes<int>, InLowerHalf>;
            default:
                return null;
        }
    }

    private static delegate*<CpuState*, Op*, GeneralRecord*, bool> OfMmxLanes(Mnemonic mnemonic)
    {
        switch (mnemonic)
        {
            case Mnemonic.Pxor:
                return &MmxLanes.Run<XorBits, InLowerHalf>;
            case Mnemonic.Por:
                return &MmxLanes.Run<OrBits, InLowerHalf>;
            case Mnemonic.Pand:
                return &MmxLanes.Run<AndBits, InLowerHalf>;
            case Mnemonic.Pandn:
                return &MmxLanes.Run<AndNotBits, InLowerHalf>;
            case Mnemonic.Pcmpeqb:
                return &MmxLanes.Run<EqualLanes<byte>, InLowerHalf>;
            case Mnemonic.Pcmpeqw:
                return &MmxLanes.Run<EqualLanes<ushort>, InLowerHalf>;
            case Mnemonic.Pcmpeqd:
                return &MmxLanes.Run<EqualLanes<uint>, InLowerHalf>;
            case Mnemonic.Pcmpgtb:
                return &MmxLanes.Run<GreaterThanLanes<sbyte>, InLowerHalf>;
            case Mnemonic.Pcmpgtw:
                return &MmxLanes.Run<GreaterThanLanes<short>, InLowerHalf>;
            case Mnemonic.Pcmpgtd:
                return &MmxLanes.Run<GreaterThanLanes<int>, InLowerHalf>;
            case Mnemonic.Pminub:
                return &MmxLanes.Run<LesserLanes<byte>, InLowerHalf>;
            case Mnemonic.Pminsw:
                return &MmxLanes.Run<LesserLanes<short>, InLowerHalf>;
            case Mnemonic.Pmaxub:
                return &MmxLanes.Run<GreaterLanes<byte>, InLowerHalf>;
            case Mnemonic.Pmaxsw:
                return &MmxLanes.Run<GreaterLanes<short>, InLowerHalf>;
            case Mnemonic.Psllw:
                return &MmxLanes.Run<ShiftLanesLeft<ushort>, InLowerHalf>;
            case Mnemonic.Pslld:
                return &MmxLanes.Run<ShiftLanesLeft<uint>, InLowerHalf>;
            case Mnemonic.Psllq:
                return &MmxLanes.Run<ShiftLanesLeft<ulong>, InLowerHalf>;
            case Mnemonic.Psrlw:
                return &MmxLanes.Run<ShiftLanesRight<ushort>, InLowerHalf>;
            case Mnemonic.Psrld:
                return &MmxLanes.Run<ShiftLanesRight<uint>, InLowerHalf>;
            case Mnemonic.Psrlq:
                return &MmxLanes.Run<ShiftLanesRight<ulong>, InLowerHalf>;
            case Mnemonic.Psraw:
                return &MmxLanes.Run<ShiftLanesArithmetic<short>, InLowerHalf>;
            case Mnemonic.Psrad:
                return &MmxLanes.Run<ShiftLanesArithmetic<int>, InLowerHalf>;
            case Mnemonic.Punpcklbw:
                return &MmxLanes.Run<InterleaveLowBytes, InLowerHalf>;
            case Mnemonic.Punpcklwd:
                return &MmxLanes.Run<InterleaveLowWords, InLowerHalf>;
            case Mnemonic.Punpckldq:
                return &MmxLanes.Run<InterleaveLowDwords, InLowerHalf>;
            case Mnemonic.Punpckhbw:
                return &MmxLanes.Run<InterleaveLowBytes, OfLowerHalves>;
            case Mnemonic.Punpckhwd:
                return &MmxLanes.Run<InterleaveLowWords, OfLowerHalves>;
            case Mnemonic.Punpckhdq:
                return &MmxLanes.Run<InterleaveLowDwords, OfLowerHalves>;
            case Mnemonic.Packsswb:
                return &MmxLanes.Run<PackWordsSigned, OfBoth>;
            case Mnemonic.Packuswb:
                return &MmxLanes.Run<PackWordsUnsigned, OfBoth>;
            case Mnemonic.Packssdw:
                return &MmxLanes.Run<PackDwordsSigned, OfBoth>;
            case Mnemonic.Phaddw:
                return &MmxLanes.Run<AddNeighbourWords, OfBoth>;
            case Mnemonic.Phaddd:
                return &MmxLanes.Run<AddNeighbourDwords, OfBoth>;
            case Mnemonic.Phaddsw:
                return &MmxLanes.Run<AddNeighbourWordsSaturated, OfBoth>;
            case Mnemonic.Phsubw:
                return &MmxLanes.Run<SubtractNeighbourWords, OfBoth>;
            case Mnemonic.Phsubd:
                return &MmxLanes.Run<SubtractNeighbourDwords, OfBoth>;
            case Mnemonic.Phsubsw:
                return &MmxLanes.Run<SubtractNeighbourWordsSaturated, OfBoth>;
            case Mnemonic.Pshufb:
                return &MmxLanes.Run<ShuffleEightBytes, InLowerHalf>;
            case Mnemonic.Pshufw:
                return &MmxLanes.Run<ShuffleLowWords, InLowerHalf>;
            case Mnemonic.Palignr:
                return &MmxLanes.Run<AlignEightRight, InLowerHalf>;
            default:
                return null;
        }
    }

    private static bool UsesMmx(in Instruction instruction)
    {
        for (var i = 0; i < instruction.OpCount; i++)
            if (instruction.GetOpKind(i) == OpKind.Register && instruction.GetOpRegister(i).IsMM())
                return true;
        return false;
    }
}
