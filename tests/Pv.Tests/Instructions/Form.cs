using Iced.Intel;

namespace Pv.Tests.Instructions;

/// <summary>Bytes to run, and where. Behind them stands int3.</summary>
internal sealed class Form
{
    /// <summary>Where code stands unless a form says otherwise: the middle of the first page, so that short branches stay among int3s.</summary>
    public const int DefaultOffset = 0x800;

    public Form(byte[] code, int offset = DefaultOffset)
    {
        Code = code;
        Offset = offset;
        First = Decode(code, Rip);
    }

    /// <summary>A form whose last bytes may be cut off by the end of memory: what it is must be told.</summary>
    public Form(byte[] code, int offset, Instruction first)
    {
        Code = offset + code.Length > Arena.CodeBytes ? code.AsSpan(0, Arena.CodeBytes - offset).ToArray() : code;
        Offset = offset;
        First = first;
    }

    public byte[] Code { get; }

    /// <summary>The first byte's place in <see cref="Arena.Code"/>.</summary>
    public int Offset { get; }

    /// <summary>
    /// For a program of several instructions: the flags that may be undefined when it stops at an address. Null: the first instruction
    /// decides (<see cref="UndefinedFlags"/>).
    /// </summary>
    public IReadOnlyDictionary<ulong, ulong>? UndefinedAt { get; init; }

    public ulong Rip => Arena.Code + (ulong)Offset;

    /// <summary>The first instruction, decoded.</summary>
    public Instruction First { get; }

    private static Instruction Decode(byte[] code, ulong rip) => Decoder.Create(64, new ByteArrayCodeReader(code), rip).Decode();

    /// <summary>A form of several instructions.</summary>
    public static Form Assemble(Action<Assembler> write, int offset = DefaultOffset)
    {
        var assembler = new Assembler(64);
        write(assembler);
        using var stream = new MemoryStream();
        assembler.Assemble(new StreamCodeWriter(stream), Arena.Code + (ulong)offset);
        return new Form(stream.ToArray(), offset);
    }

    public override string ToString()
    {
        var text = new StringOutput();
        var formatter = new NasmFormatter();
        var decoder = Decoder.Create(64, new ByteArrayCodeReader(Code), Rip);
        while (decoder.IP < Rip + (ulong)Code.Length)
        {
            var instruction = decoder.Decode();
            formatter.Format(instruction, text);
            text.Write("; ", FormatterTextKind.Text);
        }
        return $"{text.ToString()}[{Convert.ToHexString(Code)}]";
    }
}
