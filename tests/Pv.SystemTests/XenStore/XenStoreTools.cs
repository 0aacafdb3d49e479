using System.Diagnostics;
using System.Text.RegularExpressions;
using NUnit.Framework;
using Pv.SystemTests.Packages;
using Pv.Tests;

namespace Pv.SystemTests.XenStore;

/// <summary>Debian's tools and client library of xenstore, from their packages: nothing of them needs to be installed.</summary>
internal static partial class XenStoreTools
{
    private const string Libraries = "usr/lib/x86_64-linux-gnu";

    /// <summary>A tool about to run against the daemon at a socket.</summary>
    /// <param name="tool">Its name without <c>xenstore-</c>.</param>
    /// <param name="socket">Where the daemon is.</param>
    /// <param name="words">Its command line.</param>
    public static ProcessStartInfo Tool(string tool, string socket, IEnumerable<string> words)
    {
        var start = Program(tool == "control" ? Control() : DebianPackages.Fetch("xenstore-utils", $"usr/bin/xenstore-{tool}"), socket, words);
        start.Environment["LD_LIBRARY_PATH"] = string.Join(':', tool == "control" ? ControlLibraries() : ToolLibraries());
        return start;
    }

    /// <summary>Runs a tool to its end.</summary>
    public static Command Run(string tool, string socket, params IEnumerable<string> words) => Command.Run(Tool(tool, socket, words));

    /// <summary>Runs a tool, which is to succeed, and returns what it printed.</summary>
    public static string Output(string tool, string socket, params IEnumerable<string> words)
    {
        var done = Run(tool, socket, words);
        Assert.That(done.ExitCode, Is.Zero, $"xenstore-{tool} {string.Join(' ', words)}: {done.Output}{done.Errors}");
        return done.Output;
    }

    /// <summary>A Python program beside this file, which may import pyxs.</summary>
    public static ProcessStartInfo Python(string program, string socket)
    {
        var start = Program(DebianPython.Interpreter, socket, [Path.Combine(Repository.Root, "tests/Pv.SystemTests/XenStore/Programs", program)]);
        foreach (var (name, value) in DebianPython.Environment(FolderOf(FolderOf(DebianPackages.Fetch("python3-pyxs", "usr/lib/python3/dist-packages/pyxs/client.py")))))
            start.Environment[name] = value;
        return start;
    }

    private static ProcessStartInfo Program(string program, string socket, IEnumerable<string> words)
    {
        var start = new ProcessStartInfo(program, words) { WorkingDirectory = Path.GetTempPath() };
        start.Environment["XENSTORED_PATH"] = socket;
        return start;
    }

    private static string Control() => DebianPackages.FetchNewest("xen-utils-4.", XenUtils(), "usr/lib/xen-4.*/bin/xenstore-control");

    private static IEnumerable<string> ToolLibraries()
    {
        yield return Library("libxenstore4", "libxenstore.so.4");
        yield return Library("libxentoolcore1", "libxentoolcore.so.1");
    }

    private static IEnumerable<string> ControlLibraries()
    {
        foreach (var folder in ToolLibraries())
            yield return folder;
        foreach (var name in new[] { "toollog", "call", "evtchn", "gnttab", "foreignmemory", "devicemodel" })
            yield return Library($"libxen{name}1", $"libxen{name}.so.1");
        yield return FolderOf(DebianPackages.FetchNewest("libxenmisc4.", XenMisc(), $"{Libraries}/libxenctrl.so.*"));
    }

    private static string Library(string package, string file) => FolderOf(DebianPackages.Fetch(package, $"{Libraries}/{file}"));

    private static string FolderOf(string path) => Path.GetDirectoryName(path)!;

    [GeneratedRegex(@"^xen-utils-4\.(\d+)$")]
    private static partial Regex XenUtils();

    [GeneratedRegex(@"^libxenmisc4\.(\d+)$")]
    private static partial Regex XenMisc();
}
