using System.Globalization;

namespace Pv.Config.Devices;

/// <summary>Virtual displays (<c>vdispl</c>): <c>connectors=ID:WxH;ID:WxH</c> is mandatory.</summary>
internal static class DisplayParser
{
    internal static bool ReadAll(ConfigReader reader, List<DisplaySpecification> displays)
    {
        foreach (string entry in reader.Atoms("vdispl"))
        {
            var display = new DisplaySpecification { DeviceId = displays.Count };
            displays.Add(display);
            foreach (string word in SpecificationWords.Split(entry))
            {
                SpecificationWords.TryPair(word, out string key, out string value);
                switch (key)
                {
                    case "backend": display.BackendDomain = value; break;
                    case "be-alloc": display.BackendAllocates = SpecificationWords.Number(value) != 0; break;
                    case "connectors":
                        if (!TryConnectors(display, value))
                            return reader.Refuse("Can't parse connector resolution");
                        break;
                    default: return reader.Refuse($"Unknown string \"{word}\" in vdispl spec");
                }
            }

            if (display.Connectors.Count == 0)
                return reader.Refuse("At least one connector should be specified.");
        }

        return true;
    }

    private static bool TryConnectors(DisplaySpecification display, string text)
    {
        display.Connectors.Clear();
        foreach (string connector in text.Split(';', StringSplitOptions.RemoveEmptyEntries))
        {
            string[] pair = connector.Split(':', StringSplitOptions.RemoveEmptyEntries);
            string[] size = pair.Length < 2 ? [] : pair[1].Split('x');
            if (size.Length < 2
                || !uint.TryParse(size[0], NumberStyles.None, CultureInfo.InvariantCulture, out uint width)
                || !uint.TryParse(size[1], NumberStyles.None, CultureInfo.InvariantCulture, out uint height))
            {
                return false;
            }

            display.Connectors.Add(new DisplayConnector(pair[0], width, height));
        }

        return true;
    }
}
