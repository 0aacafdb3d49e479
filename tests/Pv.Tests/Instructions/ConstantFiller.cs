using System.Buffers.Binary;
using Iced.Intel;

namespace Pv.Tests.Instructions;

/// <summary>Puts sensible constants into random encodings: addresses that exist, branches that stay among int3s, immediates at boundaries.</summary>
internal readonly struct ConstantFiller(Random random)
{
    public void Fill(byte[] code, Instruction instruction, ConstantOffsets offsets)
    {
        var next = Arena.Code + Form.DefaultOffset + (ulong)instruction.Length;
        if (offsets.HasDisplacement)
            FillDisplacement(code.AsSpan(offsets.DisplacementOffset), offsets.DisplacementSize, instruction, next);
        if (!offsets.HasImmediate)
            return;
        var immediate = code.AsSpan(offsets.ImmediateOffset);
        if (instruction.Op0Kind is OpKind.NearBranch64)
        {
            if (offsets.ImmediateSize == 4)
                BinaryPrimitives.WriteInt32LittleEndian(immediate, BranchDistance());
        }
        else if (instruction.Mnemonic != Mnemonic.Int && random.Next(2) == 0)
            Write(immediate, OperandValues.Pick(random), offsets.ImmediateSize);
    }

    /// <summary>Only absolute and rip-relative addresses are settled here; a base register can take up any displacement later.</summary>
    private void FillDisplacement(Span<byte> to, int size, Instruction instruction, ulong next)
    {
        var absolute = instruction.MemoryBase == Register.None && instruction.MemoryIndex == Register.None;
        if (!absolute && !instruction.IsIPRelativeMemoryOperand)
            return;
        var bytes = Math.Max(1, instruction.MemorySize.GetSize());
        var target = size == 8 ? TargetAddress.Pick(random, bytes) : TargetAddress.PickLow(random, bytes);
        Write(to, instruction.IsIPRelativeMemoryOperand ? target - next : target, size);
    }

    private int BranchDistance() => random.Next(8) switch
    {
        0 => (int)(Arena.Data - Arena.Code) + random.Next(64),
        1 => -0x10000,
        2 => Arena.CodeBytes,
        _ => random.Next(-0x700, 0x1000),
    };

    private static void Write(Span<byte> to, ulong value, int size)
    {
        for (var i = 0; i < size; i++, value >>= 8)
            to[i] = (byte)value;
    }
}
