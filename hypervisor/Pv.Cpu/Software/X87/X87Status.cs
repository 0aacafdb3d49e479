namespace Pv.Cpu.Software;

/// <summary>The bits of the x87 status word above the six exceptions (Intel SDM, volume 1, 8.1.3).</summary>
internal static class X87Status
{
    public const ushort StackFault = 1 << 6, Summary = 1 << 7, C0 = 1 << 8, C1 = 1 << 9, C2 = 1 << 10, C3 = 1 << 14, Busy = 1 << 15;
    public const ushort Exceptions = 0x3f, Conditions = C0 | C1 | C2 | C3;
    public const int TopShift = 11, TopMask = 7 << TopShift;
}
