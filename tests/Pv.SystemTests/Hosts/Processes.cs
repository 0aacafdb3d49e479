using System.Diagnostics;

namespace Pv.SystemTests.Hosts;

/// <summary>Processes of this host, as /proc shows them.</summary>
internal static class Processes
{
    /// <summary>The numbers of those whose parent is <paramref name="parent"/>.</summary>
    public static int[] ChildrenOf(int parent) => [.. All().Where(process => ReadOrNothing(process, "stat").Split(')')[^1].Split(' ') is { Length: > 2 } fields && fields[2] == $"{parent}")];

    /// <summary>The numbers of those of whose arguments one is or contains <paramref name="word"/>.</summary>
    public static int[] WithArgument(string word) => [.. All().Where(process => ReadOrNothing(process, "cmdline").Contains(word, StringComparison.Ordinal))];

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
