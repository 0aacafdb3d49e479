using System.Runtime.InteropServices;
using Pv.Abi;
using Pv.Cpu;
using Pv.Machine;
using CpuidLeaf = Pv.Cpu.CpuidLeaf;

namespace Pv.Tests.Instructions;

/// <summary>Runs rows on an engine, over page tables that map <see cref="Arena"/> in a small machine.</summary>
internal sealed class EngineUnderTest : IDisposable
{
    private const ulong Present = 1, Write = 2, User = 4, NoExecute = 1ul << 63;
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    private readonly MachineMemory _memory = new(64);
    private readonly ICpuDomain _domain;
    private readonly ICpuVcpu _vcpu;
    private readonly Mfn _root;
    private readonly Mfn _code;
    private readonly Mfn[] _writable = new Mfn[Arena.WritableBytes / Arena.PageBytes];
    private readonly byte[] _before = Arena.Image.AsSpan(0, Arena.WritableBytes).ToArray();
    private readonly List<Difference> _differences = [];
    private ulong _nextFrame = 1;
    private Form? _loaded;
    private volatile bool _isDisturbed;
    private bool _wasDisturbed;

    public EngineUnderTest(Func<MachineMemory, ICpuEngine> make)
    {
        _root = Allocate();
        _code = MapPages(Arena.Code, Arena.CodeBytes, User | Present);
        foreach (var region in Arena.Writable)
        {
            var first = MapPages(region.Address, region.Bytes, User | Present | Write | (region.Executable ? 0 : NoExecute));
            for (var page = 0; page < region.Bytes / Arena.PageBytes; page++)
                _writable[region.Offset / Arena.PageBytes + page] = first.Plus((ulong)page);
        }
        for (var page = 0; page < _writable.Length; page++)
            Image(page).CopyTo(_memory.Frame(_writable[page]));
        Arena.Image.AsSpan(Arena.ReadOnlyOffset).CopyTo(_memory.Frame(MapPages(Arena.ReadOnly, Arena.PageBytes, User | Present | NoExecute)));
        _domain = make(_memory).CreateDomain(new DomId(1));
        _vcpu = _domain.CreateVcpu(new VcpuId(0), new Host());
    }

    public Outcome Run(Row row)
    {
        Load(row.Form);
        Patch(row);
        var registers = Registers(row);
        CpuExit exit;
        using (new Timer(vcpu => ((ICpuVcpu)vcpu!).Kick(), _vcpu, Patience, Timeout.InfiniteTimeSpan))
        {
            do
                exit = _vcpu.Run(ref registers);
            while ((_isDisturbed || _wasDisturbed) && exit.Kind is CpuExitKind.Preempted or CpuExitKind.Idle);
        }
        _wasDisturbed = false;
        return new Outcome
        {
            Exit = exit,
            General = registers.General,
            Rip = registers.Rip,
            Rflags = registers.Rflags,
            FsBase = registers.FsBase,
            GsBase = registers.GsBase,
            Es = registers.Es,
            Cs = registers.Cs,
            Ss = registers.Ss,
            Ds = registers.Ds,
            Fs = registers.Fs,
            Gs = registers.Gs,
            Memory = TakeDifferences(row),
            Vectors = row.Vectors is null ? null : ((ReadOnlySpan<byte>)registers.Fx)[..VectorForms.ImageBytes].ToArray(),
        };
    }

    /// <summary>Has another thread interrupt the vCPU all the time while <paramref name="run"/> runs; what is interrupted goes on.</summary>
    public void Disturb(Action run)
    {
        _isDisturbed = true;
        var disturber = new Thread(() =>
        {
            var random = new Random(1);
            while (_isDisturbed)
            {
                _vcpu.Kick();
                Thread.SpinWait(random.Next(10, 2_000));
            }
        });
        disturber.Start();
        try
        {
            run();
        }
        finally
        {
            _isDisturbed = false;
            disturber.Join();
            // A last kick may wait for the next row.
            _wasDisturbed = true;
        }
    }

