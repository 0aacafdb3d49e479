using System.Runtime.ExceptionServices;
using Pv.Abi;
using Pv.Machine.Gate;

namespace Pv.Guest;

/// <summary>Runs a <see cref="GuestKernel"/> in the turns of its vCPU: what the managed engine enters.</summary>
/// <remarks>One thread at a time, any thread: the turns belong to whichever thread is in <see cref="RunTurns"/>.</remarks>
public sealed class GuestRuntime : IManagedKernel
{
    private readonly IGuestGate _gate;
    private readonly Func<GuestKernel> _makeKernel;
    private readonly TurnQueue _turns;
    private GuestDevices? _devices;
    private ExceptionDispatchInfo? _failure;
    private bool _yield;
    private bool _ended;

    /// <param name="gate">The domain's gate.</param>
    /// <param name="makeKernel">Makes the kernel, in its first turn. It is kept, and with it what it was loaded from.</param>
    public GuestRuntime(IGuestGate gate, Func<GuestKernel> makeKernel)
    {
        _gate = gate;
        _makeKernel = makeKernel;
        _turns = new TurnQueue(gate.Crash);
    }

    /// <summary>How the managed engine gets a new domain's kernel.</summary>
    public static ManagedKernelFactory Factory(Func<GuestKernel> kernel) => gate => new GuestRuntime(gate, kernel);

    public TurnOutcome RunTurns()
    {
        using var turns = _turns.Enter();
        try
        {
            if (_devices is null)
                Start();
            return Run(_devices!);
        }
        catch (Exception failure)
        {
            _ended = true;
            _devices?.Console.TryWrite($"\nThe kernel crashed: {failure.GetType().Name}: {failure.Message}\n");
            throw;
        }
    }

    internal TurnAwaitable Poll() => new(_turns, goOn: !_gate.YieldRequested && !_devices!.Shared.UpcallPending);

    internal TurnAwaitable Yield()
    {
        _yield = true;
        return new TurnAwaitable(_turns, goOn: false);
    }

    internal Task DelayUntil(ulong deadline) => _devices!.Timers.WaitUntil(deadline);

    internal void Spawn(Func<Task> task) => _ = GuardAsync(task);

    internal Task ShutdownAsync(ShutdownReason reason)
    {
        _ended = true;
        _devices!.Hypercalls.Shutdown(reason).OrThrow("SCHEDOP_shutdown");
        return new TaskCompletionSource().Task;
    }

    private void Start()
    {
        _devices = new GuestDevices(_gate, _turns);
        var context = new GuestContext(this, _devices);
        _devices.Shared.UpcallMask = false;
        var kernel = _makeKernel();
        Spawn(() => MainAsync(kernel, context));
        if (_devices is { XenStore: not null, StoreReceiving: { } receiving })
        {
            Spawn(() => receiving);
            Spawn(() => new ShutdownControl(kernel, context).RunAsync());
            Spawn(() => new Balloon(context).RunAsync());
        }
    }

    private TurnOutcome Run(GuestDevices devices)
    {
        while (!_ended)
        {
            _failure?.Throw();
            if (devices.Shared is { UpcallPending: true, UpcallMask: false })
                devices.Events.Deliver();
            if (_gate.YieldRequested || _yield)
            {
                _yield = false;
                return TurnOutcome.Yielded;
            }
            // Whoever blocks the vCPU looks at the upcall once more, as SCHEDOP_block does: an event that comes now is not lost.
            if (!_turns.TryRunOne())
                return TurnOutcome.Idle;
        }
        return TurnOutcome.Idle;
    }

    private async Task MainAsync(GuestKernel kernel, GuestContext context)
    {
        await kernel.MainAsync(context);
        await ShutdownAsync(ShutdownReason.PowerOff);
    }

    private async Task GuardAsync(Func<Task> task)
    {
        try
        {
            await task();
        }
        catch (Exception failure)
        {
            _failure ??= ExceptionDispatchInfo.Capture(failure);
        }
    }
}
