using System.Text;
using NUnit.Framework;
using Pv.Abi;
using Pv.XenStore;

namespace Pv.Tests.XenStore;

/// <summary>Random requests of a tool against a store that is a plain dictionary of paths, with transactions as copies of it.</summary>
[TestFixture]
public class StoreModelTests
{
    private const int Steps = 4000;

    [TestCase(1), TestCase(2), TestCase(3), TestCase(4)]
    public void The_tree_behaves_as_a_dictionary_of_paths(int seed)
    {
        using var machine = new StoreMachine();
        var random = new Random(seed);
        var tool = machine.NewTool();
        var other = machine.NewTool();
        var model = new SortedDictionary<string, string>(StringComparer.Ordinal) { ["/"] = "", ["/tool"] = "", ["/tool/xenstored"] = "" };

        for (var step = 0; step < Steps; step++)
        {
            if (random.Next(20) == 0)
                Transact(machine, random, tool, other, model);
            else
                Act(machine, random, tool, 0, model);
            if (step % 100 == 0)
                AssertSame(machine.Store.Live.Tree, model);
        }
        AssertSame(machine.Store.Live.Tree, model);
    }

    [Test]
    public void A_snapshot_stays_as_it_was()
    {
        using var machine = new StoreMachine();
        var random = new Random(5);
        var tool = machine.NewTool();
        var model = new SortedDictionary<string, string>(StringComparer.Ordinal) { ["/"] = "", ["/tool"] = "", ["/tool/xenstored"] = "" };
        var snapshots = new List<(StoreTree Tree, SortedDictionary<string, string> Model)>();
        for (var step = 0; step < 500; step++)
        {
            Act(machine, random, tool, 0, model);
            if (step % 25 == 0)
                snapshots.Add((machine.Store.Live.Tree, new(model, StringComparer.Ordinal)));
        }
        foreach (var (tree, then) in snapshots)
            AssertSame(tree, then);
    }

    /// <summary>A transaction that somebody may disturb. What it read and changed tells whether it may commit.</summary>
    private static void Transact(StoreMachine machine, Random random, ToolEnd tool, ToolEnd other, SortedDictionary<string, string> model)
    {
        var id = uint.Parse(Ask(machine, tool, XenStoreMessageType.TransactionStart, 0, "\0").Text.TrimEnd('\0'), System.Globalization.CultureInfo.InvariantCulture);
        var inside = new SortedDictionary<string, string>(model, StringComparer.Ordinal);
        for (var i = random.Next(6); i >= 0; i--)
            Act(machine, random, tool, id, inside);
        var disturbed = random.Next(3) == 0;
        if (disturbed)
            Act(machine, random, other, 0, model);
        var end = Ask(machine, tool, XenStoreMessageType.TransactionEnd, id, "T\0");
        if (end.Type != XenStoreMessageType.Error)
        {
            // With a disturbance beside what it touched, its changes go on top of the other's.
            if (disturbed)
                Merge(machine, model, inside);
            else
                Replace(model, inside);
        }
        else
        {
            Assert.That(disturbed, Is.True, "nobody else wrote, and yet it did not commit");
            Assert.That(end.Text, Is.EqualTo("EAGAIN\0"));
        }
    }

    private static void Act(StoreMachine machine, Random random, ToolEnd tool, uint transaction, SortedDictionary<string, string> model)
    {
        var path = string.Concat(Enumerable.Range(0, random.Next(1, 5)).Select(_ => "/" + (char)('a' + random.Next(4))));
        var value = random.Next(1000).ToString(System.Globalization.CultureInfo.InvariantCulture);
        switch (random.Next(5))
        {
            case 0:
                Ask(machine, tool, XenStoreMessageType.Write, transaction, $"{path}\0{value}", "OK\0");
                Make(model, path);
                model[path] = value;
                break;
            case 1:
                Ask(machine, tool, XenStoreMessageType.MakeDirectory, transaction, path + "\0", "OK\0");
                Make(model, path);
                break;
            case 2:
                var isThere = model.ContainsKey(StorePath.Parent(path));
                Ask(machine, tool, XenStoreMessageType.Remove, transaction, path + "\0", isThere ? "OK\0" : "ENOENT\0");
                foreach (var gone in model.Keys.Where(key => key == path || key.StartsWith(path + "/", StringComparison.Ordinal)).ToList())
                    model.Remove(gone);
                break;
            case 3:
                Ask(machine, tool, XenStoreMessageType.Read, transaction, path + "\0", model.TryGetValue(path, out var expected) ? expected : "ENOENT\0");
                break;
            default:
                var answer = Ask(machine, tool, XenStoreMessageType.Directory, transaction, path + "\0");
                if (!model.ContainsKey(path))
                    Assert.That(answer.Text, Is.EqualTo("ENOENT\0"));
                else
                    Assert.That(answer.Text.Split('\0')[..^1].Order(StringComparer.Ordinal), Is.EqualTo(Children(model, path)));
                break;
        }
    }

    private static void Make(SortedDictionary<string, string> model, string path)
    {
        for (; !model.ContainsKey(path); path = StorePath.Parent(path))
            model[path] = "";
    }

    private static IEnumerable<string> Children(SortedDictionary<string, string> model, string path)
        => model.Keys.Where(key => key.Length > 1 && StorePath.Parent(key) == path).Select(key => key[(key.LastIndexOf('/') + 1)..]);

    private static void Replace(SortedDictionary<string, string> model, SortedDictionary<string, string> by)
    {
        model.Clear();
        foreach (var (path, value) in by)
            model[path] = value;
    }

    /// <summary>The model of two changes that do not touch is what the tree has, as long as it is one of the two at each path.</summary>
    private static void Merge(StoreMachine machine, SortedDictionary<string, string> model, SortedDictionary<string, string> inside)
    {
        var merged = Flatten(machine.Store.Live.Tree);
        foreach (var path in merged.Keys.Union(model.Keys).Union(inside.Keys))
        {
            var now = merged.GetValueOrDefault(path);
            Assert.That(now == model.GetValueOrDefault(path) || now == inside.GetValueOrDefault(path), Is.True, path);
        }
        Replace(model, merged);
    }

    private static SortedDictionary<string, string> Flatten(StoreTree tree)
        => new(StoreTree.Walk("/", tree.Root).ToDictionary(entry => entry.Path, entry => Encoding.Latin1.GetString(entry.Node.Value)), StringComparer.Ordinal);

    private static void AssertSame(StoreTree tree, SortedDictionary<string, string> model)
    {
        Assert.That(Flatten(tree), Is.EqualTo(model));
        Assert.That(tree.OwnedBy(DomId.Dom0), Is.EqualTo(model.Count));
    }

    private static void Ask(StoreMachine machine, ToolEnd tool, XenStoreMessageType type, uint transaction, string payload, string expected)
        => Assert.That(Ask(machine, tool, type, transaction, payload).Text, Is.EqualTo(expected), $"{type} {payload}");

    private static (XenStoreMessageType Type, string Text) Ask(StoreMachine machine, ToolEnd tool, XenStoreMessageType type, uint transaction, string payload)
    {
        tool.Send((uint)type, 1, transaction, Encoding.Latin1.GetBytes(payload));
        machine.Run();
        var reply = tool.Receive().Single();
        return (reply.Type, Encoding.Latin1.GetString(reply.Payload.Span));
    }
}
