using System.Diagnostics;
using NUnit.Framework;
using Pv.SystemTests.Hosts;

namespace Pv.SystemTests.Guests;

/// <summary>Two hundred C# guests at once, created by a shell loop.</summary>
[TestFixture]
public sealed class ManyGuestsTests
{
    private const int Guests = 200;

    [Test]
    public async Task Two_hundred_run_at_once_and_leave_nothing()
    {
        await using var host = await PvHost.StartAsync(memory: 2048);
        var free = await host.FreeMemoryAsync();
        var watch = Stopwatch.StartNew();

        await LoopAsync(host, "\"$xl\" create -q examples/hello.cfg \"name='guest$i'\"");
        TestContext.Out.WriteLine($"created after {watch.Elapsed.TotalSeconds:F1} s");
        var listed = await host.ListAsync();
        Assert.That(listed, Has.Count.EqualTo(Guests + 1));

        foreach (var domain in listed.Where(domain => domain.Id != 0))
        {
            await using var console = host.OpenXl("console", domain.Name);
            await console.AskAsync("xs read name", $"\n{domain.Name}\r\n");
        }
        TestContext.Out.WriteLine($"all have answered after {watch.Elapsed.TotalSeconds:F1} s");

        await LoopAsync(host, "\"$xl\" destroy guest$i");
        TestContext.Out.WriteLine($"destroyed after {watch.Elapsed.TotalSeconds:F1} s");
        Assert.That((await host.ListAsync()).Select(domain => domain.Name), Is.EqualTo(new[] { "Domain-0" }));
        Assert.That(await host.FreeMemoryAsync(), Is.EqualTo(free));
    }

    private static async Task LoopAsync(PvHost host, string body)
    {
        await using var shell = host.OpenShell($"xl=$1; i=0; while [ $i -lt {Guests} ]; do {body} || exit 1; i=$((i+1)); done");
        Assert.That(await shell.ExitAsync(), Is.Zero, shell.Shown);
    }
}
