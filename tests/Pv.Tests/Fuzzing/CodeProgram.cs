using System.Buffers.Binary;
using Pv.Abi;
using Pv.Machine.Gate;
using Pv.Tests.Core;
using static Iced.Intel.AssemblerRegisters;

namespace Pv.Tests.Fuzzing;

/// <summary>
/// Makes up programs of a hostile guest: a hypercall in the middle of instructions that trap, stores to page tables, to code that runs and to what
/// siblings pass to the hypervisor, and bytes that are anything. Each part begins by telling where to go on when it traps.
/// </summary>
/// <remarks>One thread's. r14 counts how often the program runs, r15 says where to go on.</remarks>
internal sealed class CodeProgram
{
    private const int MostParts = 14, MostBytes = 2600;
    /// <summary>Where its own calls have their arguments: behind those of the grammar's.</summary>
    private const ulong Argument = PageSize.Bytes + 0xe00;

    private const ulong Rights = TestGuest.PresentUser | TestGuest.Writable;
    private const byte Rax = 0, Rcx = 1, Rdx = 2, Rsp = 4, Rsi = 6, Rdi = 7, R8 = 8, R9 = 9, R10 = 10, R15 = 15;

    private static readonly byte[] Storm = CodeRuntime.Assemble(code =>
    {
        var again = code.CreateLabel();
        code.Label(ref again);
        code.mov(__qword_ptr[rdi], rax);
        code.xchg(rax, rdx);
        code.dec(ecx);
        code.jne(again);
    });

    private static readonly byte[] Work = CodeRuntime.Assemble(code =>
    {
        var again = code.CreateLabel();
        code.Label(ref again);
        code.add(rax, __qword_ptr[rsi]);
        code.rol(rax, 7);
        code.mov(__qword_ptr[rdi], rax);
        code.dec(ecx);
        code.jne(again);
    });

    private static readonly byte[] DescriptorAndStores = CodeRuntime.Assemble(code =>
    {
        code.mov(__qword_ptr[rdi], rax);
        code.mov(fs, edx);
        code.mov(__qword_ptr[rdi], rax);
        code.mov(gs, edx);
        code.mov(__qword_ptr[rdi + 8], rax);
    });

    private readonly byte[] _bytes = new byte[CodeRuntime.ProgramBytes];
    private readonly List<(int End, int Label)> _parts = [];
    private readonly List<int> _landings = [];
    private CallGrammar _grammar = null!;
    private FuzzDomain _domain = null!;
    private Dice _dice;
    private int _length, _vcpu, _vcpus;

    /// <summary>Where it runs.</summary>
    public ulong Base { get; private set; }

    public ReadOnlySpan<byte> Bytes => _bytes.AsSpan(0, _length);

    /// <summary>Behind the hypercall that was asked for, or 0 when there is none.</summary>
    public ulong BehindCall { get; private set; }

    private ulong Here => Base + (ulong)_length;

    /// <summary>The label of the part that holds an address; -1 when none does.</summary>
    public int LabelAt(ulong address)
    {
        foreach (var (end, label) in _parts)
        {
            if (address - Base < (ulong)end)
                return label;
        }
        return -1;
    }

    /// <summary>Makes up the next one.</summary>
    /// <param name="grammar">What it knows of frames and addresses.</param>
    /// <param name="domain">Whose it is.</param>
    /// <param name="vcpu">Which of its vCPUs runs it.</param>
    /// <param name="seed">What decides.</param>
    /// <param name="call">A hypercall that is to be among it.</param>
    public void Make(CallGrammar grammar, FuzzDomain domain, int vcpu, ulong seed, HypercallRegisters? call)
    {
        (_grammar, _domain, _dice, _vcpu, _vcpus) = (grammar, domain, new Dice(seed), vcpu, domain.Domain.Vcpus.Length);
        (_length, BehindCall) = (0, 0);
        _parts.Clear();
        // Often where the last one was, sometimes over the end of a page.
        Base = CodeRuntime.Program + (ulong)_dice.Of(0, 0, 0, 0, _dice.Below(256), PageSize.Bytes - 1 - _dice.Below(64));
        var count = 1 + _dice.Below(MostParts);
        var callAt = call is null ? -1 : _dice.Below(Math.Min(count, 5));
        for (var i = 0; i < count && _length < MostBytes; i++)
        {
            Begin();
            var label = i == callAt ? Call(call!.Value) : Part();
            Land();
            _parts.Add((_length, label));
        }
        // Again, and then the end.
        Write([0x49, 0xff, 0xce, 0x0f, 0x85]);
        var back = -(_length + 4);
        BinaryPrimitives.WriteInt32LittleEndian(_bytes.AsSpan(_length), back);
        _length += 4;
        Load(Rax, CodeRuntime.HandOver);
        Write([0xff, 0xe0]);
    }

