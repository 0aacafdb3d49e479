using System.Runtime.InteropServices;
using System.Text;
using Pv.Abi;
using Pv.Cpu;
using Pv.Cpu.Software;
using Pv.Machine;

namespace Pv.Benchmarks.Cpu;

/// <summary>Runs a kernel's program on the software engine: page tables of its own, and the three system calls that it makes.</summary>
internal sealed partial class KernelGuest : ICpuHost, IDisposable
{
    private const ulong Frames = 16384;
    private const ulong Rights = 7;
    private const ulong StackTop = 0x7fff_f000;

    private readonly MachineMemory _memory = new(Frames);
    private readonly SoftwareEngine _engine;
    private readonly ICpuDomain _domain;
    private readonly ICpuVcpu _vcpu;
    private readonly ulong _root;
    private ulong _nextFrame = 1;

    public KernelGuest(KernelProgram program, int translateAfter)
    {
        _engine = new SoftwareEngine(_memory, translateAfter);
        _domain = _engine.CreateDomain(new DomId(1));
        _vcpu = _domain.CreateVcpu(new VcpuId(0), this);
        _root = Allocate();
        foreach (var (address, bytes, size) in program.Segments())
            for (var at = address & ~PageSize.OffsetMask; at < address + size; at += PageSize.Bytes)
                Map(at);
        foreach (var (address, bytes, _) in program.Segments())
            for (var i = 0; i < bytes.Length; i++)
                _memory.At<byte>(Translate(address + (ulong)i)) = bytes.Span[i];
        for (var page = 1ul; page <= 16; page++)
            Map(StackTop - (page << PageSize.Shift));
        Entry = program.Entry;
    }

    private ulong Entry { get; }

    public ulong InstructionsRetired => _vcpu.InstructionsRetired;

    /// <summary>Runs to the program's end. The time is this thread's CPU time.</summary>
    public KernelResult Run()
    {
        var registers = new GuestRegisters { Rip = Entry, Cr3 = _root, Rflags = 0x202, Cs = 0xe033, Ss = 0xe02b, Rsp = StackTop };
        var output = new StringBuilder();
        var start = ThreadTime();
        while (true)
        {
            var exit = _vcpu.Run(ref registers);
            if (exit.Kind != CpuExitKind.Syscall)
                throw new InvalidOperationException($"Unexpected {exit} at 0x{registers.Rip:x}.");
            var number = registers.Rax;
            registers.Rax = 0;
            if (number == 1)
                for (ulong i = 0; i < registers.Rdx; i++)
                    output.Append((char)_memory.At<byte>(Translate(registers.Rsi + i)));
            else if (number == 60)
                return KernelResult.Parse(output.ToString()) with { Nanoseconds = ThreadTime() - start };
        }
    }

    public void SetDescriptorAccessed(ushort selector)
    {
    }

    public bool TryReadDescriptor(ushort selector, out ulong descriptor)
    {
        descriptor = 0;
        return false;
    }

    public ulong ReadTsc() => 0;

    public uint TscAux => 0;

    public Pv.Cpu.CpuidLeaf Cpuid(uint leaf, uint subleaf) => default;

    public ulong Random() => 0;

    public void Dispose()
    {
        _vcpu.Dispose();
        _domain.Dispose();
        _engine.Dispose();
        _memory.Dispose();
    }

    private ulong Allocate() => new Mfn(_nextFrame++).Address;

    private void Map(ulong address)
    {
        var table = _root;
        for (var level = 3; level > 0; level--)
        {
            ref var entry = ref Entry4(table, address, level);
            if (entry == 0)
                entry = Allocate() | Rights;
            table = entry & ~PageSize.OffsetMask;
        }
        ref var leaf = ref Entry4(table, address, 0);
        if (leaf == 0)
            leaf = Allocate() | Rights;
    }

    private ulong Translate(ulong address)
    {
        var table = _root;
        for (var level = 3; level >= 0; level--)
            table = Entry4(table, address, level) & ~PageSize.OffsetMask;
        return table + (address & PageSize.OffsetMask);
    }

    private ref ulong Entry4(ulong table, ulong address, int level)
        => ref _memory.At<ulong>(table + (((address >> (PageSize.Shift + (9 * level))) & 511) * 8));

    private static ulong ThreadTime()
    {
        Span<long> time = stackalloc long[2];
        _ = GetTime(3, ref time[0]);
        return ((ulong)time[0] * 1_000_000_000) + (ulong)time[1];
    }

    [LibraryImport("libc", EntryPoint = "clock_gettime")]
    private static partial int GetTime(int clock, ref long time);
}
