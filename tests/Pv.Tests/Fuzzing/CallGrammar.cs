using System.Runtime.InteropServices;
using Pv.Abi;
using Pv.Hypervisor;
using Pv.Machine.Gate;
using Pv.Tests.Core;

namespace Pv.Tests.Fuzzing;

/// <summary>What a call's answer teaches its guest.</summary>
internal enum Lesson : byte
{
    Nothing, Port, MapHandle, UnmapHandle, GrantStatus, GrantFrames, NewFrames, Queue, QueueGone, QueueKick,
}

/// <summary>One call, or an entry of a multicall: what it is in the statistics, and where its answer stands among the arguments.</summary>
/// <param name="Label">See <see cref="FuzzLabels"/>.</param>
/// <param name="Learn">What to read back.</param>
/// <param name="At">Where, from the start of the arguments.</param>
/// <param name="Which">Which of the things that the guest knows it concerns.</param>
/// <param name="IsSimple">One thing is asked for, so that a refusal leaves everything as it was.</param>
internal readonly record struct MadeCall(int Label, Lesson Learn, int At, int Which, bool IsSimple);

/// <summary>
/// Makes up hypercalls: every operation of the ABI with arguments that are right, at a limit, wrong, aliased, or somebody else's. It writes
/// into an image of the caller's argument pages; who has the caller make the call copies them there.
/// </summary>
/// <remarks>One thread's. Draws from its dice alone, so the same seed over the same knowledge makes the same calls. Allocates nothing.</remarks>
internal sealed partial class CallGrammar
{
    public const int ArgumentBytes = 0x2000;
    private const int MostEntries = 8, EntryArguments = 0x180, EntryList = 0x1000;

    private readonly HypervisorCore _core;
    private readonly byte[] _image = new byte[ArgumentBytes];
    private readonly MadeCall[] _entries = new MadeCall[MostEntries];
    private FuzzDomain[] _domains = [];
    private FuzzDomain? _self;
    private DomId _selfId, _dead;
    private ulong _argumentBase;
    private Dice _dice;
    private HypercallRegisters _registers;
    private MadeCall _made;
    private int _offset, _entryCount;

    public CallGrammar(HypervisorCore core)
    {
        _core = core;
    }

    private delegate void Maker(CallGrammar grammar);

    /// <summary>A kind of call and how often it is wanted.</summary>
    private readonly record struct Rule(int Weight, Maker Make);

    /// <summary>The registers of the call that was made up last.</summary>
    public HypercallRegisters Registers => _registers;

    public MadeCall Made => _made;

    /// <summary>The entries, when it is a multicall.</summary>
    public ReadOnlySpan<MadeCall> Entries => _entries.AsSpan(0, _entryCount);

    /// <summary>Where the results of a multicall's entries stand among the arguments.</summary>
    public static int ResultOf(int entry) => EntryList + entry * MulticallEntry.WireSize + sizeof(ulong);

    /// <summary>The arguments, from their start to the last byte that the call uses.</summary>
    public ReadOnlySpan<byte> Arguments => _image.AsSpan(0, ArgumentLength);

    public int ArgumentLength { get; private set; }

    private bool IsTrusted => _self is null;

    private bool IsManaged => _self is not { IsManaged: false };

    /// <summary>Says who there is and who calls; null for Dom0, whose addresses are the process's own and are always good.</summary>
    public void Begin(ulong seed, FuzzDomain[] domains, FuzzDomain? self, ulong argumentBase, DomId dead, int vcpu = 0)
    {
        _vcpu = vcpu;
        _dice = new Dice(seed);
        (_domains, _self, _argumentBase, _dead) = (domains, self, argumentBase, dead);
        _selfId = self?.Domain.Id ?? DomId.Dom0;
    }

    /// <summary>Makes up the next call.</summary>
    /// <param name="ofQueue">About the vCPU's queue of asynchronous calls.</param>
    public void Next(bool ofQueue = false)
    {
        (_offset, _entryCount, ArgumentLength) = (0, 0, 0);
        _stores.Clear();
        _completions.Clear();
        Pick(ofQueue ? Rules.Queue : IsTrusted ? Rules.Trusted : IsManaged ? Rules.Managed : Rules.Guest);
    }

    private void Pick(Rule[] rules) => rules[_dice.Below(rules.Length)].Make(this);

    private void Call(int label, HypercallNumber number, ulong first = 0, ulong second = 0, ulong third = 0, ulong fourth = 0)
        => Call(label, Lesson.Nothing, 0, 0, number, first, second, third, fourth);

