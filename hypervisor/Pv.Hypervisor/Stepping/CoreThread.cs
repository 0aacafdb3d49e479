namespace Pv.Hypervisor.Stepping;

/// <summary>A thread of the core; in deterministic mode it runs in turns with the others.</summary>
internal sealed class CoreThread
{
    private readonly Stepper? _stepper;
    private readonly string _name;
    private readonly Thread _thread;
    private Strand? _strand;

    public CoreThread(Stepper? stepper, string name, Action body)
    {
        _stepper = stepper;
        _name = name;
        _thread = new Thread(stepper is null ? new ThreadStart(body) : () => stepper.Live(_strand!, body)) { IsBackground = true, Name = name };
    }

    public void Start()
    {
        _strand = _stepper?.Add(_name);
        _thread.Start();
    }

    /// <summary>Returns when the thread has ended, at once if it never began.</summary>
    public void Join()
    {
        if (_strand is { } strand)
            _stepper!.WaitUntil(() => strand.HasEnded, $"the end of {_name}");
        if (_thread.IsAlive)
            _thread.Join();
    }
}
