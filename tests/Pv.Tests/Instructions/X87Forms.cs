using System.Buffers.Binary;
using System.Runtime.Intrinsics.X86;
using Iced.Intel;

namespace Pv.Tests.Instructions;

/// <summary>The x87 instructions: what their rows start with, and what of their results counts.</summary>
internal static class X87Forms
{
    private const int ControlWord = 0, StatusWord = 2, TagByte = 4, Opcode = 6, InstructionPointer = 8, DataPointer = 16, FirstRegister = 32, Stride = 16;
    private const ushort Underflow = 1 << 4, C1 = 1 << 9;

    private static readonly HashSet<CpuidFeature> Sets = [CpuidFeature.FPU, CpuidFeature.FPU287, CpuidFeature.FPU387];

    /// <summary>Whether the data pointer and the opcode are those of the last unmasked exception (CPUID leaf 7, FDP_EXCPTN_ONLY), as the engine has it.</summary>
    private static readonly bool PointersAreOfExceptions = X86Base.IsSupported && (X86Base.CpuId(7, 0).Ebx >> 6 & 1) != 0;

    public static bool Contains(Instruction instruction) => instruction.Mnemonic == Mnemonic.Wait || instruction.CpuidFeatures.Any(Sets.Contains);

    /// <summary>Whether the unit's state is an input or a result of an instruction.</summary>
    public static bool HasState(Instruction instruction) => Contains(instruction) || StateForms.Contains(instruction) || MmxForms.Contains(instruction);

    /// <summary>Names of the assembler for two instructions: a wait, then the other.</summary>
    public static bool IsPair(Code code) => code.ToOpCode().Fwait;

    /// <summary>Registers of all classes, most of them not empty, and words of all modes: in half of the rows all exceptions are masked.</summary>
    public static void FillImage(Random random, Span<byte> image)
    {
        for (var i = 0; i < 8; i++)
            X87Values.Write80(random, image[(FirstRegister + i * Stride)..]);
        var masks = random.Next(2) == 0 ? 0x3f : random.Next(64);
        var control = 0x40 | masks | random.Next(4) << 10 | (random.Next(2) == 0 ? 3 : random.Next(4)) << 8;
        // Exceptions that are flagged already; seldom one that is pending.
        var flags = random.Next(128) & (random.Next(32) == 0 ? 0x7f : masks | 0x40);
        var pending = (flags & ~control & 0x3f) != 0 ? 0x8080 : 0;
        var status = flags | pending | random.Next(8) << 11 | random.Next(8) << 8 | random.Next(2) << 14;
        BinaryPrimitives.WriteUInt16LittleEndian(image[ControlWord..], (ushort)control);
        BinaryPrimitives.WriteUInt16LittleEndian(image[StatusWord..], (ushort)status);
        image[TagByte] = (byte)(random.Next(3) != 0 ? TagsWithRoom(random, status >> 11 & 7) : random.Next(256));
        BinaryPrimitives.WriteUInt16LittleEndian(image[Opcode..], (ushort)random.Next(0x800));
        BinaryPrimitives.WriteUInt64LittleEndian(image[InstructionPointer..], (ulong)random.Next());
        BinaryPrimitives.WriteUInt64LittleEndian(image[DataPointer..], (ulong)random.Next());
    }

    /// <summary>The functions that are defined for small arguments only get such.</summary>
    public static void BoundArgument(Row row, Random random)
    {
        var least = row.Form.First.Mnemonic switch
        {
            Mnemonic.F2xm1 => 0x3ffe,
            Mnemonic.Fyl2xp1 => 0x3ffc,
            _ => 0x7fff,
        };
        var place = row.Vectors.AsSpan(FirstRegister + 8);
        var top = BinaryPrimitives.ReadUInt16LittleEndian(place);
        if ((top & 0x7fff) > least)
            BinaryPrimitives.WriteUInt16LittleEndian(place, (ushort)(top & 0x8000 | least - random.Next(80)));
    }

    /// <summary>Gives a memory operand a value of its format.</summary>
    public static void SetMemory(Row row, Random random)
    {
        var instruction = row.Form.First;
        if (!Contains(instruction) || !MemoryOperand.Exists(instruction))
            return;
        var target = new MemoryOperand(instruction).Address(row);
        switch (instruction.MemorySize)
        {
            case MemorySize.Float32:
                row.WriteMemory(target, X87Values.Pick(random, 32), 4);
                break;
            case MemorySize.Float64:
                row.WriteMemory(target, X87Values.Pick(random, 64), 8);
                break;
            case MemorySize.Float80:
                Span<byte> value = stackalloc byte[10];
                X87Values.Write80(random, value);
                row.WriteMemory(target, BinaryPrimitives.ReadUInt64LittleEndian(value), 8);
                row.WriteMemory(target + 8, BinaryPrimitives.ReadUInt16LittleEndian(value[8..]), 2);
                break;
            case MemorySize.Bcd:
                var (low, high) = X87Values.PickDecimal(random);
                row.WriteMemory(target, low, 8);
                row.WriteMemory(target + 8, high, 2);
                break;
        }
    }

