using System.IO.Compression;
using System.IO.Pipes;
using System.Text;
using NUnit.Framework;
using Pv.Abi;
using Pv.Toolstack.Lab;
using Pv.Toolstack.Lab.Replay;

namespace Pv.Tests.Lab;

/// <summary>What batching would have saved, on a trace that was counted by hand.</summary>
[TestFixture]
public sealed class ReplayTests
{
    private static readonly IReadOnlyList<ReplayCounts> Counts = ReplayCounts.Of(TraceFile.Read(Repository.Data("lab", "replay.jsonl")));

    // 16 calls: 11 by themselves, 2 and 3 in multicalls. The multicall that was stopped in between is one entry of the guest's.
    [Test]
    public void What_the_guest_did_is_counted_call_by_call()
    {
        Assert.That((Counts[0].Rules, Counts[0].Entries, Counts[0].All), Is.EqualTo(("traced", 13L, new KindCounts(11, 5, 13))));
        Assert.That(Counts[0].Kinds[HypercallNumber.MmuUpdate], Is.EqualTo(new KindCounts(2, 1, 2)));
        Assert.That(Counts[0].Kinds[HypercallNumber.FpuTaskswitch], Is.EqualTo(new KindCounts(0, 1, 0)));
    }

    // {1 2 3} {4} {5a 5b 7} {8} {9} {10} {11} {12a} {12b: its list is too long to be put off} {12c} {14}, and 6 on its own processor.
    [Test]
    public void Under_Linuxs_rules_lists_gather_until_another_call_comes()
    {
        Assert.That((Counts[1].Rules, Counts[1].Entries, Counts[1].All), Is.EqualTo(("linux", 12L, new KindCounts(10, 6, 12))));
        Assert.That(Counts[1].Batches, Is.EquivalentTo(new Dictionary<int, long> { [1] = 10, [3] = 2 }));
        Assert.That(Counts[1].Lengths, Is.EquivalentTo(new Dictionary<int, long> { [1] = 10, [2] = 1, [3] = 1 }), "1 and 2 become one list");
        Assert.That(Counts[1].Shapes, Is.EqualTo([("mmu_update + mmuext_op", 1L, 2L), ("update_va_mapping + mmuext_op", 1L, 1L)]));
    }

    // {1 2 3 4 5a 5b 7 8: its answer is wanted} {9 10} {11} {12a 12b 12c 14: gives up the processor}, and 6.
    [Test]
    public void Under_perfect_rules_only_a_wanted_answer_ends_a_batch()
    {
        Assert.That((Counts[2].Rules, Counts[2].Entries, Counts[2].All), Is.EqualTo(("perfect", 5L, new KindCounts(2, 14, 5))));
        Assert.That(Counts[2].Batches, Is.EquivalentTo(new Dictionary<int, long> { [1] = 2, [2] = 1, [4] = 1, [8] = 1 }));
        Assert.That(Counts[2].Lengths, Is.EquivalentTo(new Dictionary<int, long> { [1] = 2, [2] = 1, [4] = 1, [7] = 1 }));
        Assert.That(Counts[2].Shapes[0], Is.EqualTo(("mmu_update + mmuext_op + event_channel_op + update_va_mapping + ..", 1L, 6L)));
    }

    [Test]
    public void Times_follow_from_what_an_entry_costs()
    {
        var costs = ReplayCosts.Of([Null("single", 1, 100), Null("multicall", 1, 130), Null("multicall", 101, 31)]).Single();

        // A multicall of one takes 130 ns, one of 101 takes 3131: 30 an entry, and 100 for the way.
        Assert.That((costs.Single, costs.Batch, costs.Entry), Is.EqualTo((100.0, 100.0, 30.01)).Within(0.02));
        Assert.That(costs.TimeOf(Counts[2]), Is.EqualTo((2 * 100) + (3 * costs.Batch) + (13 * costs.Entry)).Within(1e-6));
        var sentences = ReplayReport.Conclusions(Counts, [costs]);
        Assert.That(sentences[0], Is.EqualTo("16 calls entered the hypervisor 13 times; 5 of them came in multicalls with others."));
        Assert.That(sentences, Has.Some.StartsWith("Under perfect rules 5 entries would do: 62 % fewer. 3 batches, of 4.7 calls on average and 8 at most."));
        Assert.That(sentences, Has.Some.StartsWith("    on an engine the ways in and out would take 890 ns instead of "));
    }

