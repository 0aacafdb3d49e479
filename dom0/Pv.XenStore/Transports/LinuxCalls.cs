using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Pv.XenStore;

/// <summary>
/// The system calls of the loop, as they are in Linux's libc. None of them waits but <see cref="EpollWait"/>. A result of -1 is not asked
/// for its reason: readiness says it again, and a socket that broke says that it hung up.
/// </summary>
internal static class LinuxCalls
{
    /// <summary>MSG_DONTWAIT: the descriptors do not wait anyway.</summary>
    public const int DoNotWait = 0x40;

    /// <summary>MSG_NOSIGNAL.</summary>
    public const int NoSignal = 0x4000;

    /// <summary>SOCK_NONBLOCK | SOCK_CLOEXEC, EFD_NONBLOCK | EFD_CLOEXEC.</summary>
    public const int NonBlockingAndOwn = 0x80800;

    /// <summary>EPOLL_CLOEXEC.</summary>
    public const int Own = 0x80000;

    /// <summary>EPOLL_CTL_ADD, EPOLL_CTL_DEL and EPOLL_CTL_MOD.</summary>
    public const int Add = 1, Delete = 2, Modify = 3;

    [DllImport("libc", EntryPoint = "epoll_create1")]
    public static extern int EpollCreate(int flags);

    [DllImport("libc", EntryPoint = "epoll_ctl")]
    public static extern int EpollControl(int epoll, int operation, int descriptor, ref byte wanted);

    [DllImport("libc", EntryPoint = "epoll_wait")]
    public static extern int EpollWait(int epoll, ref byte events, int most, int milliseconds);

    [DllImport("libc", EntryPoint = "eventfd")]
    public static extern int EventDescriptor(uint initial, int flags);

    [DllImport("libc", EntryPoint = "accept4")]
    public static extern int Accept(int listener, nint address, nint addressLength, int flags);

    [DllImport("libc", EntryPoint = "recv")]
    public static extern nint Receive(int socket, ref byte into, nint length, int flags);

    [DllImport("libc", EntryPoint = "send")]
    public static extern nint Send(int socket, ref byte from, nint length, int flags);

    [DllImport("libc", EntryPoint = "read")]
    public static extern nint Read(SafeFileHandle descriptor, ref ulong into, nint length);

    [DllImport("libc", EntryPoint = "write")]
    public static extern nint Write(SafeFileHandle descriptor, ref ulong from, nint length);

    [DllImport("libc", EntryPoint = "close")]
    public static extern int Close(int descriptor);
}
