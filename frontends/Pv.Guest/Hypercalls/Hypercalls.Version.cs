using System.Text;
using Pv.Abi;

namespace Pv.Guest;

/// <content><c>xen_version</c> and <c>console_io</c> (<c>public/version.h</c>).</content>
public sealed partial class Hypercalls
{
    /// <summary>The hypervisor's version: major in the high half, minor in the low. Also the cheapest call there is.</summary>
    public uint XenVersion() => (uint)Call(HypercallNumber.XenVersion, (ulong)XenVersionOperation.Version);

    /// <summary>What follows the version's numbers, or an empty string.</summary>
    public string XenExtraVersion()
    {
        var text = default(Array16<byte>);
        var result = Call(HypercallNumber.XenVersion, (ulong)XenVersionOperation.ExtraVersion, ref text);
        return result < 0 ? "" : Text(text);
    }

    /// <summary>A submap of 32 feature bits.</summary>
    public Errno GetFeatures(uint submap, out uint features)
    {
        var argument = new XenFeatureInfo { SubmapIndex = submap };
        var errno = ErrnoOf(Call(HypercallNumber.XenVersion, (ulong)XenVersionOperation.GetFeatures, ref argument));
        features = argument.Submap;
        return errno;
    }

    /// <summary>Writes to the hypervisor's own console. Refused (<see cref="Errno.EPERM"/>) to ordinary domains, as Xen does.</summary>
    public Errno WriteXenConsole(ReadOnlySpan<byte> text)
    {
        while (!text.IsEmpty)
        {
            var part = text[..Math.Min(text.Length, ArgumentStack.Capacity)];
            using var scope = _pages.Stack.Enter();
            var pushed = scope.Push(part);
            var result = Call(HypercallNumber.ConsoleIo, (ulong)ConsoleIoOperation.Write, (ulong)part.Length, pushed.Address);
            if (result < 0)
                return ErrnoOf(result);
            text = text[part.Length..];
        }
        return Errno.None;
    }

    private static string Text(ReadOnlySpan<byte> bytes)
    {
        var end = bytes.IndexOf((byte)0);
        return Encoding.ASCII.GetString(end < 0 ? bytes : bytes[..end]);
    }
}
