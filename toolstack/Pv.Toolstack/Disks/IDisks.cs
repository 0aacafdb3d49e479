using Pv.Abi;
using Pv.Config.Devices;
using Pv.Toolstack.Domains;

namespace Pv.Toolstack.Disks;

/// <summary>The disks of domains that run. Any thread; what concerns one domain's disks is done in turn.</summary>
/// <remarks>What cannot be done is a <see cref="ToolstackException"/> whose message is a sentence for the user.</remarks>
public interface IDisks
{
    /// <summary>A domain's disks by number.</summary>
    Task<IReadOnlyList<DiskView>> ListDisksAsync(DomId domain);

    /// <summary>Gives a running domain a disk; a restart of the domain keeps it. Returns when the back end has opened it.</summary>
    /// <param name="domain">The domain.</param>
    /// <param name="disk">What to give.</param>
    /// <param name="directory">Where a relative path begins.</param>
    /// <param name="cancel">Gives up; nothing of the disk is left then.</param>
    Task AttachDiskAsync(DomId domain, DiskSpecification disk, string directory, CancellationToken cancel);

    /// <summary>Takes a disk away once the domain's kernel has let go of it, or at once.</summary>
    /// <param name="domain">The domain.</param>
    /// <param name="disk">Its number.</param>
    /// <param name="force">Do not ask the kernel.</param>
    /// <param name="cancel">Gives up; the kernel has been asked then.</param>
    /// <returns>False: the kernel has not let go of it in time.</returns>
    Task<bool> DetachDiskAsync(DomId domain, int disk, bool force, CancellationToken cancel);

    /// <summary>Puts a disc into a drive, in place of the one that is in it; one of format <see cref="DiskFormat.Empty"/> empties the drive.</summary>
    /// <param name="domain">The domain.</param>
    /// <param name="disc">The disc, and the drive in its <see cref="DiskSpecification.VirtualDevice"/>.</param>
    /// <param name="directory">Where a relative path begins.</param>
    /// <param name="cancel">Gives up waiting.</param>
    Task ChangeDiscAsync(DomId domain, DiskSpecification disc, string directory, CancellationToken cancel);
}
