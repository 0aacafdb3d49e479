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
/// <param name="Number">As the client gave it. One that no domain can bear is kept and shown, and names nobody.</param>
/// <param name="Incarnation">0: there was no such domain.</param>
/// <param name="Access">What the entry gives.</param>
internal readonly record struct PermissionEntry(int Number, long Incarnation, XenStoreAccess Access)
{
    private const string Letters = "nrwb";

    public DomId Domain => Number is >= 0 and < DomId.FirstReserved ? new DomId((ushort)Number) : DomId.Invalid;

    public bool Names(StoreDomain domain) => Number == domain.Id.Value && Incarnation == domain.Incarnation;

    /// <summary>As the protocol writes it.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Letters[(int)Access]}{Number}");

    /// <summary>Reads a letter and a number, nothing else; whose entry it is, it does not know.</summary>
    public static bool TryParse(string text, out PermissionEntry entry)
    {
        entry = default;
        var access = text.Length < 2 ? -1 : Letters.IndexOf(text[0]);
        if (access < 0 || !Numbers.TryParse(text[1..], out var number))
            return false;
        entry = new(number, 0, (XenStoreAccess)access);
        return true;
    }
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
        => creator.IsPrivileged ? this : new(entries.SetItem(0, Owner with { Number = creator.Id.Value, Incarnation = creator.Incarnation }));

    /// <summary>Zero-ended strings, as GET_PERMS answers them.</summary>
    public byte[] Format()
    {
        var text = new StringBuilder();
        foreach (var entry in entries)
            text.Append(entry).Append('\0');
        return Encoding.Latin1.GetBytes(text.ToString());
    }
}
