namespace Pv.Tests.MachineGuests;

/// <summary>Where the parts of a machine-code guest lie. The kernel's own mapping is linear: address = <see cref="Base"/> + physical address.</summary>
internal static class GuestLayout
{
    /// <summary>The <c>VIRT_BASE</c> of the image: addresses from here on fit a sign-extended 32-bit displacement.</summary>
    public const ulong Base = 0xffff_ffff_8000_0000;

    /// <summary>The routines every guest has: start, record, print, trap stubs.</summary>
    public const ulong Runtime = Base;

    /// <summary>The guest's own code.</summary>
    public const ulong Body = Base + 0x4000;

    /// <summary>Names, tables and variables.</summary>
    public const ulong Data = Base + 0x2_0000;

    /// <summary>Whole pages, zero at the start; the guest's memory ends behind them.</summary>
    public const ulong Pages = Base + 0x3_0000;

    public const ulong SharedInfo = Pages;

    /// <summary>Top of the stack that the guest's code starts on (three pages).</summary>
    public const ulong StackTop = Pages + 0x4000;

    /// <summary>Top of the stack that Xen switches to when it comes from user mode (two pages).</summary>
    public const ulong KernelStackTop = Pages + 0x6000;

    /// <summary>Top of the stack of user code (one page).</summary>
    public const ulong UserStackTop = Pages + 0x7000;

    /// <summary>The recorded rows, 16 bytes each: address of the name, value.</summary>
    public const ulong Rows = Pages + 0x7000;

    public const ulong RowLimit = 1024;

    /// <summary>The first page that a guest may allocate for itself.</summary>
    public const ulong FreePages = Rows + RowLimit * 16;

    /// <summary>The machine-to-physical table.</summary>
    public const ulong MachineToPhysical = 0xffff_8000_0000_0000;

    /// <summary><c>FLAT_RING3_CS64</c>, <c>FLAT_RING3_SS64</c>.</summary>
    public const ushort Cs64 = 0xe033, Ss64 = 0xe02b;
}
