namespace Pv.Config.Domain;

/// <summary>A named field of CPUID: <see cref="Length"/> bits of a register from <see cref="Bit"/> up.</summary>
internal readonly record struct CpuidFlag(uint Leaf, uint? Subleaf, int Register, int Bit, int Length);

/// <summary>The flags that <c>cpuid="host,…"</c> knows (xl.cfg(5); the processors' manuals give the places).</summary>
internal static class CpuidFlags
{
    private const int Eax = 0;
    private const int Ebx = 1;
    private const int Ecx = 2;
    private const int Edx = 3;

    /// <summary>The field of a name; null if there is none.</summary>
    internal static CpuidFlag? Find(string name) => Field(name) ?? Bit(name);

    /// <summary>Fields of several bits. Family and model are split over two fields each, see <see cref="CpuidPolicyParser"/>.</summary>
    private static CpuidFlag? Field(string name) => name switch
    {
        "maxleaf" => new(0, null, Eax, 0, 32),
        "stepping" => new(1, null, Eax, 0, 4),
        "model" => new(1, null, Eax, 4, 8),
        "family" => new(1, null, Eax, 8, 8),
        "brandid" => new(1, null, Ebx, 0, 8),
        "clflush" => new(1, null, Ebx, 8, 8),
        "proccount" => new(1, null, Ebx, 16, 8),
        "localapicid" => new(1, null, Ebx, 24, 8),
        "procpkg" => new(4, 0, Eax, 26, 6),
        "nc" => new(0x80000008, null, Ecx, 0, 8),
        "apicidsize" => new(0x80000008, null, Ecx, 12, 4),
        "maxhvleaf" => new(0x40000000, null, Eax, 0, 8),
        _ => null,
    };

    private static CpuidFlag? Bit(string name)
    {
        return In(name, 1, null, Ecx, """
                sse3 pclmulqdq dtes64 monitor dscpl vmx smx est tm2 ssse3 cntxid - fma cmpxchg16 xtpr pdcm - pcid dca
                sse4_1|sse4.1 sse4_2|sse4.2 x2apic movbe popcnt tsc-deadline aes xsave osxsave avx f16c rdrand hypervisor
                """)
            ?? In(name, 1, null, Edx, """
                fpu vme de pse tsc msr pae mce cmpxchg8 apic - sysenter mtrr pge mca cmov pat pse36 psn clfsh - ds acpi
                mmx fxsr sse sse2 ss htt tm ia64 pbe
                """)
            ?? In(name, 6, null, Eax, "- - arat")
            ?? In(name, 7, 0, Ebx, """
                fsgsbase tsc_adjust - bmi1 hle avx2 - smep bmi2 erms invpcid rtm cmt - mpx - avx512f avx512dq rdseed adx
                smap avx512-ifma - clflushopt clwb proc-trace avx512pf avx512er avx512cd sha avx512bw avx512vl
                """)
            ?? In(name, 7, 0, Ecx, """
                prefetchwt1 avx512-vbmi umip pku ospke - avx512-vbmi2 cet-ss gfni vaes vpclmulqdq avx512-vnni
                avx512-bitalg - avx512-vpopcntdq - - - - - - - rdpid - - cldemote - - - - - pks
                """)
            ?? In(name, 7, 0, Edx, """
                - - avx512-4vnniw avx512-4fmaps fsrm - - - avx512-vp2intersect srbds-ctrl md-clear - - - serialize -
                tsxldtrk - - - cet-ibt - - avx512-fp16 - - ibrsb stibp l1d-flush arch-caps core-caps ssbd
                """)
            ?? In(name, 7, 1, Eax, "- - - - avx-vnni avx512-bf16 - - - - fzrm fsrs fsrcs - - - - - - wrmsrns")
            ?? In(name, 7, 1, Edx, "- - - - - - - - - - - - - - - - - - cet-sss")
            ?? In(name, 7, 2, Edx, "intel-psfd - - - - mcdt-no")
            ?? In(name, 0x80000001, null, Ecx, """
                lahfsahf cmplegacy svm extapic altmovcr8 abm sse4a misalignsse 3dnowprefetch osvw ibs xop skinit wdt -
                lwp fma4 - - nodeid - tbm topoext perfctr_core perfctr_nb
                """)
            ?? In(name, 0x80000001, null, Edx, """
                - - - - - - - - - - - syscall - - - - - - - - nx - mmxext - - ffxsr page1gb rdtscp - lm 3dnowext 3dnow
                """)
            ?? In(name, 0x80000007, null, Edx, "- - - - - - - - invtsc")
            ?? In(name, 0x80000008, null, Ebx, """
                clzero - rstr-fp-err-ptrs - - - - - - wbnoinvd - - ibpb - ibrs amd-stibp ibrs-always stibp-always
                ibrs-fast ibrs-same-mode no-lmsl - - ppin amd-ssbd virt-ssbd ssb-no - psfd btc-no ibpb-ret
                """)
            ?? In(name, 0x8000000a, null, Edx, """
                svm_npt svm_lbrv - svm_nrips svm_tscrate svm_vmcbclean - svm_decode - - svm_pausefilt
                """)
            ?? In(name, 0x80000021, null, Eax, "- - lfence+ - - - nscb");
    }

    /// <summary>Looks a name up among those of a register, given from bit 0 up with a dash for each bit that has none.</summary>
    private static CpuidFlag? In(string name, uint leaf, uint? subleaf, int register, string names)
    {
        int bit = 0;
        foreach (Range range in names.AsSpan().SplitAny(" \n"))
        {
            ReadOnlySpan<char> entry = names.AsSpan()[range];
            if (entry.IsEmpty)
                continue;
            int bar = entry.IndexOf('|');
            bool found = entry.SequenceEqual(name) || (bar > 0 && (entry[..bar].SequenceEqual(name) || entry[(bar + 1)..].SequenceEqual(name)));
            if (found && name != "-")
                return new CpuidFlag(leaf, subleaf, register, bit, 1);
            bit++;
        }

        return null;
    }
}
