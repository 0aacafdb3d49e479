using System.Text;
using Pv.Abi;
using Pv.Hypervisor.Domains;

namespace Pv.Hypervisor.Hypercalls;

/// <summary><c>xen_version</c>: Pv answers as the Xen whose ABI it keeps.</summary>
internal static class XenVersionOperations
{
    /// <summary>The version of Xen whose ABI this is.</summary>
    public const int Major = 4, Minor = 17;

    public const string ExtraVersion = "-pv";

    /// <summary>What kinds of guests run.</summary>
    public const string Capabilities = "xen-3.0-x86_64 ";

    private const string Denied = "<denied>";

    // What Xen 4.17 tells a 64-bit PV domU: 0x220e0.
    private const uint PvFeatures =
        1u << (int)XenFeature.MmuPtUpdatePreserveAd | 1u << (int)XenFeature.HighmemAssist | 1u << (int)XenFeature.GrantMapAvailableBits
        | 1u << (int)XenFeature.MemoryOpVnodeSupported | 1u << (int)XenFeature.DirectMapped;

    // Apart from what needs memory, since this is also what kernels call to have pending events delivered.
    public static HypercallResult Handle(ref HypercallContext call)
        => (XenVersionOperation)(uint)call.Arguments.First == XenVersionOperation.Version ? (long)(Major << 16 | Minor) : Describe(ref call);

    private static HypercallResult Describe(ref HypercallContext call)
    {
        var argument = call.Arguments.Second;
        return (XenVersionOperation)(uint)call.Arguments.First switch
        {
            XenVersionOperation.ExtraVersion => Text(ref call, argument, ExtraVersion, VersionLimits.ExtraVersionBytes),
            XenVersionOperation.CompileInfo => CompileInfo(ref call, argument),
            XenVersionOperation.Capabilities => Text(ref call, argument, Capabilities, VersionLimits.CapabilitiesBytes),
            XenVersionOperation.Changeset => Text(ref call, argument, "", VersionLimits.ChangesetBytes),
            XenVersionOperation.PlatformParameters => call.TryWrite(argument, new XenPlatformParameters { VirtualStart = XenVirtualMemory.Start })
                ? HypercallResult.Success : Errno.EFAULT,
            XenVersionOperation.GetFeatures => GetFeatures(ref call, argument),
            XenVersionOperation.PageSize => argument == 0 ? (long)Abi.PageSize.Bytes : Errno.EINVAL,
            XenVersionOperation.GuestHandle => Handle(ref call, argument),
            XenVersionOperation.CommandLine => call.Caller.IsPrivileged
                ? Text(ref call, argument, "", VersionLimits.CommandLineBytes) : Text(ref call, argument, Denied, Denied.Length + 1),
            XenVersionOperation.BuildId => call.Caller.IsPrivileged ? Errno.ENODATA : Errno.EPERM,
            _ => Errno.ENOSYS,
        };
    }

    private static HypercallResult GetFeatures(ref HypercallContext call, ulong argument)
    {
        if (!call.TryRead(argument, out XenFeatureInfo info))
            return Errno.EFAULT;
        info.Submap = 0;
        if (info.SubmapIndex == 0)
        {
            info.Submap = PvFeatures;
            if (call.Caller.Kind != DomainKind.Paravirtualized)
                info.Submap |= 1u << (int)XenFeature.AutoTranslatedPhysmap;
            if (call.Caller.IsPrivileged)
                info.Submap |= 1u << (int)XenFeature.Dom0;
            // Xen names it to a domain that has asked for the assist.
            if (call.Caller.HasAssist(VmAssistType.PaeExtendedCr3))
                info.Submap |= 1u << (int)XenFeature.PaePgdirAbove4Gb;
        }
        else if (info.SubmapIndex >= VersionLimits.FeatureSubmaps)
        {
            return Errno.EINVAL;
        }
        return call.TryWrite(argument, info) ? HypercallResult.Success : Errno.EFAULT;
    }

    private static HypercallResult CompileInfo(ref HypercallContext call, ulong argument)
    {
        var info = default(XenCompileInfo);
        Put(info.Compiler, $".NET {Environment.Version}");
        Put(info.CompileBy, "");
        Put(info.CompileDomain, "");
        Put(info.CompileDate, "");
        return call.TryWrite(argument, info) ? HypercallResult.Success : Errno.EFAULT;

        static void Put(Span<byte> to, string text) => Encoding.ASCII.GetBytes(text.AsSpan(0, Math.Min(text.Length, to.Length - 1)), to);
    }

    private static HypercallResult Handle(ref HypercallContext call, ulong argument)
    {
        var handle = default(DomainHandle);
        call.Caller.Handle.TryWriteBytes(handle.Bytes, bigEndian: true, out _);
        return call.TryWrite(argument, handle) ? HypercallResult.Success : Errno.EFAULT;
    }

    private static HypercallResult Text(ref HypercallContext call, ulong argument, string text, int length)
    {
        Span<byte> bytes = stackalloc byte[length];
        bytes.Clear();
        Encoding.ASCII.GetBytes(text, bytes);
        return call.TryWrite(argument, bytes) ? HypercallResult.Success : Errno.EFAULT;
    }
}
