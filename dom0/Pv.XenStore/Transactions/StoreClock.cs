namespace Pv.XenStore;

/// <summary>Counts changes: every generation of a node, every domain and every birth takes a number of its own.</summary>
internal sealed class StoreClock
{
    private long _last;

    public long Next() => ++_last;
}
