using System.Globalization;
using Pv.Abi;
using Pv.Toolstack.Domains;

namespace Pv.Toolstack.Commands;

/// <summary>Words that name domains: a number, or a name.</summary>
internal static class DomainWords
{
    /// <summary>The domain that a word names.</summary>
    /// <exception cref="ToolstackException">There is none.</exception>
    public static async Task<DomainView> FindAsync(this CommandContext context, string word)
        => await context.TryFindAsync(word) ?? throw new ToolstackException(
            TryNumber(word) is null ? $"{word} is an invalid domain identifier (rc=-6)" : $"Domain {word} does not exist (rc=-21)");

    /// <summary>The domain that a word names, or null. A number is a number, even if a domain has it for a name.</summary>
    public static async Task<DomainView?> TryFindAsync(this CommandContext context, string word)
    {
        if (TryNumber(word) is { } id)
            return await context.Domains.FindAsync(id);
        return (await context.Domains.ListAsync()).FirstOrDefault(domain => domain.Name == word);
    }

    /// <summary>The number that a word is, or null.</summary>
    public static DomId? TryNumber(string word)
        => word.Length > 0 && word.All(char.IsAsciiDigit) && ushort.TryParse(word, CultureInfo.InvariantCulture, out var number) ? new DomId(number) : null;
}
