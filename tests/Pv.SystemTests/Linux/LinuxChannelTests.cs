using System.Net.Sockets;
using System.Text;
using NUnit.Framework;
using Pv.SystemTests.Hosts;

namespace Pv.SystemTests.Linux;

/// <summary>Channels of Debian's Linux: its driver's further consoles, and a program or a person at their other end.</summary>
[TestFixture]
public sealed class LinuxChannelTests
{
    [Test]
    public async Task A_program_and_a_person_speak_with_the_guest_at_its_further_consoles()
    {
        await using var host = await PvHost.StartAsync(512);
        var path = Path.Combine(host.Folder, "agent.socket");
        await using var linux = await LinuxGuest.StartAsync(host, new LinuxShape(), "linux",
            $"channel=[\"connection=socket,name=org.example.agent,path={path}\",\"connection=pty,name=org.example.second\"]");
        // The nodes of hvc are there from the start, their driver is not.
        await PvHost.UntilAsync(async () => (await host.XlOutputAsync("channel-list", "linux")).Split('\n').Count(line => line.StartsWith("1   0  4 ", StringComparison.Ordinal) || line.StartsWith("2   0  4 ", StringComparison.Ordinal)) == 2);
        Assert.That(await host.XlOutputAsync("channel-list", "linux"), Does.Match(
            $@"^Idx BE state evt-ch ring-ref connection {{31}}\n1   0  4     \d+ +\d+ +socket +{path} *\n2   0  4     \d+ +\d+ +pty *\n$"));
        await linux.RunAsync("for n in 1 2; do (stty raw -echo; : > /ready$n; while read line; do echo \"$n heard $line\"; done) < /dev/hvc$n > /dev/hvc$n & done; until [ -e /ready1 ] && [ -e /ready2 ]; do sleep 0.1; done");
        await using (var person = host.OpenXl("console", "-n", "2", "linux"))
        {
            await person.SendAsync("a person\n");
            await person.ExpectAsync("2 heard a person\n");
        }
        for (var round = 0; round < 2; round++)
        {
            using var program = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            await program.ConnectAsync(new UnixDomainSocketEndPoint(path));
            await program.SendAsync(Encoding.ASCII.GetBytes($"round {round}\n"));
            Assert.That(await ReadLineAsync(program), Is.EqualTo($"1 heard round {round}"));
        }
        var refused = await host.XlAsync("console", "-n", "1", "linux");
        Assert.That((refused.ExitCode, refused.Errors), Is.EqualTo((1, $"Channel org.example.agent of domain linux is a socket: programs connect to {path}.\n")));
        await host.XlOutputAsync("destroy", "linux");
        Assert.That(File.Exists(path), Is.False);
    }

    private static async Task<string> ReadLineAsync(Socket socket)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromMinutes(1));
        var line = new List<byte>();
        var one = new byte[1];
        while (await socket.ReceiveAsync(one, SocketFlags.None, patience.Token) > 0 && one[0] != '\n')
            line.Add(one[0]);
        return Encoding.ASCII.GetString([.. line]).TrimEnd('\r');
    }
}
