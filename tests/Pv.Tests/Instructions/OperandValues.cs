namespace Pv.Tests.Instructions;

/// <summary>Values that break arithmetic: zero, one, signs and carries at every width, and random ones.</summary>
internal static class OperandValues
{
    private static readonly ulong[] Boundaries = MakeBoundaries();

    public static ulong Pick(Random random) => random.Next(8) switch
    {
        < 4 => Boundaries[random.Next(Boundaries.Length)],
        4 => (ulong)random.Next(256),
        5 => 1ul << random.Next(64),
        _ => (ulong)random.NextInt64(long.MinValue, long.MaxValue),
    };

    private static ulong[] MakeBoundaries()
    {
        var values = new List<ulong> { 0, 1, 2, 0x5555_5555_5555_5555, 0xaaaa_aaaa_aaaa_aaaa };
        foreach (var width in new[] { 4, 8, 16, 32, 64 })
        {
            var sign = 1ul << width - 1;
            var all = sign | sign - 1;
            values.AddRange([sign - 1, sign, sign + 1, all - 1, all, all + 1, ~all, ~sign, ~(sign - 1)]);
        }
        return [.. values.Distinct()];
    }
}
