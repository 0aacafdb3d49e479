using Pv.Abi;
using Pv.Machine.Gate;

namespace Pv.Guest;

/// <summary>Dom0's arguments: pinned memory of the process, one stack a thread, since Dom0 calls from any thread.</summary>
public sealed class HostArgumentPages : IArgumentPages
{
    [ThreadStatic]
    private static ArgumentStack? s_stack;

    public ArgumentStack Stack => s_stack ??= new ArgumentStack(new HostPage());

    public IArgumentPage Allocate() => new HostPage();

    public void Free(IArgumentPage page)
    {
        // The collector takes it.
    }

    private sealed class HostPage : IArgumentPage
    {
        private readonly byte[] _bytes = GC.AllocateArray<byte>(PageSize.Bytes, pinned: true);

        public HostPage()
        {
            // The array stays where it is, so its address outlives the pin.
            using var pin = HostPin.Of(_bytes);
            Address = pin.Address;
        }

        public ulong Address { get; }

        public void Write(int offset, ReadOnlySpan<byte> bytes) => bytes.CopyTo(_bytes.AsSpan(offset));

        public void Read(int offset, Span<byte> bytes) => _bytes.AsSpan(offset, bytes.Length).CopyTo(bytes);
    }
}
