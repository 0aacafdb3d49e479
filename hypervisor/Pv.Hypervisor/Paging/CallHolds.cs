using Pv.Abi;
using Pv.Hypervisor.Domains;
using Pv.Hypervisor.Hypercalls;
using Pv.Hypervisor.Memory;

namespace Pv.Hypervisor.Paging;

/// <summary>
/// The frames that a call about a vCPU's roots or descriptor tables has taken so far, in the order of its arguments: a call that is stopped goes on
/// behind them when it is made again. Should another one be made instead, they are given back. The paging lock is held.
/// </summary>
internal sealed class CallHolds(Vcpu vcpu)
{
    private readonly List<(Mfn Mfn, FrameType Type)> _taken = [];
    private int _next;

    /// <summary>What is held now.</summary>
    public IReadOnlyList<(Mfn Mfn, FrameType Type)> Taken => _taken;

    /// <summary>A call begins, or goes on: its first frame comes next.</summary>
    public void Begin() => _next = 0;

    /// <summary>Takes the call's next frame, unless it has it already. <paramref name="isNew"/>: it had not.</summary>
    public Errno TryTake(Mfn mfn, FrameType type, IPreemptible? preemptible, out bool isNew)
    {
        isNew = _next == _taken.Count || _taken[_next] != (mfn, type);
        if (isNew)
        {
            GiveBack(_next, preemptible);
            if (vcpu.Domain.Core.PageTypes.TryGetFrame(mfn, type, vcpu.Domain.Id, preemptible) is not Errno.None and var error)
                return error;
            _taken.Add((mfn, type));
        }
        _next++;
        return Errno.None;
    }

    /// <summary>The call is at its end, and what it took belongs to the vCPU. What a longer one before it had taken, which never went on, is given back.</summary>
    public void Keep(IPreemptible? preemptible)
    {
        GiveBack(_next, preemptible);
        _taken.Clear();
    }

    /// <summary>The call is refused, or the vCPU ends.</summary>
    public void GiveBackAll(IPreemptible? preemptible) => GiveBack(0, preemptible);

    private void GiveBack(int from, IPreemptible? preemptible)
    {
        for (var i = _taken.Count - 1; i >= from; i--)
            MmuExtOperations.PutNow(vcpu.Domain, vcpu.Domain.Core.PageTypes, _taken[i].Mfn, preemptible);
        _taken.RemoveRange(from, _taken.Count - from);
    }
}
