using System.Globalization;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using Pv.Abi;

namespace Pv.Machine;

/// <summary>
/// A pseudo-terminal of the host. A program that opens <see cref="Path"/> has a terminal there; this side shows what it writes and types to it.
/// </summary>
/// <remarks>One thread reads and one writes at a time. The far side counts as open until <see cref="CloseFarSide"/>, so that a program may take its time to come.</remarks>
public sealed unsafe partial class HostTerminal : IDisposable
{
    private const int ReadWrite = 2, NoControllingTerminal = 0x100, CloseOnExec = 0x80000;
    private const nuint Unlock = 0x40045431, GetNumber = 0x80045430;

    private readonly SafeFileHandle _near;
    private readonly SafeFileHandle _far;

    private HostTerminal(SafeFileHandle near, SafeFileHandle far, string path) => (_near, _far, Path) = (near, far, path);

    /// <summary>The far side's path.</summary>
    public string Path { get; }

    /// <summary>Makes one, in the modes that a terminal has at first.</summary>
    /// <exception cref="IOException">The host has none to give.</exception>
    /// <exception cref="PlatformNotSupportedException">The numbers of its calls are known for Linux alone.</exception>
    public static HostTerminal Open()
    {
        if (!OperatingSystem.IsLinux())
            throw new PlatformNotSupportedException("Pseudo-terminals need Linux.");
        var near = Demand(OpenFile("/dev/ptmx", ReadWrite | NoControllingTerminal | CloseOnExec), "/dev/ptmx");
        try
        {
            // SAFETY: both calls read or write one int, which lives on the stack.
            int locked = 0, number;
            if (Control(near, Unlock, &locked) != 0 || Control(near, GetNumber, &number) != 0)
                throw Failure("/dev/ptmx");
            var path = string.Create(CultureInfo.InvariantCulture, $"/dev/pts/{number}");
            return new HostTerminal(near, Demand(OpenFile(path, ReadWrite | NoControllingTerminal | CloseOnExec), path), path);
        }
        catch
        {
            near.Dispose();
            throw;
        }
    }

    /// <summary>Waits for what the far side writes. 0: nobody has the far side open any more.</summary>
    public int Read(Span<byte> into)
    {
        // SAFETY: the host writes at most as many bytes as the span has, which stays for the call.
        fixed (byte* first = into)
        {
            while (true)
            {
                var read = ReadFile(_near, first, (nuint)into.Length);
                if (read >= 0)
                    return (int)read;
                if (Marshal.GetLastPInvokeError() != (int)Errno.EINTR)
                    return 0;
            }
        }
    }

    /// <summary>Types to the far side; waits while it takes nothing. False: nobody has the far side open any more.</summary>
    public bool Write(ReadOnlySpan<byte> typed)
    {
        // SAFETY: the host reads at most as many bytes as the span has, which stays for the call.
        fixed (byte* first = typed)
        {
            for (nint done = 0; done < typed.Length;)
            {
                var written = WriteFile(_near, first + done, (nuint)(typed.Length - done));
                if (written < 0 && Marshal.GetLastPInvokeError() != (int)Errno.EINTR)
                    return false;
                done += Math.Max(0, written);
            }
        }
        return true;
    }

    /// <summary>The far side is open from now on for as long as some program has it open.</summary>
    public void CloseFarSide() => _far.Dispose();

    public void Dispose()
    {
        _far.Dispose();
        _near.Dispose();
    }

    private static SafeFileHandle Demand(int descriptor, string path) => descriptor >= 0 ? new SafeFileHandle(descriptor, ownsHandle: true) : throw Failure(path);

    private static IOException Failure(string path) => new($"{path}: no terminal is to be had (errno {Marshal.GetLastPInvokeError()})");

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int OpenFile(string path, int flags);

    [LibraryImport("libc", EntryPoint = "ioctl", SetLastError = true)]
    private static partial int Control(SafeFileHandle file, nuint request, int* value);

    [LibraryImport("libc", EntryPoint = "read", SetLastError = true)]
    private static partial nint ReadFile(SafeFileHandle file, byte* into, nuint count);

    [LibraryImport("libc", EntryPoint = "write", SetLastError = true)]
    private static partial nint WriteFile(SafeFileHandle file, byte* from, nuint count);
}
