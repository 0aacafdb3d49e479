using System.Text;
using NUnit.Framework;
using Pv.Abi;
using Pv.Guest;
using Pv.Machine.Gate;

namespace Pv.Tests.Guest;

/// <summary>A C# guest on the fake machine, with the far ends of its console and of its xenstore ring in the test's hands.</summary>
internal sealed class GuestHarness : IDisposable
{
    private readonly FakeMachine _machine = new();
    private readonly uint _consolePort;
    private readonly ByteRingWriter _typing;
    private readonly ByteRingReader _output;

    public GuestHarness(Func<GuestContext, Task> main, Func<GuestContext, ShutdownReason, Task>? stop = null, bool withStore = false)
    {
        Gate = _machine[1];
        _consolePort = Gate.Connect(_machine[0]);
        Gate.Start.ConsoleMfn = new Mfn(FakeGate.ConsoleFrame.Value);
        Gate.Start.ConsolePort = new EventPort(_consolePort);
        if (withStore)
        {
            Gate.Start.StoreMfn = new Mfn(FakeGate.StoreFrame.Value);
            Gate.Start.StorePort = new EventPort(Gate.Connect(_machine[0]));
        }
        Encoding.ASCII.GetBytes("one two=2\0").CopyTo((Span<byte>)Gate.Start.CommandLine);
        Gate.PutStart();
        var console = Gate.Page(FakeGate.ConsoleFrame);
        _typing = new ByteRingWriter(console, ByteRingLayout.ConsoleIn);
        _output = new ByteRingReader(console, ByteRingLayout.ConsoleOut);
        Kernel = GuestRuntime.Factory(() => new ScriptedKernel(main, stop))(Gate);
    }

    public FakeMachine Machine => _machine;

    public FakeGate Gate { get; }

    public IManagedKernel Kernel { get; }

    public TurnOutcome Run() => Kernel.RunTurns();

    /// <summary>Types at the console and runs the guest.</summary>
    public void Type(string text)
    {
        _typing.TryWrite(Encoding.UTF8.GetBytes(text), out _);
        Gate.Raise(_consolePort);
        Run();
    }

    /// <summary>What the guest wrote since the last look.</summary>
    public string TakeOutput()
    {
        var bytes = new byte[ByteRingLayout.ConsoleOut.Size];
        _output.TryRead(bytes, out var read, out _);
        return Encoding.UTF8.GetString(bytes, 0, read);
    }

    /// <summary>Tells the guest that its console's other end did something.</summary>
    public void NotifyConsole() => Gate.Raise(_consolePort);

    /// <summary>The guest's end of its channel to xenstored.</summary>
    public EventPort StorePort => Gate.Start.StorePort;

    /// <summary>Runs the guest until it shuts down, sleeping while it has nothing to do.</summary>
    public void RunToTheEnd()
    {
        using var upcalls = new SemaphoreSlim(0);
        void Wake() => upcalls.Release();
        Gate.Upcall += Wake;
        try
        {
            while (Gate.Shutdown is null)
            {
                if (Run() == TurnOutcome.Idle && Gate.Shutdown is null)
                    Assert.That(upcalls.Wait(TimeSpan.FromSeconds(20)), Is.True, "the guest waits for an event that does not come");
            }
        }
        finally
        {
            Gate.Upcall -= Wake;
        }
    }

    public void Dispose() => _machine.Dispose();
}
