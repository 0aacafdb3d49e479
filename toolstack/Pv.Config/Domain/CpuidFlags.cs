namespace Pv.Config.Domain;

/// <summary>A named field of CPUID: <see cref="Length"/> bits of a register from <see cref="Bit"/> up.</summary>
internal readonly record struct CpuidFlag(string Name, uint Leaf, uint? Subleaf, int Register, int Bit, int Length);

/// <summary>The flags that <c>cpuid="host,…"</c> knows.</summary>
internal static class CpuidFlags
{
    private const int Ecx = 2;
    private const int Edx = 3;

    internal static CpuidFlag? Find(string name) => name switch
    {
        "sse3" => new(name, 1, null, Ecx, 0, 1),
        "tm" => new(name, 1, null, Edx, 29, 1),
        "htt" => new(name, 1, null, Edx, 28, 1),
        "page1gb" => new(name, 0x80000001, null, Edx, 26, 1),
        _ => null,
    };
}
