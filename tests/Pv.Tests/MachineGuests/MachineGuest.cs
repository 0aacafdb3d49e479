namespace Pv.Tests.MachineGuests;

/// <summary>
/// A paravirtualized kernel of a page of machine code that proves one thing of the hypervisor. It records named values, prints them on
/// its console (or keeps them silently, when it has a command line) and powers off.
/// </summary>
/// <param name="Name">Its name, and that of the file of real Xen's answers.</param>
/// <param name="Proves">What it proves, in a sentence.</param>
/// <param name="Emit">Emits its code.</param>
internal sealed record MachineGuest(string Name, string Proves, Action<GuestCode> Emit)
{
    /// <summary>Where the image asks for its list of frames (<c>INIT_P2M</c>), or 0: in the kernel's own mapping.</summary>
    public ulong P2mAddress { get; init; }

    /// <summary>How many vCPUs it has; those after the first are down.</summary>
    public int Vcpus { get; init; } = 1;

    /// <summary>The highest port that it may have.</summary>
    public uint MaxEventPort { get; init; } = 1023;

    /// <summary>May it have queues of asynchronous hypercalls, which real Xen does not have.</summary>
    public bool AsyncHypercalls { get; init; }

    /// <summary>Time is what its own instructions take: it looks at what comes before a time, and on a busy host that time may be over between two of them.</summary>
    public bool HasOwnTime { get; init; }

    /// <summary>The kernel image, an ELF file that a domain builder loads.</summary>
    public byte[] BuildImage()
    {
        var code = new GuestCode();
        Emit(code);
        return code.ToImage(P2mAddress);
    }

    public override string ToString() => Name;
}
