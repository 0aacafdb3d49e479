using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Pv.XenStore;

/// <summary>Linux's epoll, level-triggered, with an event descriptor beside the sockets by which other threads wake it.</summary>
/// <remarks>The loop's thread only, but for <see cref="Wake"/>.</remarks>
internal sealed class EpollWait : ILoopWait
{
    private const int EventsPerWait = 256;

    // struct epoll_event is packed on x86-64 alone.
    private static readonly bool IsPacked = RuntimeInformation.ProcessArchitecture == Architecture.X64;
    private static readonly int EventBytes = IsPacked ? 12 : 16;
    private static readonly int DataOffset = IsPacked ? 4 : 8;

    // Never moved, since the kernel holds its address for as long as the loop sleeps.
    private readonly byte[] _events = GC.AllocateArray<byte>(EventsPerWait * EventBytes, pinned: true);
    private readonly byte[] _wanted = new byte[EventBytes];
    private readonly int _epoll;
    private readonly SafeFileHandle _wake;
    private readonly List<Slot> _slots = [];
    private readonly Stack<int> _freeSlots = new();
    private int _ready;

    public EpollWait()
    {
        _epoll = LinuxCalls.EpollCreate(LinuxCalls.Own);
        _wake = new SafeFileHandle(LinuxCalls.EventDescriptor(0, LinuxCalls.NonBlockingAndOwn), ownsHandle: true);
        if (_epoll < 0 || _wake.IsInvalid)
            throw new IOException("xenstored cannot wait for its clients: the system gives it no descriptors.");
        // The first slot is the event descriptor's.
        Watch(_wake.DangerousGetHandle().ToInt32(), new WakeUp(_wake));
    }

    /// <summary>Begins to wait for input on a descriptor. Returns the place by which it is changed and given up; negative when the system refuses.</summary>
    public int Watch(int descriptor, IPollable pollable)
    {
        if (!_freeSlots.TryPop(out var place))
        {
            place = _slots.Count;
            _slots.Add(default);
        }
        var slot = new Slot(pollable, descriptor, _slots[place].Generation + 1);
        if (Control(LinuxCalls.Add, place, slot, PollEvents.Input) != 0)
        {
            _freeSlots.Push(place);
            return -1;
        }
        _slots[place] = slot;
        return place;
    }

    public void Change(int place, PollEvents wanted) => Control(LinuxCalls.Modify, place, _slots[place], wanted);

    /// <summary>Waits no more for that descriptor, which its owner closes now.</summary>
    public void Leave(int place)
    {
        // Closing takes it out of the set, too: nobody else has a copy.
        _slots[place] = _slots[place] with { Pollable = null };
        _freeSlots.Push(place);
    }

    public void Wait(bool sleep) => _ready = Math.Max(0, LinuxCalls.EpollWait(_epoll, ref _events[0], EventsPerWait, sleep ? -1 : 0));

    public void Dispatch()
    {
        for (var i = 0; i < _ready; i++)
        {
            var told = _events.AsSpan(i * EventBytes, EventBytes);
            var data = BinaryPrimitives.ReadUInt64LittleEndian(told[DataOffset..]);
            var slot = _slots[(int)(uint)data];
            // Whoever left since the wait, or came to the same place, was not meant.
            if (slot.Generation == (uint)(data >> 32))
                slot.Pollable?.Ready((PollEvents)BinaryPrimitives.ReadUInt32LittleEndian(told));
        }
        _ready = 0;
    }

    public void Wake()
    {
        var one = 1ul;
        try
        {
            _ = LinuxCalls.Write(_wake, ref one, sizeof(ulong));
        }
        catch (ObjectDisposedException)
        {
            // The loop has ended.
        }
    }

    public void Dispose()
    {
        foreach (var slot in _slots.ToArray())
            slot.Pollable?.End();
        _wake.Dispose();
        _ = LinuxCalls.Close(_epoll);
    }

    private int Control(int operation, int place, in Slot slot, PollEvents wanted)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(_wanted, (uint)wanted);
        BinaryPrimitives.WriteUInt64LittleEndian(_wanted.AsSpan(DataOffset), ((ulong)slot.Generation << 32) | (uint)place);
        return LinuxCalls.EpollControl(_epoll, operation, slot.Descriptor, ref _wanted[0]);
    }

    private readonly record struct Slot(IPollable? Pollable, int Descriptor, uint Generation);

    private sealed class WakeUp(SafeFileHandle descriptor) : IPollable
    {
        public void Ready(PollEvents events)
        {
            var count = 0ul;
            _ = LinuxCalls.Read(descriptor, ref count, sizeof(ulong));
        }

        public void End()
        {
        }
    }
}
