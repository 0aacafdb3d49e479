namespace Pv.Tests.Instructions;

/// <summary>Linear addresses for memory operands: mostly good ones, and every way to be bad.</summary>
internal static class TargetAddress
{
    /// <summary>An address below 4 GiB for an access of some bytes.</summary>
    public static ulong PickLow(Random random, int bytes)
    {
        var into = (ulong)random.Next(1, Math.Max(2, bytes));
        return random.Next(20) switch
        {
            < 9 => Arena.Data + (ulong)(random.Next(0x100, 0x1f00) & -16),
            < 12 => Arena.Data + (ulong)random.Next(0x100, 0x1f00),
            12 => Arena.Data + Arena.PageBytes - into,
            13 => Arena.ReadOnly - into,
            14 => Arena.ReadOnly + (ulong)random.Next(0x100, 0xf00),
            15 => Arena.Unmapped - into,
            16 => Arena.Unmapped + (ulong)random.Next(0x800),
            17 => Arena.Data - into,
            18 => Arena.Stack + (ulong)random.Next(0xff0),
            _ => random.Next(2) == 0 ? Arena.Code + (ulong)random.Next(0x100) : Arena.Data + (ulong)random.Next(0x1f00),
        };
    }

    /// <summary>An address anywhere.</summary>
    public static ulong Pick(Random random, int bytes)
    {
        var into = (ulong)random.Next(1, Math.Max(2, bytes));
        return random.Next(20) switch
        {
            < 15 => PickLow(random, bytes),
            < 18 => Arena.High + (ulong)random.Next(Arena.PageBytes - 32),
            18 => Arena.High + Arena.PageBytes - into,
            _ => random.Next(6) switch
            {
                0 => Arena.LowerEnd,
                1 => Arena.UpperStart - into,
                2 => Arena.UpperStart + (ulong)random.Next(64),
                3 => (ulong)random.NextInt64() | 0x0100_0000_0000_0000,
                4 => Arena.UpperStart - (ulong)random.NextInt64(1, 1 << 20),
                _ => 0xffff_ffff_f000_0000 + (ulong)random.Next(0x1000),
            },
        };
    }
}
