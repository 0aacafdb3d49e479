using System.Text;
using NUnit.Framework;
using Pv.Machine;

namespace Pv.Tests.Machine;

[TestFixture, Platform("Linux")]
public sealed class HostTerminalTests
{
    [Test, CancelAfter(60_000)]
    public async Task What_is_written_on_one_side_is_read_on_the_other()
    {
        using var terminal = HostTerminal.Open();
        using var far = new FileStream(terminal.Path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite, bufferSize: 0);
        far.Write("out\n"u8);
        Assert.That(await ReadAsync(terminal), Is.EqualTo("out\r\n"));

        Assert.That(terminal.Write("typed\n"u8), Is.True);
        var typed = new byte[6];
        far.ReadExactly(typed);
        Assert.That(typed, Is.EqualTo("typed\n"u8.ToArray()));
        Assert.That(await ReadAsync(terminal), Is.EqualTo("typed\r\n"), "a terminal echoes");
    }

    [Test, CancelAfter(60_000)]
    public async Task It_ends_when_the_last_one_has_left_and_not_before_the_first_comes()
    {
        using var terminal = HostTerminal.Open();
        using (var far = new FileStream(terminal.Path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite, bufferSize: 0))
        {
            terminal.CloseFarSide();
            far.Write("last words"u8);
        }
        Assert.That(await ReadAsync(terminal), Is.EqualTo("last words"));
        Assert.That(await ReadAsync(terminal), Is.Empty);
    }

    private static async Task<string> ReadAsync(HostTerminal terminal)
    {
        var bytes = new byte[256];
        return Encoding.UTF8.GetString(bytes, 0, await Task.Run(() => terminal.Read(bytes)).WaitAsync(TestContext.CurrentContext.CancellationToken));
    }
}
