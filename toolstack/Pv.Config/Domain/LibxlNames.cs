namespace Pv.Config.Domain;

/// <summary>The words of libxl's enumerations. They are matched without regard to case and kept in lower case.</summary>
internal static class LibxlNames
{
    internal static ReadOnlySpan<string> Passthrough => new[] { "default", "disabled", "enabled", "sync_pt", "share_pt" };

    internal static ReadOnlySpan<string> TscMode => new[] { "default", "always_emulate", "native", "native_paravirt" };

    internal static ReadOnlySpan<string> TimerMode =>
        new[] { "delay_for_missed_ticks", "no_delay_for_missed_ticks", "no_missed_ticks_pending", "one_missed_tick_pending" };

    internal static ReadOnlySpan<string> Bios => new[] { "unknown", "rombios", "seabios", "ovmf" };

    internal static ReadOnlySpan<string> AlternateP2m => new[] { "disabled", "mixed", "external", "limited" };

    internal static ReadOnlySpan<string> Viridian => new[]
    {
        "base", "freq", "time_ref_count", "reference_tsc", "hcall_remote_tlb_flush", "apic_assist", "crash_ctl",
        "synic", "stimer", "hcall_ipi", "ex_processor_masks", "no_vp_limit", "cpu_hotplug",
    };

    /// <summary>The index of a word, or -1.</summary>
    internal static int IndexOf(ReadOnlySpan<string> names, string text)
    {
        for (int i = 0; i < names.Length; i++)
        {
            if (string.Equals(names[i], text, StringComparison.OrdinalIgnoreCase))
                return i;
        }

        return -1;
    }

    /// <summary>The word as it is kept; null if it is none of the names.</summary>
    internal static string? Match(ReadOnlySpan<string> names, string text) => IndexOf(names, text) is >= 0 and int i ? names[i] : null;
}
