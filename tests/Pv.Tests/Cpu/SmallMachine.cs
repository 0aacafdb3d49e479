using Iced.Intel;
using Pv.Abi;
using Pv.Cpu;
using Pv.Cpu.Software;
using Pv.Machine;
using CpuidLeaf = Pv.Cpu.CpuidLeaf;

namespace Pv.Tests.Cpu;

/// <summary>A machine with one domain on the software engine, page tables made by hand, and a few pages of code and data.</summary>
internal sealed class SmallMachine : ICpuHost, IDisposable
{
    public const ulong Code = 0x40_0000, Data = 0x50_0000, Stack = 0x60_0000, StackTop = Stack + 0x1000;
    public const ulong Present = 1, Write = 2, User = 4, Accessed = 0x20, Dirty = 0x40, Large = 0x80, NoExecute = 1ul << 63;
    public const ulong Usual = Present | Write | User;

    private readonly ICpuDomain _domain;
    private ulong _nextFrame = 1;

    /// <param name="translateAfter">See <see cref="Instructions.Tier"/>.</param>
    /// <param name="frames">The machine's size.</param>
    /// <param name="usesHostExchange">See <see cref="SoftwareEngine"/>.</param>
    public SmallMachine(int translateAfter, ulong frames = 2048, bool usesHostExchange = true)
    {
        Memory = new MachineMemory(frames);
        Engine = new SoftwareEngine(Memory, translateAfter, usesHostExchange);
        _domain = Engine.CreateDomain(new DomId(1));
        Vcpu = AddVcpu(0);
        Root = NewRoot();
        CodeFrame = Map(Code);
        Map(Code + 0x1000);
        DataFrame = Map(Data);
        Map(Data + 0x1000);
        Map(Stack);
    }

    public MachineMemory Memory { get; }

    public SoftwareEngine Engine { get; }

    public ICpuVcpu Vcpu { get; }

    public Mfn Root { get; }

    public Mfn CodeFrame { get; }

    public Mfn DataFrame { get; }

    public Dictionary<ushort, ulong> Descriptors { get; } = [];

    /// <summary>What the hypervisor does while it looks a descriptor up.</summary>
    public Action? DescriptorRead { get; set; }

    public uint TscAux => 7;

    public ICpuVcpu AddVcpu(uint number) => _domain.CreateVcpu(new VcpuId(number), this);

    public Mfn Allocate() => new(_nextFrame++);

    public Mfn NewRoot() => Allocate();

    public Mfn Map(ulong address, ulong rights = Usual, Mfn? frame = null, Mfn? root = null)
    {
        var mapped = frame ?? Allocate();
        Entry(address, 0, root) = mapped.Address | rights;
        return mapped;
    }

    /// <summary>The page-table entry of an address at a level (0 is the leaf), with the tables above it made when they are missing.</summary>
    public ref ulong Entry(ulong address, int level, Mfn? root = null)
    {
        var table = root ?? Root;
        for (var at = 3; at > level; at--)
        {
            ref var entry = ref Memory.Words(table)[Index(address, at)];
            if (entry == 0)
                entry = Allocate().Address | Usual;
            table = new Mfn((entry & 0x000f_ffff_ffff_f000) >> 12);
        }
        return ref Memory.Words(table)[Index(address, level)];
    }

    /// <summary>Assembles code at an address inside the code pages. Returns where it ends.</summary>
    public ulong Assemble(Action<Assembler> write, ulong address = Code)
    {
        var assembler = new Assembler(64);
        write(assembler);
        using var stream = new MemoryStream();
        assembler.Assemble(new StreamCodeWriter(stream), address);
        var bytes = stream.ToArray();
        for (var i = 0; i < bytes.Length; i++)
            Poke(address + (ulong)i, bytes[i]);
        return address + (ulong)bytes.Length;
    }

    /// <summary>Writes a byte as the hypervisor would: past the engine, and telling the marks.</summary>
    public void Poke(ulong address, byte value)
    {
        var frame = Mfn.OfAddress(Entry(address, 0) & 0x000f_ffff_ffff_f000);
        Memory.Frame(frame)[(int)(address & 0xfff)] = value;
        Memory.Marks.NoteWrite(frame);
    }

    public ulong Peek(ulong address) => Memory.At<ulong>((Entry(address, 0) & 0x000f_ffff_ffff_f000) + (address & 0xfff));

    public GuestRegisters Registers(ulong rip = Code) => new()
    {
        Rip = rip,
        Rflags = 0x202,
        Cr3 = Root.Address,
        Cs = 0xe033,
        Ss = 0xe02b,
        Rsp = StackTop,
        Rbx = Data,
    };

    /// <summary>Assembles and runs to the first exit.</summary>
    public CpuExit Run(Action<Assembler> write, ref GuestRegisters registers)
    {
        Assemble(write);
        return Vcpu.Run(ref registers);
    }

    public void SetDescriptorAccessed(ushort selector)
    {
    }

    public bool TryReadDescriptor(ushort selector, out ulong descriptor)
    {
        DescriptorRead?.Invoke();
        return Descriptors.TryGetValue((ushort)(selector & ~3), out descriptor);
    }

    public ulong ReadTsc() => 0x1_2345_6789;

    public CpuidLeaf Cpuid(uint leaf, uint subleaf) => new(leaf + 1, 2, subleaf + 3, 4);

    public ulong Random() => 0xfeed;

    public void Dispose()
    {
        _domain.Dispose();
        Engine.Dispose();
        Memory.Dispose();
    }

    private static int Index(ulong address, int level) => (int)(address >> (12 + (9 * level))) & 511;
}
