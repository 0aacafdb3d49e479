using System.Runtime.CompilerServices;
using Pv.Hypervisor.Stepping;
using Pv.Machine;

namespace Pv.Hypervisor.Paging;

/// <summary>
/// The copies that the hypervisor makes by a vCPU's page tables. They take no lock, so whoever takes a table or a frame away waits until a
/// copy that may have seen it is over; one that begins later finds the tables as they are then.
/// </summary>
/// <remarks>
/// Begun and ended by the thread that serves the vCPU; awaited by any. Between the mark and the walk a fence is needed: where copies are awaited
/// often, as among the vCPUs of one domain, each brings its own; where they hardly ever are, whoever waits has one for all threads (<see cref="Fence"/>).
/// </remarks>
internal sealed class TableWalks(Stepper? stepper, bool areAwaitedOften)
{
    // Odd while a copy is being made.
    private int _state;
    private bool _haveFences = areAwaitedOften;

    /// <summary>Whether each copy brings its fence, so that who waits needs no <see cref="Fence"/>.</summary>
    public bool HaveFences => Volatile.Read(ref _haveFences);

    /// <summary>From now on they are awaited often. On the thread that serves the vCPU.</summary>
    public void BringFences() => Interlocked.Exchange(ref _haveFences, true);

    public Scope Begin()
    {
        if (_haveFences)
            Interlocked.Increment(ref _state);
        else
            Volatile.Write(ref _state, _state + 1);
        return new Scope(this);
    }

    /// <summary>
    /// Between taking something away and <see cref="AwaitCurrent"/> of a vCPU whose copies have no fences: a copy that began before has its mark
    /// seen, one that begins later finds what was written before this. A call of the host, which interrupts every thread that runs.
    /// </summary>
    // Not made part of its callers: see HostSignal.
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static void Fence() => SharedPage.FenceForAll();

    /// <summary>Returns when no copy that began before is still being made. A copy blocks on nothing, so this is short.</summary>
    public void AwaitCurrent()
    {
        Interlocked.MemoryBarrier();
        var seen = Volatile.Read(ref _state);
        if ((seen & 1) == 0)
            return;
        if (stepper is not null)
        {
            stepper.WaitUntil(() => Volatile.Read(ref _state) != seen, "a copy by page tables to end");
            return;
        }
        var spinner = default(SpinWait);
        while (Volatile.Read(ref _state) == seen)
            spinner.SpinOnce();
    }

    public readonly ref struct Scope(TableWalks? walks)
    {
        public void Dispose()
        {
            // Only the thread that began writes the state.
            if (walks is not null)
                Volatile.Write(ref walks._state, walks._state + 1);
        }
    }
}
