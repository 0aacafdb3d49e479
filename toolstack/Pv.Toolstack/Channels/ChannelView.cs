using Pv.Abi;
using Pv.Config.Devices;

namespace Pv.Toolstack.Channels;

/// <summary>A channel as the store has it.</summary>
/// <param name="Number">Of the console: from 1 on.</param>
/// <param name="Name">What it is called.</param>
/// <param name="BackEnd">Whose back end serves it.</param>
/// <param name="State">The front end's.</param>
/// <param name="Port">The front end's event channel, or -1.</param>
/// <param name="RingRef">The grant of its ring, or -1.</param>
/// <param name="Connection">How it is connected on this side.</param>
/// <param name="Path">The socket, or the terminal; empty where there is none.</param>
public sealed record ChannelView(int Number, string Name, DomId BackEnd, XenbusState State, int Port, int RingRef, ChannelConnection Connection, string Path);

/// <summary>The channels of domains: consoles beside the first. Any thread.</summary>
public interface IChannels
{
    /// <summary>A domain's channels by number.</summary>
    Task<IReadOnlyList<ChannelView>> ListChannelsAsync(DomId domain);
}
