using Pv.Config.Grammar;

namespace Pv.Config.Domain;

/// <summary>The keys of device models, which every type of domain may have.</summary>
internal static class DeviceModelSection
{
    private const int Failed = 3;

    internal static bool Read(ConfigReader reader, DomainConfiguration domain)
    {
        DeviceModelConfiguration model = domain.DeviceModel;
        if (reader.TryString("device_model", out string old))
        {
            reader.Warn("WARNING: ignoring device_model directive.");
            reader.Warn("WARNING: Use \"device_model_override\" instead if you really want a non-default device_model");
            if (old.Contains("stubdom-dm", StringComparison.Ordinal))
            {
                reader.Warn(domain.Type == DomainType.Hvm
                    ? "WARNING: Or use \"device_model_stubdomain_override\" if you  want to enable stubdomains"
                    : "WARNING: ignoring \"device_model_stubdomain_override\" directive for pv guest");
            }
        }

        model.Path = reader.String("device_model_override");
        if (reader.TryString("device_model_version", out string version))
        {
            if (version is not ("qemu-xen-traditional" or "qemu-xen"))
                return reader.Refuse($"Unknown device_model_version \"{version}\" specified");
            model.Version = version.Replace('-', '_');
        }
        else if (model.Path is not null)
        {
            reader.Warn("WARNING: device model override given without specific DM version");
        }

        model.Stubdomain = reader.Boolean("device_model_stubdomain_override");
        model.SecurityLabel = reader.String("device_model_stubdomain_seclabel");
        model.User = reader.String("device_model_user");
        model.StubdomainKernel = reader.String("stubdomain_kernel");
        model.StubdomainCommandLine = reader.String("stubdomain_cmdline");
        model.StubdomainRamdisk = reader.String("stubdomain_ramdisk");
        model.StubdomainMemoryKiB = reader.MebibytesAsKiB("stubdomain_memory");

        if (!TryArguments("device_model_args", out IReadOnlyList<string> extra)
            || !TryArguments("device_model_args_pv", out IReadOnlyList<string> extraPv)
            || !TryArguments("device_model_args_hvm", out IReadOnlyList<string> extraHvm))
        {
            return false;
        }

        model.Extra = extra;
        model.ExtraPv = extraPv;
        model.ExtraHvm = extraHvm;
        return true;

        bool TryArguments(string key, out IReadOnlyList<string> arguments)
        {
            Lookup found = reader.List(key, out ConfigList list);
            arguments = found == Lookup.Found ? [.. list.LeadingAtoms] : [];
            return found != Lookup.Invalid || reader.Refuse($"xl: Unable to parse {key}.", Failed);
        }
    }
}
