using Pv.Abi;
using Pv.Hypervisor.Domains;
using Pv.Machine.Gate;
using Pv.Tests.Core;

namespace Pv.Tests.Asynchronous;

/// <summary>
/// A queue of vCPU 1 of a test's guest, in some of the guest's frames, as the guest plays it. The guest's vCPUs do not run: only what serves
/// the queue does.
/// </summary>
internal sealed class TestQueue
{
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly TestMachine _machine;
    private readonly Mfn[] _frames;
    private readonly uint _entries;
    private uint _submitted, _consumed;

    public TestQueue(TestMachine machine, TestGuest guest, uint entries = 8, int firstFrame = 0, EventPort port = default)
        : this(machine, guest, guest.Caller, entries, firstFrame)
    {
        Begin(SetUp(machine, guest, Setup(guest, entries, _frames, port)));
    }

    private TestQueue(TestMachine machine, TestGuest guest, Vcpu owner, uint entries, int firstFrame)
    {
        (_machine, Guest, Owner, _entries) = (machine, guest, owner, entries);
        _frames = guest.Frames[firstFrame..(firstFrame + AsyncHypercalls.FrameCount(entries))];
    }

    public TestGuest Guest { get; }

    /// <summary>Whose queue it is.</summary>
    public Vcpu Owner { get; }

    public Vcpu? Service => Guest.Domain.Services[Owner.Id.Value];

    /// <summary>A queue of vCPU 0, whose tables map the guest's frames at the addresses of their numbers; the first of them holds the arguments.</summary>
    public static TestQueue OfVictim(TestMachine machine, TestGuest guest, uint entries, int firstFrame)
    {
        const ulong list = 0x100;
        var queue = new TestQueue(machine, guest, guest.Victim, entries, firstFrame);
        var page = guest.Frames[0].Address;
        for (var i = 0; i < queue._frames.Length; i++)
            machine.Core.Memory.At<ulong>(page + list + (ulong)i * sizeof(ulong)) = queue._frames[i].Value;
        machine.Core.Memory.At<AsyncQueueSetup>(page) = new AsyncQueueSetup { Entries = entries, FrameList = list, FrameCount = (uint)queue._frames.Length };
        Begin(guest.Call(guest.Victim, AsyncHypercalls.Number, (ulong)AsyncOperation.SetUp));
        return queue;
    }

    public static AsyncQueueSetup Setup(TestGuest guest, uint entries, Mfn[] frames, EventPort port = default)
    {
        for (var i = 0; i < frames.Length; i++)
            guest.Put(TestGuest.FrameListAddress + (ulong)i * 8, frames[i].Value);
        return new AsyncQueueSetup { Entries = entries, Port = port, FrameList = TestGuest.FrameListAddress, FrameCount = (uint)frames.Length };
    }

    public static long SetUp(TestMachine machine, TestGuest guest, AsyncQueueSetup setup)
        => guest.Call(AsyncHypercalls.Number, (ulong)AsyncOperation.SetUp, guest.Put(0, setup));

    /// <summary>Lets the service run; the guest's own vCPUs stay off.</summary>
    public static void Run(TestMachine machine, TestGuest guest)
    {
        guest.Victim.IsOnline = guest.Caller.IsOnline = false;
        machine.ControlOrThrow(DomctlOperation.UnpauseDomain, guest.Domain.Id);
    }

    public ref uint Header(int offset) => ref _machine.Core.Memory.At<uint>(_frames[0].Address + (ulong)offset);

    public AsyncRingFlags Flags => (AsyncRingFlags)Volatile.Read(ref Header(AsyncRing.Flags));

    public uint Produced => Volatile.Read(ref Header(AsyncRing.CompletionProducer));

    /// <summary>Writes a submission that nobody sees yet.</summary>
    public void Add(HypercallRegisters call, long cookie = 0)
    {
        var slot = _submitted++ % _entries;
        var frame = _frames[1 + AsyncHypercalls.CompletionFrames(_entries) + (int)(slot / AsyncRing.SubmissionsPerFrame)];
        var entry = new MulticallEntry { Operation = call.Number, Result = cookie };
        (entry.Arguments[0], entry.Arguments[1], entry.Arguments[2], entry.Arguments[3]) = (call.First, call.Second, call.Third, call.Fourth);
        _machine.Core.Memory.At<MulticallEntry>(frame.Address + slot % AsyncRing.SubmissionsPerFrame * MulticallEntry.WireSize) = entry;
    }

    /// <summary>Publishes what was added, and kicks where that is needed. Returns the kick's answer.</summary>
    public long Publish()
    {
        Volatile.Write(ref Header(AsyncRing.SubmissionProducer), _submitted);
        Interlocked.MemoryBarrier();
        return Flags == AsyncRingFlags.None ? 0 : Kick();
    }

    public long Kick() => Guest.Call(Owner, AsyncHypercalls.Number, (ulong)AsyncOperation.Kick);

    public long TearDown() => Guest.Call(Owner, AsyncHypercalls.Number, (ulong)AsyncOperation.TearDown);

    /// <summary>Waits for so many completions that were not taken yet.</summary>
    public bool Await(uint count) => _machine.Core.Stepper is { } stepper
        ? stepper.WaitUntil(() => Produced - _consumed >= count, $"{count} completions")
        : SpinWait.SpinUntil(() => Produced - _consumed >= count, Patience);

    /// <summary>
    /// Waits until the service sleeps. It is marked so before it looks for work once more: only when no pCPU has it any more is that behind it.
    /// </summary>
    public bool AwaitSleep()
        => SpinWait.SpinUntil(() => Service is { IsBlocked: true } service && !_machine.Core.Scheduler.IsRunning(service), Patience);

    /// <summary>Takes what is complete.</summary>
    public AsyncCompletion[] Take()
    {
        var taken = new List<AsyncCompletion>();
        for (var produced = Produced; _consumed != produced; _consumed++)
        {
            var slot = _consumed % _entries;
            taken.Add(_machine.Core.Memory.At<AsyncCompletion>(
                _frames[1 + (int)(slot / AsyncRing.CompletionsPerFrame)].Address + slot % AsyncRing.CompletionsPerFrame * AsyncCompletion.WireSize));
        }
        Volatile.Write(ref Header(AsyncRing.CompletionConsumer), _consumed);
        return [.. taken];
    }

    private static void Begin(long setUp)
    {
        if (setUp != 0)
            throw new InvalidOperationException($"set-up: {setUp}");
    }

    /// <summary>One call by the queue, from its submission to its result.</summary>
    public long Call(HypercallNumber number, ulong first = 0, ulong second = 0, ulong third = 0, ulong fourth = 0)
    {
        Add(new HypercallRegisters((ulong)number, first, second, third, fourth));
        if (Publish() is not 0 and var refused)
            throw new InvalidOperationException($"kick: {refused}");
        if (!Await(1))
            throw new TimeoutException($"{number} does not complete. {_machine.Core.Log.Read(clear: false)}");
        return Take()[0].Result;
    }
}
