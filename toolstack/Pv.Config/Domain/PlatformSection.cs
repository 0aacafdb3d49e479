namespace Pv.Config.Domain;

/// <summary>Time, shadow and video memory, migration, event channels.</summary>
internal static class PlatformSection
{
    internal static bool Read(ConfigReader reader, DomainConfiguration domain)
    {
        domain.ShadowMemoryKiB = reader.MebibytesAsKiB("shadow_memory");
        domain.DisableMigrate = reader.Boolean("nomigrate");
        if (!ReadTscMode(reader, domain))
            return false;

        domain.RtcTimeOffset = unchecked((uint)(reader.Integer("rtc_timeoffset") ?? 0));
        if (reader.TryNumber("vncviewer", out _))
            reader.Warn("WARNING: ignoring \"vncviewer\" option. Use \"-V\" option of \"xl create\" to automatically spawn vncviewer.");
        domain.LocalTime = reader.Boolean("localtime");
        domain.AsyncHypercalls = reader.Boolean("async_hypercalls");
        domain.VideoMemoryKiB = reader.MebibytesAsKiB("videoram");
        domain.EventChannels = unchecked((uint)(reader.Integer("max_event_channels") ?? 0));
        return true;
    }

    private static bool ReadTscMode(ConfigReader reader, DomainConfiguration domain)
    {
        if (reader.TryNumber("tsc_mode", out long number, quiet: true))
        {
            string? name = number >= 0 && number < LibxlNames.TscMode.Length ? LibxlNames.TscMode[(int)number] : null;
            // The hint is of the number's low half, the verdict of the whole.
            int low = unchecked((int)number);
            string? hint = low >= 0 && low < LibxlNames.TscMode.Length ? LibxlNames.TscMode[low] : null;
            reader.Warn("WARNING: specifying \"tsc_mode\" as an integer is deprecated. Please use the named parameter variant. "
                + (hint is null ? "" : $"e.g. tsc_mode=\"{hint}\""));
            if (name is null)
                return reader.Refuse($"ERROR: invalid value {number} for \"tsc_mode\"");
            domain.TscMode = name;
        }
        else if (reader.TryString("tsc_mode", out string text))
        {
            reader.Warn($"got a tsc mode string: \"{text}\"");
            domain.TscMode = LibxlNames.Match(LibxlNames.TscMode, text);
            if (domain.TscMode is null)
                return reader.Refuse($"ERROR: invalid value \"{text}\" for \"tsc_mode\"");
        }

        if (domain.TscMode == "default")
            domain.TscMode = null;
        return true;
    }
}
