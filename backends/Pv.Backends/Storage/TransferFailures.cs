using System.ComponentModel;
using Pv.Abi;

namespace Pv.Backends.Storage;

/// <summary>Says in a log which transfers a medium failed, and why: a guest hears of no reason. A disk that fails for long does not fill the log.</summary>
/// <param name="name">The medium's.</param>
/// <param name="report">Gets the lines.</param>
internal sealed class TransferFailures(string name, Action<string> report)
{
    private readonly LineLimit _lines = new(report, burst: 5, secondsPerLine: 10);

    /// <summary>Any thread. What the medium cannot do at all is the guest's to know, and is not said.</summary>
    public void Note(BlockTransfer transfer, Errno error)
    {
        if (error is Errno.None or Errno.EOPNOTSUPP)
            return;
        var what = transfer.Action == BlockAction.Flush ? "a flush" : $"a {transfer.Action.ToString().ToLowerInvariant()} of {transfer.Length} bytes at {transfer.Offset}";
        _lines.Write($"{name}: {what} failed: {new Win32Exception((int)error).Message}");
    }
}
