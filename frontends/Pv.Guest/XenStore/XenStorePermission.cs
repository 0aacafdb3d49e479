using Pv.Abi;

namespace Pv.Guest;

/// <summary>What a domain may do with a node of the store.</summary>
[Flags]
public enum XenStoreAccess : byte
{
    None = 0,
    Read = 1,
    Write = 2,
    ReadWrite = Read | Write,
}

/// <summary>
/// One entry of a node's permissions. The first entry of a node names its owner, who may do everything,
/// and what every domain may do that no later entry names.
/// </summary>
public readonly record struct XenStorePermission(DomId Domain, XenStoreAccess Access)
{
    /// <summary>As the protocol writes it: <c>n</c>, <c>r</c>, <c>w</c> or <c>b</c>, then the domain's number.</summary>
    public override string ToString() => $"{"nrwb"[(int)Access]}{Domain.Value}";
}
