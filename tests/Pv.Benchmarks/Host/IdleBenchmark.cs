namespace Pv.Benchmarks.Host;

/// <summary>
/// What an idle C# guest costs the host beyond the memory that it touched: the process's own resident memory (not the machine's frames, which
/// are a memory file) with many guests at their prompts, against the same process before.
/// </summary>
internal static class IdleBenchmark
{
    private const int Guests = 100;

    public static async Task<int> RunAsync()
    {
        await using var host = await HostInProcess.StartAsync();
        for (var i = 0; i < 10; i++)
            await host.Domains.DestroyAsync(await Shell(host, i));
        var before = ResidentMemory.OwnKiB();
        for (var i = 0; i < Guests; i++)
            await Shell(host, i);
        var after = ResidentMemory.OwnKiB();
        Console.WriteLine($"{Guests} idle C# guests: {(after - before) / (double)Guests:f1} KiB of resident memory each, beyond their own frames");
        return 0;
    }

    private static Task<Pv.Abi.DomId> Shell(HostInProcess host, int number)
        => host.CreateAndReadAsync($"name=\"shell{number}\"\nmemory=4\nkernel=\"{SampleGuests.Path}\"\nextra=\"guest=Shell\"\n", "pv>");
}
