using System.Text;
using Iced.Intel;
using Pv.Cpu;

namespace Pv.Tests.Instructions;

/// <summary>Compares what an engine did with what the processor did.</summary>
internal static class Comparison
{
    /// <summary>RF is the processor's business between a fault and its return; nothing that code can see.</summary>
    private const ulong Resume = 0x10000;

    /// <summary>CF, PF, AF, ZF, SF, OF.</summary>
    private const ulong Arithmetic = 0x8d5;

    private static readonly string[] Names =
        ["rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15"];

    /// <summary>Null when both agree, else a report to reproduce the row from.</summary>
    public static string? Differences(Row row, Outcome processor, Outcome engine)
    {
        if (VendorDependent.IsNarrowPop(row))
            return null;
        var text = new StringBuilder();
        var piecewise = VendorDependent.IsPiecewiseFault(row, processor.Exit, engine.Exit);
        if (!piecewise && !VendorDependent.IsChoiceOfFaults(row, processor.Exit, engine.Exit))
            Exit(text, Seen(processor.Exit), Seen(engine.Exit));
        // An instruction that faulted has not touched flags or destination: then nothing is undefined.
        var faulted = processor.Rip == row.Form.Rip;
        var program = row.Form.UndefinedAt;
        var mask = ~Resume & ~(program is not null ? program.GetValueOrDefault(processor.Rip) : faulted ? 0 : UndefinedFlags.For(row));
        if (VendorDependent.ArithmeticFlags(row, processor.Exit))
            mask &= ~Arithmetic;
        if (!VendorDependent.Rip(row, processor))
            Word(text, "rip", processor.Rip, engine.Rip);
        Word(text, "rflags", processor.Rflags & mask, engine.Rflags & mask);
        var undefined = program is null && !faulted && UndefinedFlags.Destination(row);
        for (var i = 0; i < 16; i++)
            if (!(undefined && row.Form.First.Op0Kind == OpKind.Register && row.Form.First.Op0Register.GetFullRegister().GetNumber() == i))
                Word(text, Names[i], Kept(row, i, processor.General[i]), Kept(row, i, engine.General[i]));
        if (!VendorDependent.FsBase(row))
            Word(text, "fs base", processor.FsBase, engine.FsBase);
        if (!VendorDependent.GsBase(row))
            Word(text, "gs base", processor.GsBase, engine.GsBase);
        Word(text, "cs", processor.Cs, engine.Cs);
        Selector(text, "ss", processor.Ss, engine.Ss);
        Selector(text, "ds", processor.Ds, engine.Ds);
        Selector(text, "es", processor.Es, engine.Es);
        Selector(text, "fs", processor.Fs, engine.Fs);
        Selector(text, "gs", processor.Gs, engine.Gs);
        var isTheirs = piecewise || VendorDependent.ReturnAddress(row, processor.Exit);
        if (!isTheirs && !(undefined && row.Form.First.Op0Kind == OpKind.Memory) && !processor.Memory.AsSpan().SequenceEqual(engine.Memory))
            text.AppendLine($"  memory: processor {Show(processor.Memory)}, engine {Show(engine.Memory)}");
        if (processor.Vectors is { } ours && (X87Forms.Differences(row, ours, engine.Vectors!) ?? VectorForms.Differences(ours, engine.Vectors!, faulted ? Register.None : Approximations.Destination(row))) is { } vectors)
            text.AppendLine($"  {vectors}");
        return text.Length == 0 ? null : $"{Inputs(row)}\n{text}";
    }

    /// <summary>
    /// Linux says of every fault beyond user space that a page was present, lest it betray its own mappings: what it was is not known.
    /// </summary>
    private static CpuExit Seen(CpuExit exit)
        => exit.Vector == ExceptionVector.PageFault && exit.FaultAddress >= Arena.UserEnd
            ? exit with { ErrorCode = exit.ErrorCode | (uint)PageFaultError.Present }
            : exit;

    private static ulong Kept(Row row, int register, ulong value) => VendorDependent.IsUpperHalf(row, register) ? (uint)value : value;

    private static void Exit(StringBuilder text, CpuExit processor, CpuExit engine)
    {
        if (processor != engine)
            text.AppendLine($"  exit: processor {Show(processor)}, engine {Show(engine)}");
    }

    /// <summary>A null selector may carry a privilege level; the kernel's way back to user space clears it.</summary>
    private static void Selector(StringBuilder text, string name, ushort processor, ushort engine)
        => Word(text, name, processor < 4 ? 0ul : processor, engine < 4 ? 0ul : engine);

    private static void Word(StringBuilder text, string name, ulong processor, ulong engine)
    {
        if (processor != engine)
            text.AppendLine($"  {name}: processor {processor:x}, engine {engine:x}");
    }

    private static string Inputs(Row row)
    {
        var text = new StringBuilder($"{row.Form}\n  in: rip {row.Form.Rip:x} rflags {row.Rflags:x}");
        for (var i = 0; i < 16; i++)
            text.Append($" {Names[i]} {row.General[i]:x}");
        text.Append($" fs {row.FsBase:x} gs {row.GsBase:x}");
        foreach (var (address, value) in row.Patches.Take(4))
            text.Append($" [{address:x}] {value:x}");
        if (row.Vectors is { } vectors)
            text.Append($"\n    {VectorForms.Describe(vectors)}");
        if (row.Vectors is { } image && X87Forms.HasState(row.Form.First))
            text.Append($"\n    {X87Forms.Describe(image)}");
        return text.ToString();
    }

    private static string Show(CpuExit exit)
        => exit.Kind == CpuExitKind.Exception ? $"vector {exit.Vector} error {exit.ErrorCode:x} address {exit.FaultAddress:x}" : exit.Kind.ToString();

    private static string Show(Difference[] memory)
        => memory.Length == 0 ? "unchanged" : string.Join(", ", memory.Take(6).Select(word => $"[{word.Address:x}] = {word.Value:x}")) + $" ({memory.Length} words)";
}
