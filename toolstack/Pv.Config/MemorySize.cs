namespace Pv.Config;

/// <summary>Amounts of memory on a command line (<c>xl mem-set</c>): a number and one of the suffixes b, k, m, g, t; MiB without one.</summary>
public static class MemorySize
{
    /// <summary>Reads an amount in KiB. False if there is more behind the number than one known letter, or if it is negative.</summary>
    public static bool TryParseKiB(string text, out long kiB)
    {
        long number = CNumber.ParseSigned(text, 10, out int used, out bool outOfRange);
        string suffix = text[used..];
        int shift = suffix switch
        {
            "b" or "B" => -10,
            "k" or "K" => 0,
            "" or "m" or "M" => 10,
            "g" or "G" => 20,
            "t" or "T" => 30,
            _ => int.MinValue,
        };
        kiB = 0;
        if (shift == int.MinValue || outOfRange || used == 0 || number < 0 || (shift > 0 && number > long.MaxValue >> shift))
            return false;
        kiB = shift < 0 ? number >> -shift : number << shift;
        return true;
    }
}
