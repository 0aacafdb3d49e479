using Pv.Abi;
using Pv.LabGuests;

namespace Pv.Toolstack.Lab.Guests;

/// <summary>What a guest of the lab does over and over: fill arguments, make hypercalls. Independent of the engine.</summary>
public sealed class LabProgram
{
    private readonly List<ulong[]> _steps = [];

    /// <summary>Each step as <see cref="LabStep"/> lays it out.</summary>
    public IReadOnlyList<ulong[]> Steps => _steps;

    /// <summary>Writes arguments: bytes that stand ready at <paramref name="source"/>, a multiple of eight.</summary>
    public void Fill(ulong source, ulong target, int bytes)
    {
        if (bytes > 0)
            Add(LabStepKind.Fill, source, target, 1, (ulong)bytes, 0, 0);
    }

    /// <summary>Copies what changes from round to round: some items of four or eight bytes, or a single one of any size.</summary>
    public void Copy(ulong source, ulong target, int count, int bytes, int sourceStride, int targetStride)
        => Add(LabStepKind.Copy, source, target, (ulong)count, (ulong)bytes, (ulong)sourceStride, (ulong)targetStride);

    /// <summary>Makes a hypercall. Returns the step, by which its result is found.</summary>
    public int Call(HypercallNumber number, params ReadOnlySpan<ulong> arguments) => Call(LabStepKind.Call, number, arguments);

    /// <summary>Does all that a call is but the entry. Returns the step, whose result is the number.</summary>
    public int Omit(HypercallNumber number, params ReadOnlySpan<ulong> arguments) => Call(LabStepKind.Omit, number, arguments);

    /// <summary>Leaves calls in the guest's queue: entries that stand ready at <paramref name="entries"/>.</summary>
    public void Submit(ulong entries, LabQueue queue, int calls) => Add(LabStepKind.Submit, entries, queue.Header, queue.Submissions, (ulong)calls, (ulong)queue.Entries);

    /// <summary>Waits until as many calls of the queue were made. Returns the step, whose result has the bits of theirs.</summary>
    public int Await(LabQueue queue, int calls)
    {
        Add(LabStepKind.Await, 0, queue.Header, queue.Completions, (ulong)calls, (ulong)queue.Entries);
        return _steps.Count - 1;
    }

    private int Call(LabStepKind kind, HypercallNumber number, ReadOnlySpan<ulong> arguments)
    {
        Span<ulong> words = stackalloc ulong[1 + LabStep.Arguments];
        words[0] = (ulong)number;
        arguments.CopyTo(words[1..]);
        Add(kind, words);
        return _steps.Count - 1;
    }

    private void Add(LabStepKind kind, params ReadOnlySpan<ulong> words)
    {
        var step = new ulong[LabStep.Words];
        step[LabStep.Kind] = (ulong)kind;
        words.CopyTo(step.AsSpan(1));
        _steps.Add(step);
    }
}
