using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using Pv.Abi;

namespace Pv.Machine;

/// <summary>
/// A file or block device of the host, read and written where memory stands: the kernel's vectored calls get the vectors as they are.
/// </summary>
/// <remarks>Any thread. Nothing is allocated by a transfer. Errors are the host's numbers, which are Xen's.</remarks>
public sealed unsafe partial class HostFile : IDisposable
{
    /// <summary>The most vectors that one call of the host takes.</summary>
    public const int MaxVectors = 1024;

    private const int SeekEnd = 2;
    private const int NoWaitFlag = 8, DataSyncFlag = 2;
    private const int PunchHoleKeepSize = 0x02 | 0x01;
    private const uint BlockLogicalSize = 0x1268, BlockPhysicalSize = 0x127b, BlockDiscard = 0x1277;

    // statx(2): struct statx is the same on every architecture.
    private const int CurrentDirectory = -100, StatxType = 1, StatxInode = 0x100, StatxBytes = 256;
    private const int StatxModeOffset = 28, StatxInodeOffset = 32, StatxDeviceNumberOffset = 128, StatxDeviceOffset = 136;
    private const int TypeBits = 0xf000, TypeRegular = 0x8000, TypeDirectory = 0x4000, TypeBlockDevice = 0x6000;

    private readonly SafeFileHandle _handle;

    private HostFile(SafeFileHandle handle, string path)
    {
        _handle = handle;
        Path = path;
    }

    public string Path { get; }

    /// <summary>The file's descriptor, for as long as this is not disposed of.</summary>
    public SafeFileHandle Handle => _handle;

    /// <summary>What a path leads to, links followed, without opening it.</summary>
    public static HostFileIdentity Identify(string path)
    {
        if (!OperatingSystem.IsLinux())
        {
            var kind = File.Exists(path) ? HostFileKind.File : Directory.Exists(path) ? HostFileKind.Directory : HostFileKind.None;
            return new HostFileIdentity(kind, new FileInfo(path).ResolveLinkTarget(returnFinalTarget: true)?.FullName ?? path);
        }
        // SAFETY: the call fills a struct statx, which is smaller than this, or nothing.
        var facts = stackalloc byte[StatxBytes];
        if (Statx(CurrentDirectory, path, 0, StatxType | StatxInode, facts) != 0)
            return default;
        var found = (*(ushort*)(facts + StatxModeOffset) & TypeBits) switch
        {
            TypeRegular => HostFileKind.File,
            TypeDirectory => HostFileKind.Directory,
            TypeBlockDevice => HostFileKind.BlockDevice,
            _ => HostFileKind.Other,
        };
        // Two nodes of one device are one disk.
        var key = found == HostFileKind.BlockDevice
            ? $"device {*(uint*)(facts + StatxDeviceNumberOffset)}:{*(uint*)(facts + StatxDeviceNumberOffset + 4)}"
            : $"file {*(ulong*)(facts + StatxInodeOffset)} of {*(uint*)(facts + StatxDeviceOffset)}:{*(uint*)(facts + StatxDeviceOffset + 4)}";
        return new HostFileIdentity(found, key);
    }

    /// <summary>Opens what exists already; others may have it open, too.</summary>
    /// <exception cref="IOException">There is no such file, or it cannot be opened.</exception>
    /// <exception cref="UnauthorizedAccessException">The file's permissions forbid it.</exception>
    public static HostFile Open(string path, bool writable)
        => new(File.OpenHandle(path, FileMode.Open, writable ? FileAccess.ReadWrite : FileAccess.Read, FileShare.ReadWrite | FileShare.Delete), path);

    /// <summary>How many bytes the file or device has now.</summary>
    /// <exception cref="IOException">The host cannot tell.</exception>
    public long GetLength()
    {
        if (!OperatingSystem.IsLinux())
            return RandomAccess.GetLength(_handle);
        var length = Seek(_handle, 0, SeekEnd);
        return length >= 0 ? length : throw new IOException($"{Path}: its size is unknown (errno {Marshal.GetLastPInvokeError()})");
    }

    /// <summary>A block device's sector sizes in bytes; 0 for both of anything else.</summary>
    public (int Logical, int Physical) GetSectorSizes()
    {
        if (!OperatingSystem.IsLinux())
            return default;
        int logical = 0, physical = 0;
        // SAFETY: both requests write one int to where they are pointed.
        return IoControl(_handle, BlockLogicalSize, &logical) == 0 && IoControl(_handle, BlockPhysicalSize, &physical) == 0 ? (logical, physical) : default;
    }

    /// <summary>
    /// Reads from <paramref name="offset"/> on into the vectors: how many bytes came (0: the file ends there), or a negative <see cref="Errno"/>.
    /// </summary>
    public long ReadAt(ReadOnlySpan<HostVector> vectors, long offset)
    {
        if (!OperatingSystem.IsLinux())
            return Portable(vectors, offset, static (handle, bytes, at) => RandomAccess.Read(handle, bytes, at));
        // SAFETY: a HostVector is a struct iovec, and its memory stays as its maker promised.
        fixed (HostVector* first = vectors)
            return Result(ReadVector(_handle, first, Math.Min(vectors.Length, MaxVectors), offset));
    }