    private GuestRegisters Registers(Row row)
    {
        var registers = new GuestRegisters
        {
            General = row.General,
            Rip = row.Form.Rip,
            Rflags = row.Rflags,
            Cs = 0x33,
            Ss = 0x2b,
            FsBase = row.FsBase,
            GsBase = row.GsBase,
            Cr3 = _root.Address,
            TaskSwitched = row.TaskSwitched,
        };
        // What FNINIT and a reset leave: all x87 exceptions masked, all SSE exceptions masked.
        registers.Fx[0] = 0x7f;
        registers.Fx[1] = 0x03;
        registers.Fx[24] = 0x80;
        registers.Fx[25] = 0x1f;
        row.Vectors?.CopyTo((Span<byte>)registers.Fx);
        return registers;
    }

    private void Load(Form form)
    {
        if (_loaded == form)
            return;
        _loaded = form;
        var code = _memory.Bytes(_code.Address, Arena.CodeBytes);
        code.Fill(0xcc);
        form.Code.CopyTo(code[form.Offset..]);
        for (ulong page = 0; page < Arena.CodeBytes / Arena.PageBytes; page++)
            _memory.Marks.NoteWrite(_code.Plus(page));
    }

    private void Patch(Row row)
    {
        foreach (var (address, value) in row.Patches)
        {
            var offset = Arena.OffsetOf(address);
            MemoryMarshal.Write(_before.AsSpan(offset), value);
            WriteWord(offset, value);
        }
    }

    private Difference[] TakeDifferences(Row row)
    {
        _differences.Clear();
        foreach (var region in Arena.Writable)
            for (var at = 0; at < region.Bytes; at += Arena.PageBytes)
                TakeDifferences((region.Offset + at) / Arena.PageBytes, region.Address + (ulong)at);
        foreach (var address in row.Patches.Keys)
        {
            var offset = Arena.OffsetOf(address);
            Arena.Image.AsSpan(offset, 8).CopyTo(_before.AsSpan(offset));
            WriteWord(offset, MemoryMarshal.Read<ulong>(Arena.Image.AsSpan(offset)));
        }
        return _differences.Count == 0 ? [] : [.. _differences];
    }

    private void TakeDifferences(int page, ulong address)
    {
        var before = MemoryMarshal.Cast<byte, ulong>(_before.AsSpan(page * Arena.PageBytes, Arena.PageBytes));
        var after = _memory.Words(_writable[page]);
        for (var at = 0; (at += before[at..].CommonPrefixLength(after[at..])) < before.Length; at++)
        {
            _differences.Add(new Difference(address + (ulong)at * 8, after[at]));
            after[at] = before[at];
            _memory.Marks.NoteWrite(_writable[page]);
        }
    }

    private void WriteWord(int offset, ulong value)
    {
        var frame = _writable[offset / Arena.PageBytes];
        MemoryMarshal.Write(_memory.Frame(frame)[(offset % Arena.PageBytes)..], value);
        _memory.Marks.NoteWrite(frame);
    }

    private static Span<byte> Image(int page) => Arena.Image.AsSpan(page * Arena.PageBytes, Arena.PageBytes);

    private Mfn Allocate() => new(_nextFrame++);

    private Mfn MapPages(ulong address, int bytes, ulong flags)
    {
        var first = new Mfn(_nextFrame);
        _nextFrame += (ulong)(bytes / Arena.PageBytes);
        for (var at = 0ul; at < (ulong)bytes; at += Arena.PageBytes)
            Map(address + at, first.Address + at, flags);
        return first;
    }

    private void Map(ulong linear, ulong machine, ulong flags)
    {
        var table = _root;
        for (var shift = 39; shift > 12; shift -= 9)
        {
            ref var entry = ref _memory.Words(table)[(int)(linear >> shift & 511)];
            if (entry == 0)
                entry = Allocate().Address | Present | Write | User;
            table = Mfn.OfAddress(entry);
        }
        _memory.Words(table)[(int)(linear >> 12 & 511)] = machine | flags;
    }

    public void Dispose()
    {
        _vcpu.Dispose();
        _domain.Dispose();
        _memory.Dispose();
    }

    /// <summary>A hypervisor that knows Linux's segments and nothing else.</summary>
    private sealed class Host : ICpuHost
    {
        public uint TscAux => 0;

        public void SetDescriptorAccessed(ushort selector)
        {
        }

        public bool TryReadDescriptor(ushort selector, out ulong descriptor) => LinuxDescriptors.TryRead(selector, out descriptor);

        public ulong ReadTsc() => 0;

        public CpuidLeaf Cpuid(uint leaf, uint subleaf) => default;

        public ulong Random() => 0;
    }
}
