using Pv.Abi;

namespace Pv.Hypervisor.Grants;

/// <summary>How each entry of a grant table is used now. What nobody ever used takes no room, so a table grows without work here. The table's lock guards it.</summary>
internal sealed class ActiveGrants
{
    private const int PerPart = 256;

    private ActiveGrant[]?[] _parts = [];

    /// <summary>How many entries are in use, not counting those that are reserved for console and xenstore.</summary>
    public int InUse { get; private set; }

    public ref ActiveGrant this[GrantRef reference]
    {
        get
        {
            var part = reference.Value / PerPart;
            if (part >= (uint)_parts.Length)
                Array.Resize(ref _parts, (int)part + 1);
            return ref (_parts[part] ??= new ActiveGrant[PerPart])[reference.Value % PerPart];
        }
    }

    public bool IsUsed(GrantRef reference)
        => reference.Value / PerPart < (uint)_parts.Length && _parts[reference.Value / PerPart] is { } part && part[reference.Value % PerPart].Pins != 0;

    /// <summary>An entry's first use begins, or its last one ends.</summary>
    public void NoteUse(GrantRef reference, bool begins)
    {
        if (reference.Value >= ReservedGrants.Count)
            InUse += begins ? 1 : -1;
    }

    /// <summary>The entries in use, by rising number.</summary>
    public IEnumerable<(GrantRef Ref, ActiveGrant Use)> List()
    {
        for (var part = 0; part < _parts.Length; part++)
        {
            for (var i = 0; _parts[part] is { } uses && i < PerPart; i++)
            {
                if (uses[i].Pins != 0)
                    yield return (new GrantRef((uint)(part * PerPart + i)), uses[i]);
            }
        }
    }
}

/// <summary>How an entry is used now.</summary>
internal struct ActiveGrant
{
    public Mfn Mfn;
    public ulong Frame;
    public uint Part;
    public DomId User;
    public bool IsPassedOn;
    public int Pins, WritablePins;
}
