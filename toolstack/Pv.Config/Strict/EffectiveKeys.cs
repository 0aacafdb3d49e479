using Pv.Config.Grammar;

namespace Pv.Config.Strict;

/// <summary>Which keys of a file do something to a domain of Pv's. The others are read and shown as xl does, and change nothing.</summary>
internal static class EffectiveKeys
{
    /// <summary>The keys of a file that have no effect here, in its order.</summary>
    internal static IReadOnlyList<string> WithoutEffect(ConfigSettings settings) =>
        [.. settings.All.Where(static setting => !Acts(setting.Name) && !IsPlain(setting)).OrderBy(static setting => setting.Line).Select(static setting => setting.Name)];

    private static bool Acts(string key) => key is
        "name" or "type" or "builder" or "uuid" or "pool" or "kernel" or "ramdisk" or "bootloader" or "bootloader_args" or "cmdline" or "root" or "extra"
        or "memory" or "maxmem" or "vcpus" or "maxvcpus" or "cpus" or "cpus_soft" or "cpu_weight" or "cap" or "period" or "slice" or "extratime"
        or "localtime" or "rtc_timeoffset" or "vpmu" or "cpuid" or "tsc_mode" or "driver_domain"
        or "max_grant_frames" or "max_maptrack_frames" or "max_grant_version" or "max_event_channels"
        or "on_poweroff" or "on_reboot" or "on_watchdog" or "on_crash" or "on_soft_reset"
        or "disk" or "vif" or "channel" or "xenstore_feature_mask" or "xenstore_quota" or "async_hypercalls";

    /// <summary>A list without entries, or a switch that is off, asks for nothing.</summary>
    private static bool IsPlain(ConfigSetting setting) => setting.Value switch
    {
        ConfigList list => list.Items.Count == 0,
        ConfigAtom atom => atom.Text == "0" && ConfigKeys.KindOf(setting.Name) == KeyKind.Switch,
        _ => false,
    };
}
