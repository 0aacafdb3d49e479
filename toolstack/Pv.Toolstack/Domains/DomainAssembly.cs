using Pv.Abi;
using Pv.Config;
using Pv.Config.Domain;
using Pv.Guest;
using Pv.Machine.Gate;
using Pv.Toolstack.BootLoaders;
using Pv.Toolstack.Building;
using Pv.Toolstack.Channels;
using Pv.Toolstack.CommandLine;
using Pv.Toolstack.Disks;
using Pv.Toolstack.Dumps;
using Pv.Toolstack.Hypervisor;

namespace Pv.Toolstack.Domains;

/// <summary>Puts a domain together in the hypervisor: reads its files, makes it, fills it.</summary>
/// <param name="control">The control calls.</param>
/// <param name="slots">Where Dom0 maps foreign pages.</param>
/// <param name="kernels">Where C# kernels are left for the engine that runs them.</param>
public sealed class DomainAssembly(HypervisorControl control, GuestMemory slots, IManagedKernels kernels)
{
    /// <summary>libxl's ERROR_FAIL and ERROR_INVAL, negated.</summary>
    private const int Failed = 3, Invalid = 6;

    /// <summary>What a domain may have above its memory, in KiB (libxl's constant of the same purpose).</summary>
    internal const ulong Slack = 1024;

    /// <summary>What a kernel may have however small its domain is: a C# guest's stands outside of its memory.</summary>
    private const ulong LeastImageLimit = 64 << 20;

    /// <summary>What a file writes for the hypervisor's own choice.</summary>
    private const int DefaultGrants = -1;

    /// <summary>Writes core dumps.</summary>
    internal CoreDump Dumps { get; } = new(control, slots);

    /// <summary>Reads what the domain is to be built from, and checks what can be checked before anything exists.</summary>
    /// <exception cref="ToolstackException">It cannot be built.</exception>
    internal static async Task<DomainPlan> PlanAsync(DomainConfiguration configuration, string directory, CancellationToken cancel)
    {
        if (configuration.Type != DomainType.Pv)
            throw new ToolstackException($"Pv runs paravirtualized domains; type {configuration.Type} is not one.", Failed);
        if (configuration.EffectiveMaxVcpus > SharedInfoLimits.VcpuCount)
            throw new ToolstackException($"Domain {configuration.Name}: maxvcpus={configuration.EffectiveMaxVcpus} is too much; a domain has {SharedInfoLimits.VcpuCount} vCPUs at most.", Failed);
        if (configuration.MaxGrantVersion is not (null or DefaultGrants or 1 or 2))
            throw new ToolstackException($"Domain {configuration.Name}: max_grant_version={configuration.MaxGrantVersion} is none; it is 1 or 2.", Failed);
        if (configuration.Vpmu == true)
            throw new ToolstackException($"Domain {configuration.Name}: vpmu=1 cannot be had: this host has no performance counters for guests.", Invalid);
        if (configuration.TscMode == "native_paravirt")
            throw new ToolstackException($"Domain {configuration.Name}: tsc_mode=native_paravirt was removed from Xen; leave tsc_mode out.", Failed);
        if (configuration.Nics.Count > 0)
            throw new ToolstackException("Network interfaces are not built yet in this version of Pv.", Failed);
        var disks = DiskPlan.OfAll(configuration.Disks, directory);
        var channels = ChannelPlan.OfAll(configuration.Channels, directory);
        // Where both are given, xl boots what the boot loader chooses, which is told of the kernel.
        if (BootLoaderCall.Of(configuration, disks, directory) is { } call)
            return new DomainPlan(configuration, call, BuildImages.None, null, disks, channels);
        var (path, kernel, ramdisk) = await ReadImagesAsync(configuration, directory, cancel);
        var managed = GuestAssembly.IsAssembly(kernel) ? ChooseKernel(path, configuration) : null;
        return new DomainPlan(configuration, null, new BuildImages(kernel, ramdisk, configuration.CommandLine ?? ""), managed, disks, channels);
    }

    /// <summary>The plan of a domain whose boot loader has chosen.</summary>
    /// <exception cref="ToolstackException">What it chose cannot be built.</exception>
    internal static async Task<DomainPlan> PlanAsync(DomainPlan plan, BootLoaderResult chosen, CancellationToken cancel)
    {
        var call = plan.BootLoader!;
        var booted = plan.Configuration.Clone();
        (booted.Kernel, booted.Ramdisk, booted.CommandLine) = (chosen.Kernel, chosen.Ramdisk, chosen.CommandLine);
        if (booted.Kernel is not { Length: > 0 })
            throw new ToolstackException($"Domain {call.Domain}: the boot loader {call.Program} has named no kernel.", Failed);
        var (path, kernel, ramdisk) = await ReadImagesAsync(booted, call.Directory, cancel);
        if (GuestAssembly.IsAssembly(kernel))
            throw new ToolstackException($"Domain {call.Domain}: the boot loader {call.Program} has named {path}, a C# guest; name that as kernel.", Failed);
        return plan with { Configuration = booted, Images = new BuildImages(kernel, ramdisk, booted.CommandLine ?? "") };
    }

    private static async Task<(string Path, byte[] Kernel, byte[] Ramdisk)> ReadImagesAsync(DomainConfiguration configuration, string directory, CancellationToken cancel)
    {
        var (path, kernel) = await ReadAsync(configuration.Kernel!, configuration, directory, cancel);
        return (path, kernel, configuration.Ramdisk is { } ramdisk ? (await ReadAsync(ramdisk, configuration, directory, cancel)).Content : []);
    }

