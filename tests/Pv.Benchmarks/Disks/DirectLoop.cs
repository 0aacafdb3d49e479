using System.Diagnostics;
using Pv.Machine;

namespace Pv.Benchmarks.Disks;

/// <summary>
/// The same file used without a guest: one thread that calls preadv or pwritev in a loop, by the call that the back end makes, with as many
/// buffers in turn as the guest has requests under way.
/// </summary>
internal sealed class DirectLoop(string path, long length) : IDisposable
{
    private readonly HostFile _file = HostFile.Open(path, writable: true);
    private ulong _state = 0x9e3779b97f4a7c15;

    /// <summary>Reads or writes for a while; the requests a second.</summary>
    public double Run(DiskWork work, TimeSpan time)
    {
        var memory = GC.AllocateArray<byte>(work.Bytes * work.Depth, pinned: true);
        var blocks = (ulong)(length / work.Bytes);
        var done = 0ul;
        var start = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(start) < time)
        {
            for (var i = 0; i < work.Depth; i++, done++)
            {
                var block = work.IsRandom ? NextRandom() % blocks : done % blocks;
                var vector = HostVector.OfPinned(memory.AsSpan(i * work.Bytes, work.Bytes));
                var at = (long)block * work.Bytes;
                var moved = work.IsWrite ? _file.WriteAt(new(in vector), at) : _file.ReadAt(new(in vector), at);
                if (moved != work.Bytes)
                    throw new IOException($"{moved} of {work.Bytes} bytes were moved.");
            }
        }
        return done / Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    public void Dispose() => _file.Dispose();

    /// <summary>xorshift64, as the guest does it.</summary>
    private ulong NextRandom()
    {
        _state ^= _state << 13;
        _state ^= _state >> 7;
        _state ^= _state << 17;
        return _state;
    }
}
