using Pv.Abi;

namespace Pv.Toolstack.Building;

/// <summary>What the rest of the toolstack has to know of a domain that was built.</summary>
/// <param name="XenStorePage">Its store page: a machine frame number, or an auto-translated domain's own.</param>
/// <param name="XenStorePort">Its end of the channel to xenstored.</param>
/// <param name="ConsolePage">Its console page, numbered likewise.</param>
/// <param name="ConsolePort">Its end of the console's channel.</param>
public sealed record BuiltDomain(ulong XenStorePage, EventPort XenStorePort, ulong ConsolePage, EventPort ConsolePort);
