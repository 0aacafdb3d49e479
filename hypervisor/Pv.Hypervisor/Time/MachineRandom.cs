namespace Pv.Hypervisor.Time;

/// <summary>The machine's source of chance, seeded by whoever made the machine. Any thread.</summary>
internal sealed class MachineRandom(Random source)
{
    private readonly Lock _lock = new();

    public ulong Next()
    {
        lock (_lock)
            return (ulong)source.NextInt64(long.MinValue, long.MaxValue);
    }
}