    private void Call(int label, Lesson learn, int at, int which, HypercallNumber number, ulong first = 0, ulong second = 0, ulong third = 0, ulong fourth = 0, bool simple = true)
    {
        _made = new MadeCall(label, learn, _offset + at, which, simple);
        _registers = new HypercallRegisters((ulong)number, first, second, third, fourth);
    }

    /// <summary>A few calls in one, and now and then a list that is none.</summary>
    private void Multicall()
    {
        var count = 1 + _dice.Below(MostEntries);
        _isPart = true;
        for (var i = 0; i < count; i++)
        {
            _offset = i * EntryArguments;
            Pick(IsManaged ? Rules.Managed : Rules.Guest);
            while (_registers.Number == (ulong)HypercallNumber.Multicall && !_dice.OneIn(20))
                Pick(IsManaged ? Rules.Managed : Rules.Guest);
            _entries[i] = _made;
            var entry = new MulticallEntry { Operation = _registers.Number };
            entry.Arguments[0] = _registers.First;
            entry.Arguments[1] = _registers.Second;
            entry.Arguments[2] = _registers.Third;
            entry.Arguments[3] = _registers.Fourth;
            entry.Arguments[4] = _registers.Fifth;
            entry.Arguments[5] = _registers.Sixth;
            _offset = 0;
            Image(EntryList + i * MulticallEntry.WireSize, entry);
        }
        _isPart = false;
        _entryCount = count;
        var list = Where(EntryList);
        if (list != _argumentBase + EntryList)
            _entryCount = 0;
        var said = _dice.OneIn(30) ? Count() : (ulong)count;
        if (said != (ulong)count)
            _entryCount = 0;
        Call(FuzzLabels.Calls[(int)HypercallNumber.Multicall], Lesson.Nothing, 0, 0, HypercallNumber.Multicall, list, said, simple: false);
    }

    /// <summary>Writes an argument into the image.</summary>
    private void Image<T>(int offset, in T value) where T : unmanaged
    {
        var at = _offset + offset;
        MemoryMarshal.Write(_image.AsSpan(at), in value);
        ArgumentLength = Math.Max(ArgumentLength, at + MemoryMarshal.AsBytes(new ReadOnlySpan<T>(in value)).Length);
    }

    /// <summary>Writes an argument, and answers the address that is passed for it: mostly its own.</summary>
    private ulong Put<T>(int offset, in T value) where T : unmanaged
    {
        Image(offset, value);
        return Where(offset);
    }

    private ulong Good(int offset) => _argumentBase + (ulong)(_offset + offset);

    private ulong Where(int offset)
    {
        if (IsTrusted || !_dice.OneIn(24))
            return Good(offset);
        return _dice.Below(11) switch
        {
            0 => _argumentBase + FuzzDomain.ReadOnlyPage + (ulong)_dice.Below(PageSize.Bytes),
            1 => _argumentBase + FuzzDomain.Hole,
            2 => _argumentBase + FuzzDomain.ReadOnlyPage - 7,
            3 => _argumentBase + FuzzDomain.Hole - 1,
            4 => 0x0000_8000_0000_0000,
            5 => XenVirtualMemory.MachineToPhysicalStart + (ulong)_dice.Below(0x10000),
            6 => ulong.MaxValue - (ulong)_dice.Below(64),
            7 => FuzzDomain.Playground + (ulong)_dice.Below(FuzzDomain.PlaygroundSlots << PageSize.Shift),
            8 => 0,
            9 => _dice.Next(),
            _ => Good(offset) + 1,
        };
    }

    /// <summary>How many: mostly few, now and then what no list holds.</summary>
    private ulong Count() => _dice.OneIn(8)
        ? _dice.Of<ulong>(0, 64, 512, 513, 0x7fff_ffff, 0x8000_0000, 0x8000_0002, 0xffff_ffff, 0x1_0000_0000, 0x1_0000_0001, 1ul << 63, ulong.MaxValue)
        : (ulong)_dice.Of(1, 1, 1, 1, 2, 3);

    /// <summary>A number at some limit, or anything.</summary>
    internal ulong Odd() => _dice.Below(5) switch
    {
        0 => (ulong)_dice.Below(20),
        1 => 1ul << _dice.Below(64),
        2 => (1ul << _dice.Below(64)) - 1,
        3 => ulong.MaxValue - (ulong)_dice.Below(20),
        _ => _dice.Next(),
    };

    private DomId Self() => _dice.OneIn(12) ? Domain() : DomId.Self;

    private DomId Domain() => _dice.Below(12) switch
    {
        0 => DomId.Self,
        1 => _selfId,
        2 => DomId.Dom0,
        3 => _dice.Of(DomId.Io, DomId.Xen, DomId.Invalid, new DomId(DomId.FirstReserved + 3)),
        4 => _dead,
        5 => new DomId((ushort)_dice.Next()),
        _ => Other().Domain.Id,
    };

