using Iced.Intel;

namespace Pv.Tests.Instructions;

/// <summary>
/// Encodings of every instruction that is compared: all opcodes with all values of their register field, with registers and with memory,
/// with random prefixes, addressing forms and constants. The decoder tells what came out; each instruction keeps some of each kind.
/// </summary>
internal sealed class FormCatalogue
{
    /// <summary>What makes two encodings of an instruction different kinds.</summary>
    private readonly record struct Kind(Code Code, bool Memory, bool Lock, bool Repeat, bool Segment, bool ShortAddress);

    private const int PlainForms = 10, PrefixedForms = 3;
    private static readonly byte[][] Escapes = [[], [0x0f], [0x0f, 0x38], [0x0f, 0x3a]];
    private static readonly byte[] MandatoryPrefixes = [0, 0x66, 0xf2, 0xf3];
    private static readonly byte[] LegacyPrefixes = [0x66, 0x67, 0xf0, 0xf2, 0xf3, 0x64, 0x65, 0x2e, 0x36, 0x3e, 0x26];

    private readonly Random _random = new(1978);
    private readonly Dictionary<Kind, (List<Form> Forms, int Seen)> _kinds = [];
    private readonly int _factor;
    private readonly byte[] _bytes = new byte[32];
    private int _length;

    private FormCatalogue(int factor)
    {
        _factor = factor;
        for (var opcode = 0; opcode < 256; opcode++)
            for (var round = 0; round < (IsCrowded(opcode) ? 60 : 6) * factor; round++)
                for (var field = 0; field < 16; field++)
                    EachMap((byte)opcode, (byte)(field & 7), memory: field >= 8);
        ByMnemonic = _kinds.Values.SelectMany(kind => kind.Forms).GroupBy(form => form.First.Mnemonic)
            .ToDictionary(group => group.Key, group => group.ToArray());
    }

    public IReadOnlyDictionary<Mnemonic, Form[]> ByMnemonic { get; }

    /// <summary>The forms of an ordinary run, or ten times as many when <c>PV_TESTS=full</c> asks for it.</summary>
    public static FormCatalogue Usual { get; } = new(TestAmount.IsFull ? 10 : 1);

    /// <summary>Opcodes that stand for many instructions, of which only some prefixes and fields are ours.</summary>
    private static bool IsCrowded(int opcode) => opcode is 0x01 or 0x1e or 0xae or 0xd9 or 0xdb or 0xc7 or >= 0xf0;

    private void EachMap(byte opcode, byte register, bool memory)
    {
        foreach (var escape in Escapes)
        {
            foreach (var mandatory in MandatoryPrefixes)
            {
                Start();
                if (mandatory != 0)
                    Add(mandatory);
                if (_random.Next(2) == 0)
                    Add((byte)(0x40 | _random.Next(16)));
                foreach (var b in escape)
                    Add(b);
                Finish(opcode, register, memory);
            }
        }
        for (var map = 2; map <= 3; map++)
        {
            Start();
            Add(0xc4);
            Add((byte)(_random.Next(8) << 5 | map));
            Add((byte)(_random.Next(2) << 7 | (_random.Next(4) == 0 ? 0x78 : _random.Next(16) << 3) | _random.Next(4)));
            Finish(opcode, register, memory);
        }
    }

    private void Start()
    {
        _length = 0;
        if (_random.Next(3) != 0)
            return;
        for (var count = _random.Next(1, 3); count > 0; count--)
            Add(LegacyPrefixes[_random.Next(LegacyPrefixes.Length)]);
    }

    private void Add(byte value) => _bytes[_length++] = value;

    /// <summary>Adds opcode, ModRM and random bytes, and keeps what the decoder makes of it.</summary>
    private void Finish(byte opcode, byte register, bool memory)
    {
        Add(opcode);
        var mod = memory ? _random.Next(3) : 3;
        Add((byte)(mod << 6 | register << 3 | _random.Next(8)));
        _random.NextBytes(_bytes.AsSpan(_length, 15 - _length));
        var decoder = Decoder.Create(64, new ByteArrayCodeReader(_bytes, 0, 15), Arena.Code + Form.DefaultOffset);
        decoder.Decode(out var instruction);
        if (instruction.IsInvalid || Exclusions.ReasonFor(instruction) is not null)
            return;
        new ConstantFiller(_random).Fill(_bytes, instruction, decoder.GetConstantOffsets(instruction));
        Keep(_bytes.AsSpan(0, instruction.Length).ToArray());
    }

    /// <summary>Keeps an even sample of each kind (reservoir sampling).</summary>
    private void Keep(byte[] code)
    {
        var form = new Form(code);
        var instruction = form.First;
        if (instruction.IsInvalid || Exclusions.ReasonFor(instruction) is not null || BranchesIntoItself(instruction, form.Rip) || VendorDependent.IsEncoding(form))
            return;
        var kind = KindOf(instruction, code);
        var (forms, seen) = _kinds.TryGetValue(kind, out var known) ? known : ([], 0);
        _kinds[kind] = (forms, seen + 1);
        var prefixed = kind.Lock || kind.Repeat || kind.Segment || kind.ShortAddress;
        if (forms.Count < (prefixed ? PrefixedForms : PlainForms) * _factor)
            forms.Add(form);
        else if (_random.Next(seen + 1) is var place && place < forms.Count)
            forms[place] = form;
    }

    private static Kind KindOf(Instruction instruction, byte[] code)
    {
        var memory = false;
        for (var i = 0; i < instruction.OpCount; i++)
            memory |= instruction.GetOpKind(i) == OpKind.Memory;
        return new Kind(instruction.Code, memory, instruction.HasLockPrefix, instruction.HasRepPrefix || instruction.HasRepnePrefix,
            instruction.SegmentPrefix is Register.FS or Register.GS, code.AsSpan(0, Math.Min(4, code.Length)).Contains((byte)0x67));
    }

    /// <summary>A branch to its own bytes would run for ever, or run what nobody decoded.</summary>
    private static bool BranchesIntoItself(Instruction instruction, ulong rip)
        => instruction.Op0Kind is OpKind.NearBranch64 or OpKind.NearBranch32 or OpKind.NearBranch16
            && instruction.NearBranchTarget - rip < (ulong)instruction.Length;
}
