using System.Text;
using Pv.Config.Devices;
using Pv.Toolstack.Domains;

namespace Pv.Toolstack.Channels;

/// <summary>A channel that this host can serve.</summary>
/// <param name="Number">Of the console that it is to the guest: from 1 on.</param>
/// <param name="Index">Among the configuration's channels: from 0 on.</param>
/// <param name="Name">What it is called.</param>
/// <param name="Path">The socket, absolute; null for a console that <c>xl</c> attaches to.</param>
internal sealed record ChannelPlan(int Number, int Index, string Name, string? Path)
{
    /// <summary>libxl's ERROR_FAIL and ERROR_INVAL, negated.</summary>
    private const int Failed = 3, Invalid = 6;

    /// <summary>The bytes of a socket's path (<c>struct sockaddr_un</c>), the last for its end.</summary>
    private const int MostPathBytes = 107;

    /// <summary>Judges all channels of a configuration.</summary>
    /// <exception cref="ToolstackException">One of them cannot be served.</exception>
    public static IReadOnlyList<ChannelPlan> OfAll(IReadOnlyList<ChannelSpecification> channels, string directory)
    {
        var plans = channels.Select((channel, index) => Of(channel, index, directory)).ToList();
        if (plans.Where(plan => plan.Path != null).GroupBy(plan => plan.Path).FirstOrDefault(same => same.Count() > 1) is { } twice)
            throw new ToolstackException($"Two channels have the socket {twice.Key}.", Failed);
        return plans;
    }

    private static ChannelPlan Of(ChannelSpecification channel, int index, string directory)
    {
        if (string.IsNullOrEmpty(channel.Name))
            throw new ToolstackException($"channel {index} has no name", Invalid);
        if (channel.BackendDomain is not (null or "" or "0" or "Domain-0"))
            throw new ToolstackException($"Channel {channel.Name}: backend={channel.BackendDomain} is not built yet in this version of Pv: every back end is Dom0's.", Failed);
        if (channel.Connection != ChannelConnection.Socket)
            return new ChannelPlan(index + 1, index, channel.Name, null);
        var path = System.IO.Path.GetFullPath(System.IO.Path.Combine(directory, channel.Path!));
        if (Encoding.UTF8.GetByteCount(path) > MostPathBytes)
            throw new ToolstackException($"Channel {channel.Name}: {path} is too long for a socket, whose path has {MostPathBytes} bytes at most.", Failed);
        return new ChannelPlan(index + 1, index, channel.Name, path);
    }
}
