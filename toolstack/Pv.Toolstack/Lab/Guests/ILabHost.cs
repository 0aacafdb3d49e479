namespace Pv.Toolstack.Lab.Guests;

/// <summary>Where experiments run: it has the engines of this machine, and makes fresh guests on them.</summary>
public interface ILabHost
{
    /// <summary>Every engine that can run guests here, the plainest first.</summary>
    IReadOnlyList<LabEngine> Engines { get; }

    /// <summary>A new guest on a machine of its own, waiting. It goes with its disposal, and the machine with it.</summary>
    Task<ILabGuest> StartAsync(LabEngine engine, CancellationToken cancel);

    /// <summary>Two C# guests on one machine of their own, on pCPUs of their own or on one.</summary>
    Task<ILabPair> StartPairAsync(int pcpus, CancellationToken cancel);
}

/// <summary>A way to run guests.</summary>
/// <param name="Name">The word for it on the command line, in files and in charts.</param>
/// <param name="Description">What it is, for people.</param>
/// <param name="OwnsTables">Its guests are machine code, with page tables of their own.</param>
public sealed record LabEngine(string Name, string Description, bool OwnsTables);
