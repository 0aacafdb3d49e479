using FsCheck;
using FsCheck.Fluent;
using NUnit.Framework;
using Pv.Tests.XenStore.Model;

namespace Pv.Tests.XenStore;

/// <summary>
/// Random requests of two tools and three domains, of every kind, against a store that is written down as simply as it can be
/// (<see cref="ModelStore"/>). What differs is shrunk; the seed is printed with it.
/// </summary>
[TestFixture]
public sealed class StoreModelSequenceTests
{
    private const int Sequences = 300, Length = 120;

    /// <summary>What the sequences come from: two numbers, the second one odd. Others can be given, such as those of a failure.</summary>
    private static readonly string Seed = Environment.GetEnvironmentVariable("PV_STORE_SEED") ?? "20261121,1";

    /// <summary>Homes, and a place that all share.</summary>
    private static readonly ModelStep[] Opening =
    [
        new(2, ModelVerb.Introduce, 0, 0, 0), new(3, ModelVerb.Introduce, 0, 0, 0), new(4, ModelVerb.Introduce, 0, 0, 0),
        new(0, ModelVerb.Write, 0, 0, 0), new(0, ModelVerb.SetPermissions, 0, 1, 0), new(0, ModelVerb.Write, 6, 0, 0), new(0, ModelVerb.SetPermissions, 6, 4, 0),
        new(0, ModelVerb.Watch, 14, 0, 0), new(2, ModelVerb.Watch, 11, 0, 0), new(3, ModelVerb.Watch, 0, 0, 0),
    ];

    [Test]
    public void Any_sequence_of_requests_comes_out_as_the_model_says()
    {
        TestContext.Out.WriteLine($"PV_STORE_SEED={Seed}");
        var seed = Seed.Split(',').Select(ulong.Parse).ToArray();
        var replies = new SortedDictionary<string, int>(StringComparer.Ordinal);
        Prop.ForAll(ModelStep.Sequences(Length), steps => Compare(steps, replies) is { } difference ? false.Label(difference) : true.ToProperty())
            .Check(FsCheck.Config.QuickThrowOnFailure.WithMaxTest(Sequences).WithReplay(seed[0], seed[1]));
        TestContext.Out.WriteLine(string.Join(", ", replies.Select(entry => $"{entry.Key} {entry.Value}")));
        // Sequences in which nothing happens would prove nothing.
        foreach (var reply in new[] { "WRITE", "RM", "SET_PERMS", "WATCH", "TRANSACTION_END", "RELEASE", "ENOENT", "EACCES", "EAGAIN", "EEXIST", "events" })
            Assert.That(replies.GetValueOrDefault(reply), Is.GreaterThan(20), reply);
    }

    /// <summary>Null, or where the store first does something else than the model.</summary>
    private static string? Compare(ModelStep[] steps, SortedDictionary<string, int> replies)
    {
        var model = new ModelStore();
        var expected = Opening.Concat(steps).Select(model.Do).OfType<ModelOutcome>().ToList();
        var answers = Transcript.Play(expected.Select(outcome => outcome.Line));
        var at = 0;
        foreach (var outcome in expected)
        {
            var end = answers.FindIndex(at + 1, line => line[0] is '>' or '!');
            var answer = answers.GetRange(at + 1, (end < 0 ? answers.Count : end) - at - 1);
            if (Difference(outcome, [.. answer]) is { } difference)
                return $"{string.Join('\n', answers[..at])}\n{outcome.Line}\n{difference}\nall that came:\n{string.Join('\n', answer)}";
            at = end;
            var words = outcome.Reply.Split(' ', '"', '\\');
            Count(replies, words[2] == "ERROR" ? words[5] : words[2], 1);
            Count(replies, "events", answer.Count);
        }
        return null;
    }

    private static void Count(SortedDictionary<string, int> replies, string kind, int count) => replies[kind] = replies.GetValueOrDefault(kind) + count;

    private static string? Difference(ModelOutcome outcome, List<string> answer)
    {
        answer.RemoveAll(line => line.EndsWith(" dead error=0", StringComparison.Ordinal));
        if (!answer.Remove(outcome.Reply))
            return $"the model says {outcome.Reply}";
        foreach (var client in ModelStep.Clients)
        {
            var prefix = $"< {client} WATCH_EVENT tx=0 \"";
            var told = answer.Where(line => line.StartsWith(prefix, StringComparison.Ordinal)).Select(line => line[prefix.Length..^1]).ToList();
            answer.RemoveAll(line => line.StartsWith(prefix, StringComparison.Ordinal));
            var due = outcome.Events.Where(entry => entry.Who == client).Select(entry => entry.Event).ToList();
            var isSame = !outcome.IsCommit ? told.SequenceEqual(due) : client[1] == '0' ? told.Order().SequenceEqual(due.Order()) : told.All(due.Contains) && told.Distinct().Count() == told.Count;
            if (!isSame)
                return $"the model tells {client}: {string.Join(' ', due)}";
        }
        return answer.Count == 0 ? null : "the model says nothing else";
    }
}
