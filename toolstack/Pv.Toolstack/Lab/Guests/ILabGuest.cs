using Pv.Abi;
using Pv.LabGuests;

namespace Pv.Toolstack.Lab.Guests;

/// <summary>A fresh guest that does what the lab puts into its memory. One thread at a time.</summary>
public interface ILabGuest : IAsyncDisposable
{
    LabEngine Engine { get; }

    DomId Domain { get; }

    /// <summary>The part of its memory that is the lab's.</summary>
    LabArea Area { get; }

    /// <summary>Frames of Dom0 that the guest may map and copy, by grant.</summary>
    IReadOnlyList<GrantRef> Granted { get; }

    /// <summary>The address of the first of <see cref="LabSizes.Items"/> pages at which nothing is, so that something can be mapped there.</summary>
    ulong Window { get; }

    /// <summary>The address of the first of as many pages whose mappings can be changed; 0 where page tables are not the guest's.</summary>
    ulong Targets { get; }

    /// <summary>Frames that nothing maps, by the number that <c>memory_op</c> calls them: they can be given back.</summary>
    IReadOnlyList<ulong> Spare { get; }

    /// <summary>The address of its <c>shared_info</c>.</summary>
    ulong SharedInfo { get; }

    /// <summary>The number by which hypercalls name the frame at an address.</summary>
    ulong FrameOf(ulong address);

    /// <summary>The machine address of the page-table entry that maps an address.</summary>
    ulong EntryOf(ulong address);

    /// <summary>Has the guest set up its queue of asynchronous hypercalls; null where the hypervisor offers none. Once.</summary>
    LabQueue? OpenQueue();

    /// <summary>Brings a program into the guest. It stays there.</summary>
    LoadedProgram Load(LabProgram program);

    /// <summary>Runs a program so many times, and waits until the guest sleeps again.</summary>
    /// <exception cref="ToolstackLabException">The guest ended, or did not answer.</exception>
    LabRun Run(LoadedProgram program, ulong rounds);
}

/// <summary>Sizes that the lab and its guests agree on.</summary>
public static class LabSizes
{
    /// <summary>The longest batch, and so how many targets, windows and spare frames there are.</summary>
    public const int Items = 1024;

    /// <summary>Pages that are the lab's in each guest.</summary>
    public const int AreaPages = 1536;

    /// <summary>Frames that Dom0 grants.</summary>
    public const int GrantedFrames = 64;
}

/// <summary>A program that is in a guest.</summary>
/// <param name="Program">Its steps.</param>
/// <param name="StepsAt">Where they stand.</param>
/// <param name="EntryAt">What the guest is told to run.</param>
public sealed record LoadedProgram(LabProgram Program, ulong StepsAt, ulong EntryAt)
{
    /// <summary>What a step's call returned in the last round.</summary>
    public long ResultOf(int step, LabArea area) => (long)area.ReadWord(StepsAt + (ulong)((step * LabStep.WireSize) + (LabStep.Result * sizeof(ulong))));
}

/// <summary>What one run was, without what it takes to begin and end any.</summary>
/// <param name="Nanoseconds">By the guest's own clock, from the first step to behind the last.</param>
/// <param name="Entries">How often the guest entered the hypervisor: hypercalls and exceptions.</param>
/// <param name="BytesIn">What the hypervisor copied of arguments and lists from the guest's memory.</param>
/// <param name="BytesOut">What it copied to it.</param>
/// <param name="PauseNanoseconds">How long collections of garbage stopped the process meanwhile.</param>
public readonly record struct LabRun(double Nanoseconds, ulong Entries, ulong BytesIn, ulong BytesOut, double PauseNanoseconds);

/// <summary>An experiment cannot go on. The message is one sentence for the user.</summary>
public sealed class ToolstackLabException(string message) : Exception(message);
