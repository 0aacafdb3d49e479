using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Pv.Abi;
using Pv.Machine.Gate;

namespace Pv.Hypervisor.Stepping;

/// <summary>
/// The hypercalls of some domains as text, a line each, in the order in which they returned: the same for the same seed and guests, byte for byte.
/// </summary>
/// <remarks>
/// A line: system time at entry, who, the call's number and its six arguments, <c>=</c> and the result (<c>...</c> when it goes on later), and what
/// was copied in (<c>&lt;</c>) and out (<c>&gt;</c>), address and bytes in hexadecimal. Domain 0's own calls are not among them: their arguments are addresses of this process.
/// </remarks>
public sealed class TraceLog
{
    private readonly StringBuilder _text = new();

    /// <summary>How many calls there were.</summary>
    public int Count { get; private set; }

    /// <summary>Everything so far.</summary>
    public string Text => _text.ToString();

    /// <summary>SHA-256 of <see cref="Text"/>, in hexadecimal.</summary>
    public string Hash => Convert.ToHexStringLower(SHA256.HashData(Encoding.ASCII.GetBytes(Text)));

    /// <summary>Takes a domain in, before it runs. False when there is none.</summary>
    public bool TryFollow(HypervisorCore core, DomId domain) => core.TryObserve(domain, call => Write(domain, call));

    /// <summary>Adds a line that is no call's: what happened between them.</summary>
    public void Note(string line) => _text.Append(line).Append('\n');

    private void Write(DomId domain, TracedHypercall call)
    {
        Count++;
        var arguments = call.Arguments;
        _text.Append(CultureInfo.InvariantCulture,
            $"{call.Time} {domain}{call.Vcpu} {arguments.Number}({arguments.First:x} {arguments.Second:x} {arguments.Third:x} {arguments.Fourth:x} {arguments.Fifth:x} {arguments.Sixth:x})=");
        _text.Append(call.Continued ? "..." : call.NoResult ? "-" : call.Result.ToString(CultureInfo.InvariantCulture));
        Write('<', call.Inputs);
        Write('>', call.Outputs);
        _text.Append('\n');
    }

    private void Write(char direction, IReadOnlyList<TracedBytes> copies)
    {
        foreach (var copy in copies)
            _text.Append(CultureInfo.InvariantCulture, $" {direction}{copy.Address:x}:").Append(Convert.ToHexStringLower(copy.Content));
    }
}
