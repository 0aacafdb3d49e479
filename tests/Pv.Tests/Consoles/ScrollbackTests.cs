using FsCheck;
using FsCheck.Fluent;
using NUnit.Framework;
using Pv.Dom0.Consoles;

namespace Pv.Tests.Consoles;

[TestFixture]
public class ScrollbackTests
{
    private const int Capacity = 16;

    [Test]
    public void A_reader_gets_what_is_kept_and_is_told_of_what_is_not()
        => Prop.ForAll<byte[][], byte[]>((said, reads) =>
        {
            var scrollback = new Scrollback(Capacity);
            var all = new List<byte>();
            long position = 0;
            for (var i = 0; i < said.Length; i++)
            {
                scrollback.Append(said[i]);
                all.AddRange(said[i]);
                if (reads.Length == 0)
                    continue;
                var into = new byte[reads[i % reads.Length] % 20];
                var before = position;
                var count = scrollback.Read(ref position, into, out var lost);
                var oldest = Math.Max(0, all.Count - Capacity);
                if (lost != Math.Max(0, oldest - before) || position != before + lost + count)
                    return false;
                if (count != Math.Min(into.Length, all.Count - (int)(before + lost)) || !into[..count].SequenceEqual(all.Skip((int)(before + lost)).Take(count)))
                    return false;
            }
            return scrollback.Start == Math.Max(0, all.Count - Capacity);
        }).QuickCheckThrowOnFailure();
}
