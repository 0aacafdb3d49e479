using System.Collections;
using Pv.Abi;

namespace Pv.Hypervisor.Events;

/// <summary>A domain's ports by number; they become more, never fewer.</summary>
/// <remarks>The domain's events lock guards it, but for <see cref="Find"/>.</remarks>
internal sealed class EventPorts : IEnumerable<EventChannel>
{
    // The first Count are there. Replaced by a larger one, which begins with the same.
    private EventChannel?[] _channels = new EventChannel?[64];

    public int Count { get; private set; }

    public EventChannel this[int port] => _channels[port]!;

    /// <summary>One more port, of the next number.</summary>
    public EventPort Add()
    {
        if (Count == _channels.Length)
        {
            var larger = new EventChannel?[Count * 2];
            _channels.CopyTo(larger, 0);
            Volatile.Write(ref _channels, larger);
        }
        var port = new EventPort((uint)Count);
        Volatile.Write(ref _channels[Count++], new EventChannel(port));
        return port;
    }

    /// <summary>A port, open or closed; null when there is none of this number. Any thread, no lock.</summary>
    public EventChannel? Find(EventPort port)
    {
        var channels = Volatile.Read(ref _channels);
        return port.Value < (uint)channels.Length ? Volatile.Read(ref channels[port.Value]) : null;
    }

    public IEnumerator<EventChannel> GetEnumerator() => _channels.Take(Count).GetEnumerator()!;

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}
