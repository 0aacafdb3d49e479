using Pv.Abi;

namespace Pv.Guest;

/// <summary>
/// Hypercalls that are made at once, or, in <see cref="Enter">lazy mode</see>, gathered and made together: as Linux's lazy MMU and CPU modes do.
/// Neighbours with the same list argument become one call; a batch of one is a call of its own, not a multicall.
/// </summary>
/// <remarks>
/// What was gathered is made when the scope ends, when the batch is full, when <see cref="Flush"/> says so (before code that looks at memory which
/// the calls change, or when it has faulted there), and when a result is read. One thread at a time. Nothing is allocated after the constructor.
/// </remarks>
public sealed class LazyCalls : IDisposable
{
    private readonly Hypercalls _hypercalls;
    private readonly MulticallBatch _batch;
    private int _depth, _failedCount;
    private uint _generation;
    private bool _made;
    private HypercallNumber _firstFailed;
    private Errno _firstError;

    internal LazyCalls(Hypercalls hypercalls)
    {
        _hypercalls = hypercalls;
        _batch = hypercalls.Batch();
    }

    /// <summary>Whether calls are gathered now.</summary>
    public bool IsLazy => _depth > 0;

    /// <summary>How many calls were asked for, each element of a list among them.</summary>
    public ulong Asked { get; private set; }

    /// <summary>How often the hypervisor was entered for them.</summary>
    public ulong Entered { get; private set; }

    /// <summary>
    /// Told of each call that failed (an element of a list fails its list), when it was made. Where it is null, a failure in lazy mode makes the end
    /// of the scope throw, so that none goes unseen.
    /// </summary>
    public Action<HypercallNumber, Errno>? Failed { get; set; }

    /// <summary>Enters lazy mode.</summary>
    public LazyMode Enter()
    {
        _depth++;
        return new LazyMode(this);
    }

    /// <summary>A call whose arguments are registers only.</summary>
    public LazyCall Call(HypercallNumber number, ulong first = 0, ulong second = 0, ulong third = 0, ulong fourth = 0)
    {
        MakeRoom(_batch.HasRoom());
        return Issue(_batch.Add(number, first, second, third, fourth));
    }

    /// <summary>A call of the common form: a sub-operation, the address of one argument, and a count if the call takes one.</summary>
    public LazyCall Call<T>(HypercallNumber number, ulong operation, in T argument, ulong third = 0) where T : unmanaged
    {
        MakeRoom(_batch.HasRoom(WireSize<T>.Bytes));
        return Issue(_batch.AddWithArgument(number, operation, argument, third));
    }

    /// <summary>An element of a call with a list.</summary>
    public LazyElement<T> Element<T>(ListCall call, in T element) where T : unmanaged
    {
        MakeRoom(_batch.HasRoomFor<T>(call));
        var added = _batch.AddElement(call, element);
        return new LazyElement<T>(Issue(added.Call), added.Index);
    }

    /// <summary>Makes what was gathered.</summary>
    public void Flush()
    {
        if (_made || _batch.Count == 0)
            return;
        Entered++;
        _made = true;
        var refused = _batch.Count == 1 ? _batch.SubmitDirectly() : _batch.Submit();
        // A multicall as a whole is refused only where its page cannot be read.
        refused.OrThrow("multicall");
        for (var i = 0; i < _batch.Count; i++)
        {
            if (_batch.Result(i) is < 0 and var result)
                Note(_batch.NumberOf(i), Hypercalls.ErrnoOf(result));
        }
    }

    public void Dispose() => _batch.Dispose();

    internal void Leave()
    {
        try
        {
            if (_depth == 1)
                Flush();
        }
        finally
        {
            _depth--;
        }
        if (IsLazy)
            return;
        var (count, number, error) = (_failedCount, _firstFailed, _firstError);
        _failedCount = 0;
        if (count > 0 && Failed is null)
            throw new HypercallException(count == 1 ? $"{number} in a batch" : $"{count} calls in batches, {number} the first", error);
    }

    internal long ResultOf(LazyCall call)
    {
        Demand(call);
        return _batch.Result(call.Index);
    }

    internal T ArgumentOf<T>(LazyCall call) where T : unmanaged
    {
        Demand(call);
        return _batch.Argument<T>(call.Index);
    }

    internal T ElementOf<T>(LazyCall call, int index) where T : unmanaged
    {
        Demand(call);
        return _batch.Element<T>(new ListElement(call.Index, index));
    }

    private void MakeRoom(bool hasRoom)
    {
        if (!hasRoom)
            Flush();
        if (!_made)
            return;
        _batch.Clear();
        _made = false;
        _generation++;
    }

    private LazyCall Issue(int index)
    {
        Asked++;
        if (!IsLazy)
            Flush();
        return new LazyCall(this, _generation, index);
    }

    private void Demand(LazyCall call)
    {
        if (call.Generation != _generation)
            throw new InvalidOperationException("The results of a batch are there until the next one begins.");
        Flush();
    }

    private void Note(HypercallNumber number, Errno error)
    {
        if (Failed is { } failed)
        {
            failed(number, error);
            return;
        }
        // Outside of lazy mode whoever made the call has its result.
        if (IsLazy)
            (_firstFailed, _firstError) = _failedCount++ == 0 ? (number, error) : (_firstFailed, _firstError);
    }
}

/// <summary>A call of <see cref="LazyCalls"/>. To read what came of it makes it, if it was only gathered.</summary>
public readonly struct LazyCall
{
    private readonly LazyCalls _calls;

    internal LazyCall(LazyCalls calls, uint generation, int index)
    {
        (_calls, Generation, Index) = (calls, generation, index);
    }

    internal uint Generation { get; }

    internal int Index { get; }

    /// <summary>What it returned.</summary>
    /// <exception cref="InvalidOperationException">Another batch was begun since.</exception>
    public long Result => _calls.ResultOf(this);

    /// <summary>Why it was refused, if it was.</summary>
    /// <exception cref="InvalidOperationException">Another batch was begun since.</exception>
    public Errno Error => Hypercalls.ErrnoOf(Result);

    /// <summary>Its argument, as the hypervisor left it.</summary>
    /// <exception cref="InvalidOperationException">Another batch was begun since.</exception>
    public T Argument<T>() where T : unmanaged => _calls.ArgumentOf<T>(this);

    internal T Element<T>(int index) where T : unmanaged => _calls.ElementOf<T>(this, index);
}

/// <summary>An element of a list of <see cref="LazyCalls"/>.</summary>
public readonly struct LazyElement<T> where T : unmanaged
{
    private readonly int _index;

    internal LazyElement(LazyCall call, int index)
    {
        (Call, _index) = (call, index);
    }

    /// <summary>The call that has it in its list.</summary>
    public LazyCall Call { get; }

    /// <summary>The element, as the hypervisor left it.</summary>
    /// <exception cref="InvalidOperationException">Another batch was begun since.</exception>
    public T Value => Call.Element<T>(_index);
}
