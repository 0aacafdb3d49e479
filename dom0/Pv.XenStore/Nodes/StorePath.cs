using System.Buffers;
using System.Globalization;
using Pv.Abi;

namespace Pv.XenStore;

/// <summary>
/// The rules of a path (<c>docs/misc/xenstore.txt</c>, and xenstored where the text is silent): what is a name, how long it may be,
/// and what a relative one is relative to.
/// </summary>
public static class StorePath
{
    public const string Root = "/";

    /// <summary>Fires when a domain's ring is opened.</summary>
    public const string IntroduceDomain = "@introduceDomain";

    /// <summary>Fires when a domain shut down or is gone.</summary>
    public const string ReleaseDomain = "@releaseDomain";

    private const string DomainPrefix = "/local/domain/";
    private const int MostDomainDigits = 5;

    private static readonly SearchValues<char> NameCharacters =
        SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-/_@");

    /// <summary>A domain's home: what its relative paths are relative to.</summary>
    public static string OfDomain(DomId domain) => DomainPrefix + domain.Value.ToString(CultureInfo.InvariantCulture);

    /// <summary>An absolute or special path as it is; any other below <paramref name="home"/>.</summary>
    public static string Resolve(string path, string home) => IsAbsolute(path) || IsSpecial(path) ? path : $"{home}/{path}";

    public static bool IsAbsolute(string path) => path.StartsWith('/');

    /// <summary>Whether the path names an event of xenstored's own, as <see cref="ReleaseDomain"/>.</summary>
    public static bool IsSpecial(string path) => path.StartsWith('@');

    /// <summary>
    /// Whether an absolute path can name a node. The part below a domain's home may have <paramref name="longest"/> characters, and so may a path
    /// elsewhere; and none may have more than 3072.
    /// </summary>
    public static bool IsValid(string path, int longest = XenStoreLimits.RelativePathBytes)
    {
        if (!IsAbsolute(path) || (path.Length > 1 && path.EndsWith('/')) || path.Contains("//", StringComparison.Ordinal))
            return false;
        return path.Length <= XenStoreLimits.AbsolutePathBytes && path.Length - HomeLength(path) <= longest && !path.AsSpan().ContainsAnyExcept(NameCharacters);
    }

    /// <summary>The node above; the root's is the root.</summary>
    public static string Parent(string path)
    {
        var slash = path.LastIndexOf('/');
        return slash <= 0 ? Root : path[..slash];
    }

    /// <inheritdoc cref="Parent(string)"/>
    public static ReadOnlySpan<char> Parent(ReadOnlySpan<char> path)
    {
        var slash = path.LastIndexOf('/');
        return slash <= 0 ? Root : path[..slash];
    }

    public static string Join(string parent, string name) => parent.Length == 1 ? $"/{name}" : $"{parent}/{name}";

    /// <summary>How many characters of the path are <c>/local/domain/N/</c>.</summary>
    private static int HomeLength(string path)
    {
        if (!path.StartsWith(DomainPrefix, StringComparison.Ordinal))
            return 0;
        var digits = 0;
        while (digits < MostDomainDigits && DomainPrefix.Length + digits < path.Length && char.IsAsciiDigit(path[DomainPrefix.Length + digits]))
            digits++;
        var end = DomainPrefix.Length + digits;
        return digits > 0 && end < path.Length && path[end] == '/' ? end + 1 : 0;
    }
}
