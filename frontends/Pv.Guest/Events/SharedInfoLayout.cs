namespace Pv.Guest;

/// <summary>Where the fields of <c>struct shared_info</c> stand, in bytes, for vCPU 0. A test holds them against <see cref="Abi.SharedInfo"/>.</summary>
public static class SharedInfoLayout
{
    public const int UpcallPending = 0;
    public const int UpcallMask = 1;
    public const int PendingSelector = 8;
    public const int Time = 32;
    public const int Pending = 0x800;
    public const int Mask = 0xa00;
    public const int WallClockVersion = 0xc00;
    public const int WallClockSeconds = 0xc04;
    public const int WallClockNanoseconds = 0xc08;
    public const int WallClockSecondsHigh = 0xc0c;
}
