using System.Runtime.InteropServices;
using Pv.Machine;

namespace Pv.Cpu.Software;

/// <summary>
/// The decoded blocks of one vCPU, found by linear address and frame, and dropped by frame. Their bytes come from one arena of
/// <see cref="Bytes"/>; when it is full, everything is forgotten, between blocks.
/// </summary>
/// <remarks>
/// A dropped block keeps its bytes until then, with every handler replaced by one that leaves: so code that changes itself acts at the next
/// instruction, and links into a dropped block need no search.
/// </remarks>
// SAFETY: every pointer that is handed out points into the arena, which is freed with the vCPU only; the bump pointer is checked.
internal sealed unsafe class BlockCache(NativeCode? native) : IDisposable
{
    /// <summary>The arena's size; committed on touch.</summary>
    public const ulong Bytes = 16 << 20;

    private readonly HostRange _arena = HostRange.ReservePrivate(Bytes);
    private readonly Dictionary<Key, nint> _blocks = [];
    private readonly Dictionary<ulong, nint> _frames = [];
    private ulong _used;

    /// <summary>Where a block would start now. Room for a block of the largest size is certain after <see cref="HasRoom"/>.</summary>
    public byte* Free => _arena.Base + _used;

    public bool HasRoom(int bytes) => Bytes - _used >= (ulong)bytes;

    /// <summary>Makes the bytes behind <see cref="Free"/> part of the cache.</summary>
    public void Take(byte* end) => _used = ((ulong)(end - _arena.Base) + 63) & ~63ul;

    public Block* Find(ulong rip, ulong frame, ulong lastFrame)
        => _blocks.TryGetValue(new Key(rip, frame, lastFrame), out var block) ? (Block*)block : null;

    public void Add(Block* block)
    {
        _blocks[new Key(block->Rip, block->Frame, block->LastFrame)] = (nint)block;
        ref var head = ref CollectionsMarshal.GetValueRefOrAddDefault(_frames, block->Frame, out _);
        block->NextOfFrame = (Block*)head;
        head = (nint)block;
        if (block->LastFrame == block->Frame)
            return;
        ref var last = ref CollectionsMarshal.GetValueRefOrAddDefault(_frames, block->LastFrame, out _);
        block->NextOfLastFrame = (Block*)last;
        last = (nint)block;
    }

    /// <summary>Drops the blocks that hold bytes of a frame. True when there was one.</summary>
    public bool Drop(ulong frame)
    {
        if (!_frames.Remove(frame, out var head))
            return false;
        for (var block = (Block*)head; block != null; block = block->Frame == frame ? block->NextOfFrame : block->NextOfLastFrame)
        {
            if (block->Dropped)
                continue;
            block->Dropped = true;
            if (block->Native != null)
                native!.Drop(block->Native);
            _blocks.Remove(new Key(block->Rip, block->Frame, block->LastFrame));
            var ops = (Op*)(block + 1);
            for (var i = 0; i < block->Slots; i++)
                ops[i].Handler = &Leaving.Stale;
        }
        return true;
    }

    /// <summary>Forgets everything. No handler may be running; links and remembered jumps must be voided.</summary>
    public void Clear()
    {
        _blocks.Clear();
        _frames.Clear();
        _used = 0;
        native?.Forget();
    }

    public void Dispose()
    {
        _arena.Dispose();
        native?.Dispose();
    }

    private readonly record struct Key(ulong Rip, ulong Frame, ulong LastFrame);
}
