using System.Diagnostics;
using System.Globalization;
using Pv.Cpu.Software;

namespace Pv.Benchmarks.Host;

/// <summary>
/// Debian's Linux on the software engine: from the request to the first user process and to the shell, the memory it costs pvd, and what
/// people run at a shell against the same busybox on this host, in turns.
/// </summary>
internal static class LinuxBenchmark
{
    private const int Boots = 5, Rounds = 3;
    private const string Prompt = ":~# ";

    // A command, with @ for how often; the guest does Guest rounds of it, and this host, which is faster, Native.
    private static readonly (string Name, string Command, int Guest, int Native)[] Works =
    [
        ("dd, 4 KiB blocks", "dd if=/dev/zero of=/dev/null bs=4k count=@", 20_000, 400_000),
        ("dd, 64 KiB blocks", "dd if=/dev/zero of=/dev/null bs=64k count=@", 10_000, 100_000),
        ("md5sum", "dd if=/dev/zero bs=64k count=@ | md5sum", 200, 4_000),
        ("sha256sum", "dd if=/dev/zero bs=64k count=@ | sha256sum", 60, 1_200),
        ("awk", "awk 'BEGIN { for (i = 0; i < @; i++) s += i * i % 7; print s }'", 100_000, 2_000_000),
        ("shell loop", "i=0; while [ $i -lt @ ]; do i=$((i+1)); done", 40_000, 800_000),
        ("fork", "i=0; while [ $i -lt @ ]; do (:); i=$((i+1)); done", 300, 3_000),
        ("fork and exec", "i=0; while [ $i -lt @ ]; do $B true; i=$((i+1)); done", 150, 1_500),
    ];

    /// <param name="words">
    /// The paths of a kernel, of the initramfs that <c>examples/linux/pack</c> makes, and of its static busybox; maybe how often a block is
    /// interpreted before it is translated, -1 for never.
    /// </param>
    public static async Task<int> RunAsync(string[] words)
    {
        if (words.Length < 3)
        {
            Console.Error.WriteLine("linux KERNEL INITRAMFS BUSYBOX [TRANSLATE-AFTER]: see examples/linux/fetch");
            return 2;
        }
        var configuration = $"name=\"linux\"\nmemory=256\nkernel=\"{Path.GetFullPath(words[0])}\"\nramdisk=\"{Path.GetFullPath(words[1])}\"\nextra=\"console=hvc0\"\n";
        var translateAfter = words.Length > 3 ? int.Parse(words[3], CultureInfo.InvariantCulture) : SoftwareEngine.UsualTranslateAfter;
        await using var host = await HostInProcess.StartAsync(translateAfter: translateAfter);
        await MeasureBootsAsync(host, configuration);
        await MeasureMemoryAsync(host, configuration);
        await MeasureWorksAsync(host, configuration, words[2]);
        return 0;
    }

    private static async Task MeasureBootsAsync(HostInProcess host, string configuration)
    {
        var (inits, shells) = (new List<double>(), new List<double>());
        for (var boot = 0; boot < Boots; boot++)
        {
            var start = Stopwatch.GetTimestamp();
            await using var console = await host.CreateAsync(configuration);
            await console.ExpectAsync("Run /init as init process");
            inits.Add(Stopwatch.GetElapsedTime(start).TotalSeconds);
            await console.ExpectAsync(Prompt);
            shells.Add(Stopwatch.GetElapsedTime(start).TotalSeconds);
            await host.Domains.DestroyAsync(console.Domain);
        }
        Console.WriteLine($"create to the first user process: {inits[0]:f2} s in a fresh process, then {inits.Skip(1).Order().ElementAt(Boots / 2 - 1):f2} s (median of {Boots - 1})");
        Console.WriteLine($"create to the shell's prompt:     {shells[0]:f2} s in a fresh process, then {shells.Skip(1).Order().ElementAt(Boots / 2 - 1):f2} s");
    }

    private static async Task MeasureMemoryAsync(HostInProcess host, string configuration)
    {
        var before = ResidentMemory.OwnKiB();
        await using var console = await host.CreateAsync(configuration);
        await console.ExpectAsync(Prompt);
        var after = ResidentMemory.OwnKiB();
        await host.Domains.DestroyAsync(console.Domain);
        Console.WriteLine($"a booted guest of 256 MiB, beyond its own frames: {(after - before) / 1024.0:f1} MiB of resident memory");
    }

    private static async Task MeasureWorksAsync(HostInProcess host, string configuration, string busybox)
    {
        await using var console = await host.CreateAsync(configuration);
        await console.ExpectAsync(Prompt);
        await InGuestAsync(console, "B=/bin/busybox");
        Console.WriteLine($"{"",-20} {"guest",10} {"host",10} {"times",8}   (a million rounds; best of {Rounds})");
        foreach (var (name, command, guestRounds, nativeRounds) in Works)
        {
            var (guest, native) = (double.MaxValue, double.MaxValue);
            for (var round = 0; round < Rounds; round++)
            {
                guest = Math.Min(guest, await InGuestAsync(console, With(command, guestRounds)) / guestRounds);
                native = Math.Min(native, OnHost(busybox, With(command, nativeRounds)) / nativeRounds);
            }
            Console.WriteLine($"{name,-20} {guest * 1e6,9:f2}s {native * 1e6,9:f3}s {guest / native,8:f1}");
        }
        await host.Domains.DestroyAsync(console.Domain);
    }

    private static string With(string command, int rounds) => command.Replace("@", rounds.ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal);

    private static async Task<double> InGuestAsync(ConsoleTalk console, string command)
    {
        await console.TypeAsync($"echo 'be''gin'; {{ {command}; }} > /dev/null 2>&1; echo 'do''ne' $?");
        await console.ExpectAsync("\nbegin\r\n");
        var start = Stopwatch.GetTimestamp();
        await console.ExpectAsync("done ");
        var elapsed = Stopwatch.GetElapsedTime(start).TotalSeconds;
        if (await console.ExpectAsync("\r\n") is not "0" and var status)
            throw new InvalidOperationException($"In the guest this ends with {status}: {command}");
        await console.ExpectAsync(Prompt);
        return elapsed;
    }

    private static double OnHost(string busybox, string command)
    {
        // The shell's own applets first, as in the guest, where nothing else is.
        var links = Directory.CreateTempSubdirectory("pv-links-").FullName;
        foreach (var applet in (string[])["dd", "md5sum", "sha256sum", "awk"])
            File.CreateSymbolicLink(Path.Combine(links, applet), Path.GetFullPath(busybox));
        var shell = new ProcessStartInfo(busybox, ["sh", "-c", $"{{ {command}; }} > /dev/null 2>&1"]);
        shell.Environment["PATH"] = links;
        shell.Environment["B"] = Path.GetFullPath(busybox);
        var start = Stopwatch.GetTimestamp();
        using var process = Process.Start(shell)!;
        process.WaitForExit();
        var elapsed = Stopwatch.GetElapsedTime(start).TotalSeconds;
        Directory.Delete(links, recursive: true);
        if (process.ExitCode != 0)
            throw new InvalidOperationException($"On this host this fails: {command}");
        return elapsed;
    }
}
