using System.Runtime.InteropServices;
using Pv.Machine.Gate;

namespace Pv.SystemTests.Traces;

/// <summary>What is known of a guest's memory from what one hypercall copied: before the call from its inputs, after it with its outputs on top.</summary>
internal sealed class GuestBytes(TracedHypercall call)
{
    // What was read first: a call that goes on later may read what it wrote.
    private readonly Lazy<Dictionary<ulong, byte>> _before = new(() => Collect(call.Inputs.Reverse()));
    private readonly Lazy<Dictionary<ulong, byte>> _after = new(() => Collect(call.Inputs.Concat(call.Outputs)));

    /// <summary>What the call read at an address.</summary>
    public T Before<T>(ulong address) where T : unmanaged => Read<T>(_before.Value, address);

    /// <summary>What stands there when it has returned.</summary>
    public T After<T>(ulong address) where T : unmanaged => Read<T>(_after.Value, address);

    /// <summary>Values in a row that the call read.</summary>
    public IEnumerable<T> Before<T>(ulong address, ulong count) where T : unmanaged
    {
        var size = (ulong)MemoryMarshal.AsBytes(new T[1].AsSpan()).Length;
        for (ulong i = 0; i < count; i++)
            yield return Before<T>(address + (i * size));
    }

    /// <summary>The text that stands there when it has returned, up to its zero.</summary>
    public string TextAfter(ulong address, int longest)
        => string.Concat(Enumerable.Range(0, longest).Select(i => (char)After<byte>(address + (ulong)i)).TakeWhile(letter => letter != 0));

    private static T Read<T>(Dictionary<ulong, byte> bytes, ulong address) where T : unmanaged
    {
        var value = new T[1];
        var into = MemoryMarshal.AsBytes(value.AsSpan());
        for (var i = 0; i < into.Length; i++)
        {
            into[i] = bytes.TryGetValue(address + (ulong)i, out var known)
                ? known
                : throw new InvalidDataException($"The trace has nothing of the guest's memory at 0x{address + (ulong)i:x}.");
        }
        return value[0];
    }

    private static Dictionary<ulong, byte> Collect(IEnumerable<TracedBytes> parts)
    {
        var bytes = new Dictionary<ulong, byte>();
        foreach (var part in parts)
        {
            for (var i = 0; i < part.Content.Length; i++)
                bytes[part.Address + (ulong)i] = part.Content[i];
        }
        return bytes;
    }
}
