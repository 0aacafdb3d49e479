using Pv.Abi;
using Pv.Hypervisor.Domains;
using Pv.Hypervisor.Hypercalls;
using Pv.Hypervisor.Paging;
using Pv.Hypervisor.Tracing;
using Pv.Machine.Gate;

namespace Pv.Hypervisor.Asynchronous;

/// <summary>
/// A vCPU's queue of asynchronous hypercalls, and its service: a vCPU of the hypervisor's own, which the scheduler runs on pCPUs like the
/// domain's others and which copies submissions, makes the calls and tells the results. So weights, caps, pauses, slices and the domain's
/// end concern it as they do any vCPU, and there is no thread to be left behind.
/// </summary>
/// <remarks>
/// The indices that count are private; the shared header gets copies. <see cref="Serve"/> runs on a pCPU's thread, the rest on the thread of
/// the vCPU whose queue it is, or of whoever destroys the domain.
/// </remarks>
internal sealed class AsyncQueue
{
    private readonly HypervisorCore _core;
    private readonly AsyncPages _pages;
    private readonly uint _entries;
    private readonly EventPort _port;
    private readonly Mfn? _root;
    private readonly AsyncCounters _counters;

    private uint _submissionConsumer, _completionProducer;

    // The call that is being made: one that must make way for others goes on from here.
    private HypercallRegisters _call;
    private long _cookie;
    private bool _inCall;

    // What happened before the call: for its trace.
    private bool _wokeUp, _waits, _callWokeUp, _callWaited;

    private bool _asleep;
    private ulong _idleSince;
    private volatile Errno _stopped;

    private AsyncQueue(Vcpu owner, AsyncPages pages, in AsyncQueueSetup setup, Mfn? root)
    {
        _core = owner.Domain.Core;
        _pages = pages;
        _entries = setup.Entries;
        _port = setup.Port;
        _root = root;
        _counters = owner.Counters.Queue ??= new AsyncCounters();
        _asleep = true;
        _pages.WriteFlags(AsyncRingFlags.NeedWakeup);
        Service = new Vcpu(owner, this);
        if (root is { } table)
            Service.Registers.Cr3 = table.Address;
        _core.Scheduler.AddService(Service, owner);
    }

    /// <summary>The vCPU that serves the queue. It has the number of the one whose queue it is.</summary>
    public Vcpu Service { get; }

    /// <summary>The shared frames that it holds as writable, and the root of page tables that it holds; for an audit.</summary>
    public (IReadOnlyList<Mfn> Frames, Mfn? Root) Held => (_pages.Frames, _root);

    /// <summary>How the call that is being made came. On the thread that serves the queue.</summary>
    public QueuedCall Current => new(_submissionConsumer - 1, _cookie, _callWokeUp, _callWaited);

    /// <summary>Set when the ring was corrupt; the queue does nothing more.</summary>
    public Errno Stopped => _stopped;

    /// <summary>
    /// Sets up a queue for a vCPU, on its thread. A real kernel's addresses are those of the page tables that it runs on now, which the queue holds.
    /// </summary>
    public static Errno TryCreate(Vcpu owner, in AsyncQueueSetup setup, ReadOnlySpan<ulong> frames)
    {
        var domain = owner.Domain;
        if (AsyncPages.TryHold(domain, setup.Entries, frames) is not { } pages)
            return Errno.EINVAL;
        Mfn? root = null;
        if (domain.Kind == DomainKind.Paravirtualized)
        {
            root = owner.Traps.KernelTable;
            using (domain.PagingLock.Hold())
            {
                // In use as a root, so this cannot take long.
                if (domain.Core.PageTypes.TryGetFrame(root.Value, Memory.FrameType.L4Table, domain.Id, null) is not Errno.None and var error)
                {
                    pages.Release();
                    return error;
                }
            }
        }
        // What serves the queue takes pages away beside it.
        owner.Walks.BringFences();
        _ = new AsyncQueue(owner, pages, setup, root);
        return Errno.None;
    }

    /// <summary>Stops the service and gives everything back. On the owner's thread, or when the domain's vCPUs are stopped.</summary>
    /// <param name="preemptible">Whose pCPU may be wanted while the page tables are given back.</param>
    public void TearDown(IPreemptible? preemptible)
    {
        Service.IsOnline = false;
        _core.Scheduler.SleepSync(Service);
        _core.Scheduler.RemoveService(Service);
        Service.Timers.CancelAll();
        _pages.Release();
        if (_root is not { } root)
            return;
        var domain = Service.Domain;
        using (domain.PagingLock.Hold())
            MmuExtOperations.PutNow(domain, _core.PageTypes, root, preemptible);
    }

    /// <summary>The guest says that there is something to do.</summary>
    public void Kick() => Service.Kick();

