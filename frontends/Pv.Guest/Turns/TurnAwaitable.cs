using System.Runtime.CompilerServices;

namespace Pv.Guest;

/// <summary>What <see cref="GuestContext.Poll"/> and <see cref="GuestContext.Yield"/> give to await: the rest of the method goes to the end of the queue.</summary>
/// <remarks>Use it only in an <c>await</c>.</remarks>
public readonly struct TurnAwaitable
{
    private readonly TurnQueue _turns;
    private readonly bool _goOn;

    internal TurnAwaitable(TurnQueue turns, bool goOn)
    {
        _turns = turns;
        _goOn = goOn;
    }

    public Awaiter GetAwaiter() => new(_turns, _goOn);

    /// <summary>The compiler's side of an <c>await</c>.</summary>
    public readonly struct Awaiter : ICriticalNotifyCompletion
    {
        private static readonly SendOrPostCallback Continue = static state => ((Action)state!)();

        private readonly TurnQueue _turns;

        internal Awaiter(TurnQueue turns, bool goOn)
        {
            _turns = turns;
            IsCompleted = goOn;
        }

        /// <summary>Nobody else wants the vCPU: no need to stop.</summary>
        public bool IsCompleted { get; }

        public void GetResult()
        {
            // Nothing comes of it.
        }

        public void OnCompleted(Action continuation) => _turns.Post(Continue, continuation);

        public void UnsafeOnCompleted(Action continuation) => _turns.Post(Continue, continuation);
    }
}
