using System.Buffers.Binary;
using Iced.Intel;

namespace Pv.Tests.Instructions;

/// <summary>The instructions that save and restore processor state in one piece: fxsave, xsave and their kin.</summary>
internal static class StateForms
{
    private const int Rax = 0, Rcx = 1, Rdx = 2;
    private const int HeaderOffset = 512, MxcsrOffset = 24;
    private const ulong Alignment = 64;

    /// <summary>Whether an instruction is one of these, but for those of sets that the engine does not offer.</summary>
    public static bool Contains(Instruction instruction) => HasImage(instruction) || instruction.Mnemonic is Mnemonic.Xgetbv or Mnemonic.Xsetbv;

    public static bool HasImage(Instruction instruction)
        => instruction.Mnemonic is Mnemonic.Fxsave or Mnemonic.Fxsave64 or Mnemonic.Fxrstor or Mnemonic.Fxrstor64 or Mnemonic.Xsave or Mnemonic.Xsave64
            or Mnemonic.Xsaveopt or Mnemonic.Xsaveopt64 or Mnemonic.Xrstor or Mnemonic.Xrstor64;

    /// <summary>Where the operand's address takes registers that also say which components are wanted.</summary>
    public static bool IsAmbiguous(Instruction instruction)
        => HasImage(instruction) && instruction.Mnemonic is not (Mnemonic.Fxsave or Mnemonic.Fxsave64 or Mnemonic.Fxrstor or Mnemonic.Fxrstor64)
            && MemoryOperand.Exists(instruction) && new MemoryOperand(instruction) is var operand && (operand.Uses(Rax) || operand.Uses(Rdx));

    /// <summary>
    /// Mostly aligned, and in pages that are all alike: which parts of an image are looked at when only some can be is each processor's own
    /// affair.
    /// </summary>
    public static ulong Target(Random random, ulong picked) => random.Next(12) switch
    {
        0 => picked | 1,
        1 => Arena.Unmapped + (ulong)random.Next(0x400) & ~(Alignment - 1),
        2 => Arena.ReadOnly + (ulong)random.Next(0x800) & ~(Alignment - 1),
        3 => Arena.High + (ulong)random.Next(0x800) & ~(Alignment - 1),
        _ => Arena.Data + (ulong)random.Next(2 * Arena.PageBytes - 0x400) & ~(Alignment - 1),
    };

    /// <summary>Asks for components that every processor has. Of XGETBV, what is an error on each.</summary>
    public static void SetRegisters(Row row, Random random)
    {
        row.General[Rax] = (uint)random.Next(4) | (ulong)random.Next() << 32;
        row.General[Rdx] = (ulong)random.Next() << 32;
        if (row.Form.First.Mnemonic == Mnemonic.Xgetbv)
            row.General[Rcx] = (uint)random.Next(2, int.MaxValue);
        // Sometimes the units are as after a reset; but of what a save then leaves out, each processor knows something else.
        if (row.Form.First.Mnemonic is Mnemonic.Xrstor or Mnemonic.Xrstor64 or Mnemonic.Fxsave or Mnemonic.Fxrstor && random.Next(4) == 0)
        {
            row.Vectors.AsSpan(0, 160).Clear();
            BinaryPrimitives.WriteUInt16LittleEndian(row.Vectors, 0x37f);
            BinaryPrimitives.WriteUInt32LittleEndian(row.Vectors.AsSpan(MxcsrOffset), 0x1f80);
        }
    }

    /// <summary>An image that mostly can be restored: components there or not; a header that is seldom wrong.</summary>
    public static void SetMemory(Row row, Random random)
    {
        if (!HasImage(row.Form.First))
            return;
        var target = new MemoryOperand(row.Form.First).Address(row);
        var image = VectorForms.MakeImage(random);
        X87Forms.FillImage(random, image);
        var mxcsr = (uint)random.Next(0x10000) | (random.Next(8) == 0 ? 1u << random.Next(18, 32) : 0);
        BinaryPrimitives.WriteUInt32LittleEndian(image.AsSpan(MxcsrOffset), mxcsr);
        for (var at = 0; at < image.Length; at += 8)
            row.WriteMemory(target + (ulong)at, BinaryPrimitives.ReadUInt64LittleEndian(image.AsSpan(at)), 8);
        // Bit 8 is a supervisor component: never in a standard image.
        var present = (uint)random.Next(4) | (random.Next(16) == 0 ? 1ul << 8 : 0);
        row.WriteMemory(target + HeaderOffset, present, 8);
        var wrong = random.Next(12) == 0 ? random.Next(1, 8) : 0;
        for (var word = 1; word < 8; word++)
            // Bit 63 of the second word asks for the compacted form, which this processor may have.
            row.WriteMemory(target + HeaderOffset + (ulong)word * 8, word == wrong ? 1ul << random.Next(63) : 0, 8);
    }
}
