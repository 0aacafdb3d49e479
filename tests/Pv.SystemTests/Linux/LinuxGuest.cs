using System.Globalization;
using NUnit.Framework;
using Pv.SystemTests.Hosts;

namespace Pv.SystemTests.Linux;

/// <summary>How a Linux guest is made.</summary>
/// <param name="Flavour">Of Debian's kernel: <c>cloud-amd64</c> or <c>amd64</c>.</param>
/// <param name="Vcpus">How many vCPUs it has.</param>
/// <param name="Memory">In MiB.</param>
internal sealed record LinuxShape(string Flavour = "cloud-amd64", int Vcpus = 1, int Memory = 256)
{
    public override string ToString() => $"{Flavour}, {Vcpus} vCPU(s), {Memory} MiB";
}

/// <summary>A Linux guest with its console at hand, at the shell's prompt between two calls.</summary>
internal sealed class LinuxGuest : IAsyncDisposable
{
    public const string Prompt = ":~# ";

    private LinuxGuest(PvHost host, string name, Session console)
    {
        Host = host;
        Name = name;
        Console = console;
    }

    public PvHost Host { get; }

    public string Name { get; }

    public Session Console { get; }

    /// <summary>Creates a guest with <c>xl create -c</c> (and further words, such as settings) and waits for its shell.</summary>
    public static Task<LinuxGuest> StartAsync(PvHost host, LinuxShape shape, string name = "linux", params string[] more)
        => CreateAsync(host, name, [.. Settings(shape, name), .. more]);

    /// <summary>The same of any configuration that comes to a shell of Linux.</summary>
    public static async Task<LinuxGuest> CreateAsync(PvHost host, string name, params string[] words)
    {
        var console = host.OpenXlAtTerminal(["create", "-c", .. words]);
        var guest = new LinuxGuest(host, name, console);
        await guest.MeetAsync();
        return guest;
    }

    /// <summary>Waits for the shell of a kernel that is to begin, also behind a reboot. From then on the console is the shell's alone.</summary>
    public async Task MeetAsync()
    {
        // What loads the kernel may take as long as the kernel does.
        await Console.ExpectAsync("Linux version");
        await Console.ExpectAsync(Prompt);
        // The kernel's own lines would get into what commands print, such as those of a host that gives a guest no time for long.
        await RunAsync("dmesg -n 1; echo 0 > /proc/sys/kernel/watchdog");
    }

    /// <summary>The words behind <c>xl create</c>.</summary>
    public static string[] Settings(LinuxShape shape, string name) =>
    [
        "examples/linux.cfg",
        $"name=\"{name}\"",
        $"kernel=\"{LinuxFiles.Kernel(shape.Flavour)}\"",
        $"ramdisk=\"{LinuxFiles.Initramfs}\"",
        $"vcpus={shape.Vcpus}",
        $"memory={shape.Memory}",
    ];

    /// <summary>Runs a command, which is to succeed. Returns what it printed.</summary>
    public async Task<string> RunAsync(string command)
    {
        var (status, output) = await TryAsync(command);
        Assert.That(status, Is.Zero, $"{command}: {output}");
        return output;
    }

    /// <summary>Runs a command. Returns its exit status and what it printed.</summary>
    public async Task<(int Status, string Output)> TryAsync(string command)
    {
        // What is typed is echoed; the quotes keep the echo from looking like the answer.
        await Console.SendAsync($"echo 'be''gin'; {command}; echo 'sta''tus' $?\r");
        await Console.ExpectAsync("\nbegin\r\n");
        var output = await Console.ExpectAsync("status ");
        var status = await Console.ExpectAsync("\r\n");
        await Console.ExpectAsync(Prompt);
        return (int.Parse(status, CultureInfo.InvariantCulture), output[..^"status ".Length].Replace("\r", "", StringComparison.Ordinal));
    }

    public ValueTask DisposeAsync() => Console.DisposeAsync();
}