    /// <summary>Makes the empty domain: a number, limits, vCPUs.</summary>
    internal DomId MakeEmpty(DomainPlan plan, uint pool)
    {
        var configuration = plan.Configuration;
        var create = new DomctlCreateDomain
        {
            // An auto-translated domain is what Xen calls hardware assisted.
            Flags = plan.Managed == null ? DomainCreateFlags.None : DomainCreateFlags.Hvm | DomainCreateFlags.Hap,
            MaxVcpus = (uint)configuration.EffectiveMaxVcpus,
            CpuPoolId = pool,
            MaxEventChannelPort = configuration.EffectiveEventChannels,
            MaxGrantFrames = configuration.MaxGrantFrames ?? -1,
            MaxMapTrackFrames = configuration.MaxMaptrackFrames ?? -1,
            GrantOptions = configuration.MaxGrantVersion is null or DefaultGrants ? 2 : (uint)configuration.MaxGrantVersion,
            Arch = new ArchDomainConfig { MiscellaneousFlags = configuration.AsyncHypercalls == true ? AsyncHypercalls.CreateFlag : 0 },
        };
        configuration.Uuid.TryWriteBytes(create.Handle.Bytes, bigEndian: true, out _);
        if (control.CreateDomain(create, out var domain) is not Errno.None and var error)
        {
            throw new ToolstackException(error switch
            {
                Errno.EOPNOTSUPP => "This machine has no engine for such a domain.",
                Errno.ENODEV => $"CPU pool '{configuration.Pool}' has no CPU.",
                Errno.ENOMEM => "The host has no memory for another domain.",
                _ => $"The hypervisor refused to make the domain: {error}",
            }, Failed);
        }
        return domain;
    }

    /// <summary>Fills it. Blocks for as long as the building takes.</summary>
    /// <exception cref="ImageException">The image does not fit.</exception>
    /// <exception cref="HypercallException">The hypervisor refused something.</exception>
    internal BuiltDomain Build(DomainPlan plan, DomId domain)
    {
        var configuration = plan.Configuration;
        control.SetMaxVcpus(domain, (uint)configuration.EffectiveMaxVcpus);
        // More than it begins with it may have when somebody says so (xl mem-set); its memory map has room for it from the start.
        control.SetMaxMemory(domain, configuration.EffectiveMemoryKiB + Slack);
        control.SetMemoryMap(domain, configuration.EffectiveMaxMemoryKiB).OrThrow("XENMEM_set_memory_map");
        if (TimeOffset(configuration) is var offset and not 0)
            control.SetTimeOffset(domain, offset);
        var pages = configuration.EffectiveMemoryKiB / (PageSize.Bytes / 1024);
        ProcessorSetting.Apply(control, domain, configuration);
        if (plan.Managed is not { } kernel)
            return ParavirtualizedBuilder.Build(control, slots, domain, plan.Images, pages);
        kernels.Assign(domain, kernel);
        return ManagedBuilder.Build(control, slots, domain, plan.Images, pages);
    }

    /// <summary>In seconds: what <c>rtc_timeoffset</c> says, as libxl reads it, and the host's zone for one that wants local time.</summary>
    private static long TimeOffset(DomainConfiguration configuration)
        => (int)configuration.RtcTimeOffset + (configuration.LocalTime == true ? (long)TimeZoneInfo.Local.GetUtcOffset(DateTimeOffset.Now).TotalSeconds : 0);

    private static ManagedKernelFactory ChooseKernel(string path, DomainConfiguration configuration)
    {
        if (configuration.EffectiveMaxVcpus > 1)
            throw new ToolstackException($"{path} is a C# guest, which has one vCPU; the configuration asks for {configuration.EffectiveMaxVcpus}.", Failed);
        try
        {
            return GuestAssembly.Load(path).Choose(configuration.CommandLine ?? "");
        }
        catch (Exception e) when (e is InvalidDataException or BadImageFormatException or IOException or System.Reflection.ReflectionTypeLoadException)
        {
            throw new ToolstackException(e.Message, Failed);
        }
    }

    /// <summary>A relative path of a configuration begins where <c>xl</c> was called, as with Xen's own. A file that the domain's memory cannot hold is not read to its end.</summary>
    private static async Task<(string Path, byte[] Content)> ReadAsync(string file, DomainConfiguration configuration, string directory, CancellationToken cancel)
    {
        var path = Path.GetFullPath(Path.Combine(directory, file));
        try
        {
            return (path, await BoundedFile.ReadAsync(path, (long)Math.Clamp(configuration.EffectiveMemoryKiB << 10, LeastImageLimit, int.MaxValue), cancel));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ToolstackException($"failed to open file '{path}': {FileFault.Reason(path, e)}", Failed);
        }
    }
}

/// <summary>A domain that is to be built.</summary>
/// <param name="Configuration">What was asked for; of what boots, what was chosen.</param>
/// <param name="BootLoader">The program that chooses what boots, or null where the configuration says it.</param>
/// <param name="Images">Its files; none before the boot loader has chosen.</param>
/// <param name="Managed">The C# kernel, or null for a real one.</param>
/// <param name="Disks">Its disks.</param>
/// <param name="Channels">Its channels.</param>
internal sealed record DomainPlan(
    DomainConfiguration Configuration, BootLoaderCall? BootLoader, BuildImages Images, ManagedKernelFactory? Managed, IReadOnlyList<DiskPlan> Disks, IReadOnlyList<ChannelPlan> Channels);
