using Pv.Abi;
using Pv.Guest;

namespace Pv.Frontends;

/// <summary>
/// Grants that this guest wants back. One that the other end has mapped still, as one that vanished or that forgets may, is asked for again
/// later, and its frame is not used for anything else before.
/// </summary>
/// <remarks>In turns only.</remarks>
internal sealed class GrantedFrames(GuestContext guest)
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    private readonly List<(GrantRef Grant, Pfn? Frame)> _mapped = [];

    /// <summary>How many grants somebody else still holds.</summary>
    public int Count => _mapped.Count;

    /// <summary>Ends a grant, and frees its frame if one is named.</summary>
    public void End(GrantRef grant, Pfn? frame)
    {
        if (TryEnd(grant, frame))
            return;
        _mapped.Add((grant, frame));
        if (_mapped.Count == 1)
            guest.Spawn(RetryAsync);
    }

    private bool TryEnd(GrantRef grant, Pfn? frame)
    {
        if (!guest.Grants.TryEnd(grant))
            return false;
        if (frame is { } free)
            guest.Memory.Free(free);
        return true;
    }

    private async Task RetryAsync()
    {
        while (_mapped.Count > 0)
        {
            await guest.Delay(Pause);
            _mapped.RemoveAll(held => TryEnd(held.Grant, held.Frame));
        }
    }
}
