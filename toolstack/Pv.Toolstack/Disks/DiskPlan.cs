using Pv.Config.Devices;
using Pv.Machine;
using Pv.Toolstack.Domains;

namespace Pv.Toolstack.Disks;

/// <summary>A disk that this host can serve: its number is known, its file is there.</summary>
/// <param name="Specification">What was asked for.</param>
/// <param name="Number">Its number.</param>
/// <param name="Path">Absolute; empty for an empty drive.</param>
/// <param name="File">The file itself, by whatever path it is reached; empty for an empty drive.</param>
internal sealed record DiskPlan(DiskSpecification Specification, VirtualDiskNumber Number, string Path, string File)
{
    /// <summary>libxl's ERROR_FAIL, negated.</summary>
    private const int Failed = 3;

    /// <summary>The node <c>type</c>: raw files and devices are served as they are, formats by a program.</summary>
    public string Type => Path.Length == 0 || Specification.Format == DiskFormat.Raw ? "phy" : "qdisk";

    /// <summary>The node <c>params</c>.</summary>
    public string Parameters => Type == "phy" ? Path : $"{Specification.Format.ToString().ToLowerInvariant()}:{Path}";

    public bool Discards => Specification.Discard ?? Specification.Writable;

    /// <summary>Judges all disks of a configuration.</summary>
    /// <exception cref="ToolstackException">One of them cannot be served, or two are the same to the guest.</exception>
    public static IReadOnlyList<DiskPlan> OfAll(IReadOnlyList<DiskSpecification> disks, string directory)
    {
        var plans = disks.Select(disk => Of(disk, directory)).ToList();
        if (plans.GroupBy(plan => plan.Number.Number).FirstOrDefault(same => same.Count() > 1) is { } twice)
            throw new ToolstackException($"Two disks are {twice.First().Specification.VirtualDevice} to the guest.", Failed);
        return plans;
    }

    /// <summary>Judges one.</summary>
    /// <exception cref="ToolstackException">It cannot be served.</exception>
    public static DiskPlan Of(DiskSpecification disk, string directory)
    {
        var name = disk.VirtualDevice ?? "";
        if (!VirtualDiskNumber.TryParse(name, out var number))
            throw new ToolstackException($"Invalid or unsupported virtual disk identifier {name}", Failed);
        if (Objection(disk) is { } objection)
            throw new ToolstackException($"Disk vdev={name}: {objection}.", Failed);
        if (disk.Format == DiskFormat.Empty || string.IsNullOrEmpty(disk.Target))
        {
            return disk.IsCdrom || disk.Removable ? new DiskPlan(disk, number, "", "")
                : throw new ToolstackException($"Disk vdev={name}: only a drive can be empty.", Failed);
        }
        var path = System.IO.Path.GetFullPath(System.IO.Path.Combine(directory, disk.Target));
        var identity = HostFile.Identify(path);
        return identity.Kind switch
        {
            HostFileKind.File or HostFileKind.BlockDevice => new DiskPlan(disk, number, path, identity.Key!),
            HostFileKind.None => throw new ToolstackException($"Disk vdev={name} failed to stat: {path}: No such file or directory", Failed),
            HostFileKind.Directory => throw new ToolstackException($"Disk vdev={name}: {path} is a directory.", Failed),
            _ => throw new ToolstackException($"Disk vdev={name}: {path} is neither a file nor a block device.", Failed),
        };
    }

    private static string? Objection(DiskSpecification disk) => disk switch
    {
        { BackendDomain: not (null or "" or "0" or "Domain-0") } => $"backend={disk.BackendDomain} is not built yet in this version of Pv: every back end is Dom0's",
        { Script: not (null or "") } => $"script={disk.Script} is not run: Pv opens files and devices itself",
        { Backend: DiskBackendKind.Tap or DiskBackendKind.Standalone } => $"backendtype={disk.Backend.ToString().ToLowerInvariant()} is not built: Pv has phy and qdisk",
        { Backend: DiskBackendKind.Phy, Format: not (DiskFormat.Raw or DiskFormat.Empty) } => $"backendtype=phy serves raw disks, and this one is {disk.Format.ToString().ToLowerInvariant()}",
        { Protocol: DiskProtocol.Virtio } => "specification=virtio is not built: Pv has Xen's own protocol",
        { Colo: true } => "colo is not built in this version of Pv",
        _ => null,
    };
}