    private FuzzDomain Other() => _domains[_dice.Below(_domains.Length)];

    private uint Port() => _dice.Below(10) switch
    {
        0 => (uint)_dice.Of(0u, 1u, 63u, 64u, 65u, 126u, 127u, 128u, 4095u, 4096u, 131071u, 131072u, uint.MaxValue),
        1 => (uint)_dice.Below(140),
        _ => _self is { } self ? self.Ports[_dice.Below(FuzzDomain.KnownPorts)] : (uint)_dice.Below(64),
    };

    private uint VcpuNumber() => _dice.OneIn(10) ? (uint)Odd() : (uint)_dice.Below(4);

    private uint Ref() => _dice.OneIn(14)
        ? _dice.Of(0u, 1u, 7u, 255u, 256u, 511u, 512u, 767u, 768u, 1023u, 1024u, 1535u, 1536u, uint.MaxValue) : (uint)(FuzzDomain.FirstGrantRef + _dice.Below(FuzzDomain.GrantRefs));

    /// <summary>A frame of the caller's that it mostly uses so; now and then any other.</summary>
    private Mfn Frame(FrameUse use)
    {
        if (_self is not { Frames.Length: > 0 } self)
            return new Mfn((ulong)_dice.Below(200));
        if (!_dice.OneIn(14))
        {
            for (var tries = 0; tries < 8; tries++)
            {
                var index = _dice.Below(self.Frames.Length);
                if (self.IsManaged || FuzzDomain.Favourites[index % FuzzDomain.Favourites.Length] == use)
                    return self.Frames[index];
            }
        }
        return AnyFrame(self);
    }

    private Mfn AnyFrame(FuzzDomain self)
    {
        var other = Other();
        return _dice.Below(12) switch
        {
            0 => new Mfn(_dice.Next()),
            1 => Mfn.Invalid,
            2 => new Mfn(_core.Memory.FrameCount - 1 + (ulong)_dice.Below(3)),
            3 => new Mfn((ulong)_dice.Below((int)_core.MachineToPhysical.ReservedFrames + 8)),
            4 => self.Domain.SharedInfo,
            5 => other.Domain.SharedInfo,
            6 => self.GrantFrames[_dice.Below(3)],
            7 when self.Safe.Length > 0 && _dice.OneIn(20) => self.Safe[_dice.Below(self.Safe.Length)],
            8 => other.Frames[_dice.Below(other.Frames.Length)],
            9 => new Mfn(0xf_ffff_ffff),
            10 => new Mfn((ulong)_dice.Below((int)_core.Memory.FrameCount)),
            _ => self.Frames[_dice.Below(self.Frames.Length)],
        };
    }

    /// <summary>An address of the playground, or another place where an entry might be found.</summary>
    internal ulong Linear() => _dice.Below(16) switch
    {
        0 => 0x0000_8000_0000_0000,
        1 => XenVirtualMemory.MachineToPhysicalStart + (ulong)_dice.Below(1 << 20),
        2 => _dice.Next(),
        3 => (ulong)_dice.Below(4) << PageSize.Shift,
        4 => (ulong)_dice.Below(512) << 39,
        5 => (ulong)_dice.Below(8) << 21 | (ulong)_dice.Below(512) << PageSize.Shift,
        _ => FuzzDomain.Playground + ((ulong)_dice.Below(FuzzDomain.PlaygroundSlots) << PageSize.Shift),
    };

    /// <summary>What each kind of caller calls, each rule as often as its weight. A class of its own, since the parts come into being in any order.</summary>
    private static class Rules
    {
        public static readonly Rule[] Guest = Spread(
            [.. PagingRules, .. EventRules, .. GrantRules, .. MemoryRules, .. VcpuRules, .. TrapRules, .. QueueRules, new(14, grammar => grammar.Multicall())]);

        public static readonly Rule[] Queue = Spread(QueueRules);

        public static readonly Rule[] Managed = Spread(
            [.. EventRules, .. GrantRules, .. MemoryRules, .. VcpuRules, .. TrapRules, .. QueueRules, new(2, grammar => grammar.MmuExtension()), new(10, grammar => grammar.Multicall())]);

        public static readonly Rule[] Trusted = Spread([.. ControlRules, .. EventRules, .. GrantRules, .. MemoryRules, new(1, grammar => grammar.MmuExtension())]);

        private static Rule[] Spread(Rule[] rules) => [.. rules.SelectMany(rule => Enumerable.Repeat(rule, rule.Weight))];
    }
}
