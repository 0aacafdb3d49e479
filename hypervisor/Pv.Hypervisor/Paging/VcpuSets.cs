using Pv.Hypervisor.Hypercalls;

namespace Pv.Hypervisor.Paging;

/// <summary>Sets of vCPUs that a guest passes as a bitmap in its memory.</summary>
internal static class VcpuSets
{
    /// <summary>Reads as much of the bitmap as the caller has vCPUs.</summary>
    public static bool TryRead(ref HypercallContext call, ulong address, out ulong vcpus)
    {
        Span<byte> bits = stackalloc byte[sizeof(ulong)];
        bits.Clear();
        var bytes = (call.Caller.Vcpus.Length + 7) / 8;
        var read = call.TryRead(address, bits[..bytes]);
        vcpus = BitConverter.ToUInt64(bits);
        return read;
    }
}
