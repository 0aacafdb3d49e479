namespace Pv.Config.Domain;

/// <summary>The two notations of CPUID policies (xl.cfg(5), <c>cpuid</c>).</summary>
internal static class CpuidPolicyParser
{
    private const int RegisterBits = 32;
    private static readonly string Unchanged = new('x', RegisterBits);

    /// <summary>
    /// <c>LEAF[,SUBLEAF]:REG=32 characters,…</c>. Null if taken, else the number and text of the error.
    /// </summary>
    internal static string? ApplyLeaf(CpuidPolicy policy, string line)
    {
        ulong leaf = CNumber.ParseUnsigned(line, 0, out int used);
        if (used == 0)
            return "#1: illegal leaf number";
        ReadOnlySpan<char> rest = line.AsSpan(used);
        uint? subleaf = null;
        if (rest is [',', ..])
        {
            rest = rest[1..];
            subleaf = unchecked((uint)CNumber.ParseUnsigned(rest, 0, out used));
            if (used == 0)
                return "#2: illegal subleaf number";
            rest = rest[used..];
        }

        if (rest is not [':', ..])
            return "#3: missing colon";

        CpuidLeaf entry = policy.Leaf(unchecked((uint)leaf), subleaf);
        for (rest = rest[1..]; !rest.IsEmpty;)
        {
            int equals = rest.IndexOf('=');
            int register = rest.Length > 2 && rest[0] == 'e' && rest[2] == 'x' ? rest[1] - 'a' : -1;
            if (register is < 0 or > 3 || equals < 0)
                return "#4: invalid register name (must be e[abcd]x)";
            rest = rest[(equals + 1)..];
            int comma = rest.IndexOf(',');
            ReadOnlySpan<char> bits = comma < 0 ? rest : rest[..comma];
            if (bits.Length != RegisterBits)
                return "#5: policy string must be exactly 32 characters long";
            entry.Registers[register] = bits.ToString();
            rest = comma < 0 ? [] : rest[(comma + 1)..].TrimStart(" \n");
        }

        return null;
    }

    /// <summary><c>flag=value</c>. Null if taken, else the number and text of the error.</summary>
    internal static string? ApplyFlag(CpuidPolicy policy, string word)
    {
        int equals = word.IndexOf('=');
        if (equals < 0)
            return "#1: missing \"=\" in key=value";
        string name = word[..equals];
        if (CpuidFlags.Find(name) is not { } flag)
            return "#2: unknown CPUID flag name";

        CpuidLeaf leaf = policy.Leaf(flag.Leaf, flag.Subleaf);
        ReadOnlySpan<char> value = word.AsSpan(equals + 1);
        ulong number = CNumber.ParseUnsigned(value, 0, out int used);
        string bits;
        if (used != 0)
            bits = Binary(number, flag.Length);
        else if (value is ['x' or 'k' or 's', ..])
            bits = new string(value[0], flag.Length);
        else
            return "#3: illegal CPUID value (must be: [0|1|x|k|s])";

        char[] register = (leaf.Registers[flag.Register] ?? Unchanged).ToCharArray();
        switch (name)
        {
            case "family":
                // Families from 16 on are 15 and the rest in the extended field, eight bits from bit 20 up.
                bool extended = number >= 16;
                Put(register, flag.Bit, extended ? "1111" : bits[4..]);
                Put(register, 20, extended ? Binary(number - 15, 8) : "00000000");
                break;
            case "model":
                Put(register, flag.Bit, bits[4..]);
                Put(register, 16, bits[..4]);
                break;
            default:
                Put(register, flag.Bit, bits);
                break;
        }

        leaf.Registers[flag.Register] = new string(register);
        return null;
    }

    private static void Put(char[] register, int bit, string bits) => bits.CopyTo(0, register, RegisterBits - bit - bits.Length, bits.Length);

    private static string Binary(ulong value, int length)
    {
        var bits = new char[length];
        for (int i = 0; i < length; i++)
            bits[length - 1 - i] = (value >> i & 1) != 0 ? '1' : '0';
        return new string(bits);
    }
}
