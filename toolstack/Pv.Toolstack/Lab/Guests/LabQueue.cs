namespace Pv.Toolstack.Lab.Guests;

/// <summary>A guest's queue of asynchronous hypercalls, as a machine-code guest addresses it; a C# guest has an interface of its own to it.</summary>
/// <param name="Header">The address of its header.</param>
/// <param name="Completions">Of the ring of completions.</param>
/// <param name="Submissions">Of the ring of submissions.</param>
/// <param name="Entries">How many calls may be under way.</param>
public sealed record LabQueue(ulong Header, ulong Completions, ulong Submissions, int Entries);
