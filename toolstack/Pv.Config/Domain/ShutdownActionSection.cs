namespace Pv.Config.Domain;

/// <summary>What is done when the domain ends (<c>on_poweroff</c> and its like).</summary>
internal static class ShutdownActionSection
{
    internal static bool Read(ConfigReader reader, DomainConfiguration domain)
    {
        if (!TryRead("on_poweroff", domain.OnPoweroff, out ShutdownAction poweroff)
            || !TryRead("on_reboot", domain.OnReboot, out ShutdownAction reboot)
            || !TryRead("on_watchdog", domain.OnWatchdog, out ShutdownAction watchdog)
            || !TryRead("on_crash", domain.OnCrash, out ShutdownAction crash)
            || !TryRead("on_soft_reset", domain.OnSoftReset, out ShutdownAction softReset))
        {
            return false;
        }

        domain.OnPoweroff = poweroff;
        domain.OnReboot = reboot;
        domain.OnWatchdog = watchdog;
        domain.OnCrash = crash;
        domain.OnSoftReset = softReset;
        if (domain.Type == DomainType.Pv)
            domain.HostE820 = reader.Boolean("e820_host");
        return true;

        bool TryRead(string key, ShutdownAction unset, out ShutdownAction action)
        {
            action = unset;
            if (!reader.TryString(key, out string text))
                return true;
            if (ShutdownActions.Parse(text) is not { } named)
                return reader.Refuse($"Unknown {key} action \"{text}\" specified");
            action = named;
            return true;
        }
    }
}
