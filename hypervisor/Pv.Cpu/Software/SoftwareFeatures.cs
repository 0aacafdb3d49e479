namespace Pv.Cpu.Software;

/// <summary>What the software engine offers of a processor. Whoever adds a set adds its bit; what has no bit here raises #UD or is a hint.</summary>
internal static class SoftwareFeatures
{
    // Leaf 1, edx.
    private const uint Fpu = 1u << 0, Tsc = 1u << 4, Cx8 = 1u << 8, Cmov = 1u << 15, Clflush = 1u << 19, Mmx = 1u << 23, Fxsr = 1u << 24, Sse = 1u << 25, Sse2 = 1u << 26;

    // Leaf 1, ecx.
    private const uint Sse3 = 1u << 0, Ssse3 = 1u << 9, Cx16 = 1u << 13, Sse41 = 1u << 19, Sse42 = 1u << 20, Movbe = 1u << 22, Popcnt = 1u << 23,
        Xsave = 1u << 26, Rdrand = 1u << 30;

    // Leaf 7, ebx. The pointers of x87 are those of its last unmasked exception, and have no selectors.
    private const uint FsGsBase = 1u << 0, Bmi1 = 1u << 3, X87DataPointerOfExceptions = 1u << 6, X87NoSelectors = 1u << 13, Bmi2 = 1u << 8, Erms = 1u << 9, Rdseed = 1u << 18, Adx = 1u << 19;

    // Leaf 0x80000001, ecx and edx.
    private const uint Lahf = 1u << 0, Lzcnt = 1u << 5;
    private const uint Rdtscp = 1u << 27;

    /// <param name="exchangesWide">Whether 16-byte exchanges are atomic for every other access; else only a single vCPU may use them.</param>
    /// <param name="vcpus">How many vCPUs the guest may have.</param>
    public static CpuFeatures Of(bool exchangesWide, int vcpus) => new(
        Leaf1Ecx: Sse3 | Ssse3 | (exchangesWide || vcpus == 1 ? Cx16 : 0) | Sse41 | Sse42 | Movbe | Popcnt | Xsave | Rdrand,
        Leaf1Edx: Fpu | Tsc | Cx8 | Cmov | Clflush | Mmx | Fxsr | Sse | Sse2,
        Leaf7Ebx: FsGsBase | Bmi1 | X87DataPointerOfExceptions | X87NoSelectors | Bmi2 | Erms | Rdseed | Adx,
        ExtendedEcx: Lahf | Lzcnt,
        ExtendedEdx: Rdtscp);
}
