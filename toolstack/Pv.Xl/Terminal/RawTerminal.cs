namespace Pv.Xl.Terminal;

/// <summary>The terminal while a guest's console has it: raw, and put back on every way out that a process can notice.</summary>
/// <remarks>Any thread: signal handlers restore it, too.</remarks>
internal sealed class RawTerminal
{
    private const int Input = 0;

    private readonly byte[] _before = new byte[Tty.SettingsSize];
    private readonly object _lock = new();
    private bool _raw;

    private RawTerminal()
    {
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Restore();
    }

    /// <summary>Null when standard input is no terminal, which needs no care.</summary>
    public static RawTerminal? Enter()
    {
        var terminal = new RawTerminal();
        return Tty.GetSettings(Input, terminal._before) && terminal.Reenter() ? terminal : null;
    }

    /// <summary>Raw once more, after the process was stopped and somebody else had the terminal.</summary>
    public bool Reenter()
    {
        var raw = (byte[])_before.Clone();
        Tty.MakeRaw(raw);
        lock (_lock)
        {
            Tty.SetSettings(Input, raw);
            return _raw = true;
        }
    }

    public void Restore()
    {
        lock (_lock)
        {
            if (_raw)
                Tty.SetSettings(Input, _before);
            _raw = false;
        }
    }
}