    /// <summary>As <see cref="ReadAt"/>, but only what the host has in memory: EAGAIN where it would have to wait, EOPNOTSUPP where it cannot tell.</summary>
    public long ReadCachedAt(ReadOnlySpan<HostVector> vectors, long offset)
    {
        if (!OperatingSystem.IsLinux())
            return -(long)Errno.EOPNOTSUPP;
        // SAFETY: as above.
        fixed (HostVector* first = vectors)
            return Result(ReadVector2(_handle, first, Math.Min(vectors.Length, MaxVectors), offset, NoWaitFlag));
    }

    /// <summary>Writes the vectors from <paramref name="offset"/> on: how many bytes went, or a negative <see cref="Errno"/>.</summary>
    public long WriteAt(ReadOnlySpan<HostVector> vectors, long offset)
    {
        if (!OperatingSystem.IsLinux())
        {
            return Portable(vectors, offset, static (handle, bytes, at) =>
            {
                RandomAccess.Write(handle, bytes, at);
                return bytes.Length;
            });
        }
        // SAFETY: as above.
        fixed (HostVector* first = vectors)
            return Result(WriteVector(_handle, first, Math.Min(vectors.Length, MaxVectors), offset));
    }

    /// <summary>As <see cref="WriteAt"/>, and what went is on the disk when this returns.</summary>
    public long WriteDurablyAt(ReadOnlySpan<HostVector> vectors, long offset)
    {
        if (!OperatingSystem.IsLinux())
            return WriteAt(vectors, offset) is var written && Flush() is not Errno.None and var error ? -(long)error : written;
        // SAFETY: as above.
        fixed (HostVector* first = vectors)
            return Result(WriteVector2(_handle, first, Math.Min(vectors.Length, MaxVectors), offset, DataSyncFlag));
    }

    /// <summary>All that was written is on the disk when this returns without an error.</summary>
    public Errno Flush()
    {
        if (OperatingSystem.IsLinux())
            return ErrnoOf(DataSync(_handle));
        try
        {
            RandomAccess.FlushToDisk(_handle);
            return Errno.None;
        }
        catch (IOException)
        {
            return Errno.EIO;
        }
    }

    /// <summary>Gives a part back to the file system or device. It reads as zero afterwards from a file; a device may say otherwise.</summary>
    public Errno Discard(long offset, long length)
    {
        if (!OperatingSystem.IsLinux())
            return Errno.EOPNOTSUPP;
        var punched = ErrnoOf(FileAllocate(_handle, PunchHoleKeepSize, offset, length));
        if (punched is not (Errno.EOPNOTSUPP or Errno.ENODEV))
            return punched;
        var range = stackalloc ulong[] { (ulong)offset, (ulong)length };
        // SAFETY: the request reads two 64-bit numbers from where it is pointed.
        return IoControl(_handle, BlockDiscard, range) == 0 ? Errno.None : punched == Errno.ENODEV ? Errno.EIO : Errno.EOPNOTSUPP;
    }

    public void Dispose() => _handle.Dispose();

    private delegate int Transfer(SafeFileHandle handle, Span<byte> bytes, long offset);

    private long Portable(ReadOnlySpan<HostVector> vectors, long offset, Transfer transfer)
    {
        var total = 0L;
        try
        {
            foreach (var vector in vectors)
            {
                var done = transfer(_handle, vector.Bytes, offset + total);
                total += done;
                if (done < vector.Length)
                    break;
            }
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            return total > 0 ? total : -(long)Errno.EIO;
        }
        return total;
    }

    private static long Result(long result) => result < 0 ? -Marshal.GetLastPInvokeError() : result;

    private static Errno ErrnoOf(int result) => result == 0 ? Errno.None : (Errno)Marshal.GetLastPInvokeError();

    [LibraryImport("libc", EntryPoint = "lseek", SetLastError = true)]
    private static partial long Seek(SafeFileHandle file, long offset, int origin);

    [LibraryImport("libc", EntryPoint = "statx", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Statx(int folder, string path, int flags, uint wanted, byte* facts);

    [LibraryImport("libc", EntryPoint = "ioctl", SetLastError = true)]
    private static partial int IoControl(SafeFileHandle file, nuint request, void* argument);

    [LibraryImport("libc", EntryPoint = "preadv", SetLastError = true)]
    private static partial long ReadVector(SafeFileHandle file, HostVector* vectors, int count, long offset);

    [LibraryImport("libc", EntryPoint = "preadv2", SetLastError = true)]
    private static partial long ReadVector2(SafeFileHandle file, HostVector* vectors, int count, long offset, int flags);

    [LibraryImport("libc", EntryPoint = "pwritev", SetLastError = true)]
    private static partial long WriteVector(SafeFileHandle file, HostVector* vectors, int count, long offset);

    [LibraryImport("libc", EntryPoint = "pwritev2", SetLastError = true)]
    private static partial long WriteVector2(SafeFileHandle file, HostVector* vectors, int count, long offset, int flags);

    [LibraryImport("libc", EntryPoint = "fdatasync", SetLastError = true)]
    private static partial int DataSync(SafeFileHandle file);

    [LibraryImport("libc", EntryPoint = "fallocate", SetLastError = true)]
    private static partial int FileAllocate(SafeFileHandle file, int mode, long offset, long length);
}
