namespace Pv.Tests.Instructions;

/// <summary>Makes rows of a form: registers, flags and memory at random, bent so that the instruction has something to do.</summary>
internal static class RowMaker
{
    private const ulong Trap = 0x100, Direction = 0x400, Arithmetic = 0x8d5;

    /// <summary>Rows of a form; the same ones each time.</summary>
    public static IEnumerable<Row> Make(Form form, int count)
    {
        // The seed is the form's own, so that a row stays what it is when others come and go.
        var random = new Random(SeedOf(form));
        for (var i = 0; i < count; i++)
            yield return MakeOne(form, random);
    }

    private static Row MakeOne(Form form, Random random)
    {
        var row = new Row(form) { FsBase = (ulong)random.Next(0x1000_0000), GsBase = (ulong)random.NextInt64((long)Arena.LowerEnd - 0x2000) };
        for (var i = 0; i < 16; i++)
            row.General[i] = OperandValues.Pick(random);
        row.General[4] = StackPointer(random);
        row.Rflags = 0x202 | (ulong)random.Next(0x1000) & Arithmetic;
        if (random.Next(form.First.IsStringInstruction ? 2 : 16) == 0)
            row.Rflags |= Direction;
        if (random.Next(64) == 0)
            row.Rflags |= Trap;

        if (VectorForms.Contains(form.First) || X87Forms.HasState(form.First))
            row.Vectors = VectorForms.MakeImage(random, Math.Max(VectorForms.FloatBytes(form.First), MmxForms.FloatBytes(form.First)));
        if (X87Forms.HasState(form.First))
        {
            X87Forms.FillImage(random, row.Vectors);
            X87Forms.BoundArgument(row, random);
        }
        if (StateForms.Contains(form.First))
            StateForms.SetRegisters(row, random);
        if (MmxForms.Contains(form.First))
            MmxForms.FillImage(row, random);
        InstructionInputs.SetRegisters(row, random);
        if (MemoryOperand.Exists(form.First))
        {
            var operand = new MemoryOperand(form.First);
            var target = TargetAddress.Pick(random, operand.Bytes);
            operand.PointAt(row, StateForms.HasImage(form.First) ? StateForms.Target(random, target) : target, random);
            if (row.Vectors is not null && operand.Bytes <= 16 && random.Next(3) != 0)
                WriteVector(row, operand, random);
            else if (random.Next(3) != 0)
                row.WriteMemory(operand.Address(row), OperandValues.Pick(random), Math.Min(8, operand.Bytes));
        }
        InstructionInputs.SetMemory(row, random);
        X87Forms.SetMemory(row, random);
        StateForms.SetMemory(row, random);
        return row;
    }

    private static void WriteVector(Row row, MemoryOperand operand, Random random)
    {
        Span<byte> value = stackalloc byte[16];
        VectorValues.Fill(random, VectorForms.FloatBytes(row.Form.First), VectorForms.Registers(row.Vectors!), value);
        for (var i = 0; i < operand.Bytes; i++)
            row.WriteMemory(operand.Address(row) + (ulong)i, value[i], 1);
    }

    private static ulong StackPointer(Random random) => random.Next(16) switch
    {
        < 10 => Arena.Stack + (ulong)(random.Next(0x200, 0xe00) & -8),
        10 => Arena.Stack + (ulong)random.Next(0x200, 0xe00),
        11 => Arena.Stack + (ulong)random.Next(16),
        12 => Arena.Stack + Arena.PageBytes - (ulong)random.Next(16),
        _ => TargetAddress.Pick(random, 8),
    };

    private static int SeedOf(Form form)
    {
        var hash = 2166136261u;
        foreach (var b in form.Code)
            hash = (hash ^ b) * 16777619;
        return (int)(hash ^ (uint)form.Offset);
    }
}
