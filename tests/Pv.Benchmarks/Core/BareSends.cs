using Pv.Abi;
using Pv.Machine;

namespace Pv.Benchmarks.Core;

/// <summary>
/// What any hypervisor must write for an event of the two-level ABI (the port's bit, its word's, the upcall's byte), by one thread, while another
/// takes each as soon as it sees it.
/// </summary>
internal sealed class BareSends : IDisposable
{
    private const int UpcallPending = 0, PendingSelector = 8, Pending = 0x800;

    private readonly MachineMemory _memory = new(1);
    private readonly SharedPage _page;
    private readonly Thread _listener;
    private volatile bool _ends;
    private int _taken;

    public BareSends()
    {
        _page = new SharedPage(_memory, new Mfn(0));
        _listener = new Thread(Listen);
        _listener.Start();
    }

    /// <summary>Nanoseconds for one of so many, each made when the one before has been taken.</summary>
    public double Round(int count)
        => SendTimer.Measure(count, ref _taken, () =>
        {
            if ((_page.OrUInt64(Pending, 2) & 2) == 0 && (_page.OrUInt64(PendingSelector, 1) & 1) == 0)
                _page.WriteByteRelease(UpcallPending, 1);
        });

    public void Dispose()
    {
        _ends = true;
        _listener.Join();
        _memory.Dispose();
    }

    private void Listen()
    {
        while (!_ends)
        {
            if (_page.ReadByteAcquire(UpcallPending) == 0)
                continue;
            _page.WriteByteRelease(UpcallPending, 0);
            if (_page.ExchangeUInt64(PendingSelector, 0) != 0 && (_page.AndUInt64(Pending, ~2ul) & 2) != 0)
                Volatile.Write(ref _taken, _taken + 1);
        }
    }
}
