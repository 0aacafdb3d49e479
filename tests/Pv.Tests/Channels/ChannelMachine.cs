using System.Net.Sockets;
using System.Text;
using Pv.Abi;
using Pv.Config.Domain;
using Pv.Guest;
using Pv.Tests.Dom0;
using Pv.Tests.Guest.Live;
using Pv.Toolstack.Channels;

namespace Pv.Tests.Channels;

/// <summary>A served machine with a domain that has channels, whose kernel's driver is the test's own code.</summary>
internal sealed class ChannelMachine : IAsyncDisposable
{
    public ServedMachine Machine { get; } = new();

    public DomId Domain { get; private set; }

    /// <summary>Where a socket of that name stands.</summary>
    public string PathOf(string name) => Path.Combine(Machine.Folder, name);

    /// <summary>Starts a domain with such channels (as a configuration has them, and their sockets in the machine's folder).</summary>
    public async Task StartAsync(string channels, Func<GuestContext, Task> kernel)
    {
        var announced = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Domain = await Machine.StartAsync(async guest =>
        {
            await using (var watch = await guest.XenStore.WatchAsync("data/begin"))
            {
                await foreach (var _ in watch.Events)
                {
                    if (await guest.XenStore.ReadAsync("data/begin") is not null)
                        break;
                }
            }
            await kernel(guest);
            await guest.Delay(TimeSpan.FromHours(1));
        });
        await AnnounceAsync(channels);
        await Machine.Channels.OpenAsync(Domain);
        await Machine.Store.WriteAsync($"{XenbusDevice.HomeOf(Domain)}/data/begin", "");
    }

    /// <summary>Writes the nodes of channels as the toolstack does.</summary>
    public Task AnnounceAsync(string channels)
    {
        var configuration = DomainConfigurationParser.Parse("t.cfg", $"name=\"t\"\nkernel=\"k\"\nchannel=[{channels}]\n").Configuration!;
        var plans = ChannelPlan.OfAll(configuration.Channels, Machine.Folder);
        return Machine.Store.TransactAsync(async nodes =>
        {
            foreach (var plan in plans)
                await ChannelNodes.MakeAsync(nodes, Domain, plan);
        });
    }

    public Task<string?> ReadBackEndAsync(int number, string node) => Machine.Store.ReadAsync($"{ChannelNodes.Device(Domain, number).BackEndPath}/{node}");

    public async Task<Socket> ConnectAsync(string name)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await socket.ConnectAsync(new UnixDomainSocketEndPoint(PathOf(name)));
        return socket;
    }

    /// <summary>Reads so many bytes, or to the end if that comes before.</summary>
    public static async Task<string> ReadAsync(Socket socket, int count)
    {
        var bytes = new byte[count];
        var have = 0;
        using var patience = new CancellationTokenSource(LiveMachine.Patience);
        while (have < count && await socket.ReceiveAsync(bytes.AsMemory(have), SocketFlags.None, patience.Token) is > 0 and var read)
            have += read;
        return Encoding.Latin1.GetString(bytes, 0, have);
    }

    /// <summary>Ends the domain's channels as its destruction does.</summary>
    public Task EndAsync() => Machine.Channels.EndDomainAsync(Domain);

    public ValueTask DisposeAsync() => Machine.DisposeAsync();
}
