using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Pv.Machine;

/// <summary>
/// A one-place signal between threads: <see cref="Set"/> releases one <see cref="Wait"/>, now or the next. A futex on Linux,
/// since a wake-up here is on the path of every event between domains.
/// </summary>
public sealed unsafe partial class HostSignal : IDisposable
{
    private const int Clear = 0, Signalled = 1, Sleeping = -1;
    private const long FutexCall = 202;
    private const int WaitPrivate = 128, WakePrivate = 129;
    private const int SpinsBeforeSleep = 20;

    private readonly SemaphoreSlim? _portable;
    private int* _state;

    public HostSignal()
    {
        if (OperatingSystem.IsLinux() && RuntimeInformation.ProcessArchitecture == Architecture.X64)
        {
            // SAFETY: freed in Dispose, after which no thread sets or waits, or by the collector when none can any more.
            _state = (int*)NativeMemory.AlignedAlloc(64, 64);
            *_state = Clear;
        }
        else
        {
            _portable = new SemaphoreSlim(0, 1);
        }
    }

    /// <summary>Releases the waiter, or the next one. Setting twice is setting once.</summary>
    public void Set()
    {
        if (_portable is not null)
        {
            SetPortable();
            return;
        }
        // SAFETY: _state lives until Dispose, or until this is unreachable, which it is not before the last line.
        if (Interlocked.Exchange(ref *_state, Signalled) == Sleeping)
            WakeSleeper();
        GC.KeepAlive(this);
    }

    /// <summary>Waits for a <see cref="Set"/>.</summary>
    /// <param name="timeoutNanoseconds">How long at most; a negative time is without end.</param>
    /// <param name="soon">Whether it is likely to come soon, so that looking for it for some microseconds is cheaper than sleeping.</param>
    /// <returns>False when the time went by first.</returns>
    public bool Wait(long timeoutNanoseconds = -1, bool soon = true)
    {
        if (_portable is not null)
            return _portable.Wait(timeoutNanoseconds < 0 ? -1 : (int)Math.Min(int.MaxValue, (timeoutNanoseconds + 999_999) / 1_000_000));
        var spinner = default(SpinWait);
        for (var i = 0; soon && i < SpinsBeforeSleep; i++)
        {
            if (TryTake())
                return true;
            spinner.SpinOnce(sleep1Threshold: -1);
        }
        return Sleep(timeoutNanoseconds);
    }

    ~HostSignal() => Free();

    /// <summary>
    /// Gives the signal's memory back at once. Who cannot know that nobody is still setting it leaves that to the collector.
    /// </summary>
    public void Dispose()
    {
        _portable?.Dispose();
        Free();
        GC.SuppressFinalize(this);
    }

    private void Free()
    {
        // SAFETY: nobody uses it any more: see the constructor.
        NativeMemory.AlignedFree(_state);
        _state = null;
    }

    // Never made part of its callers, who would prepare themselves for a call of the host each time, though hardly one of them makes it.
    // SAFETY: _state lives until Dispose.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private void WakeSleeper() => Futex(FutexCall, _state, WakePrivate, 1, null, null, 0);

    // SAFETY: _state lives until Dispose.
    private bool TryTake() => Interlocked.CompareExchange(ref *_state, Clear, Signalled) == Signalled;

    private bool Sleep(long timeoutNanoseconds)
    {
        var start = System.Diagnostics.Stopwatch.GetTimestamp();
        var time = stackalloc long[2];
        while (true)
        {
            if (Interlocked.CompareExchange(ref *_state, Sleeping, Clear) == Signalled)
            {
                TryTake();
                return true;
            }
            if (timeoutNanoseconds < 0)
            {
                Futex(FutexCall, _state, WaitPrivate, Sleeping, null, null, 0);
            }
            else
            {
                var left = timeoutNanoseconds - (long)System.Diagnostics.Stopwatch.GetElapsedTime(start).TotalNanoseconds;
                if (left <= 0)
                    return Interlocked.Exchange(ref *_state, Clear) == Signalled;
                time[0] = left / 1_000_000_000;
                time[1] = left % 1_000_000_000;
                Futex(FutexCall, _state, WaitPrivate, Sleeping, time, null, 0);
            }
            if (TryTake())
                return true;
        }
    }

    private void SetPortable()
    {
        try
        {
            _portable!.Release();
        }
        catch (SemaphoreFullException)
        {
            // Already set: setting twice is setting once.
        }
    }

    [LibraryImport("libc", EntryPoint = "syscall")]
    private static partial long Futex(long number, int* word, int operation, int value, long* timeout, int* second, int third);
}
