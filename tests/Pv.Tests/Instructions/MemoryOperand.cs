using Iced.Intel;

namespace Pv.Tests.Instructions;

/// <summary>The explicit memory operand of an instruction, and the arithmetic that makes it point at a chosen address.</summary>
internal readonly struct MemoryOperand(Instruction instruction)
{
    /// <summary>Whether there is one (the implied ones of string and stack instructions do not count).</summary>
    public static bool Exists(Instruction instruction)
    {
        for (var i = 0; i < instruction.OpCount; i++)
            if (instruction.GetOpKind(i) == OpKind.Memory)
                return true;
        return false;
    }

    /// <summary>The bytes that are accessed; at least 1.</summary>
    public int Bytes => Math.Max(1, instruction.MemorySize.GetSize());

    private bool ShortAddress
        => instruction.MemoryBase.GetSize() == 4 || instruction.MemoryIndex.GetSize() == 4 || instruction.MemoryBase == Register.EIP
            || instruction.MemoryDisplSize == 4 && instruction is { MemoryBase: Register.None, MemoryIndex: Register.None };

    public bool Uses(int register)
        => NumberOf(instruction.MemoryBase) == register || NumberOf(instruction.MemoryIndex) == register;

    /// <summary>Sets base, index and segment base so that the operand lies at <paramref name="target"/>, where the encoding permits.</summary>
    public void PointAt(Row row, ulong target, Random random)
    {
        if (instruction.SegmentPrefix is Register.FS or Register.GS)
            PickSegmentBase(row, target, random);
        var offset = target - SegmentBase(row);
        if (ShortAddress && offset > uint.MaxValue)
            return;
        var displacement = instruction.IsIPRelativeMemoryOperand ? 0 : instruction.MemoryDisplacement64;
        int baseNumber = NumberOf(instruction.MemoryBase), index = NumberOf(instruction.MemoryIndex);
        var scale = (ulong)instruction.MemoryIndexScale;
        if (baseNumber >= 0 && baseNumber != index)
        {
            var indexValue = index < 0 ? 0 : IndexValue(row);
            SetAddress(row, baseNumber, offset - displacement - indexValue * scale, random);
        }
        else if (baseNumber >= 0)
            SetAddress(row, baseNumber, Divide(offset - displacement, scale + 1), random);
        else if (index >= 0)
            SetAddress(row, index, Divide(offset - displacement, scale), random);
    }

    /// <summary>Where the operand lies with a row's registers.</summary>
    public ulong Address(Row row)
    {
        var at = instruction.MemoryDisplacement64;
        if (!instruction.IsIPRelativeMemoryOperand)
        {
            if (NumberOf(instruction.MemoryBase) is >= 0 and var number)
                at += row.General[number];
            if (instruction.MemoryIndex != Register.None)
                at += IndexValue(row) * (ulong)instruction.MemoryIndexScale;
        }
        return (ShortAddress ? (uint)at : at) + SegmentBase(row);
    }

    private ulong IndexValue(Row row)
    {
        var value = row.General[NumberOf(instruction.MemoryIndex)];
        return instruction.MemoryIndex == Register.AL ? (byte)value : value;
    }

    private void SetAddress(Row row, int register, ulong value, Random random)
        // What a 32-bit address ignores may be anything.
        => row.General[register] = ShortAddress && random.Next(2) == 0 ? (uint)value | (ulong)random.Next() << 32 : value;

    private ulong SegmentBase(Row row) => instruction.SegmentPrefix switch
    {
        Register.FS => row.FsBase,
        Register.GS => row.GsBase,
        _ => 0,
    };

    private void PickSegmentBase(Row row, ulong target, Random random)
    {
        ulong value = random.Next(4) switch
        {
            0 => 0,
            1 => 0x1234_0000_0000,
            2 => (ulong)random.Next(0x1000_0000),
            _ => (ulong)random.NextInt64((long)Arena.LowerEnd - 0x2000),
        };
        if (ShortAddress && target - value > uint.MaxValue)
            value = target & ~0x0fff_fffful;
        // Linux accepts user addresses only. A sum that is canonical of an offset that is not: makers differ (AMD's raise #GP).
        if (value >= Arena.LowerEnd - 0x2000 || Arena.IsCanonical(target) && !Arena.IsCanonical(target - value))
            value = 0;
        if (instruction.SegmentPrefix == Register.FS)
            row.FsBase = value;
        else
            row.GsBase = value;
    }

    /// <summary>A number that, multiplied, gives the value modulo 2^64, or comes near it.</summary>
    private static ulong Divide(ulong value, ulong by)
    {
        if (by % 2 == 0)
            return value / by;
        var inverse = by; // Newton's iteration doubles the correct bits of the inverse: 3, 6, 12, 24, 48, 96.
        for (var i = 0; i < 5; i++)
            inverse *= 2 - by * inverse;
        return value * inverse;
    }

    private static int NumberOf(Register register)
        => register == Register.None || register is Register.RIP or Register.EIP ? -1 : register.GetFullRegister().GetNumber();
}
