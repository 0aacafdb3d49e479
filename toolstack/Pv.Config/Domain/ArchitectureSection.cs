using Pv.Config.Devices;

namespace Pv.Config.Domain;

/// <summary>What is left: keys of one architecture, keyboards, xenstore limits, and keys newer than 4.17.</summary>
internal static class ArchitectureSection
{
    private const int Failed = 3;

    internal static bool Read(ConfigReader reader, DomainConfiguration domain)
    {
        if (reader.TryString("gic_version", out string gic, quiet: true))
        {
            if (LibxlNames.Match(["default", "v2", "v3"], gic) is not { } known)
                return reader.Refuse($"Unknown gic_version \"{gic}\" specified", Failed);
            domain.Arm.GicVersion = known == "default" ? null : known;
        }

        if (reader.TryString("tee", out string tee, quiet: true))
        {
            if (LibxlNames.Match(["none", "optee", "ffa"], tee) is not { } known)
                return reader.Refuse($"Unknown tee \"{tee}\" specified", Failed);
            domain.Tee = known == "none" ? null : known;
        }

        if (reader.TryString("sve", out string sve, quiet: true))
        {
            bool vectorLength = CNumber.ParseUnsigned(sve, 10, out int used) is > 0 and <= 2048 and ulong bits && bits % 128 == 0 && used == sve.Length;
            if (!vectorLength && LibxlNames.Match(["hw", "disabled"], sve) is null)
                return reader.Refuse($"Unknown sve \"{sve}\" specified", Failed);
            domain.Arm.Sve = sve == "disabled" ? null : sve;
        }

        domain.Arm.SpiCount = unchecked((uint)(reader.Integer("nr_spis") ?? 0));
        if (!KeyboardParser.ReadAll(reader, domain.Keyboards) || !VirtioParser.ReadAll(reader, domain.Virtios))
            return false;

        domain.XendSuspendEventChannelCompatible = reader.Boolean("xend_suspend_evtchn_compat");
        domain.MsrRelaxed = reader.Boolean("msr_relaxed");
        if (domain.MsrRelaxed is not null)
        {
            reader.Warn("WARNING: msr_relaxed will be removed in future versions.");
            reader.Warn("If it fixes an issue you are having please report to xen-devel@lists.xenproject.org.");
        }

        domain.Vpmu = reader.Boolean("vpmu");
        domain.XenstoreFeatureMask = reader.Integer("xenstore_feature_mask");
        domain.XenstoreQuota = [.. reader.Atoms("xenstore_quota")];
        foreach (string quota in domain.XenstoreQuota)
        {
            if (!SpecificationWords.TryPair(quota, out string name, out string value) || name.Length == 0
                || CNumber.ParseUnsigned(value, 0, out int used) > uint.MaxValue || used == 0 || used != value.Length)
            {
                return reader.Refuse($"Invalid xenstore_quota \"{quota}\"");
            }
        }

        return true;
    }
}
