using System.Diagnostics.CodeAnalysis;
using Pv.Machine;

namespace Pv.Backends.Storage.Nbd;

/// <summary>What waits to be sent, and what was sent and waits for its answer. Not for several threads; nothing is allocated.</summary>
internal sealed class NbdRequests
{
    /// <summary>How many requests a server has at once. It does not do more together, and reads ahead what it does next.</summary>
    private const int Depth = 64;

    /// <summary>The longest trim, since a request's length has 32 bits.</summary>
    private const long LongestTrim = 1 << 30;

    private readonly NbdExport _export;
    private readonly Sent[] _sent = new Sent[Depth];
    private readonly Stack<int> _free = new(Depth);
    private readonly Queue<int> _again = new(Depth);
    private readonly byte[] _headers = GC.AllocateArray<byte>(Depth * NbdWire.RequestLength, pinned: true);
    private TransferQueue _waiting;
    private ulong _written, _flushed;

    public NbdRequests(NbdExport export)
    {
        _export = export;
        for (var slot = Depth - 1; slot >= 0; slot--)
            _free.Push(slot);
    }

    /// <summary>Whether writes were completed that no completed flush covers.</summary>
    public bool HasUnflushed => _written > _flushed && _export.Can(NbdExportFlags.Flush);

    /// <summary>Whether <see cref="TryNext"/> has something.</summary>
    public bool HasToSend => _again.Count > 0 || (_free.Count > 0 && !_waiting.IsEmpty);

    public void Wait(BlockTransfer transfer) => _waiting.Enqueue(transfer);

    /// <summary>Takes the next request to send: its header, which stays until it is answered, and what follows it.</summary>
    public bool TryNext(out HostVector header, out ReadOnlySpan<HostVector> payload)
    {
        header = default;
        payload = [];
        if (!_again.TryDequeue(out var slot))
        {
            if (_free.Count == 0 || !_waiting.TryDequeue(out var transfer))
                return false;
            slot = _free.Pop();
            Begin(ref _sent[slot], transfer);
        }
        ref var sent = ref _sent[slot];
        var flags = NbdCommandFlags.None;
        var (offset, length) = (0L, 0L);
        switch (sent.Command)
        {
            case NbdCommand.Write:
                payload = sent.Transfer!.Vectors;
                if (sent.Transfer.ForceUnitAccess && _export.Can(NbdExportFlags.ForceUnitAccess))
                    flags = NbdCommandFlags.ForceUnitAccess;
                goto case NbdCommand.Read;
            case NbdCommand.Read:
                (offset, length) = (sent.Transfer!.Offset, sent.Transfer.Length);
                break;
            case NbdCommand.Trim:
                (offset, length) = (sent.Transfer!.Offset + sent.Trimmed, Math.Min(sent.Transfer.Length - sent.Trimmed, LongestTrim));
                sent.Trimmed += length;
                break;
            default:
                sent.Covered = _written;
                break;
        }
        var bytes = _headers.AsSpan(slot * NbdWire.RequestLength, NbdWire.RequestLength);
        NbdWire.EncodeRequest(bytes, sent.Command, flags, CookieOf(slot), (ulong)offset, (uint)length);
        header = HostVector.OfPinned(bytes);
        return true;
    }

    /// <summary>Looks up what was asked. False: nothing that has this cookie.</summary>
    /// <param name="cookie">Of the answer.</param>
    /// <param name="into">The read whose bytes follow the answer, or null if none do.</param>
    public bool TryFind(ulong cookie, out BlockTransfer? into)
    {
        into = null;
        var slot = SlotOf(cookie);
        if (slot >= Depth || _sent[slot].Transfer is not { } transfer || cookie != CookieOf(slot))
            return false;
        if (_sent[slot].Command == NbdCommand.Read)
            into = transfer;
        return true;
    }

    /// <summary>Notes an answer to what <see cref="TryFind"/> found. Returns the transfer if that was all that it needs.</summary>
    public BlockTransfer? Answered(ulong cookie, bool isDone)
    {
        var slot = SlotOf(cookie);
        ref var sent = ref _sent[slot];
        var transfer = sent.Transfer!;
        if (isDone && NeedsMore(ref sent))
        {
            sent.Generation++;
            _again.Enqueue(slot);
            return null;
        }
        sent.Transfer = null;
        sent.Generation++;
        _free.Push(slot);
        return transfer;
    }

    /// <summary>Takes a transfer back that was not answered, nor will be.</summary>
    public bool TryTakeAny([NotNullWhen(true)] out BlockTransfer? transfer)
    {
        for (var slot = 0; slot < Depth; slot++)
        {
            transfer = _sent[slot].Transfer;
            _sent[slot].Transfer = null;
            if (transfer is not null)
                return true;
        }
        return _waiting.TryDequeue(out transfer);
    }

    private void Begin(ref Sent sent, BlockTransfer transfer)
    {
        sent.Transfer = transfer;
        sent.Trimmed = 0;
        sent.Command = transfer.Action switch
        {
            BlockAction.Read => NbdCommand.Read,
            BlockAction.Write => NbdCommand.Write,
            BlockAction.Discard => NbdCommand.Trim,
            _ => NbdCommand.Flush,
        };
    }

    /// <summary>What was asked was done. Whether that is not all.</summary>
    private bool NeedsMore(ref Sent sent)
    {
        switch (sent.Command)
        {
            case NbdCommand.Write when sent.Transfer!.ForceUnitAccess && _export.Can(NbdExportFlags.ForceUnitAccess):
                return false;
            case NbdCommand.Write:
                _written++;
                if (!sent.Transfer!.ForceUnitAccess || !_export.Can(NbdExportFlags.Flush))
                    return false;
                sent.Command = NbdCommand.Flush;
                return true;
            case NbdCommand.Trim:
                _written++;
                return sent.Trimmed < sent.Transfer!.Length;
            case NbdCommand.Flush:
                _flushed = Math.Max(_flushed, sent.Covered);
                return false;
            default:
                return false;
        }
    }

    private ulong CookieOf(int slot) => ((ulong)_sent[slot].Generation << 32) | (uint)slot;

    private static int SlotOf(ulong cookie) => (int)Math.Min((uint)cookie, Depth);

    private struct Sent
    {
        public BlockTransfer? Transfer;
        public uint Generation;
        public NbdCommand Command;

        /// <summary>Of a trim: how many bytes were asked for already.</summary>
        public long Trimmed;

        /// <summary>Of a flush: the writes that were completed when it was sent.</summary>
        public ulong Covered;
    }
}
