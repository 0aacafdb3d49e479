using System.Runtime.Intrinsics;

namespace Pv.Cpu.Software;

/// <summary>How an operation on vectors serves registers of 64 bits. Pure.</summary>
internal interface IMmxShape
{
    static abstract ulong Do<TOperation>(ulong a, ulong b, byte immediate)
        where TOperation : struct, IVectorOperation;
}

/// <summary>Lane by lane: the lower half of the result depends on the lower halves alone.</summary>
internal readonly struct InLowerHalf : IMmxShape
{
    public static ulong Do<TOperation>(ulong a, ulong b, byte immediate)
        where TOperation : struct, IVectorOperation
        => TOperation.Do(Vector128.CreateScalar(a).AsByte(), Vector128.CreateScalar(b).AsByte(), immediate).AsUInt64().ToScalar();
}

/// <summary>The lower halves give a whole vector, whose upper half is wanted (<c>punpckh…</c>).</summary>
internal readonly struct OfLowerHalves : IMmxShape
{
    public static ulong Do<TOperation>(ulong a, ulong b, byte immediate)
        where TOperation : struct, IVectorOperation
        => TOperation.Do(Vector128.CreateScalar(a).AsByte(), Vector128.CreateScalar(b).AsByte(), immediate).AsUInt64().GetElement(1);
}

/// <summary>Destination and source together are one vector, which is made half as long (<c>pack…</c>, <c>phadd…</c>).</summary>
internal readonly struct OfBoth : IMmxShape
{
    public static ulong Do<TOperation>(ulong a, ulong b, byte immediate)
        where TOperation : struct, IVectorOperation
    {
        var both = Vector128.Create(a, b).AsByte();
        return TOperation.Do(both, both, immediate).AsUInt64().ToScalar();
    }
}

/// <summary><c>pshufb</c> of eight bytes.</summary>
internal readonly struct ShuffleEightBytes : IVectorOperation
{
    public static Vector128<byte> Do(Vector128<byte> a, Vector128<byte> b, byte immediate)
        => ShuffleBytes.Do(a, b & Vector128.Create((byte)0x87), immediate);
}

/// <summary><c>palignr</c> of eight bytes: out of sixteen, the source being the lower half.</summary>
internal readonly struct AlignEightRight : IVectorOperation
{
    public static Vector128<byte> Do(Vector128<byte> a, Vector128<byte> b, byte immediate)
        => ShiftBytesRight.Do(Vector128.Create(b.GetLower(), a.GetLower()), Vector128.CreateScalar((ulong)immediate).AsByte(), immediate);
}
