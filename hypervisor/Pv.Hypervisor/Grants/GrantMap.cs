using Pv.Abi;

namespace Pv.Hypervisor.Grants;

/// <summary>One map of a foreign grant: whose entry, and where it was mapped. A value: back ends map and unmap at the rate of their rings.</summary>
/// <param name="Granter">The domain whose frame it is.</param>
/// <param name="Ref">Its entry.</param>
/// <param name="ReadOnly">Mapped without the right to write.</param>
/// <param name="HostAddress">A pseudo-physical address of an auto-translated mapper; a linear address, or an entry's machine address, of a real kernel.</param>
/// <param name="Flags">As the mapper asked.</param>
/// <param name="Mfn">The frame.</param>
internal readonly record struct GrantMap(DomId Granter, GrantRef Ref, bool ReadOnly, ulong HostAddress, GrantMapFlags Flags, Mfn Mfn);
