using System.Globalization;

namespace Pv.SystemTests.Hosts;

/// <summary>A line of <c>xl list</c>.</summary>
/// <param name="Name">The domain's name.</param>
/// <param name="Id">Its number.</param>
/// <param name="Memory">Its memory in MiB.</param>
/// <param name="Vcpus">Its vCPUs.</param>
/// <param name="State">Six letters or dashes.</param>
/// <param name="Time">Processor time in seconds.</param>
internal sealed record ListedDomain(string Name, int Id, int Memory, int Vcpus, string State, double Time)
{
    public static IReadOnlyList<ListedDomain> Parse(string list) =>
        [.. list.Split('\n', StringSplitOptions.RemoveEmptyEntries).Skip(1).Select(ParseLine)];

    private static ListedDomain ParseLine(string line)
    {
        var words = line.Split([' ', '\t'], StringSplitOptions.RemoveEmptyEntries);
        return new ListedDomain(words[0], Number(words[1]), Number(words[2]), Number(words[3]), words[4], double.Parse(words[5], CultureInfo.InvariantCulture));
    }

    private static int Number(string word) => int.Parse(word, CultureInfo.InvariantCulture);
}
