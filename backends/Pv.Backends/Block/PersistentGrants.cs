namespace Pv.Backends.Block;

/// <summary>
/// Which front ends are offered persistent grants (<c>feature-persistent</c>, <c>public/io/blkif.h</c>): they use the same grants for ever, and
/// the pages stay mapped, which saves a quarter of a microsecond a page. A C# guest's buffers stay granted anyway, so that it has nothing to
/// do for it; Linux's front end copies every request into pages that stay granted, which costs it twice that (the benchmark <c>disk-linux</c>).
/// </summary>
public enum PersistentGrants
{
    /// <summary>Those of auto-translated domains: C# guests.</summary>
    WhereTheyWin,

    /// <summary>None.</summary>
    Never,

    /// <summary>All, to measure what they bring.</summary>
    Always,
}
