using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using Pv.Abi;
using Pv.Guest;

namespace Pv.XenStore;

/// <summary>What somebody may do with a node, in the end.</summary>
[Flags]
internal enum NodeRights
{
    None = 0,
    Read = 1,
    Write = 2,
    Owner = 4,
    All = Read | Write | Owner,
}

/// <summary>
/// One entry, bound to the domain that had the number when the entry was set: a later domain of the same number inherits nothing.
/// </summary>
internal readonly record struct PermissionEntry(DomId Domain, long Incarnation, XenStoreAccess Access)
{
    public bool Names(StoreDomain domain) => Domain == domain.Id && Incarnation == domain.Incarnation;
}

/// <summary>A node's permissions, immutable. The first entry is the owner and what all others may do.</summary>
internal sealed class NodePermissions(ImmutableArray<PermissionEntry> entries)
{
    public PermissionEntry Owner => entries[0];

    public int Count => entries.Length;

    public NodeRights For(StoreDomain viewer)
    {
        if (viewer.IsPrivileged || Owner.Names(viewer) || (viewer.Target is { } target && Owner.Names(target)))
            return NodeRights.All;
        for (var i = 1; i < entries.Length; i++)
        {
            if (entries[i].Names(viewer) || (viewer.Target is { } served && entries[i].Names(served)))
                return (NodeRights)entries[i].Access;
        }
        return (NodeRights)Owner.Access;
    }

    /// <summary>What a new node below inherits: all of it, and a guest owns what it makes.</summary>
    public NodePermissions InheritedBy(StoreDomain creator)
        => creator.IsPrivileged ? this : new(entries.SetItem(0, Owner with { Domain = creator.Id, Incarnation = creator.Incarnation }));

    /// <summary>Zero-ended strings, as GET_PERMS answers them.</summary>
    public byte[] Format()
    {
        var text = new StringBuilder();
        foreach (var entry in entries)
            text.Append(new XenStorePermission(entry.Domain, entry.Access)).Append('\0');
        return Encoding.Latin1.GetBytes(text.ToString());
    }

    /// <summary>Reads one entry: a letter and a number, nothing else. A number that no domain can bear names nobody.</summary>
    public static bool TryParse(string text, out XenStorePermission permission)
    {
        permission = default;
        var access = text.Length < 2 ? -1 : "nrwb".IndexOf(text[0]);
        if (access < 0 || !long.TryParse(text.AsSpan(1), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number))
            return false;
        var domain = number is >= 0 and < DomId.FirstReserved ? new DomId((ushort)number) : DomId.Invalid;
        permission = new(domain, (XenStoreAccess)access);
        return true;
    }
}
