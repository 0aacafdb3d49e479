using System.Runtime.InteropServices;

namespace Pv.Machine;

/// <summary>A range of the host's address space, committed on touch: a memfd's pages, or anonymous ones.</summary>
public sealed unsafe partial class HostRange : IDisposable
{
    private const int ProtReadWrite = 1 | 2, ProtReadExecute = 1 | 4;
    private const int MapShared = 0x01, MapPrivate = 0x02, MapNoReserve = 0x4000;
    private const int AnonymousLinux = 0x20, AnonymousMac = 0x1000;
    private const uint CloseOnExec = 1;
    private const int PunchHoleKeepSize = 0x02 | 0x01;
    private const int MadvDontNeed = 4;

    private readonly ulong _length;

    private HostRange(byte* start, ulong length, int fd)
    {
        Base = start;
        _length = length;
        FileDescriptor = fd;
    }

    /// <summary>The first byte, or null once disposed.</summary>
    public byte* Base { get; private set; }

    /// <summary>The same bytes where they can be executed and not written; null until <see cref="TryMapExecutable"/>.</summary>
    public byte* Executable { get; private set; }

    /// <summary>The memfd's descriptor, or -1.</summary>
    public int FileDescriptor { get; }

    /// <summary>Memory that can be mapped again elsewhere (by KVM, by a file descriptor).</summary>
    public static HostRange ReserveShared(ulong length)
    {
        if (!OperatingSystem.IsLinux())
            return ReservePrivate(length);
        var fd = MemfdCreate("pv-machine", CloseOnExec);
        if (fd < 0 || FileTruncate(fd, (long)length) != 0)
            throw new OutOfMemoryException($"The host refuses a memory file of {length >> 20} MiB (errno {Marshal.GetLastPInvokeError()}).");
        return Map(length, MapShared | MapNoReserve, fd);
    }

    /// <summary>Memory of this process alone; reads as zero until written.</summary>
    public static HostRange ReservePrivate(ulong length)
    {
        if (OperatingSystem.IsWindows())
            throw new PlatformNotSupportedException("Machine memory needs mmap; Windows is not supported yet.");
        var anonymous = OperatingSystem.IsMacOS() ? AnonymousMac : AnonymousLinux | MapNoReserve;
        return Map(length, MapPrivate | anonymous, -1);
    }

    /// <summary>Maps a shared range a second time, executable. False where the host has no memory files or forbids it.</summary>
    public bool TryMapExecutable()
    {
        if (FileDescriptor < 0)
            return false;
        var start = MemoryMap(null, (nuint)_length, ProtReadExecute, MapShared | MapNoReserve, FileDescriptor, 0);
        if ((nint)start == -1)
            return false;
        Executable = (byte*)start;
        return true;
    }

    /// <summary>Gives the pages of a page-aligned part back to the host; they read as zero afterwards.</summary>
    public void Discard(ulong offset, ulong length)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset + length, _length, nameof(length));
        // SAFETY: the part lies inside the mapping; giving pages back leaves it mapped.
        var failed = FileDescriptor >= 0
            ? FileAllocate(FileDescriptor, PunchHoleKeepSize, (long)offset, (long)length) != 0
            : MemoryAdvise(Base + offset, (nuint)length, MadvDontNeed) != 0;
        if (failed)
            new Span<byte>(Base + offset, checked((int)length)).Clear();
    }

    public void Dispose()
    {
        if (Base == null)
            return;
        MemoryUnmap(Base, (nuint)_length);
        Base = null;
        if (Executable != null)
            MemoryUnmap(Executable, (nuint)_length);
        Executable = null;
        if (FileDescriptor >= 0)
            CloseDescriptor(FileDescriptor);
    }

    private static HostRange Map(ulong length, int flags, int fd)
    {
        var start = MemoryMap(null, (nuint)length, ProtReadWrite, flags, fd, 0);
        if ((nint)start == -1)
            throw new OutOfMemoryException($"The host refuses {length >> 20} MiB of address space (errno {Marshal.GetLastPInvokeError()}).");
        return new HostRange((byte*)start, length, fd);
    }

    [LibraryImport("libc", EntryPoint = "memfd_create", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int MemfdCreate(string name, uint flags);

    [LibraryImport("libc", EntryPoint = "ftruncate", SetLastError = true)]
    private static partial int FileTruncate(int fd, long length);

    [LibraryImport("libc", EntryPoint = "mmap", SetLastError = true)]
    private static partial void* MemoryMap(void* address, nuint length, int protection, int flags, int fd, long offset);

    [LibraryImport("libc", EntryPoint = "munmap")]
    private static partial int MemoryUnmap(void* address, nuint length);

    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int MemoryAdvise(void* address, nuint length, int advice);

    [LibraryImport("libc", EntryPoint = "fallocate")]
    private static partial int FileAllocate(int fd, int mode, long offset, long length);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int CloseDescriptor(int fd);
}
