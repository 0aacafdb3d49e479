using Pv.Abi;

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
    private const ulong Present = 1ul << 47, DplMask = 3ul << 45, System = 1ul << 44, TypeMask = 15ul << 40;
    private const int CallGate = 12, GateSelectorShift = 16, LocalTable = 4;

    private bool IsPresent => (Value & Present) != 0;

    private bool IsSystem => (Value & System) == 0;

    private int Type => (int)((Value & TypeMask) >> 40);

    /// <summary>
    /// Judges a descriptor that a guest wants in its tables, as Xen does: nothing that could raise its privilege. What can be made harmless
    /// is corrected: the privilege level of code and data becomes ring 3.
    /// </summary>
    public static bool TryFix(ulong wanted, out ulong right)
    {
        var descriptor = new Descriptor(wanted);
        right = wanted;
        // An absent one does nothing; its content is the guest's affair.
        if (!descriptor.IsPresent)
            return true;
        if (descriptor.IsSystem)
            return TryFixSystem(descriptor, out right);
        right |= DplMask;
        return true;
    }

    /// <summary>
    /// Of the system descriptors an empty one does no harm. A call gate into the guest's own code may stay, with the privilege level of the
    /// hypervisor, so that using it faults. No task states, no local tables, no other gates.
    /// </summary>
    private static bool TryFixSystem(Descriptor descriptor, out ulong right)
    {
        right = descriptor.Value & ~DplMask;
        if (descriptor.Type == 0)
        {
            right = descriptor.Value;
            return true;
        }
        var selector = (ushort)(descriptor.Value >> GateSelectorShift);
        return descriptor.Type == CallGate
            && (selector >> 3 < XenSegments.FirstReservedGdtEntry || selector is XenSegments.FlatCode64 or XenSegments.FlatCode32 || (selector & LocalTable) != 0);
    }
}
