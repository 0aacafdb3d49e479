using System.Runtime.InteropServices;
using Pv.Abi;
using Pv.Guest;
using Pv.LabGuests;
using Pv.Toolstack.Lab.Guests;

namespace Pv.Dom0.Lab;

/// <summary>The lab's guest as machine code: addresses are linear, and page tables are its own.</summary>
internal sealed class ParavirtualizedLabGuest : LabDomain
{
    private readonly LabTables _tables;
    private readonly LabMachine _machine;
    private VcpuTimeInfo? _time;

    private ParavirtualizedLabGuest(LabMachine machine, LabEngine engine, DomId domain, LabTables tables, LabArea area, ulong[] spare)
        : base(machine, engine, domain, area)
    {
        (_machine, _tables, Spare) = (machine, tables, spare);
    }

    public override IReadOnlyList<ulong> Spare { get; }

    public override ulong Window => LabKernelLayout.Window;

    public override ulong Targets => LabKernelLayout.Targets;

    public override ulong SharedInfo => LabKernelLayout.SharedInfo;

    /// <summary>Builds the domain on a machine and starts it.</summary>
    public static async Task<ParavirtualizedLabGuest> StartAsync(LabMachine machine, LabEngine engine, string name, CancellationToken cancel)
    {
        var kernel = machine.Keep("lab.elf", LabKernel.Image());
        var domain = await machine.CreateAsync(name, kernel, "", cancel);
        var context = machine.Control.GetVcpuContext(domain, new VcpuId(0)) ?? throw new ToolstackLabException("The guest of the lab has no vCPU.");
        ReadOnlySpan<ulong> controlRegisters = context.ControlRegisters;
        var tables = new LabTables(machine, domain, controlRegisters[3] >> PageSize.Shift);
        var start = MemoryMarshal.Read<StartInfo>(tables.Read(context.Registers.Rsi, StartInfo.WireSize));
        var frames = MemoryMarshal.Cast<byte, ulong>(tables.Read(start.MfnList, (int)start.PageCount * sizeof(ulong)));
        // The last pages are mapped by nobody.
        var spare = frames[^LabSizes.Items..].ToArray();
        var pages = Enumerable.Range(0, LabSizes.AreaPages)
            .Select(page => machine.MapForeign(domain, tables.FrameOf(LabKernelLayout.Area + ((ulong)page << PageSize.Shift)))).ToArray();
        var area = new LabArea(LabKernelLayout.Area, pages);
        machine.Control.AllocUnbound(domain, out var port).OrThrow("EVTCHNOP_alloc_unbound");
        area.WriteWord(LabKernelLayout.Area + LabControl.Port, port.Value);
        await machine.UnpauseAsync(domain);
        return new ParavirtualizedLabGuest(machine, engine, domain, tables, area, spare);
    }

    public override ulong FrameOf(ulong address) => _tables.FrameOf(address);

    public override ulong EntryOf(ulong address) => _tables.EntryOf(address);

    protected override ulong Enter(LabProgram program, ulong stepsAt) => Area.TakeCode(LabKernel.Compile(program, stepsAt));

    public override LabQueue? OpenQueue()
    {
        const uint entries = LabSizes.Items;
        var frames = AsyncHypercalls.FrameCount(entries);
        var header = Area.Take(frames << PageSize.Shift, PageSize.Bytes);
        var list = Area.Take(MemoryMarshal.AsBytes(Enumerable.Range(0, frames).Select(frame => FrameOf(header + ((ulong)frame << PageSize.Shift))).ToArray().AsSpan()));
        var setup = new AsyncQueueSetup { Entries = entries, FrameList = list, FrameCount = (uint)frames };
        var program = new LabProgram();
        program.Call(AsyncHypercalls.Number, (ulong)AsyncOperation.SetUp, Area.Take(MemoryMarshal.AsBytes(new Span<AsyncQueueSetup>(ref setup))));
        var loaded = Load(program);
        Run(loaded, 1);
        if (loaded.ResultOf(0, Area) is not 0 and var refused)
            return refused == Errno.ENOSYS.ToReturn() ? null : throw new ToolstackLabException($"The guest's queue of asynchronous hypercalls was refused: {refused}.");
        var completions = header + PageSize.Bytes;
        return new LabQueue(header, completions, completions + ((ulong)AsyncHypercalls.CompletionFrames(entries) << PageSize.Shift), LabSizes.Items);
    }

    protected override double ToNanoseconds(ulong ticks)
        => (_time ??= ReadTime()) is { TscToSystemMultiplier: not 0 } time ? GuestClock.SystemTime(time with { TscTimestamp = 0, SystemTime = 0 }, ticks) : ticks;

    /// <summary>
    /// How the counter that the guest reads relates to nanoseconds; the two numbers stay as they are while it runs. Once it has run: it maps the
    /// page first thing.
    /// </summary>
    private VcpuTimeInfo ReadTime()
    {
        var shared = _machine.ReadForeign(Domain, _tables.Reread(LabKernelLayout.SharedInfo));
        return MemoryMarshal.Read<VcpuTimeInfo>(shared.AsSpan(SharedInfoLayout.Time));
    }
}