    private void Begin()
    {
        GoOnAtLanding();
        // A stack that is none is the end of the domain at the next trap.
        if (!_dice.OneIn(30))
            Load(Rsp, CodeRuntime.StackTop);
    }

    /// <summary>What traps from here on goes on where <see cref="Land"/> is next.</summary>
    private void GoOnAtLanding()
    {
        Load(R15, 0);
        _landings.Add(_length - sizeof(ulong));
    }

    private void Land()
    {
        foreach (var landing in _landings)
            BinaryPrimitives.WriteUInt64LittleEndian(_bytes.AsSpan(landing), Here);
        _landings.Clear();
    }

    private int Part() => _dice.Below(25) switch
    {
        < 7 => Template(CodeTemplates.Traps[_dice.Below(CodeTemplates.Traps.Length)], FuzzLabels.CodeTraps),
        < 12 => Template(CodeTemplates.Stores[_dice.Below(CodeTemplates.Stores.Length)], FuzzLabels.CodeStores),
        < 14 => Loop(Storm, FuzzLabels.CodeStorm),
        < 16 => Loop(Work, FuzzLabels.CodeWork),
        16 => Patch(),
        17 => Anything(),
        18 => Iret(),
        19 or 20 => ReadPlace(),
        24 => LocalTable(),
        _ => Retype(),
    };

    private int Call(HypercallRegisters call)
    {
        foreach (var (address, value) in _grammar.Stores)
            Store(address, value);
        Load(Rdi, call.First);
        Load(Rsi, call.Second);
        Load(Rdx, call.Third);
        Load(R10, call.Fourth);
        Load(R8, call.Fifth);
        Load(R9, call.Sixth);
        Load(Rax, call.Number);
        Syscall();
        BehindCall = Here;
        return FuzzLabels.CodeCall;
    }

    private int Template(in CodeTemplate template, IReadOnlyDictionary<string, int> labels)
    {
        switch (template.Operands)
        {
            case CodeOperands.ModelRegister:
                Numbers();
                Load(Rcx, _dice.OneIn(6) ? _grammar.Odd()
                    : _dice.Of<ulong>(0x10, 0x1b, 0x3a, 0x8b, 0xce, 0x140, 0x1a0, 0x277, 0x4000_0000, 0xc000_0080, 0xc000_0081, 0xc000_0082, 0xc000_0100, 0xc000_0101, 0xc000_0102, 0xc000_0103));
                break;
            case CodeOperands.Control:
                Load(Rax, _dice.Below(8) switch
                {
                    0 => 0x8005_0033 ^ 1ul << _dice.Below(40),
                    1 => 0x8005_003b,
                    2 => 0x660 | 1ul << _dice.Below(22),
                    3 => _grammar.Odd(),
                    // A root, or another frame.
                    _ => _grammar.Root().Address | (_dice.OneIn(6) ? (ulong)_dice.Below(0x1000) : 0),
                });
                break;
            case CodeOperands.Leaf:
                Numbers();
                Load(Rax, _dice.OneIn(4) ? _grammar.Odd() : _dice.Of<ulong>(0, 1, 7, 0xb, 0xd, 0x15, 0x16, 0x4000_0000, 0x4000_0001, 0x4000_0003, 0x4000_0005, 0x4000_0100, 0x4000_0200, 0x4000_0201, 0x8000_0000, 0x8000_0001, 0x8000_0008));
                Load(Rcx, (ulong)_dice.Below(4));
                break;
            case CodeOperands.Selector:
                Load(Rax, Selector());
                break;
            case CodeOperands.Frame:
                Frame();
                break;
            case CodeOperands.StackPlace:
                Load(Rdi, Place());
                Load(Rax, _grammar.Odd());
                // Without a stack the next trap is the domain's end.
                if (_dice.OneIn(30))
                    Load(Rsp, Place());
                break;
            case CodeOperands.Place or CodeOperands.Table:
                Load(Rdi, template.Operands == CodeOperands.Table && _dice.Percent(60) ? Table() : Place());
                Load(Rsi, _dice.OneIn(3) ? Table() : Place());
                Load(Rax, _dice.Percent(80) ? _grammar.Entry(FrameUse.L1) : _grammar.Odd());
                Load(Rcx, _dice.OneIn(12) ? _grammar.Odd() & 0xffff : (ulong)(1 + _dice.Below(12)));
                Load(Rdx, Selector());
                break;
            default:
                Numbers();
                break;
        }
        Write(template.Code);
        return labels[template.Name];
    }

