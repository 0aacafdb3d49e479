namespace Pv.Hypervisor.Traps;

/// <summary>An 8-byte segment descriptor (Intel SDM, volume 3, figure 3-8).</summary>
/// <remarks>
/// <code>
/// 63..56 55 54 53 52 51..48 47 46..45 44 43..40 39..16 15..0
/// base   G  DB L  -  limit  P  DPL    S  type   base   limit
/// </code>
/// </remarks>
internal readonly record struct Descriptor(ulong Value)
{
    private const ulong Present = 1ul << 47, DplMask = 3ul << 45, System = 1ul << 44, TypeMask = 15ul << 40, Accessed = 1ul << 40;
    private const ulong Long = 1ul << 53, DefaultBig = 1ul << 54;
    private const int CodeOrData = 8, Conforming = 4;

    private bool IsPresent => (Value & Present) != 0;

    private bool IsSystem => (Value & System) == 0;

    private int Dpl => (int)((Value & DplMask) >> 45);

    private int Type => (int)((Value & TypeMask) >> 40);

    private bool IsCode => (Type & CodeOrData) != 0;

    /// <summary>
    /// Judges a descriptor that a guest wants in its tables, as Xen does: nothing that could raise its privilege. What can be made harmless
    /// is corrected: a privilege level below 1 becomes that of the caller, ring 3.
    /// </summary>
    public static bool TryFix(ulong wanted, out ulong right)
    {
        var descriptor = new Descriptor(wanted);
        right = wanted;
        // An absent one does nothing; its content is the guest's affair.
        if (!descriptor.IsPresent)
            return true;
        // No gates, no task states, no local tables.
        if (descriptor.IsSystem)
        {
            right = 0;
            return (wanted & (TypeMask | System)) == 0;
        }
        // A conforming code segment would run with the privilege of whoever entered it.
        if (descriptor.IsCode && (descriptor.Type & Conforming) != 0)
            return false;
        // Code is either 64-bit or has a default size of 32: not both.
        if (descriptor.IsCode && (wanted & (Long | DefaultBig)) == (Long | DefaultBig))
            return false;
        if (descriptor.Dpl != 3)
            right |= DplMask;
        right |= Accessed;
        return true;
    }
}
