namespace Pv.Machine;

/// <summary>What stands at a path of the host.</summary>
public enum HostFileKind
{
    /// <summary>Nothing that can be found.</summary>
    None,
    File,
    BlockDevice,
    Directory,

    /// <summary>A pipe, a socket, a character device.</summary>
    Other,
}

/// <summary>What a path leads to.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Key">The same for every path that leads there, hard links included, for as long as it is there; null for <see cref="HostFileKind.None"/>.</param>
public readonly record struct HostFileIdentity(HostFileKind Kind, string? Key);
