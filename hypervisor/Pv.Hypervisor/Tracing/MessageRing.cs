using System.Text;

namespace Pv.Hypervisor.Tracing;

/// <summary>The hypervisor's own console: what <c>xl dmesg</c> shows. Bounded; the oldest text goes first. Any thread.</summary>
public sealed class MessageRing(int capacity = MessageRing.DefaultCapacity)
{
    /// <summary>Characters kept: Xen's default for <c>conring_size</c>.</summary>
    public const int DefaultCapacity = 64 * 1024;

    private readonly Lock _lock = new();
    private readonly Queue<string> _lines = new();
    private int _length;

    /// <summary>Told of every line as it comes, without the prefix.</summary>
    public event Action<string>? Written;

    /// <summary>Adds a line, with Xen's prefix.</summary>
    public void Write(string line)
    {
        lock (_lock)
        {
            var text = $"(XEN) {line}\n";
            _lines.Enqueue(text);
            _length += text.Length;
            while (_length > capacity && _lines.Count > 1)
                _length -= _lines.Dequeue().Length;
        }
        Written?.Invoke(line);
    }

    /// <summary>All that is kept; empties the ring when asked.</summary>
    public string Read(bool clear)
    {
        lock (_lock)
        {
            var text = new StringBuilder(_length);
            foreach (var line in _lines)
                text.Append(line);
            if (clear)
            {
                _lines.Clear();
                _length = 0;
            }
            return text.ToString();
        }
    }
}
