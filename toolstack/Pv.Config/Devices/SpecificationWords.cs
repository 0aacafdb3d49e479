namespace Pv.Config.Devices;

/// <summary>How most device specifications are cut: at commas, empty words dropped, blanks before a word ignored.</summary>
internal static class SpecificationWords
{
    internal static List<string> Split(string entry)
    {
        var words = new List<string>();
        foreach (string word in entry.Split(',', StringSplitOptions.RemoveEmptyEntries))
            words.Add(word.TrimStart(' '));
        return words;
    }

    /// <summary>
    /// Cuts <c>key=value</c> at the first equals sign, the value perhaps empty. False where there is none: xl then
    /// stops reading the entry, without a word.
    /// </summary>
    internal static bool TryPair(string word, out string key, out string value)
    {
        int equals = word.IndexOf('=');
        key = equals < 0 ? "" : word[..equals];
        value = word[(equals + 1)..];
        return equals >= 0;
    }

    /// <summary>A number in C's notation; what cannot be read is 0.</summary>
    internal static uint Number(string text) => unchecked((uint)CNumber.ParseUnsigned(text, 0, out _));
}
