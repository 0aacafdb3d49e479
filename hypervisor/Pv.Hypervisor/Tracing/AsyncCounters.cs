using Pv.Machine.Gate;

namespace Pv.Hypervisor.Tracing;

/// <summary>What became of a vCPU's queue of asynchronous hypercalls. It stays when the queue goes, and the next one counts on.</summary>
/// <remarks>Written by the thread that serves the queue; whoever reads may miss the last.</remarks>
internal sealed class AsyncCounters
{
    private ulong _submissions, _completions, _waits, _wakeUps;

    public void NoteSubmission() => _submissions++;

    public void NoteCompletion() => _completions++;

    public void NoteWait() => _waits++;

    public void NoteWakeUp() => _wakeUps++;

    public AsyncCounts Read() => new(_submissions, _completions, _waits, _wakeUps);
}
