using System.Text;

namespace Pv.Config;

/// <summary>
/// A set of the host's CPUs, and the grammar of CPU lists (xl.cfg(5), <c>cpus</c>; <c>xl vcpu-pin</c>):
/// <c>all</c>, <c>N</c>, <c>A-B</c>, <c>node:N</c>, <c>nodes:A-B</c>, each perhaps with <c>^</c> before it to remove,
/// separated by commas. CPUs that the host does not have are ignored.
/// </summary>
public sealed class CpuMap(int size)
{
    private readonly ulong[] _words = new ulong[(size + 63) / 64];

    /// <summary>How many CPUs the map can name.</summary>
    public int Size { get; } = size;

    public bool this[int cpu]
    {
        get => (uint)cpu < (uint)Size && (_words[cpu >> 6] >> (cpu & 63) & 1) != 0;
        set
        {
            if ((uint)cpu >= (uint)Size)
                return;
            ulong bit = 1UL << (cpu & 63);
            if (value)
                _words[cpu >> 6] |= bit;
            else
                _words[cpu >> 6] &= ~bit;
        }
    }

    public bool IsFull => Count == Size;

    public int Count
    {
        get
        {
            int count = 0;
            foreach (ulong word in _words)
                count += System.Numerics.BitOperations.PopCount(word);
            return count;
        }
    }

    public IEnumerable<int> Cpus
    {
        get
        {
            for (int cpu = 0; cpu < Size; cpu++)
            {
                if (this[cpu])
                    yield return cpu;
            }
        }
    }

    /// <summary>Applies a CPU list to an empty map. Null if it was refused, with the reason reported.</summary>
    public static CpuMap? Parse(string list, HostTopology host, ConfigDiagnostics diagnostics)
    {
        var map = new CpuMap(host.CpuCount);
        foreach (Range range in list.AsSpan().Split(','))
        {
            ReadOnlySpan<char> item = list.AsSpan()[range];
            if (!item.IsEmpty && !map.TryApply(item, host, diagnostics))
                return null;
        }

        return map;
    }

    public void SetRange(int first, int count, bool value)
    {
        for (int cpu = Math.Max(first, 0); cpu < Size && cpu - first < count; cpu++)
            this[cpu] = value;
    }

    /// <summary>As xl prints it: <c>all</c>, <c>none</c>, or runs such as <c>0-6,8-15</c>.</summary>
    public override string ToString()
    {
        int count = Count;
        if (count == Size && count > 0)
            return "all";
        if (count == 0)
            return "none";

        var text = new StringBuilder();
        for (int cpu = 0; cpu < Size; cpu++)
        {
            if (!this[cpu])
                continue;
            int first = cpu;
            while (this[cpu + 1])
                cpu++;
            if (text.Length > 0)
                text.Append(',');
            text.Append(first);
            if (cpu > first)
                text.Append('-').Append(cpu);
        }

        return text.ToString();
    }

    /// <summary>Reads <c>N</c> or <c>A-B</c> and nothing behind it.</summary>
    internal static bool TryParseRange(ReadOnlySpan<char> text, out ulong first, out ulong last)
    {
        first = last = CNumber.ParseUnsigned(text, 10, out int used);
        if (used == 0 || first == ulong.MaxValue)
            return false;
        text = text[used..];
        if (text.IsEmpty || text[0] != '-')
            return text.IsEmpty;

        text = text[1..];
        last = CNumber.ParseUnsigned(text, 10, out used);
        return used == text.Length && used != 0 && last != ulong.MaxValue && last >= first;
    }

    private bool TryApply(ReadOnlySpan<char> item, HostTopology host, ConfigDiagnostics diagnostics)
    {
        bool add = item[0] != '^';
        if (!add)
            item = item[1..];
        bool nodes = item.StartsWith("node:") || item.StartsWith("nodes:");
        if (nodes)
            item = item[(item.IndexOf(':') + 1)..];

        if (item.SequenceEqual("all"))
        {
            if (!add)
            {
                diagnostics.Report("Can't combine \"^\" and \"all\".");
                return false;
            }

            SetRange(0, Size, true);
            return true;
        }

        if (!TryParseRange(item, out ulong first, out ulong last))
        {
            diagnostics.Report($"Invalid pcpu range: {item}.");
            return false;
        }

        // xl keeps 32 bits of a number.
        ulong beyond = first & ~(ulong)uint.MaxValue;
        (first, last) = (first - beyond, last - beyond);

        // What lies beyond the host has no effect, so the range need not be walked there.
        ulong end = Math.Min(last, (ulong)Math.Max(0, (nodes ? host.NodeCount : Size) - 1));
        for (ulong id = first; id <= end; id++)
        {
            (int firstCpu, int count) = nodes ? host.CpusOfNode(id) : ((int)id, 1);
            SetRange(firstCpu, count, add);
        }

        return true;
    }
}
