using Pv.Abi;
using Pv.Hypervisor.Domains;

namespace Pv.Hypervisor.Memory;

// A domain's frames by way of their rows. The domain's page lock guards its lists. Frame 0 belongs to the machine-to-physical table, so 0 can end
// a list. A domain at its end goes over its frames in stretches, and those that it has gone over are in a second list: some stay for as long
// as others hold them.
internal sealed partial class FrameTable
{
    /// <summary>The domain's frames, those that its end has gone over already among them. The page lock is held.</summary>
    public IEnumerable<Mfn> List(Domain domain)
    {
        for (var next = domain.FirstFrame; next != 0; next = this[new Mfn(next)].Next)
            yield return new Mfn(next);
        for (var next = domain.FirstPassed; next != 0; next = this[new Mfn(next)].Next)
            yield return new Mfn(next);
    }

    /// <summary>
    /// Goes over the next frames of a domain at its end, as many as <paramref name="most"/>, and takes a reference to each that somebody still holds
    /// and whose use has one of some bits (0: whatever it is), until <paramref name="held"/> is full.
    /// </summary>
    /// <returns>How many it went over.</returns>
    public int PassOver(Domain domain, int most, ulong uses, Span<Mfn> held, out int count)
    {
        count = 0;
        var passed = 0;
        using (domain.PageLock.Hold())
        {
            for (; passed < most && count < held.Length && domain.FirstFrame != 0; passed++)
            {
                var mfn = new Mfn(domain.FirstFrame);
                ref var row = ref this[mfn];
                Take(domain, mfn, ref row);
                Push(ref domain.FirstPassed, mfn, ref row);
                if ((uses == 0 || (row.Use & uses) != 0) && TryGetListed(ref row))
                    held[count++] = mfn;
            }
        }
        domain.Core.Meter?.Count(passed);
        return passed;
    }

    /// <summary>Puts the frames that <see cref="PassOver"/> went over back, to go over them once more. False while there are others.</summary>
    public static bool TryBeginAgain(Domain domain)
    {
        using (domain.PageLock.Hold())
        {
            if (domain.FirstFrame != 0)
                return false;
            (domain.FirstFrame, domain.FirstPassed) = (domain.FirstPassed, 0);
            return true;
        }
    }

    /// <summary>Takes a reference to a frame that is in its owner's list, be it allocated or only held. False when it is being freed.</summary>
    private bool TryGetListed(ref FrameInfo row)
    {
        while (true)
        {
            var seen = Volatile.Read(ref row.Count);
            _stepper?.Point();
            if ((seen & ReferenceMask) == 0)
                return false;
            if (Interlocked.CompareExchange(ref row.Count, seen + 1, seen) == seen)
                return true;
        }
    }

    private void Push(ref uint first, Mfn mfn, ref FrameInfo row)
    {
        row.Previous = 0;
        row.Next = first;
        if (first != 0)
            this[new Mfn(first)].Previous = (uint)mfn.Value;
        first = (uint)mfn.Value;
    }

    /// <summary>Takes a frame that is the owner's no more out of its list.</summary>
    private void Unlink(Domain owner, Mfn mfn, ref FrameInfo row)
    {
        Take(owner, mfn, ref row);
        owner.TotalPages--;
    }

    private void Take(Domain owner, Mfn mfn, ref FrameInfo row)
    {
        if (row.Next != 0)
            this[new Mfn(row.Next)].Previous = row.Previous;
        if (row.Previous != 0)
            this[new Mfn(row.Previous)].Next = row.Next;
        else if (owner.FirstFrame == mfn.Value)
            owner.FirstFrame = row.Next;
        else
            owner.FirstPassed = row.Next;
    }
}
