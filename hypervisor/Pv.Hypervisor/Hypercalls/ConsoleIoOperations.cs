using System.Text;
using Pv.Abi;

namespace Pv.Hypervisor.Hypercalls;

/// <summary><c>console_io</c>: the hypervisor's own console. It is Dom0's; a guest is refused, as by a release build of Xen.</summary>
internal static class ConsoleIoOperations
{
    private const int LongestWrite = 4096;

    public static HypercallResult Handle(ref HypercallContext call)
    {
        if (!call.Caller.IsPrivileged)
            return Errno.EPERM;
        switch ((ConsoleIoOperation)call.Arguments.First)
        {
            case ConsoleIoOperation.Write:
                var length = (int)Math.Min(call.Arguments.Second, LongestWrite);
                Span<byte> text = stackalloc byte[length];
                if (!call.TryRead(call.Arguments.Third, text))
                    return Errno.EFAULT;
                call.Core.Log.Write(Encoding.UTF8.GetString(text).TrimEnd('\n'));
                return HypercallResult.Success;
            case ConsoleIoOperation.Read:
                return 0L;
            default:
                return Errno.ENOSYS;
        }
    }
}