    private void Numbers()
    {
        Load(Rax, _grammar.Odd());
        Load(Rcx, _dice.OneIn(3) ? 0 : _grammar.Odd());
        Load(Rdx, _grammar.Odd());
    }

    private ulong Selector() => _dice.Below(8) switch
    {
        0 => 0,
        1 => _dice.Of<ulong>(0xe023, 0xe02b, 0xe033, 0xe030, 0xe028),
        2 => (ulong)_dice.Below(0x1_0000),
        < 5 => (ulong)_dice.Below(1600) << 3 | 3,
        // The local table.
        _ => (ulong)_dice.Below(_dice.OneIn(4) ? 8192 : 1600) << 3 | 7,
    };

    /// <summary>An entry of a table, where it may be read only.</summary>
    private ulong Table() => _dice.Below(10) switch
    {
        < 7 => CodeRuntime.Tables + (ulong)_dice.Below(FuzzDomain.PlaygroundSlots - 64) * 8,
        7 => CodeRuntime.Tables + PageSize.Bytes + (ulong)(32 + _dice.Below(480)) * 8,
        8 => CodeRuntime.Tables + (ulong)_dice.Below(5) * PageSize.Bytes + (ulong)_dice.Below(PageSize.Bytes),
        _ => CodeRuntime.Tables + (ulong)(2 + _dice.Below(3)) * PageSize.Bytes + (ulong)_grammar.Slot() * 8,
    };

    private ulong Place() => _dice.Below(16) switch
    {
        0 => _grammar.Linear() + (ulong)_dice.Below(PageSize.Bytes),
        1 => _grammar.Odd(),
        2 => CodeRuntime.SharedInfo + (ulong)_dice.Below(PageSize.Bytes),
        3 => FuzzDomain.ReadOnlyPage + (ulong)_dice.Below(2 * PageSize.Bytes),
        4 => CodeRuntime.Stack + (ulong)_dice.Below(PageSize.Bytes),
        5 => FuzzDomain.ArgumentsOf(_dice.Below(_vcpus)) + (ulong)_dice.Below(PageSize.Bytes),
        6 => Table(),
        7 => FuzzDomain.Playground + ((ulong)(1 + _dice.Below(FuzzDomain.PlaygroundSlots)) << PageSize.Shift) - (ulong)_dice.Below(16),
        _ => FuzzDomain.Playground + ((ulong)_dice.Below(FuzzDomain.PlaygroundSlots - 64) << PageSize.Shift) + (ulong)_grammar.Slot() * 8,
    };

    /// <summary>Changes what a sibling passes while it is read, or works on the playground until it is worth being translated.</summary>
    private int Loop(byte[] body, int label)
    {
        Load(Rdi, body == Storm ? FuzzDomain.ArgumentsOf(_dice.Below(_vcpus)) + (ulong)(_dice.OneIn(3) ? _dice.Below(0x400) : _dice.Below(8)) * 8 : Place());
        Load(Rsi, Place());
        Load(Rax, Changed());
        Load(Rdx, Changed());
        Load(Rcx, (ulong)(1 + _dice.Below(200)));
        Write(body);
        return label;
    }

    private ulong Changed() => _dice.Below(5) switch
    {
        0 => (ulong)_dice.Below(64),
        1 => _grammar.Entry((FrameUse)(1 + _dice.Below(4))),
        2 => _grammar.Root().Value,
        3 => ulong.MaxValue,
        _ => _dice.Next(),
    };

