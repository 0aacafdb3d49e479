using Pv.Abi;
using Pv.Machine;

namespace Pv.Guest;

/// <summary>A frame of a C# guest that holds arguments: the hypervisor is told its pseudo-physical address and copies them out.</summary>
public sealed class FrameArgumentPage(Pfn pfn, SharedPage page) : IArgumentPage
{
    public Pfn Pfn { get; } = pfn;

    public ulong Address => Pfn.Address;

    public void Write(int offset, ReadOnlySpan<byte> bytes) => page.CopyFrom(offset, bytes);

    public void Read(int offset, Span<byte> bytes) => page.CopyTo(offset, bytes);
}
