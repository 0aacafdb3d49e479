using System.Globalization;
using Pv.Abi;

namespace Pv.Dom0.XenStore;

/// <summary>What <c>pvd xenstored</c> was told to serve.</summary>
public sealed record StandaloneStoreOptions
{
    public const string Help = """
        Usage: pvd xenstored --socket PATH [--guest DOMID=PATH]...

        The store alone, without a machine: for tests and measurement.

        --socket PATH       a unix socket for tools, which have Dom0's rights
        --guest DOMID=PATH  a unix socket where one speaks with that domain's rights, one connection at a time:
                            accepting it introduces the domain, its end releases the domain
        --help              print this

        SIGTERM or SIGINT ends it.
        """;

    /// <summary>Where tools come.</summary>
    public required string Socket { get; init; }

    /// <summary>Where each guest comes.</summary>
    public IReadOnlyDictionary<DomId, string> Guests { get; init; } = new Dictionary<DomId, string>();

    /// <summary>Reads the words behind <c>xenstored</c>.</summary>
    /// <exception cref="FormatException">They make no sense; the message says what.</exception>
    public static StandaloneStoreOptions Parse(IReadOnlyList<string> words)
    {
        string? socket = null;
        var guests = new Dictionary<DomId, string>();
        for (var i = 0; i < words.Count; i += 2)
        {
            var value = i + 1 < words.Count ? words[i + 1] : string.Empty;
            switch (words[i])
            {
                case "--socket" when value.Length > 0:
                    socket = value;
                    break;
                case "--guest" when value.IndexOf('=', StringComparison.Ordinal) is > 0 and var equals && value.Length > equals + 1:
                    if (!guests.TryAdd(Guest(value[..equals]), value[(equals + 1)..]))
                        throw new FormatException($"--guest names domain {value[..equals]} twice.");
                    break;
                case "--socket" or "--guest":
                    throw new FormatException($"{words[i]} takes {(words[i] == "--socket" ? "PATH" : "DOMID=PATH")}, not '{value}'.");
                default:
                    throw new FormatException($"pvd xenstored does not know '{words[i]}': see pvd xenstored --help.");
            }
        }
        return new StandaloneStoreOptions { Socket = socket ?? throw new FormatException("pvd xenstored needs --socket PATH."), Guests = guests };
    }

    private static DomId Guest(string text)
        => ushort.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number is > 0 and < DomId.FirstReserved
            ? new DomId(number)
            : throw new FormatException($"--guest takes a domain's number from 1 to {DomId.FirstReserved - 1}, not '{text}'.");
}
