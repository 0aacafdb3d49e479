using Pv.Tests.MachineGuests.Guests;

namespace Pv.Tests.MachineGuests;

/// <summary>Every machine-code guest.</summary>
internal static class MachineGuestCatalog
{
    public static IReadOnlyList<MachineGuest> All { get; } =
    [
        .. StartGuests.All, .. FrameGuests.All, .. IretGuests.All, .. EventGuests.All, .. TrapGuests.All, .. CallbackGuests.All,
        .. DescriptorGuests.All, .. InstructionGuests.All, .. PinGuests.All, .. PagingGuests.All, .. CallGuests.All, .. GrantGuests.All, .. FifoGuests.All, .. VcpuGuests.All, .. TimeGuests.All, .. NmiGuests.All, .. GrantVersionGuests.All, .. MemoryGuests.All,
        .. SweepGuests.All, .. MulticallGuests.All, .. EventStateGuests.All, .. SweepPagingGuests.All,
    ];
}
