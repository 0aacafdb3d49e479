using System.Diagnostics;
using System.Globalization;

namespace Pv.SystemTests.Hosts;

/// <summary>Processes of this host, as /proc shows them.</summary>
internal static class Processes
{
    // SIGHUP in a mask of signals; the runtime catches it for those alone who ask.
    private const ulong HangUp = 1;

    /// <summary>The numbers of those whose parent is <paramref name="parent"/>.</summary>
    public static int[] ChildrenOf(int parent) => [.. All().Where(process => ReadOrNothing(process, "stat").Split(')')[^1].Split(' ') is { Length: > 2 } fields && fields[2] == $"{parent}")];

    /// <summary>The numbers of those of whose arguments one is or contains <paramref name="word"/>.</summary>
    public static int[] WithArgument(string word) => [.. All().Where(process => ReadOrNothing(process, "cmdline").Contains(word, StringComparison.Ordinal))];

    /// <summary>Whether nothing of a process is left: one that was killed has its files until its last thread has seen it, even if its first has.</summary>
    public static bool HasEnded(int process) => Entries($"/proc/{process}/task")
        .All(thread => ReadOrNothing(process, $"task/{Path.GetFileName(thread)}/stat").Split(')')[^1].TrimStart() is "" or ['Z' or 'X', ..]);

    /// <summary>The names of a process's threads, shortened as the kernel has them.</summary>
    public static string[] ThreadsOf(int process) => [.. Entries($"/proc/{process}/task").Select(thread => ReadOrNothing(process, $"task/{Path.GetFileName(thread)}/comm").Trim())];

    /// <summary>What the descriptors of a process lead to.</summary>
    public static string[] FilesOf(int process) => [.. Entries($"/proc/{process}/fd").Select(file => new FileInfo(file).LinkTarget ?? "")];

    /// <summary>Whether an <c>xl</c> hands signals on: it does so from when its command, which <c>pvd</c> runs, has asked for them.</summary>
    public static bool TakesSignals(int process) => ReadOrNothing(process, "status").Split('\n').FirstOrDefault(line => line.StartsWith("SigCgt:", StringComparison.Ordinal)) is { } caught
        && (ulong.Parse(caught["SigCgt:".Length..].Trim(), NumberStyles.HexNumber, CultureInfo.InvariantCulture) & HangUp) != 0;

    // What goes away while it is looked at is no entry.
    private static string[] Entries(string folder)
    {
        try
        {
            return Directory.GetFileSystemEntries(folder);
        }
        catch (IOException)
        {
            return [];
        }
    }

    private static IEnumerable<int> All() => Process.GetProcesses().Select(process => process.Id);

    private static string ReadOrNothing(int process, string file)
    {
        try
        {
            return File.ReadAllText($"/proc/{process}/{file}");
        }
        catch (IOException)
        {
            return "";
        }
    }
}
