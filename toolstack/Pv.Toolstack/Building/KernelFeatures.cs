using Pv.Abi;

namespace Pv.Toolstack.Building;

/// <summary>Which hypervisor features a kernel can do with, and which it cannot do without. A bit for each <see cref="XenFeature"/>.</summary>
public readonly record struct KernelFeatures(uint Supported, uint Required)
{
    private static readonly Dictionary<string, XenFeature> Names = new()
    {
        ["writable_page_tables"] = XenFeature.WritablePageTables,
        ["writable_descriptor_tables"] = XenFeature.WritableDescriptorTables,
        ["auto_translated_physmap"] = XenFeature.AutoTranslatedPhysmap,
        ["supervisor_mode_kernel"] = XenFeature.SupervisorModeKernel,
        ["pae_pgdir_above_4gb"] = XenFeature.PaePgdirAbove4Gb,
        ["hvm_callback_vector"] = XenFeature.HvmCallbackVector,
        ["dom0"] = XenFeature.Dom0,
    };

    public bool Supports(XenFeature feature) => (Supported & Bit(feature)) != 0;

    public bool Requires(XenFeature feature) => (Required & Bit(feature)) != 0;

    /// <summary>
    /// Reads the names in a FEATURES note: parted by <c>|</c>, a required one after <c>!</c>. A required name that nobody knows is refused;
    /// an unknown one that is only supported says nothing.
    /// </summary>
    public static KernelFeatures Parse(string text)
    {
        uint supported = 0, required = 0;
        foreach (var word in text.Split('|', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            var isRequired = word.StartsWith('!');
            var known = Names.TryGetValue(isRequired ? word[1..] : word, out var feature);
            if (!known && isRequired)
                throw new ImageException($"The image requires the feature \"{word[1..]}\", which is unknown.");
            if (!known)
                continue;
            supported |= Bit(feature);
            if (isRequired)
                required |= Bit(feature);
        }

        return new KernelFeatures(supported, required);
    }

    private static uint Bit(XenFeature feature) => 1u << (int)feature;
}
