using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using Pv.Abi;
using Pv.XenStore;

namespace Pv.Tests.XenStore;

/// <summary>
/// Plays the requests of a transcript against our store and writes down what comes back, in the form in which the real daemon's answers were recorded.
/// </summary>
/// <remarks>
/// <c>&gt; WHO REQUEST tx=N "payload"</c> is a request; WHO is d0 and d0b, two tools, or a domain. <c>&lt;</c> is what came back.
/// <c>! introduce d1</c>, <c>exists</c>, <c>shutdown</c> and <c>dying</c> happen to domains. In payloads <c>\0</c> is a zero byte,
/// <c>\xNN</c> any byte and <c>\*{N}c</c> stands for N times c.
/// </remarks>
internal sealed partial class Transcript : IDisposable
{
    private static readonly string[] Names =
    [
        "CONTROL", "DIRECTORY", "READ", "GET_PERMS", "WATCH", "UNWATCH", "TRANSACTION_START", "TRANSACTION_END", "INTRODUCE", "RELEASE",
        "GET_DOMAIN_PATH", "WRITE", "MKDIR", "RM", "SET_PERMS", "WATCH_EVENT", "ERROR", "IS_DOMAIN_INTRODUCED", "RESUME", "SET_TARGET", "X20",
        "RESET_WATCHES", "DIRECTORY_PART", "GET_FEATURE", "SET_FEATURE", "GET_QUOTA", "SET_QUOTA",
    ];

    private readonly StoreMachine _machine = new();
    private readonly SortedDictionary<string, PeerEnd> _peers = new(StringComparer.Ordinal);
    private readonly Dictionary<string, List<StoreMessage>> _inbox = [];
    private readonly HashSet<string> _gone = [];
    private readonly List<string> _lines = [];
    private uint _requestId;

    public static List<string> Play(IEnumerable<string> recorded)
    {
        using var transcript = new Transcript();
        foreach (var line in recorded.Where(line => !line.StartsWith('<')))
            transcript.Step(line);
        return transcript._lines;
    }

    public void Dispose() => _machine.Dispose();

    private void Step(string line)
    {
        _lines.Add(line);
        if (line.StartsWith('!'))
            Happen(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1..]);
        else if (line.StartsWith('>'))
            Request(RequestLine().Match(line));
        else
            return;
        Settle();
        foreach (var name in _peers.Keys.Where(name => !_gone.Contains(name)).ToList())
        {
            Drain(name);
            if (!_peers[name].IsDead)
                continue;
            _gone.Add(name);
            _lines.Add(_peers[name] is GuestEnd guest ? $"< {name} dead error={guest.Error}" : $"< {name} dead");
        }
    }

    private void Happen(string[] words)
    {
        foreach (var name in words[1..])
        {
            var domain = new DomId(ushort.Parse(name.AsSpan(1), CultureInfo.InvariantCulture));
            switch (words[0])
            {
                case "exists":
                    _machine.Exist(domain);
                    break;
                case "introduce":
                    _peers[name] = _machine.NewGuest(domain);
                    _gone.Remove(name);
                    Ask("d0", (uint)XenStoreMessageType.Introduce, 0, $"{domain.Value}\0" + "0\05\0");
                    break;
                case "shutdown":
                    _machine.Become(domain, StoreDomainState.ShutDown);
                    break;
                case "dying":
                    _gone.Add(name);
                    _machine.Become(domain, StoreDomainState.Gone);
                    break;
                default:
                    throw new FormatException($"Nothing known as '{words[0]}'.");
            }
        }
    }

    private void Request(Match match)
    {
        var (name, type) = (match.Groups[1].Value, match.Groups[2].Value);
        var number = Array.IndexOf(Names, type);
        var transaction = match.Groups[3].Success ? uint.Parse(match.Groups[3].Value, CultureInfo.InvariantCulture) : 0;
        if (_gone.Contains(name))
        {
            _lines.Add($"< {name} dead");
            return;
        }
        Ask(name, number >= 0 ? (uint)number : uint.Parse(type, CultureInfo.InvariantCulture), transaction, Unescape(match.Groups[4].Value));
    }

    /// <summary>Sends a request and writes down what comes up to its reply.</summary>
    private void Ask(string name, uint type, uint transaction, string payload)
    {
        if (!_peers.TryGetValue(name, out var peer))
            _peers.Add(name, peer = _machine.NewTool());
        var id = ++_requestId;
        peer.Send(type, id, transaction, Encoding.Latin1.GetBytes(payload));
        Settle();
        var inbox = _inbox.GetValueOrDefault(name) ?? [];
        var reply = inbox.FindIndex(message => message.RequestId == id && message.Type != XenStoreMessageType.WatchEvent);
        foreach (var message in inbox[..(reply + 1)])
            Write(name, message);
        inbox.RemoveRange(0, reply + 1);
    }

    /// <summary>Lets the store and its peers work until all is said.</summary>
    private void Settle()
    {
        var said = true;
        while (said)
        {
            _machine.Run();
            said = false;
            foreach (var (name, peer) in _peers.Where(entry => !_gone.Contains(entry.Key)))
            {
                if (!_inbox.TryGetValue(name, out var inbox))
                    _inbox.Add(name, inbox = []);
                inbox.AddRange(peer.Receive());
                if (peer is GuestEnd { HasMoreToSend: true, IsDead: false } guest)
                {
                    guest.Push();
                    said = true;
                }
                said |= peer.HasCollected;
            }
        }
    }

    private void Drain(string name)
    {
        if (!_inbox.TryGetValue(name, out var inbox))
            return;
        foreach (var message in inbox)
            Write(name, message);
        inbox.Clear();
    }

    private void Write(string name, StoreMessage message)
    {
        var payload = Encoding.Latin1.GetString(message.Payload.Span);
        if (message.Type == XenStoreMessageType.DirectoryPart)
            payload = "GEN" + payload[payload.IndexOf('\0', StringComparison.Ordinal)..];
        _lines.Add($"< {name} {Names[(int)message.Type]} tx={message.TransactionId} \"{Escape(payload)}\"");
    }

    private static string Escape(string text)
    {
        var escaped = new StringBuilder();
        foreach (var character in text)
        {
            escaped.Append(character switch
            {
                '\0' => "\\0",
                '\\' => "\\\\",
                '"' => "\\\"",
                >= ' ' and < (char)127 => character.ToString(),
                _ => $"\\x{(int)character:x2}",
            });
        }
        return escaped.ToString();
    }

    private static string Unescape(string text)
        => Escapes().Replace(text, match => match.Groups[1].Value switch
        {
            "0" => "\0",
            var hex when hex.StartsWith('x') => ((char)Convert.ToInt32(hex[1..], 16)).ToString(),
            var many when many.StartsWith('*') => new string(many[^1], int.Parse(many[2..^2], CultureInfo.InvariantCulture)),
            var itself => itself,
        });

    [GeneratedRegex(@"^> (\w+) (\w+)(?: tx=(\d+))? ""(.*)""$")]
    private static partial Regex RequestLine();

    [GeneratedRegex(@"\\(x[0-9a-f]{2}|\*\{\d+\}.|.)", RegexOptions.Singleline)]
    private static partial Regex Escapes();
}
