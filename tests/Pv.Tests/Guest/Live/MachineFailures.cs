using System.Collections;
using System.Collections.Concurrent;
using NUnit.Framework;
using Pv.Guest;
using Pv.Machine.Gate;

namespace Pv.Tests.Guest.Live;

/// <summary>
/// What went wrong on a test's machine that nothing may go wrong with: a guest whose code is the test's, a handler, a daemon. Waits take
/// <see cref="InVain"/>, so that none outlasts what it waits for.
/// </summary>
internal sealed class MachineFailures : IReadOnlyCollection<string>, IDisposable
{
    private readonly ConcurrentQueue<string> _said = [];
    private readonly CancellationTokenSource _inVain = CancellationTokenSource.CreateLinkedTokenSource(TestContext.CurrentContext.CancellationToken);

    /// <summary>Cancelled by the first failure, and when the test's time is over (<see cref="CancelAfterAttribute"/>).</summary>
    public CancellationToken InVain => _inVain.Token;

    public int Count => _said.Count;

    public void Add(string failure)
    {
        _said.Enqueue(failure);
        // Whoever waits goes on elsewhere: this may be a pCPU's thread.
        _ = _inVain.CancelAsync();
    }

    /// <summary>A guest of the test's code, whose crash is a failure.</summary>
    public ManagedKernelFactory Script(Func<GuestContext, Task> main)
    {
        var factory = GuestRuntime.Factory(() => new ScriptedKernel(main));
        return gate => new Watched(factory(gate), this);
    }

    public IEnumerator<string> GetEnumerator() => _said.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    public void Dispose() => _inVain.Dispose();

    private sealed class Watched(IManagedKernel kernel, MachineFailures failures) : IManagedKernel
    {
        public TurnOutcome RunTurns()
        {
            try
            {
                return kernel.RunTurns();
            }
            catch (Exception failure)
            {
                failures.Add($"a guest crashed: {failure}");
                throw;
            }
        }
    }
}
