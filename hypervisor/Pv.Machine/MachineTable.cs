using Pv.Abi;

namespace Pv.Machine;

/// <summary>A table with one entry a frame (or a page, or an extent), outside the garbage-collected heap and committed on touch.</summary>
public sealed unsafe class MachineTable<T> : IDisposable where T : unmanaged
{
    private readonly HostRange _range;
    private T* _entries;

    /// <summary>All entries read as zero at first.</summary>
    public MachineTable(ulong length)
    {
        Length = length;
        _range = HostRange.ReservePrivate(PageSize.PagesFor(length * (ulong)sizeof(T)) << PageSize.Shift);
        _entries = (T*)_range.Base;
    }

    public ulong Length { get; }

    /// <exception cref="ArgumentOutOfRangeException">The index is beyond the table.</exception>
    public ref T this[ulong index]
    {
        get
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, Length, nameof(index));
            // SAFETY: the index is below the length for which the range was reserved.
            return ref _entries[index];
        }
    }

    public void Dispose()
    {
        _entries = null;
        _range.Dispose();
    }
}
