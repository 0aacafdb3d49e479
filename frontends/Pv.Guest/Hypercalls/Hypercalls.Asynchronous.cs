using Pv.Abi;

namespace Pv.Guest;

/// <content>Asynchronous hypercalls, an extension (<c>docs/async-hypercalls.md</c>); <see cref="AsyncQueue"/> is how to make them.</content>
public sealed partial class Hypercalls
{
    /// <summary>The version of the extension's interface; 0 when the domain may not use it.</summary>
    public uint AsyncVersion() => (uint)Math.Max(0, Call(AsyncHypercalls.Number, (ulong)AsyncOperation.Query));

    internal IArgumentPages Pages => _pages;

    internal Errno SetUpAsyncQueue(uint entries, EventPort port, ReadOnlySpan<Pfn> frames)
    {
        using var scope = _pages.Stack.Enter();
        var list = scope.Push(frames);
        var setup = new AsyncQueueSetup { Entries = entries, Port = port, FrameList = list.Address, FrameCount = (uint)frames.Length };
        return ErrnoOf(Call(AsyncHypercalls.Number, (ulong)AsyncOperation.SetUp, ref setup));
    }
}
