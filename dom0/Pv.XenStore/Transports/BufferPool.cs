namespace Pv.XenStore;

/// <summary>Buffers of one size that connections borrow while they have bytes in hand, so that one which is silent holds none.</summary>
/// <remarks>The daemon's loop only.</remarks>
internal sealed class BufferPool(int size)
{
    private const int Kept = 64;

    private readonly Stack<byte[]> _free = new();

    public int Size { get; } = size;

    public byte[] Rent() => _free.TryPop(out var buffer) ? buffer : GC.AllocateUninitializedArray<byte>(Size);

    public void Return(byte[] buffer)
    {
        if (_free.Count < Kept)
            _free.Push(buffer);
    }
}
