using System.Runtime.InteropServices;

namespace Pv.Guest;

/// <summary>How many bytes a value takes in memory that is shared.</summary>
internal static class WireSize<T> where T : unmanaged
{
    public static readonly int Bytes = MemoryMarshal.AsBytes(new T[1].AsSpan()).Length;
}
