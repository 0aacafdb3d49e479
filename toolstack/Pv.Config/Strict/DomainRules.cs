using Pv.Abi;
using Pv.Config.Domain;
using Pv.Config.Grammar;

namespace Pv.Config.Strict;

/// <summary>What is to hold of a domain as a whole.</summary>
internal static class DomainRules
{
    private const int MaxWeight = 65535;

    /// <summary>More than any host has: 16 TiB in MiB.</summary>
    private const long MostMebibytes = 1L << 24;

    /// <summary>A Linux that has less does not come to its first process.</summary>
    private const ulong LeastForKernelsKiB = 16 * 1024;

    internal static void Check(ConfigSettings settings, DomainConfiguration domain, FindingList findings)
    {
        if (domain.Type != DomainType.Pv)
            Error(settings.Find("type") is null ? "builder" : "type", "Pv runs paravirtualized domains only", "write type = \"pv\"");
        if (domain.Name.Length == 0 || domain.Name.Contains('/') || domain.Name.Any(char.IsControl))
            Error("name", "must not be empty nor hold a slash or a control character");
        else if (domain.Name == "Domain-0")
            Error("name", "is that of domain 0", "choose another");
        else if (domain.Name.All(char.IsAsciiDigit))
            Warn("name", "is a number, and commands take a number for a domain's number", "choose another");
        CheckMemory(settings, domain, findings);
        CheckProcessors();
        CheckBooting();

        void CheckProcessors()
        {
            bool isManaged = IsManaged(domain);
            if (domain.OnlineVcpus < 1)
                Error("vcpus", "must be at least 1");
            string most = settings.Find("maxvcpus") is null ? "vcpus" : "maxvcpus";
            if (domain.MaxVcpus > SharedInfoLimits.VcpuCount)
                Error(most, $"must be at most {SharedInfoLimits.VcpuCount}, which is as many as a paravirtualized domain can have");
            else if (isManaged && domain.MaxVcpus > 1)
                Error(most, "must be 1: a C# guest has one vCPU");
            if (domain.Scheduler.Weight is < 1 or > MaxWeight)
                Error("cpu_weight", $"must be 1 to {MaxWeight}");
            if (domain.Scheduler.Cap < 0)
                Error("cap", "must not be negative", "0 is no limit");
            else if (domain.Scheduler.Cap > 100 * domain.EffectiveMaxVcpus)
                Warn("cap", $"is more than {domain.EffectiveMaxVcpus} vCPUs can use", "100 is one whole CPU");
            if (domain.Scheduler is { Period: > 0 and var period, Slice: > 0 and var slice } && slice > period)
                Error("slice", "is longer than the period", "a slice is what a period gives at most");
        }

        void CheckBooting()
        {
            if (settings.Find("cmdline") is not null)
            {
                foreach (string key in (string[])["root", "extra"])
                {
                    if (settings.Find(key) is not null)
                        Warn(key, "counts for nothing beside cmdline", "put it into cmdline");
                }
            }
            if (domain.Bootloader is not null && domain.Disks.Count == 0)
                Error("bootloader", "reads the first disk, and the domain has none", "add a disk, or name a kernel instead");
            if (domain.Ramdisk is not null && IsManaged(domain))
                Warn("ramdisk", "counts for nothing: the kernel is a C# guest");
        }

        void Error(string key, string problem, string advice = "") => findings.Error(settings.PlaceOf(key), key, problem, advice);
        void Warn(string key, string problem, string advice = "") => findings.Warn(settings.PlaceOf(key), key, problem, advice);
    }

    /// <summary>A kernel that is a C# assembly.</summary>
    internal static bool IsManaged(DomainConfiguration domain) => domain.Kernel?.EndsWith(".dll", StringComparison.OrdinalIgnoreCase) == true;

    private static void CheckMemory(ConfigSettings settings, DomainConfiguration domain, FindingList findings)
    {
        foreach (string key in (string[])["memory", "maxmem"])
        {
            // As written: what the parser made of it has wrapped around as xl's own does.
            if (settings.Find(key)?.Value is not ConfigAtom atom || !StrictCheck.IsNumber(atom.Text))
                continue;
            long mebibytes = CNumber.ParseSigned(atom.Text, 0, out _, out _);
            if (mebibytes < 0)
                findings.Error(atom.Position, key, "must not be negative");
            else if (mebibytes == 0)
                findings.Error(atom.Position, key, "must not be 0", "it is an amount in MiB");
            else if (mebibytes > MostMebibytes)
                findings.Error(atom.Position, key, $"{mebibytes} MiB is more than any host has", "it is an amount in MiB: are these KiB or bytes?");
            else
                continue;
            return;
        }

        ulong memory = domain.EffectiveMemoryKiB;
        if (domain.TargetMemoryKiB > domain.MaxMemoryKiB)
            findings.Error(settings.PlaceOf("memory"), "memory", "must not be more than maxmem");
        else if (memory < LeastForKernelsKiB && !IsManaged(domain))
            findings.Warn(settings.PlaceOf(settings.Find("memory") is null ? "maxmem" : "memory"), "memory", $"{memory / 1024} MiB is less than a real kernel starts with", "give it 64 or more");
    }
}
