using System.Runtime.InteropServices;
using Pv.Abi;

namespace Pv.Guest;

/// <content>What Dom0 asks of other domains (<c>public/domctl.h</c>).</content>
public sealed partial class Hypercalls
{
    /// <summary>A domain's state, as <c>XEN_DOMCTL_getdomaininfo</c> has it. <see cref="Errno.ESRCH"/>: there is none of that number.</summary>
    public Errno GetDomainInfo(DomId domain, out DomctlGetDomainInfo info)
    {
        var control = new Domctl
        {
            Operation = DomctlOperation.GetDomainInfo,
            InterfaceVersion = Domctl.CurrentInterfaceVersion,
            Domain = domain,
        };
        using var scope = _pages.Stack.Enter();
        var pushed = scope.Push(ref control);
        var errno = ErrnoOf(Call(HypercallNumber.Domctl, pushed.Address));
        scope.Read(pushed, ref control);
        info = MemoryMarshal.Read<DomctlGetDomainInfo>((ReadOnlySpan<byte>)control.Argument);
        // The call answers for the next domain where there is none of that number.
        return errno == Errno.None && control.Domain != domain ? Errno.ESRCH : errno;
    }
}
