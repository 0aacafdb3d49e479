using NUnit.Framework;
using Pv.XenStore;

namespace Pv.Tests.XenStore;

/// <summary>The children of a node against a dictionary, few and many, and older versions that stay as they were.</summary>
[TestFixture]
public class ChildNodesTests
{
    [TestCase(1, 10), TestCase(2, 24), TestCase(3, 25), TestCase(4, 60), TestCase(5, 500)]
    public void They_behave_as_a_dictionary_of_names(int seed, int names)
    {
        var random = new Random(seed);
        var model = new Dictionary<string, StoreNode>();
        var children = ChildNodes.None;
        var older = new List<(ChildNodes Children, Dictionary<string, StoreNode> Model)>();
        for (var step = 0; step < 20 * names; step++)
        {
            // It grows for a while, then shrinks to nothing, and grows again.
            var name = $"n{random.Next(names)}";
            var shrinks = step / (5 * names) % 2 == 1;
            if (random.Next(10) < (shrinks ? 9 : 2))
            {
                if (model.Remove(name))
                    children = children.Without(name);
            }
            else
            {
                var node = new StoreNode([], new NodePermissions([]), step);
                var before = model.GetValueOrDefault(name);
                model[name] = node;
                children = children.With(name, node, out var replaced);
                Assert.That(replaced, Is.SameAs(before));
            }
            Assert.That(children.Find(name), Is.SameAs(model.GetValueOrDefault(name)));
            if (step % names == 0)
                older.Add((children, new(model)));
        }
        older.Add((children, model));
        foreach (var (then, was) in older)
        {
            Assert.That(then.All, Is.EquivalentTo(was));
            Assert.That(then.Count, Is.EqualTo(was.Count));
            Assert.That(was.Keys.All(name => then.Find(name) == was[name]) && then.Find("n") is null && then.Find("n-1") is null);
        }
    }
}
