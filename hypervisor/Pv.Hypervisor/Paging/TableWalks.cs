using System.Runtime.CompilerServices;
using Pv.Hypervisor.Stepping;
using Pv.Machine;

namespace Pv.Hypervisor.Paging;

/// <summary>
/// The copies that the hypervisor makes by a vCPU's page tables. They take no lock, so whoever takes a table or a frame away waits until a
/// copy that may have seen it is over; one that begins later finds the tables as they are then.
/// </summary>
/// <remarks>
/// Begun and ended by the thread that serves the vCPU; awaited by any. Copies are made all the time and awaited now and then, so the fence
/// between the mark and the walk is with those who wait: see <see cref="Fence"/>.
/// </remarks>
internal sealed class TableWalks(Stepper? stepper)
{
    // Odd while a copy is being made.
    private int _state;

    public Scope Begin()
    {
        Volatile.Write(ref _state, _state + 1);
        return new Scope(this);
    }

    /// <summary>
    /// Between taking something away and <see cref="AwaitCurrent"/>, once for however many are awaited: a copy that began before has its mark
    /// seen, one that begins later finds what was written before this.
    /// </summary>
    // A call of the host: see HostSignal.
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static void Fence() => SharedPage.FenceForAll();

    /// <summary>Returns when no copy that began before the <see cref="Fence"/> is still being made. A copy blocks on nothing, so this is short.</summary>
    public void AwaitCurrent()
    {
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