    /// <summary>Changes code: what runs next, what runs again, or a sibling's while that runs.</summary>
    private int Patch()
    {
        // Two bytes that do nothing, that trap, that call, or are anything.
        Load(Rax, _dice.Of<ulong>(0x9090, 0xcccc, 0x0b0f, 0x050f, 0xf4f4, _dice.Next()));
        var kind = _dice.Below(5);
        // Behind these two instructions stand bytes to be changed; they may be found at two addresses.
        const int loadAndStore = 13;
        var next = Here + loadAndStore + (ulong)_dice.Below(5);
        Load(Rdi, kind switch
        {
            < 2 => next,
            2 => FuzzDomain.ProgramOf(_vcpu) + (next - CodeRuntime.Program),
            3 => Base + (ulong)_dice.Below(Math.Max(_length, 1)),
            _ => FuzzDomain.ProgramOf(_dice.Below(_vcpus)) + (ulong)_dice.Below(512),
        });
        Write([0x66, 0x89, 0x07]);
        Write([0x90, 0x90, 0x90, 0x90, 0x90, 0x90]);
        return FuzzLabels.CodePatch;
    }

    /// <summary>
    /// A page is written, taken out of the tables without a flush, becomes a page table, descriptors or somebody else's, and is written again where it
    /// was; then it is made memory again.
    /// </summary>
    private int Retype()
    {
        const ulong list = Argument + 0x80;
        var slot = Slot();
        var frame = _domain.Frames[slot];
        var page = FuzzDomain.Playground + ((ulong)slot << PageSize.Shift);
        var entry = CodeRuntime.Tables + (ulong)slot * 8;
        if (!_dice.OneIn(4))
            Store(entry, frame.Address | Rights);
        Load(Rdi, page);
        Load(Rax, 0);
        Load(Rcx, 512);
        Write([0xf3, 0x48, 0xab]);
        switch (_dice.Below(3))
        {
            case 0:
                Store(entry, _dice.OneIn(3) ? frame.Address | TestGuest.PresentUser : 0);
                break;
            case 1:
                Call(HypercallNumber.UpdateVaMapping, page, _dice.OneIn(3) ? frame.Address | TestGuest.PresentUser : 0, 0);
                break;
            default:
                Store(Argument, _domain.Safe[^1].Address | (uint)slot * 8);
                Store(Argument + 8, 0);
                Call(HypercallNumber.MmuUpdate, Argument, 1, 0, DomId.Self.Value);
                break;
        }
        var gone = _dice.Below(4);
        switch (gone)
        {
            case 0:
                Store(list, frame.Value);
                Call(HypercallNumber.SetGdt, list, 512);
                break;
            case 1:
                Store(list, frame.Value);
                Store(Argument, list);
                Store(Argument + 8, 1);
                Store(Argument + 16, 0);
                Store(Argument + 24, DomId.Self.Value);
                Call(HypercallNumber.MemoryOp, (ulong)MemoryOperation.DecreaseReservation, Argument);
                break;
            default:
                Extended((MmuExtOperation)_dice.Below(4), frame.Value);
                break;
        }
        Load(Rax, _dice.OneIn(2) ? _grammar.Entry(FrameUse.L1) : _dice.Next());
        Load(Rdi, page + (ulong)_dice.Below(512) * 8);
        Write([0x48, 0x89, 0x07]);
        Land();
        GoOnAtLanding();
        if (_dice.OneIn(4))
            return FuzzLabels.CodeRetype;
        if (gone == 0)
            Call(HypercallNumber.SetGdt, 0, 0);
        else if (gone > 1)
            Extended(MmuExtOperation.UnpinTable, frame.Value);
        Store(entry, frame.Address | Rights);
        return FuzzLabels.CodeRetype;
    }

    /// <summary>
    /// A page becomes a local table of descriptors, whose first look takes it as such in the middle of an instruction, between stores to another page.
    /// </summary>
    private int LocalTable()
    {
        const ulong data = 0x00cf_f300_0000_ffff;
        var slot = Slot();
        var page = FuzzDomain.Playground + ((ulong)slot << PageSize.Shift);
        var entry = CodeRuntime.Tables + (ulong)slot * 8;
        if (!_dice.OneIn(4))
            Store(entry, _domain.Frames[slot].Address | Rights);
        Load(Rdi, page);
        Load(Rax, _dice.OneIn(10) ? _dice.Next() : data);
        Load(Rcx, 16);
        Write([0xf3, 0x48, 0xab]);
        Store(entry, _domain.Frames[slot].Address | TestGuest.PresentUser);
        Extended(MmuExtOperation.SetLdt, page, (ulong)_dice.Of(16, 512, 513));
        Load(Rdi, FuzzDomain.Playground + ((ulong)Slot() << PageSize.Shift) + (ulong)_grammar.Slot() * 8);
        Load(Rdx, (ulong)_dice.Below(20) << 3 | 7);
        Load(Rax, _grammar.Entry(FrameUse.L1));
        Write(DescriptorAndStores);
        Land();
        GoOnAtLanding();
        if (!_dice.OneIn(3))
        {
            Extended(MmuExtOperation.SetLdt, 0, 0);
            Store(entry, _domain.Frames[slot].Address | Rights);
        }
        return FuzzLabels.CodeLocalTable;
    }