    [Test]
    public void A_trace_of_real_Xen_is_read_packed_or_not()
    {
        const string lines = """
            {"seq": 1, "op": 1, "a": [4096, 1, 0, 32752, 62], "d": {"n": 1}, "ret": 0}
            {"seq": 2, "op": 13, "a": [8192, 2, 0, 0, 0], "gs": 5, "d": {"n": 2, "mc": [{"op": 14, "a": [1, 2, 0, 0, 0, 0]}, {"op": 26, "a": [3, 1, 0, 32752, 0, 0]}]}, "ret": 0}
            {"note": "no call"}
            """;
        var path = Path.Combine(Path.GetTempPath(), $"pv-replay-{Environment.ProcessId}.jsonl");
        try
        {
            File.WriteAllText(path, lines);
            var plain = TraceFile.Read(path);
            using (var packed = new GZipStream(File.Create(path), CompressionLevel.Fastest))
                packed.Write(Encoding.UTF8.GetBytes(lines));

            Assert.That(TraceFile.Read(path).Select(call => call.Registers), Is.EqualTo(plain.Select(call => call.Registers)));
            Assert.That(plain.Select(call => (call.Processor, call.Number, call.Entries.Count)), Is.EqualTo([(0ul, HypercallNumber.MmuUpdate, 0), (5ul, HypercallNumber.Multicall, 2)]));
            Assert.That((plain[1].Entries[1].Number, plain[1].Entries[1].Second), Is.EqualTo((26ul, 1ul)));
        }
        finally
        {
            File.Delete(path);
        }
    }

    [TestCase("", "has no hypercalls")]
    [TestCase("""{"hypercall": "xen_version", "vcpu": 0, "arguments": [], "inputs": [], "outcome": "done", "queue": {"index": 0}}""", "has no hypercalls", TestName = "A call from a queue entered nothing")]
    [TestCase("1 [v0] 12 mmu_update(0x0)", "line 1 is no line of a trace")]
    [TestCase("""{"hypercall": "steam", "vcpu": 0, "arguments": [], "inputs": [], "outcome": "done"}""", "there is no hypercall 'steam'")]
    [TestCase("""{"hypercall": "mmu_update", "vcpu": 0, "arguments": ["7"], "inputs": [], "outcome": "done"}""", "'7' is no number")]
    [TestCase("""{"op": 1, "a": [1, 2, 3, -4]}""", "line 1 is no line of a trace")]
    public void What_is_no_trace_is_refused_with_a_sentence(string content, string reason)
    {
        var path = Path.Combine(Path.GetTempPath(), $"pv-replay-{Environment.ProcessId}-bad.jsonl");
        try
        {
            File.WriteAllText(path, content);

            Assert.That(() => TraceFile.Read(path), Throws.TypeOf<FormatException>().With.Message.Contains(reason).And.Message.Contains(path));
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Test, Platform("Linux")]
    public async Task A_trace_comes_out_of_a_pipe()
    {
        using var pipe = new AnonymousPipeServerStream(PipeDirection.Out);
        var writing = Task.Run(() =>
        {
            using (pipe)
                pipe.Write("""{"op": 1, "a": [4096, 1, 0, 32752, 62]}"""u8);
        });
        // As a shell hands a program over: xl lab replay <(zcat trace.gz).
        var calls = TraceFile.Read($"/dev/fd/{pipe.ClientSafePipeHandle.DangerousGetHandle()}");
        await writing;
        Assert.That(calls.Single().Number, Is.EqualTo(HypercallNumber.MmuUpdate));
    }

    [Test, Platform("Linux")]
    public void A_line_without_an_end_is_refused_with_a_sentence()
        => Assert.That(() => TraceFile.Read("/dev/zero"), Throws.TypeOf<FormatException>().With.Message.EqualTo("/dev/zero: line 1 is no line of a trace (it has more than 16777216 characters)"));

    private static LabRow Null(string way, int batch, double time) => new([("engine", "an engine"), ("call", "null"), ("way", way), ("batch", $"{batch}")], [time], []);
}
