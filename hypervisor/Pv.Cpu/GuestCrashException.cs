namespace Pv.Cpu;

/// <summary>A guest did something that ends it. Thrown through <see cref="ICpuVcpu.Run"/>; the message is the reason that <c>xl dmesg</c> shows.</summary>
public sealed class GuestCrashException : Exception
{
    public GuestCrashException(string reason)
        : base(reason)
    {
    }

    public GuestCrashException(string reason, Exception innerException)
        : base(reason, innerException)
    {
    }
}
