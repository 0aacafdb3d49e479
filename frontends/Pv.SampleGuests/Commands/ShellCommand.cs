namespace Pv.SampleGuests.Commands;

/// <summary>A word that the shell knows.</summary>
/// <param name="Name">The word.</param>
/// <param name="Usage">What follows it, and what it does.</param>
/// <param name="RunAsync">Does it, with the words that followed.</param>
internal sealed record ShellCommand(string Name, string Usage, Func<string[], Task> RunAsync);

/// <summary>A command was given words that it cannot use.</summary>
internal sealed class UsageException(string message) : Exception(message);
