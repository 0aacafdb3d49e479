namespace Pv.Tests.MachineGuests;

/// <summary>The variables that the runtime shares with a guest's code, eight bytes each, at the start of the data region.</summary>
internal static class GuestVariables
{
    private const ulong First = GuestLayout.Data;

    public const ulong StartInfo = First, P2m = First + 8, TableBase = First + 16, RowCount = First + 24, PrintedRows = First + 32,
        Name = First + 40, Value = First + 48, Scratch = First + 56, ConsolePort = First + 64, ConsoleRing = First + 72, Quiet = First + 80,
        SecondScratch = First + 88;

    /// <summary>The processor at the first instruction.</summary>
    public const ulong EntryRsp = First + 0x80, EntryFlags = First + 0x88, EntryCs = First + 0x90, EntrySs = First + 0x98, EntryDs = First + 0xa0,
        EntryEs = First + 0xa8, EntryFs = First + 0xb0, EntryGs = First + 0xb8, EntryOther = First + 0xc0;

    /// <summary>Where the common handler goes on, and what it noted of the last trap.</summary>
    public const ulong ResumeRip = First + 0x100, ResumeRsp = First + 0x108, Hook = First + 0x110, Vector = First + 0x118, Count = First + 0x120,
        TryRip = First + 0x128;

    /// <summary>The bounce frame as Xen pushed it, with 0 for an error code that is not there.</summary>
    public const ulong FrameRcx = First + 0x140, FrameR11 = First + 0x148, FrameError = First + 0x150, FrameRip = First + 0x158, FrameCs = First + 0x160,
        FrameFlags = First + 0x168, FrameRsp = First + 0x170, FrameSs = First + 0x178;

    /// <summary>The processor in the handler's first instruction.</summary>
    public const ulong HandlerRax = First + 0x180, HandlerRcx = First + 0x188, HandlerR11 = First + 0x190, HandlerRsp = First + 0x198,
        HandlerFlags = First + 0x1a0, HandlerCs = First + 0x1a8, HandlerSs = First + 0x1b0, HandlerMask = First + 0x1b8, HandlerRip = First + 0x1c0;

    /// <summary>The four selectors that a failsafe frame has in front of rip.</summary>
    public const ulong FailsafeDs = First + 0x1d0, FailsafeEs = First + 0x1d8, FailsafeFs = First + 0x1e0, FailsafeGs = First + 0x1e8;

    /// <summary>Where names, tables and a guest's own variables may begin.</summary>
    public const ulong End = First + 0x400;
}
