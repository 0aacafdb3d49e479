using Pv.Abi;

namespace Pv.Guest;

/// <summary>What a C# guest has: its memory, time, events, grants, console and store, and its vCPU to share among its own tasks.</summary>
/// <remarks>In turns only.</remarks>
public sealed class GuestContext
{
    private readonly GuestRuntime _runtime;

    internal GuestContext(GuestRuntime runtime, GuestDevices devices)
    {
        _runtime = runtime;
        Domain = devices.Gate.Domain;
        CommandLine = devices.CommandLine;
        Hypercalls = devices.Hypercalls;
        Memory = devices.Memory;
        SharedInfo = devices.SharedInfo;
        Clock = devices.Clock;
        Events = devices.Events;
        Grants = devices.Grants;
        Console = devices.Console;
        XenStore = devices.XenStore;
    }

    /// <summary>The domain's number.</summary>
    public DomId Domain { get; }

    /// <summary>What <c>extra</c>, <c>root</c> or <c>cmdline</c> of the configuration said.</summary>
    public string CommandLine { get; }

    public Hypercalls Hypercalls { get; }

    public GuestMemory Memory { get; }

    /// <summary>The frame of <c>shared_info</c>. Its event bits and masks are <see cref="Events"/>' to change, save those of ports that it does not know.</summary>
    public Pfn SharedInfo { get; }

    public GuestClock Clock { get; }

    public EventChannels Events { get; }

    public GrantTable Grants { get; }

    public GuestConsole Console { get; }

    /// <summary>The store.</summary>
    /// <exception cref="InvalidOperationException">The toolstack gave the domain no ring to it.</exception>
    public XenStoreClient XenStore
        => field ?? throw new InvalidOperationException("The domain was built without a ring to xenstore.");

    /// <summary>
    /// To be awaited now and then by code that computes for long: lets events and the guest's other tasks through when there are any,
    /// and gives the pCPU back when the hypervisor wants it. Costs next to nothing otherwise.
    /// </summary>
    public TurnAwaitable Poll() => _runtime.Poll();

    /// <summary>Awaited, it lets the guest's other tasks run first, and other domains.</summary>
    public TurnAwaitable Yield() => _runtime.Yield();

    /// <summary>Waits on the vCPU's timer.</summary>
    public Task Delay(TimeSpan time) => DelayUntil(Clock.Now + (ulong)Math.Max(0, time.Ticks * 100));

    /// <summary>Waits until system time (see <see cref="GuestClock.Now"/>) is <paramref name="deadline"/> nanoseconds or later.</summary>
    public Task DelayUntil(ulong deadline) => _runtime.DelayUntil(deadline);

    /// <summary>Sets up the vCPU's queue of asynchronous hypercalls, of which there is one. See <see cref="AsyncQueue.SetUp"/>.</summary>
    /// <param name="entries">How many calls may be under way: a power of two.</param>
    /// <exception cref="HypercallException">Refused; <see cref="Errno.ENOSYS"/>: the configuration does not allow it.</exception>
    public AsyncQueue OpenAsyncQueue(uint entries = 64) => AsyncQueue.SetUp(Hypercalls, Memory, Events, entries);

    /// <summary>Starts a task beside the caller's. If it throws the domain crashes.</summary>
    public void Spawn(Func<Task> task) => _runtime.Spawn(task);

    /// <summary>Ends the domain. The returned task never completes: nothing of the guest runs any more.</summary>
    public Task ShutdownAsync(ShutdownReason reason) => _runtime.ShutdownAsync(reason);
}
