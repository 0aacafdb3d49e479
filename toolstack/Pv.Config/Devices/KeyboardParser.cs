namespace Pv.Config.Devices;

/// <summary>Virtual keyboards and pointers (<c>vkb</c>).</summary>
internal static class KeyboardParser
{
    internal static bool ReadAll(ConfigReader reader, List<KeyboardSpecification> keyboards)
    {
        foreach (string entry in reader.Atoms("vkb"))
        {
            var keyboard = new KeyboardSpecification { DeviceId = keyboards.Count };
            keyboards.Add(keyboard);
            foreach (string word in SpecificationWords.Split(entry))
            {
                if (!TryApply(keyboard, word, reader))
                    return false;
            }

            if (keyboard.BackendType is null)
                return reader.Refuse("backend-type should be set in vkb spec");
            bool sized = keyboard.MultiTouchHeight != 0 || keyboard.MultiTouchWidth != 0 || keyboard.MultiTouchContacts != 0;
            if (keyboard.MultiTouch && !sized)
                return reader.Refuse("multi-touch-width, multi-touch-height, multi-touch-num-contacts should be set for multi touch in vkb spec");
            keyboard.MultiTouch |= sized;
        }

        return true;
    }

    private static bool TryApply(KeyboardSpecification keyboard, string word, ConfigReader reader)
    {
        SpecificationWords.TryPair(word, out string key, out string value);
        uint number = SpecificationWords.Number(value);
        switch (key)
        {
            case "backend": keyboard.BackendDomain = value; break;
            case "backend-type":
                keyboard.BackendType = value.ToLowerInvariant();
                if (keyboard.BackendType is "qemu" or "linux")
                    break;
                if (keyboard.BackendType != "unknown")
                    return reader.Refuse($"Unknown backend_type \"{value}\" in vkb spec");
                keyboard.BackendType = null;
                break;
            case "unique-id": keyboard.UniqueId = value; break;
            case "feature-disable-keyboard": keyboard.DisableKeyboard = number != 0; break;
            case "feature-disable-pointer": keyboard.DisablePointer = number != 0; break;
            case "feature-abs-pointer": keyboard.AbsolutePointer = number != 0; break;
            case "feature-raw-pointer": keyboard.RawPointer = number != 0; break;
            case "feature-multi-touch": keyboard.MultiTouch = number != 0; break;
            case "multi-touch-width": keyboard.MultiTouchWidth = number; break;
            case "multi-touch-height": keyboard.MultiTouchHeight = number; break;
            case "multi-touch-num-contacts": keyboard.MultiTouchContacts = number; break;
            case "width": keyboard.Width = number; break;
            case "height": keyboard.Height = number; break;
            default:
                return reader.Refuse($"Unknown string \"{word}\" in vkb spec");
        }

        return true;
    }
}
