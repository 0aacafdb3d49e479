namespace Pv.Config.Devices;

/// <summary>Channels (<c>channel</c>): <c>key=value</c> words with blanks around either side ignored.</summary>
internal static class ChannelParser
{
    internal static bool ReadAll(ConfigReader reader, List<ChannelSpecification> channels)
    {
        foreach (string entry in reader.Atoms("channel"))
        {
            var channel = new ChannelSpecification { DeviceId = channels.Count };
            channels.Add(channel);
            foreach (string word in entry.Split(',', StringSplitOptions.RemoveEmptyEntries))
            {
                if (!TryApply(channel, word, reader))
                    return false;
            }

            if (channel.Connection == ChannelConnection.Unknown)
                return reader.Refuse("channel has unknown 'connection'");
            if (channel is { Connection: ChannelConnection.Socket, Path: null })
                return reader.Refuse("channel connection 'socket' requires path=..");
        }

        return true;
    }

    private static bool TryApply(ChannelSpecification channel, string word, ConfigReader reader)
    {
        string[] pair = word.Split('=', StringSplitOptions.RemoveEmptyEntries);
        if (pair.Length < 2)
            return reader.Refuse($"failed to parse channel configuration: {word}");

        string key = pair[0].Trim();
        string value = pair[1].Trim();
        switch (key)
        {
            case "backend": channel.BackendDomain = value; break;
            case "name": channel.Name = value; break;
            case "path": channel.Path = value; break;
            case "connection" when value is "pty" or "socket":
                channel.Connection = value == "pty" ? ChannelConnection.Pty : ChannelConnection.Socket;
                break;
            case "connection":
                return reader.Refuse($"unknown channel connection '{value}'");
            default:
                reader.Warn($"unknown channel parameter '{key}', ignoring");
                break;
        }

        return true;
    }
}
