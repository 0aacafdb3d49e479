namespace Pv.Cpu;

/// <summary>
/// The instruction sets that an engine runs exactly as a processor does, as the words of CPUID that tell of them (Intel SDM volume 2, CPUID;
/// AMD APM volume 3, appendix E). Bits of what is the hypervisor's matter (paging, MSRs, <c>syscall</c>) are not among them.
/// </summary>
/// <param name="Leaf1Ecx">Leaf 1, ecx.</param>
/// <param name="Leaf1Edx">Leaf 1, edx.</param>
/// <param name="Leaf7Ebx">Leaf 7, subleaf 0, ebx.</param>
/// <param name="ExtendedEcx">Leaf 0x80000001, ecx.</param>
/// <param name="ExtendedEdx">Leaf 0x80000001, edx.</param>
public readonly record struct CpuFeatures(uint Leaf1Ecx, uint Leaf1Edx, uint Leaf7Ebx, uint ExtendedEcx, uint ExtendedEdx);
