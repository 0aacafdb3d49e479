using System.Runtime.InteropServices;
using System.Text;
using Pv.Abi;
using Pv.Machine.Gate;

namespace Pv.Guest;

/// <summary>Everything that a C# guest finds when it starts, made from its start page.</summary>
internal sealed class GuestDevices
{
    public GuestDevices(IGuestGate gate, TurnQueue turns)
    {
        Gate = gate;
        var start = ReadStartInfo(gate);
        CommandLine = Text(start.CommandLine);
        var sharedInfo = Pfn.OfAddress(start.SharedInfo);
        SharedInfo = sharedInfo;
        Shared = new SharedInfoPage(gate.Page(sharedInfo));
        Memory = new GuestMemory(gate, Taken(gate, start, sharedInfo));
        Hypercalls = new Hypercalls(new TurnDoor(gate, turns), new GuestArgumentPages(Memory));
        Clock = new GuestClock(gate, Shared);
        Events = new EventChannels(Hypercalls, Shared);
        Grants = new GrantTable(Hypercalls, Memory);
        Timers = new GuestTimers(Hypercalls, Clock, Events);
        Console = new GuestConsole(start.ConsolePort.Value == 0
            ? null
            : ByteRingChannel.ConsoleFront(gate.Page(new Pfn(start.ConsoleMfn.Value)), Events.Adopt(start.ConsolePort)));
        if (start.StorePort.Value != 0)
        {
            var ring = ByteRingChannel.XenStoreFront(gate.Page(new Pfn(start.StoreMfn.Value)), Events.Adopt(start.StorePort));
            (XenStore, StoreReceiving) = XenStoreClient.Open(ring);
        }
    }

    public IGuestGate Gate { get; }

    public string CommandLine { get; }

    /// <summary>The frame of <see cref="Shared"/>.</summary>
    public Pfn SharedInfo { get; }

    public SharedInfoPage Shared { get; }

    public GuestMemory Memory { get; }

    public Hypercalls Hypercalls { get; }

    public GuestClock Clock { get; }

    public EventChannels Events { get; }

    public GrantTable Grants { get; }

    public GuestTimers Timers { get; }

    public GuestConsole Console { get; }

    public XenStoreClient? XenStore { get; }

    /// <summary>Ends, or fails, when the ring to xenstore is lost.</summary>
    public Task? StoreReceiving { get; }

    internal static StartInfo ReadStartInfo(IGuestGate gate)
    {
        var start = default(StartInfo);
        gate.Page(gate.StartInfo).CopyTo(0, MemoryMarshal.AsBytes(new Span<StartInfo>(ref start)));
        return start;
    }

    /// <summary>The frames that the builder filled.</summary>
    internal static IEnumerable<Pfn> Taken(IGuestGate gate, StartInfo start, Pfn sharedInfo)
    {
        var module = start.ModuleLength == 0
            ? []
            : Enumerable.Range(0, (int)PageSize.PagesFor(start.ModuleLength)).Select(page => ModuleStart(start).Plus((ulong)page));
        return [gate.StartInfo, sharedInfo, new Pfn(start.StoreMfn.Value), new Pfn(start.ConsoleMfn.Value), .. module];
    }

    private static Pfn ModuleStart(in StartInfo start)
        => start.Flags.HasFlag(StartInfoFlags.ModStartPfn) ? new Pfn(start.ModuleStart) : Pfn.OfAddress(start.ModuleStart);

    private static string Text(ReadOnlySpan<byte> bytes)
    {
        var end = bytes.IndexOf((byte)0);
        return Encoding.UTF8.GetString(end < 0 ? bytes : bytes[..end]);
    }
}
