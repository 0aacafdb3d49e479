using System.Runtime.InteropServices;
using System.Text;

namespace Pv.Toolstack.Control;

/// <summary>The few things about users and sessions that .NET does not tell. Nothing here passes pointers: buffers are references.</summary>
public static class UnixHost
{
    private const int AtCurrentDirectory = -100;
    private const int NoFollowLinks = 0x100;
    private const uint BasicStats = 0x7ff;

    // struct statx (statx(2)) has one layout on every architecture: stx_uid at 20, stx_mode at 28.
    private const int StatxSize = 256, StatxUid = 20, StatxMode = 28;
    private const int TypeMask = 0xf000, TypeDirectory = 0x4000, PermissionMask = 0xfff;

    /// <summary>The user that this process acts as.</summary>
    public static uint EffectiveUser => GetEffectiveUser();

    /// <summary>Who owns a path and with which mode; a symbolic link is not followed. Null where there is nothing, or no way to ask.</summary>
    public static PathOwner? OwnerOf(string path)
    {
        if (!OperatingSystem.IsLinux())
            return null;
        var name = Encoding.UTF8.GetBytes(path + '\0');
        var buffer = new byte[StatxSize];
        if (StatX(AtCurrentDirectory, ref name[0], NoFollowLinks, BasicStats, ref buffer[0]) != 0)
            return null;
        var mode = BitConverter.ToUInt16(buffer, StatxMode);
        return new PathOwner(BitConverter.ToUInt32(buffer, StatxUid), mode & PermissionMask, (mode & TypeMask) == TypeDirectory);
    }

    /// <summary>Leaves the terminal and the process group of whoever started this process. Nothing happens to a group's leader.</summary>
    public static void LeaveSession() => SetSession();

    [DllImport("libc", EntryPoint = "geteuid")]
    private static extern uint GetEffectiveUser();

    [DllImport("libc", EntryPoint = "statx")]
    private static extern int StatX(int directory, ref byte path, int flags, uint mask, ref byte buffer);

    [DllImport("libc", EntryPoint = "setsid")]
    private static extern int SetSession();
}

/// <summary>A path's owner and permission bits.</summary>
public readonly record struct PathOwner(uint User, int Mode, bool IsDirectory);
