namespace Pv.SampleGuests.Commands;

/// <summary>A word that the shell knows.</summary>
/// <param name="Name">The word.</param>
/// <param name="Arguments">What follows it.</param>
/// <param name="Purpose">What it does.</param>
/// <param name="RunAsync">Does it, with the words that followed.</param>
internal sealed record ShellCommand(string Name, string Arguments, string Purpose, Func<string[], Task> RunAsync);

/// <summary>A command was given words that it cannot use.</summary>
internal sealed class UsageException(string message) : Exception(message);
