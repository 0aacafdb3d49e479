using Pv.Abi;

namespace Pv.Toolstack.Building;

/// <summary>A domain's memory as its builder sees it: frames by the domain's own numbers, writable, and zero before the first write.</summary>
public interface IDomainMemory
{
    /// <summary>The bytes of a page. Valid until the next call.</summary>
    Span<byte> Page(Pfn pfn);

    /// <summary>The machine frame behind a page.</summary>
    Mfn MfnOf(Pfn pfn);
}
