using System.Numerics;
using Pv.Abi;

namespace Pv.Hypervisor.Events;

/// <summary>A domain's closed ports, of which the lowest is found without a look at those that are open. The domain's events lock guards it.</summary>
internal sealed class ClosedPorts
{
    private const int Bits = 64;

    // A bit a port, and a bit a word in which there is one.
    private readonly ulong[] _filled = new ulong[FifoEvents.ChannelCount / Bits / Bits];
    private ulong[] _words = new ulong[1];

    public int Count { get; private set; }

    public void Add(EventPort port)
    {
        var word = (int)(port.Value / Bits);
        if (word >= _words.Length)
            Array.Resize(ref _words, Math.Max(word + 1, _words.Length * 2));
        _words[word] |= Bit(port.Value);
        _filled[word / Bits] |= Bit((uint)word);
        Count++;
    }

    public void Remove(EventPort port)
    {
        var word = (int)(port.Value / Bits);
        _words[word] &= ~Bit(port.Value);
        if (_words[word] == 0)
            _filled[word / Bits] &= ~Bit((uint)word);
        Count--;
    }

    /// <summary>The ports of a word of bitmaps (64 each) that are closed.</summary>
    public ulong Word(int word) => word < _words.Length ? _words[word] : 0;

    /// <summary>The first one from <paramref name="from"/> on. False when there is none.</summary>
    public bool TryFind(uint from, out uint port)
    {
        port = 0;
        var word = (int)(from / Bits);
        if (word >= _words.Length)
            return false;
        var left = _words[word] & ulong.MaxValue << (int)(from % Bits);
        if (left == 0 && TryFindWord(word + 1, out word))
            left = _words[word];
        port = (uint)(word * Bits + BitOperations.TrailingZeroCount(left));
        return left != 0;
    }

    private bool TryFindWord(int from, out int word)
    {
        for (var i = from / Bits; i < _filled.Length; i++)
        {
            var left = i == from / Bits ? _filled[i] & ulong.MaxValue << from % Bits : _filled[i];
            word = i * Bits + BitOperations.TrailingZeroCount(left);
            if (left != 0)
                return true;
        }
        word = 0;
        return false;
    }

    private static ulong Bit(uint number) => 1ul << (int)(number % Bits);
}