    /// <summary>What of two images differs; null when nothing that counts does.</summary>
    public static string? Differences(Row row, byte[] processor, byte[] engine)
    {
        var undefined = UndefinedConditions(row, processor, engine);
        if (Word(processor, StatusWord, undefined) != Word(engine, StatusWord, undefined))
            return $"fsw: processor {Word(processor, StatusWord, 0):x}, engine {Word(engine, StatusWord, 0):x}";
        for (var i = 0; i < 8; i++)
        {
            var place = FirstRegister + i * Stride;
            if (!processor.AsSpan(place, 10).SequenceEqual(engine.AsSpan(place, 10)) && !IsNear(row, processor.AsSpan(place), engine.AsSpan(place)))
                return $"st{i}: processor {Show(processor, place)}, engine {Show(engine, place)}";
        }
        foreach (var (name, offset, bytes) in new[] { ("fcw", ControlWord, 2), ("ftw", TagByte, 1), ("fip", InstructionPointer, 8) })
            if (!processor.AsSpan(offset, bytes).SequenceEqual(engine.AsSpan(offset, bytes)))
                return $"{name}: processor {Convert.ToHexString(processor, offset, bytes)}, engine {Convert.ToHexString(engine, offset, bytes)}";
        if (!PointersAreOfExceptions)
            return null;
        foreach (var (name, offset, bytes) in new[] { ("fop", Opcode, 2), ("fdp", DataPointer, 8) })
            if (!processor.AsSpan(offset, bytes).SequenceEqual(engine.AsSpan(offset, bytes)))
                return $"{name}: processor {Convert.ToHexString(processor, offset, bytes)}, engine {Convert.ToHexString(engine, offset, bytes)}";
        return null;
    }

    /// <summary>The unit's state in an image, for a report.</summary>
    public static string Describe(byte[] image)
        => $"fcw {Word(image, ControlWord, 0):x} fsw {Word(image, StatusWord, 0):x} ftw {image[TagByte]:x}"
            + string.Concat(Enumerable.Range(0, 8).Select(i => $" st{i} {Show(image, FirstRegister + i * Stride)}"));

    /// <summary>
    /// Transcendental results need not be the processor's to the last bit (Intel SDM, volume 1, 8.3.10): they are within 1 of it, and
    /// whether they are above or below the true value, which C1 tells, follows.
    /// </summary>
    private static bool IsTranscendental(Mnemonic mnemonic)
        => mnemonic is Mnemonic.Fsin or Mnemonic.Fcos or Mnemonic.Fsincos or Mnemonic.Fptan or Mnemonic.Fpatan or Mnemonic.F2xm1 or Mnemonic.Fyl2x
            or Mnemonic.Fyl2xp1;

    /// <summary>
    /// The condition codes that do not count. Those that the manuals leave undefined (Intel SDM, volume 1, table 8-1) do: processors keep
    /// them, and so does the engine.
    /// </summary>
    private static int UndefinedConditions(Row row, byte[] processor, byte[] engine)
    {
        if (!IsTranscendental(row.Form.First.Mnemonic))
            return 0;
        // At the border of the normal numbers, the next number below may be tiny.
        var same = processor.AsSpan(FirstRegister, 2 * Stride).SequenceEqual(engine.AsSpan(FirstRegister, 2 * Stride));
        return same ? C1 : C1 | Underflow;
    }

    private static bool IsNear(Row row, ReadOnlySpan<byte> processor, ReadOnlySpan<byte> engine)
        => IsTranscendental(row.Form.First.Mnemonic) && (processor[9] ^ engine[9]) < 0x80
            && Ordinal(processor) - Ordinal(engine) is var distance && (distance <= 1 || distance == UInt128.MaxValue);

    /// <summary>The place of a magnitude among all that there are.</summary>
    private static UInt128 Ordinal(ReadOnlySpan<byte> value)
        => ((UInt128)(BinaryPrimitives.ReadUInt16LittleEndian(value[8..]) & 0x7fffu) << 63)
            + (BinaryPrimitives.ReadUInt64LittleEndian(value) & ~(1ul << 63));

    /// <summary>Full registers, but for the one that a push takes.</summary>
    private static int TagsWithRoom(Random random, int top) => 0xff & ~(random.Next(4) == 0 ? 0 : 1 << (top - 1 & 7));

    private static int Word(byte[] image, int offset, int without) => BinaryPrimitives.ReadUInt16LittleEndian(image.AsSpan(offset)) & ~without;

    private static string Show(byte[] image, int place)
        => $"{BinaryPrimitives.ReadUInt16LittleEndian(image.AsSpan(place + 8)):x4}:{BinaryPrimitives.ReadUInt64LittleEndian(image.AsSpan(place)):x16}";
}
