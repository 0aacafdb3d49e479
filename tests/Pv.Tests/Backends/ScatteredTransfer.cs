using Pv.Abi;
using Pv.Backends.Storage;
using Pv.Machine;

namespace Pv.Tests.Backends;

/// <summary>A transfer of some pages that do not adjoin each other, to be submitted once.</summary>
internal sealed class ScatteredTransfer(int pages) : BlockTransfer(4)
{
    private readonly TaskCompletionSource<Errno> _done = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public byte[] Memory { get; } = GC.AllocateArray<byte>(pages * 8192, pinned: true);

    public Task<Errno> Done => _done.Task.WaitAsync(TimeSpan.FromSeconds(30));

    public byte[] Gathered => [.. Enumerable.Range(0, pages).SelectMany(page => Memory.AsSpan(page * 8192, 4096).ToArray())];

    public void Attach()
    {
        for (var page = 0; page < pages; page++)
            Add(HostVector.OfPinned(Memory.AsSpan(page * 8192, 4096)));
    }

    public override void Complete(Errno error) => _done.SetResult(error);
}
