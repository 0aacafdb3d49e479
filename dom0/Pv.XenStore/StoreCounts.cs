using Pv.Abi;

namespace Pv.XenStore;

/// <summary>What a domain has in the store.</summary>
/// <param name="Domain">The domain.</param>
/// <param name="Nodes">Nodes that it owns.</param>
/// <param name="Bytes">What these weigh by xenstored's reckoning; Dom0's are not weighed.</param>
/// <param name="Watches">Watches on its ring.</param>
/// <param name="Transactions">Transactions open on its ring.</param>
public sealed record StoreCounts(DomId Domain, int Nodes, long Bytes, int Watches, int Transactions);