    /// <summary>A page of the playground: mostly one that is memory at first, and often one of two at which vCPUs meet.</summary>
    private int Slot() => _dice.Below(4) switch
    {
        0 or 1 => 6 + _dice.Below(2),
        2 => _dice.Below(_domain.Frames.Length / 8) * 8 + 6 + _dice.Below(2),
        _ => _dice.Below(_domain.Frames.Length),
    };

    private void Extended(MmuExtOperation operation, ulong first, ulong second = 0)
    {
        Store(Argument, (ulong)operation);
        Store(Argument + 8, first);
        Store(Argument + 16, second);
        Call(HypercallNumber.MmuExtOp, Argument, 1, 0, DomId.Self.Value);
    }

    private void Store(ulong address, ulong value)
    {
        Load(Rdi, address);
        Load(Rax, value);
        Write([0x48, 0x89, 0x07]);
    }

    private void Call(HypercallNumber number, ulong first, ulong second, ulong third = 0, ulong fourth = 0)
    {
        Load(Rdi, first);
        Load(Rsi, second);
        Load(Rdx, third);
        Load(R10, fourth);
        Load(Rax, (ulong)number);
        Syscall();
    }

    private int Anything()
    {
        Load(Rdi, Place());
        Load(Rsi, Place());
        Load(Rcx, (ulong)_dice.Below(16));
        for (var i = 1 + _dice.Below(16); i > 0; i--)
            Write([(byte)_dice.Next()]);
        // However the last of them reads on.
        for (var i = 0; i < 15; i++)
            Write([0x90]);
        return FuzzLabels.CodeAnything;
    }

    /// <summary>The hypercall, by a frame that leads on: to the kernel, to user code, or nowhere.</summary>
    private int Iret()
    {
        Frame();
        foreach (var word in stackalloc ulong[] { _dice.OneIn(4) ? _grammar.Odd() : (ulong)_dice.Of(0, 0x100), 2, 3, 1 })
            Push(word);
        Load(Rax, (ulong)HypercallNumber.Iret);
        Syscall();
        return FuzzLabels.CodeIret;
    }

    /// <summary>ss, rsp, rflags, cs, and rip, which leads behind this part.</summary>
    private void Frame()
    {
        Push(_dice.OneIn(5) ? Selector() : XenSegments.FlatStack);
        Push(_dice.OneIn(100) ? Place() : CodeRuntime.StackTop);
        Push(_dice.OneIn(3) ? _grammar.Odd() : 0x202);
        Push(_dice.OneIn(5) ? Selector() : XenSegments.FlatCode64 & (_dice.OneIn(2) ? ~0ul : ~3ul));
        // push [the word that tells where to go on]: r15 holds it.
        Write(_dice.OneIn(10) ? [0x50] : [0x41, 0x57]);
    }

    private int ReadPlace()
    {
        Load(Rsi, Place());
        Write([0x48, 0x8b, 0x06]);
        return FuzzLabels.CodeLoad;
    }

    private void Push(ulong value)
    {
        Load(Rax, value);
        Write([0x50]);
    }

    private void Syscall() => Write([0x0f, 0x05]);

    /// <summary><c>mov register, value</c>.</summary>
    private void Load(byte register, ulong value)
    {
        Write([(byte)(register < 8 ? 0x48 : 0x49), (byte)(0xb8 | register & 7)]);
        BinaryPrimitives.WriteUInt64LittleEndian(_bytes.AsSpan(_length), value);
        _length += sizeof(ulong);
    }

    private void Write(ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(_bytes.AsSpan(_length));
        _length += bytes.Length;
    }
}
