using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.CompilerServices;

namespace Pv.Toolstack.Building.Compression;

/// <summary>
/// The x86 branch filter of XZ. A packer replaces the relative target of each <c>call</c> and <c>jmp</c> (0xe8, 0xe9) by an
/// absolute one, which repeats and so packs better; this undoes it. Nobody decodes instructions here, so both sides follow the
/// same rule of thumb: what could be an opcode is left alone when others that were left alone stand close before it.
/// </summary>
internal static class BranchX86
{
    private const int InstructionBytes = 5;

    // Bits 1 to 3: something lies one, two or three bytes before the candidate.
    private const uint Near = 0b1110;

    /// <summary>Undoes the filter in place, over the whole of a block.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Undo(Span<byte> data)
    {
        uint skippedOpcodes = 0, skippedBranches = 0;
        for (int at = 0, last = -InstructionBytes; at + InstructionBytes <= data.Length; at++)
        {
            var next = data[at..^(InstructionBytes - 1)].IndexOfAny((byte)0xe8, (byte)0xe9);
            if (next < 0)
                return;
            at += next;

            var distance = at - last;
            last = at;
            skippedOpcodes = distance > 3 ? 0 : (skippedOpcodes << distance) & Near;
            skippedBranches = distance > 3 ? 0 : (skippedBranches << distance) & Near;

            var isBranch = IsSign(data[at + 4]);
            if (isBranch && skippedBranches == 0 && BitOperations.PopCount(skippedOpcodes) <= 1)
            {
                Convert(data.Slice(at + 1, sizeof(uint)), (uint)(at + InstructionBytes), skippedOpcodes);
                at += InstructionBytes - 1;
                skippedOpcodes = skippedBranches = 0;
            }
            else
            {
                skippedOpcodes |= 1;
                skippedBranches |= isBranch ? 1u : 0;
            }
        }
    }

    // With an opcode left alone close before, the packer made sure that the byte which that one would take for its own highest
    // does not look like a sign: as long as it did, it inverted what is below it and subtracted again.
    private static void Convert(Span<byte> operand, uint end, uint skippedOpcodes)
    {
        var target = BinaryPrimitives.ReadUInt32LittleEndian(operand) - end;
        if (skippedOpcodes != 0)
        {
            var shift = 24 - (8 * BitOperations.Log2(skippedOpcodes));
            while (IsSign((byte)(target >> shift)))
                target = (target ^ ((1u << (shift + 8)) - 1)) - end;
        }

        // Targets have 25 significant bits.
        BinaryPrimitives.WriteInt32LittleEndian(operand, (int)(target << 7) >> 7);
    }

    private static bool IsSign(byte highest) => highest is 0x00 or 0xff;
}
