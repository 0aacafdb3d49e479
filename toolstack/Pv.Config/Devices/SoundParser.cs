using Pv.Config.Domain;
using Pv.Config.Grammar;

namespace Pv.Config.Devices;

/// <summary>
/// Virtual sound cards (<c>vsnd</c>): a list of cards, each a list of texts that begin with <c>CARD</c>, <c>PCM</c>
/// or <c>STREAM</c> and go on with <c>key=value</c> words. A PCM belongs to the card, a stream to the PCM before it.
/// </summary>
internal static class SoundParser
{
    private static ReadOnlySpan<string> Formats => new[]
    {
        "s8", "u8", "s16_le", "s16_be", "u16_le", "u16_be", "s24_le", "s24_be", "u24_le", "u24_be", "s32_le", "s32_be",
        "u32_le", "u32_be", "f32_le", "f32_be", "f64_le", "f64_be", "iec958_subframe_le", "iec958_subframe_be", "mu_law",
        "a_law", "ima_adpcm", "mpeg", "gsm",
    };

    internal static bool ReadAll(ConfigReader reader, List<SoundSpecification> cards)
    {
        if (reader.List("vsnd", out ConfigList list) != Lookup.Found)
            return true;
        foreach (ConfigValue item in list.Items)
        {
            if (item is not ConfigList texts)
            {
                reader.Warn($"{reader.Source}:{item.Line}:0: warning: value is not a list");
                return reader.Refuse("Failed to get vsnd card list: Invalid argument");
            }

            var card = new SoundSpecification { DeviceId = cards.Count };
            cards.Add(card);
            foreach (string text in texts.LeadingAtoms)
            {
                if (!ReadItem(reader, card, text))
                    return false;
            }
        }

        return true;
    }

    private static bool ReadItem(ConfigReader reader, SoundSpecification card, string text)
    {
        string? kind = null;
        foreach (string word in SpecificationWords.Split(text))
        {
            if (kind is null)
            {
                kind = word.ToLowerInvariant();
                switch (kind)
                {
                    case "card":
                        break;
                    case "pcm":
                        card.Pcms.Add(new SoundPcm());
                        break;
                    case "stream":
                        if (card.Pcms.Count == 0)
                            card.Pcms.Add(new SoundPcm());
                        card.Pcms[^1].Streams.Add(new SoundStream());
                        break;
                    default:
                        return reader.Refuse($"Invalid key: {word}");
                }

                continue;
            }

            SpecificationWords.TryPair(word, out string key, out string value);
            bool? taken = kind switch
            {
                "card" => ReadCard(reader, card, key, value),
                "pcm" => ReadPcm(reader, card.Pcms[^1], key, value),
                _ => ReadStream(reader, card.Pcms[^1].Streams[^1], key, value),
            };
            if (taken is null)
                return reader.Refuse($"Invalid parameter: {word}");
            if (taken == false)
                return false;
        }

        return true;
    }

    private static bool? ReadCard(ConfigReader reader, SoundSpecification card, string key, string value)
    {
        switch (key)
        {
            case "backend": card.BackendDomain = value; return true;
            case "short-name": card.ShortName = value; return true;
            case "long-name": card.LongName = value; return true;
            default: return ReadParameter(reader, card.Parameters, key, value);
        }
    }

    private static bool? ReadPcm(ConfigReader reader, SoundPcm pcm, string key, string value)
    {
        if (key != "name")
            return ReadParameter(reader, pcm.Parameters, key, value);
        pcm.Name = value;
        return true;
    }

    private static bool? ReadStream(ConfigReader reader, SoundStream stream, string key, string value)
    {
        switch (key)
        {
            case "unique-id":
                stream.UniqueId = value;
                return true;
            case "type":
                stream.Type = LibxlNames.Match(["p", "c"], value);
                return stream.Type is not null || reader.Refuse($"Invalid stream type: {value}");
            default:
                return ReadParameter(reader, stream.Parameters, key, value);
        }
    }

    private static bool? ReadParameter(ConfigReader reader, SoundParameters parameters, string key, string value)
    {
        switch (key)
        {
            case "sample-rates":
                parameters.SampleRates.Clear();
                foreach (string rate in value.Split(';', StringSplitOptions.RemoveEmptyEntries))
                    parameters.SampleRates.Add(SpecificationWords.Number(rate));
                return true;
            case "sample-formats":
                parameters.SampleFormats.Clear();
                foreach (string format in value.Split(';', StringSplitOptions.RemoveEmptyEntries))
                {
                    if (LibxlNames.Match(Formats, format) is not { } known)
                        return reader.Refuse($"Invalid pcm format: {format}");
                    parameters.SampleFormats.Add(known);
                }

                return true;
            case "channels-min": parameters.ChannelsMin = SpecificationWords.Number(value); return true;
            case "channels-max": parameters.ChannelsMax = SpecificationWords.Number(value); return true;
            case "buffer-size": parameters.BufferSize = SpecificationWords.Number(value); return true;
            default: return null;
        }
    }
}
