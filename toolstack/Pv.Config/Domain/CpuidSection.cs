using Pv.Config.Grammar;

namespace Pv.Config.Domain;

/// <summary>The <c>cpuid</c> key: a list of leaves, or <c>host</c> followed by <c>flag=value</c> words. Flaws are reported and left out.</summary>
internal static class CpuidSection
{
    internal static bool Read(ConfigReader reader, DomainConfiguration domain)
    {
        switch (reader.List("cpuid", out ConfigList list, quiet: true))
        {
            case Lookup.Found:
                foreach (string line in list.LeadingAtoms)
                    ReadLeaf(reader, domain, line);
                break;
            case Lookup.Invalid when reader.TryString("cpuid", out string text):
                ReadFlags(reader, domain, text);
                break;
        }

        return true;
    }

    private static void ReadLeaf(ConfigReader reader, DomainConfiguration domain, string line)
    {
        string? problem = CpuidPolicyParser.ApplyLeaf(domain.Cpuid ??= new CpuidPolicy(), line);
        if (problem is null)
            return;
        reader.Warn($"while parsing CPUID line: \"{line}\":");
        reader.Warn($"  error {problem}");
    }

    private static void ReadFlags(ConfigReader reader, DomainConfiguration domain, string text)
    {
        string[] words = text.Split(',', StringSplitOptions.RemoveEmptyEntries);
        if (words.Length == 0)
            return;
        if (words[0] != "host")
        {
            reader.Warn($"while parsing CPUID string: \"{text}\":");
            reader.Warn("  error: first word must be \"host\"");
            return;
        }

        foreach (string word in words.AsSpan(1))
        {
            string? problem = CpuidPolicyParser.ApplyFlag(domain.Cpuid ??= new CpuidPolicy(), word);
            if (problem is null)
                continue;
            reader.Warn($"while parsing CPUID flag: \"{word}\":");
            reader.Warn($"  error {problem}");
        }
    }
}