    /// <summary>Serves until the pCPU is wanted or there is nothing to do. On a pCPU's thread.</summary>
    public void Serve()
    {
        while (!_core.Scheduler.ShouldLeave(Service))
            Step();
    }

    /// <summary>Does one thing: a stretch of a call, or going to sleep.</summary>
    internal void Step()
    {
        WakeUp();
        _core.Stepper?.Point();
        if (_stopped != Errno.None)
            Service.Block();
        else if (_inCall || TryTake())
            Call();
        else if (_stopped == Errno.None && !MayPoll())
            Sleep();
    }

    private void WakeUp()
    {
        if (!_asleep)
            return;
        _asleep = false;
        _wokeUp = true;
        _counters.NoteWakeUp();
        if (_stopped == Errno.None)
            _pages.WriteFlags(AsyncRingFlags.None);
    }

    /// <summary>Copies the next submission, if there is one and its completion will find room.</summary>
    private bool TryTake()
    {
        if (!HasWork())
            return false;
        var entry = _pages.ReadSubmission(_submissionConsumer);
        _pages.WriteSubmissionConsumer(++_submissionConsumer);
        ReadOnlySpan<ulong> arguments = entry.Arguments;
        _call = new HypercallRegisters(entry.Operation, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4], arguments[5]);
        _cookie = entry.Result;
        _inCall = true;
        _idleSince = 0;
        _counters.NoteSubmission();
        (_callWokeUp, _callWaited, _wokeUp, _waits) = (_wokeUp, _waits, false, false);
        return true;
    }

    /// <summary>Looks at the guest's indices. Those that cannot be right stop the queue.</summary>
    private bool HasWork()
    {
        var submitted = _pages.SubmissionProducer - _submissionConsumer;
        var unread = _completionProducer - _pages.CompletionConsumer;
        if (submitted > _entries || unread > _entries)
        {
            Stop(Errno.EBADMSG);
            return false;
        }
        if (submitted == 0 || unread != _entries)
            return submitted != 0;
        if (!_waits)
            _counters.NoteWait();
        _waits = true;
        return false;
    }

    private void Call()
    {
        var call = _call;
        HypercallResult result;
        if (AsyncCalls.IsAllowed(call.Number))
            result = _core.Hypercalls.Enter(Service, ref call);
        else
            result = Refuse(call);
        if (result.Outcome == HypercallOutcome.Continue)
        {
            _call = call;
            return;
        }
        _inCall = false;
        Complete(new AsyncCompletion { Cookie = _cookie, Result = result.Value });
    }

    private HypercallResult Refuse(HypercallRegisters call)
    {
        HypercallResult result = _core.Hypercalls.Has(call.Number) ? Errno.EOPNOTSUPP : Errno.ENOSYS;
        if (Service.Domain.Trace.IsOn)
            Service.Domain.Trace.Add(TraceRecord.Begin(Service, call), result);
        return result;
    }

    private void Complete(AsyncCompletion completion)
    {
        _counters.NoteCompletion();
        var old = _completionProducer++;
        _pages.WriteCompletion(old, completion);
        _pages.WriteCompletionProducer(_completionProducer);
        if (_port.Value == 0)
            return;
        // The guest sets its wish and then looks at the producer once more; one of the two sees the other.
        Interlocked.MemoryBarrier();
        if (_completionProducer - _pages.CompletionEvent < _completionProducer - old)
            Notify();
    }

    /// <summary>A port that is closed or of another kind than the guest said is its own loss.</summary>
    private void Notify() => _ = Service.Domain.Events.Send(_port);

    private void Stop(Errno error)
    {
        _stopped = error;
        _pages.WriteError(error);
        _pages.WriteFlags(AsyncRingFlags.Stopped);
        if (_port.Value != 0)
            Notify();
        Service.Block();
    }

    /// <summary>Whether to look again, rather than to sleep: for a short time, in which others who wait for a pCPU go first.</summary>
    private bool MayPoll()
    {
        var now = _core.Clock.Now;
        if (_idleSince == 0)
            _idleSince = now;
        if (now - _idleSince >= _core.AsyncPollNanoseconds)
            return false;
        if (_core.Scheduler.AnythingWaits)
            _core.Scheduler.Yield(Service);
        else
            Thread.SpinWait(10);
        return true;
    }

    private void Sleep()
    {
        _asleep = true;
        _pages.WriteFlags(AsyncRingFlags.NeedWakeup);
        _core.Stepper?.Point();
        // A full fence, too: what was submitted before the guest could see the flag is seen here, and after it the guest kicks.
        Service.Block();
        _core.Stepper?.Point();
        if (HasWork())
            Service.Unblock();
        _idleSince = 0;
    }
}
