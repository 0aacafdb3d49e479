using Pv.Machine;

namespace Pv.Backends.Storage.Nbd;

/// <summary>Vectors that go through a socket in as many calls as it takes. Grows to the longest row it ever held, and allocates no more.</summary>
internal sealed class VectorCursor
{
    private HostVector[] _vectors = new HostVector[64];
    private int _next, _count;

    public bool IsEmpty => _next == _count;

    public int Count => _count - _next;

    /// <summary>What has not gone yet.</summary>
    public ReadOnlySpan<HostVector> Rest => _vectors.AsSpan(_next, _count - _next);

    public void Clear() => _next = _count = 0;

    public void Add(HostVector vector)
    {
        if (_count == _vectors.Length)
            Array.Resize(ref _vectors, _vectors.Length * 2);
        _vectors[_count++] = vector;
    }

    public void Add(ReadOnlySpan<HostVector> vectors)
    {
        foreach (var vector in vectors)
            Add(vector);
    }

    /// <summary>So many bytes have gone.</summary>
    public void Advance(long bytes)
    {
        while (bytes > 0)
        {
            ref var first = ref _vectors[_next];
            if (bytes < first.Length)
            {
                first = first.Slice((int)bytes);
                return;
            }
            bytes -= first.Length;
            _next++;
        }
        if (_next == _count)
            Clear();
    }
}
