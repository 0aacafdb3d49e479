using System.Runtime.InteropServices;

namespace Pv.Machine.Gate;

/// <summary>Keeps an array in place for as long as the hypervisor may use its address: how Dom0 passes typed arguments.</summary>
/// <remarks>A scope: dispose it when the hypercall has returned.</remarks>
public readonly struct HostPin : IDisposable
{
    private readonly GCHandle _handle;

    private HostPin(object target)
    {
        _handle = GCHandle.Alloc(target, GCHandleType.Pinned);
    }

    /// <summary>Pins an array of unmanaged values.</summary>
    public static HostPin Of<T>(T[] array) where T : unmanaged => new(array);

    /// <summary>The address of the first element.</summary>
    public ulong Address => (ulong)_handle.AddrOfPinnedObject();

    public void Dispose()
    {
        if (_handle.IsAllocated)
            _handle.Free();
    }
}

/// <summary>Copies between host addresses that Dom0 passed and the hypervisor's own spans. Dom0 is trusted with its addresses.</summary>
public static unsafe class HostAddress
{
    public static void Read(ulong address, Span<byte> to)
    {
        // SAFETY: only Dom0's door passes host addresses, and it pins what they name until the call returns.
        new ReadOnlySpan<byte>((void*)address, to.Length).CopyTo(to);
    }

    public static void Write(ulong address, ReadOnlySpan<byte> from)
    {
        // SAFETY: as for Read.
        from.CopyTo(new Span<byte>((void*)address, from.Length));
    }

    /// <summary>
    /// Calls <paramref name="door"/> with the address of one typed argument as the call's second register, as most operations of the ABI take it.
    /// </summary>
    public static long Call<T>(IHypercallDoor door, ulong number, ulong operation, ref T argument, ulong third = 0) where T : unmanaged
    {
        fixed (T* address = &argument)
        {
            // SAFETY: the argument stays in place for the length of the call.
            return door.Call(new HypercallRegisters(number, operation, (ulong)address, third));
        }
    }

    /// <summary>As the other call, for an operation whose only argument is the address (domctl, sysctl).</summary>
    public static long Call<T>(IHypercallDoor door, ulong number, ref T argument) where T : unmanaged
    {
        fixed (T* address = &argument)
        {
            // SAFETY: as above.
            return door.Call(new HypercallRegisters(number, (ulong)address));
        }
    }
}
