namespace Pv.Tests.Instructions;

/// <summary>
/// The segment descriptors that 64-bit Linux gives every processor, by selector (arch/x86/include/asm/segment.h). Left out are those
/// that differ by processor and process (TSS, LDT, the per-processor segment at 0x78); the thread's own slots at 0x60 are empty here.
/// </summary>
internal static class LinuxDescriptors
{
    private const int Limit = 127;
    private static readonly Dictionary<int, ulong> Present = new()
    {
        [0x08] = 0x00cf9b000000ffff, // kernel, 32-bit code
        [0x10] = 0x00af9b000000ffff, // kernel, 64-bit code
        [0x18] = 0x00cf93000000ffff, // kernel, data
        [0x20] = 0x00cffb000000ffff, // user, 32-bit code
        [0x28] = 0x00cff3000000ffff, // user, data
        [0x30] = 0x00affb000000ffff, // user, 64-bit code
    };

    public static bool TryRead(ushort selector, out ulong descriptor)
    {
        descriptor = 0;
        var local = (selector & 4) != 0;
        if (local || (selector | 7) > Limit)
            return false;
        descriptor = Present.GetValueOrDefault(selector & ~7);
        return true;
    }
}
