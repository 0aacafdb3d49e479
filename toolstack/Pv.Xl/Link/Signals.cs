using System.Runtime.InteropServices;
using Pv.Toolstack.Control;
using Pv.Xl.Terminal;

namespace Pv.Xl.Link;

/// <summary>Passes signals on to the command while it wants them, and the size of the terminal. A second interrupt ends <c>xl</c> at once.</summary>
internal sealed class Signals : IDisposable
{
    private readonly ControlLink _link;
    private readonly Action _restoreTerminal;
    private readonly Action _reenterTerminal;
    private readonly PosixSignalRegistration[] _registrations;
    private int _asked;

    public Signals(ControlLink link, Action restoreTerminal, Action reenterTerminal)
    {
        (_link, _restoreTerminal, _reenterTerminal) = (link, restoreTerminal, reenterTerminal);
        _registrations =
        [
            PosixSignalRegistration.Create(PosixSignal.SIGINT, End),
            PosixSignalRegistration.Create(PosixSignal.SIGTERM, End),
            PosixSignalRegistration.Create(PosixSignal.SIGHUP, Leave),
            PosixSignalRegistration.Create(PosixSignal.SIGQUIT, Leave),
        ];
        if (!OperatingSystem.IsWindows())
        {
            _registrations =
            [
                .. _registrations,
                PosixSignalRegistration.Create(PosixSignal.SIGCONT, _ => { _reenterTerminal(); SendSize(); }),
                PosixSignalRegistration.Create(PosixSignal.SIGWINCH, _ => SendSize()),
            ];
        }
    }

    public void Dispose()
    {
        foreach (var registration in _registrations)
            registration.Dispose();
    }

    private void End(PosixSignalContext context)
    {
        if (Interlocked.Increment(ref _asked) > 1)
        {
            Leave(context);
            return;
        }
        context.Cancel = true;
        var signal = context.Signal == PosixSignal.SIGINT ? ControlSignal.Interrupt : ControlSignal.Terminate;
        Tell(new PayloadWriter(FrameKind.Signal).U8((byte)signal));
    }

    private void Leave(PosixSignalContext context)
    {
        _restoreTerminal();
        Environment.Exit(128 + context.Signal switch
        {
            PosixSignal.SIGHUP => 1,
            PosixSignal.SIGINT => 2,
            PosixSignal.SIGQUIT => 3,
            _ => 15,
        });
    }

    private void SendSize()
    {
        var (columns, rows) = Tty.Size(0);
        Tell(new PayloadWriter(FrameKind.WindowSize).U16(columns).U16(rows));
    }

    private void Tell(PayloadWriter frame) => _link.TrySend(frame);
}
