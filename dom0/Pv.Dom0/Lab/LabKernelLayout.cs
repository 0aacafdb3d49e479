using Pv.Abi;
using Pv.Toolstack.Lab.Guests;

namespace Pv.Dom0.Lab;

/// <summary>Where the parts of the lab's machine-code kernel lie. Its mapping is linear: address = <see cref="Base"/> + physical address.</summary>
internal static class LabKernelLayout
{
    /// <summary>The kernel's code, one page. Addresses from here on fit a sign-extended displacement of 32 bits.</summary>
    public const ulong Base = 0xffff_ffff_8000_0000;

    public const ulong SharedInfo = Base + 0x1000;

    /// <summary>Of the stack, two pages.</summary>
    public const ulong StackTop = Base + 0x4000;

    /// <summary>Argument of <c>SCHEDOP_poll</c>, in a page of its own.</summary>
    public const ulong PollArgument = Base + 0x4000;

    /// <summary>What the lab fills; the control page comes first.</summary>
    public const ulong Area = Base + 0x1_0000;

    /// <summary>Pages whose mappings are changed.</summary>
    public const ulong Targets = Area + ((ulong)LabSizes.AreaPages << PageSize.Shift);

    /// <summary>Pages at which grants are mapped.</summary>
    public const ulong Window = Targets + ((ulong)LabSizes.Items << PageSize.Shift);

    public const ulong End = Window + ((ulong)LabSizes.Items << PageSize.Shift);

    /// <summary>Flags of an entry: present, writable, accessed, dirty.</summary>
    public const ulong Writable = 0x63;
}
