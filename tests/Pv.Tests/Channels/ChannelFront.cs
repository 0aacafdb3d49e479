using System.Globalization;
using Pv.Abi;
using Pv.Guest;
using Pv.Machine;
using Pv.Toolstack.Channels;

namespace Pv.Tests.Channels;

/// <summary>A driver of a channel that does what the test says, good or bad, from inside a C# guest.</summary>
internal sealed class ChannelFront(GuestContext guest, int number)
{
    public XenbusEnd End { get; } = XenbusEnd.FrontEnd(guest.XenStore, ChannelNodes.Device(guest.Domain, number));

    public SharedPage Page { get; private set; }

    public EventChannel Channel { get; private set; } = null!;

    public ByteRingChannel Ring { get; private set; } = null!;

    /// <summary>Connects with a new ring, as Linux's driver does.</summary>
    public async Task ConnectAsync()
    {
        await End.WaitForPeerAsync(XenbusState.InitWait);
        var frame = guest.Memory.Allocate();
        Page = guest.Memory.Page(frame);
        Channel = guest.Events.AllocUnbound(DomId.Dom0);
        Ring = ByteRingChannel.ConsoleFront(Page, Channel);
        await End.TrySwitchAsync(XenbusState.Initialised,
            ("ring-ref", Text(guest.Grants.Grant(DomId.Dom0, frame).Value)), ("port", Text(Channel.Port.Value)));
        await End.WaitForPeerAsync(XenbusState.Connected);
        await End.TrySwitchAsync(XenbusState.Connected);
    }

    /// <summary>Says back what it hears, in capital letters, for ever.</summary>
    public async Task EchoAsync()
    {
        var chunk = new byte[512];
        while (await Ring.ReadAsync(chunk) is > 0 and var read)
        {
            for (var i = 0; i < read; i++)
                chunk[i] = chunk[i] is >= (byte)'a' and <= (byte)'z' ? (byte)(chunk[i] - 32) : chunk[i];
            await Ring.WriteAsync(chunk.AsMemory(0, read));
        }
    }

    private static string Text(uint number) => number.ToString(CultureInfo.InvariantCulture);
}
