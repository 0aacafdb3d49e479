using System.Text;
using Pv.Abi;
using Pv.Guest;

namespace Pv.XenStore;

/// <summary>A request of a client in this process, from its call to its reply.</summary>
internal sealed class StoreCall(StoreSession session, XenStoreMessageType type, uint transactionId, byte[] payload, string subject) : IStoreWork
{
    private readonly TaskCompletionSource<byte[]> _reply = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public Task<byte[]> Reply => _reply.Task;

    public void Run()
    {
        try
        {
            session.Serve(this, new StoreMessage(type, 0, transactionId, payload));
        }
        catch (Exception exception)
        {
            _reply.TrySetException(exception);
        }
    }

    public void Complete(XenStoreMessageType answer, ReadOnlySpan<byte> bytes)
    {
        if (answer == XenStoreMessageType.Error)
            _reply.TrySetException(new XenStoreException(Enum.Parse<Errno>(Encoding.Latin1.GetString(bytes[..^1])), type, subject));
        else
            _reply.TrySetResult(bytes.ToArray());
    }

    public void Cancel() => _reply.TrySetException(new ObjectDisposedException("xenstored", "xenstored has stopped."));
}
