using System.Globalization;
using System.Text;
using Pv.Abi;
using Pv.Hypervisor;
using Pv.Hypervisor.Memory;

namespace Pv.Tests.Fuzzing;

/// <summary>The frame table as it was, to tell what a call changed in it.</summary>
internal sealed class FrameRows(HypervisorCore core)
{
    private readonly FrameInfo[] _rows = new FrameInfo[core.Memory.FrameCount];

    public void Take()
    {
        for (var i = 0; i < _rows.Length; i++)
            _rows[i] = core.Frames[new Mfn((ulong)i)];
    }

    public string Differences()
    {
        var text = new StringBuilder();
        for (var i = 0; i < _rows.Length; i++)
        {
            var (before, now) = (_rows[i], core.Frames[new Mfn((ulong)i)]);
            if (before.Use != now.Use || before.Count != now.Count || before.Owner != now.Owner)
                text.Append(CultureInfo.InvariantCulture, $"\n{new Mfn((ulong)i)}: use 0x{before.Use:x} -> 0x{now.Use:x}, count 0x{before.Count:x} -> 0x{now.Count:x}, owner {before.Owner} -> {now.Owner}");
        }
        return text.ToString();
    }
}
