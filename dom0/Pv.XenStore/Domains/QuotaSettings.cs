namespace Pv.XenStore;

/// <summary>The quotas as they are set: for all domains, or for one, where what was not set for it is as for all.</summary>
/// <param name="forAll">Null: these are the settings for all.</param>
internal sealed class QuotaSettings(QuotaSettings? forAll = null)
{
    private const int NotSet = -1;

    private readonly int[] _values = forAll is null
        ? [.. StoreQuotaRow.All.Select(row => row.Default)]
        : [.. Enumerable.Repeat(NotSet, StoreQuotaRow.All.Count)];

    /// <summary>As set; 0: without limit.</summary>
    public int this[StoreQuota quota]
    {
        get => _values[(int)quota] is var own && own != NotSet ? own : forAll![quota];
        set => _values[(int)quota] = value;
    }

    /// <summary>The most that may be had.</summary>
    public int Limit(StoreQuota quota) => this[quota] is var value && value != 0 ? value : int.MaxValue;
}
