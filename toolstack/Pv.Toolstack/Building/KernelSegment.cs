namespace Pv.Toolstack.Building;

/// <summary>A part of a kernel in memory.</summary>
/// <param name="VirtualAddress">Where the kernel expects it.</param>
/// <param name="Bytes">What the image holds of it.</param>
/// <param name="MemorySize">How many bytes it has; those beyond the image's are zero.</param>
public sealed record KernelSegment(ulong VirtualAddress, ReadOnlyMemory<byte> Bytes, ulong MemorySize)
{
    /// <summary>One past the last byte.</summary>
    public ulong End => VirtualAddress + MemorySize;
}
