using System.Runtime.InteropServices;

namespace Pv.Abi;

/// <summary>One call of a multicall batch (<c>public/xen.h</c>).</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct multicall_entry")]
public struct MulticallEntry
{
    public const int WireSize = 64;

    /// <summary>The <see cref="HypercallNumber"/>. A multicall within a multicall is refused.</summary>
    [Xen("op")] public ulong Operation;

    /// <summary>Written by the hypervisor: what the call returned.</summary>
    [Xen("result")] public long Result;

    [Xen("args")] public Array6<ulong> Arguments;
}
