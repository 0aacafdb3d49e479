using System.Diagnostics;
using NUnit.Framework;
using Pv.Abi;
using Pv.Guest;
using Pv.Machine;
using Pv.XenStore;

namespace Pv.Tests.XenStore;

/// <summary>
/// Linux's way with its store ring: it publishes its index and, without a fence, looks at the other one to judge whether the store sleeps.
/// A notification must never be missing for that.
/// </summary>
public sealed class UnfencedPeerTests
{
    private const int Rounds = 200_000;

    /// <summary>On a host that lets the two threads meet too seldom there are fewer rounds.</summary>
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(10);

    [Test]
    public void No_request_is_left_lying_when_the_peer_has_no_fence()
    {
        using var ring = new Ring();
        var store = new Thread(ring.Serve);
        store.Start();
        var random = new Random(1);
        var header = new byte[16];
        var start = Stopwatch.GetTimestamp();
        for (var round = 0; round < Rounds && !ring.IsStuck && Stopwatch.GetElapsedTime(start) < Longest; round++)
        {
            // Two parts, as a message's header and its body come, with a pause that lets the second meet the store at any point.
            ring.Publish(header);
            for (var spins = random.Next(60); spins > 0; spins--)
                Thread.SpinWait(1);
            ring.Publish(header);
            ring.WaitUntilTaken();
        }
        ring.Stop();
        store.Join();
        Assert.That(ring.IsStuck, Is.False, "the store sleeps, and a request waits in its ring");
    }

    /// <summary>Both ends: the guest's as Linux's driver has it, the store's on a thread that sleeps unless it is notified.</summary>
    private sealed class Ring : IStoreChannel
    {
        private static readonly ByteRingLayout _layout = ByteRingLayout.XenStoreRequests;
        private static readonly TimeSpan _patience = TimeSpan.FromSeconds(30);

        /// <summary>Where there is one processor, whoever waits keeps the other from it.</summary>
        private static readonly bool _isAlone = Environment.ProcessorCount == 1;

        private readonly MachineMemory _memory = new(64);
        private readonly StoreRing _store;
        private uint _producer;
        private int _notified;
        private volatile bool _stopped;

        public Ring()
        {
            Page = new SharedPage(_memory, new Mfn(1));
            Page.Clear(0, PageSize.Bytes);
            _store = new StoreRing(this);
        }

        public SharedPage Page { get; }

        public bool IsStuck { get; private set; }

        public void Notify()
        {
        }

        public void Publish(ReadOnlySpan<byte> bytes)
        {
            var before = _producer;
            Page.CopyFrom(_layout.Data + (int)(before % (uint)_layout.Size), bytes);
            _producer += (uint)bytes.Length;
            Page.WriteUInt32Release(_layout.Producer, _producer);
            if (before == Page.ReadUInt32Acquire(_layout.Consumer))
                Volatile.Write(ref _notified, 1);
        }

        public void WaitUntilTaken()
        {
            var start = Stopwatch.GetTimestamp();
            while (Page.ReadUInt32Acquire(_layout.Consumer) != _producer && !IsStuck)
            {
                if (_isAlone)
                    Thread.Yield();
                else
                    Thread.SpinWait(10);
                IsStuck = Stopwatch.GetElapsedTime(start) > _patience;
            }
        }

        public void Serve()
        {
            var into = new byte[16];
            while (!_stopped)
            {
                if (Interlocked.Exchange(ref _notified, 0) == 0)
                {
                    if (_isAlone)
                        Thread.Yield();
                    continue;
                }
                while (_store.Read(into) > 0)
                {
                }
                _store.Flush(takesMore: true);
            }
        }

        public void Stop() => _stopped = true;

        public void Dispose() => _memory.Dispose();
    }
}
