using NUnit.Framework;
using Pv.Abi;
using Pv.XenStore;

namespace Pv.Tests.Advisories;

/// <summary>XSA-323, XSA-418. Paths that are too long in one form or the other, and trees so deep that walking them exhausts the stack.</summary>
[TestFixture]
internal sealed class XenstorePathLimits : XenstoreFixture
{
    [Test]
    public void Relative_and_absolute_paths_end_at_their_limits()
    {
        var before = Everything();
        foreach (var path in new[] { new string('p', 2049), "/" + new string('p', 2048), "/local/domain/1/" + new string('p', 2049), "/" + new string('p', 3072) })
        {
            foreach (var type in new[] { XenStoreMessageType.Read, XenStoreMessageType.Write, XenStoreMessageType.MakeDirectory, XenStoreMessageType.Remove, XenStoreMessageType.GetPerms })
                Assert.That(Ask(Attacker, type, path + "\0"), Is.EqualTo("EINVAL\0"), $"{type} of {path.Length}");
        }
        Assert.That(Everything(), Is.EqualTo(before));
        Assert.That(Ask(Attacker, XenStoreMessageType.Write, new string('p', 2048) + "\0"), Is.AnyOf("OK\0", "ENOSPC\0"), "its parent's record has a size, too");
    }

    [Test]
    public void A_tree_as_deep_as_may_be_is_walked_and_removed()
    {
        Ask(Tool, XenStoreMessageType.SetQuota, "1\0nodes\02000\0");
        var deep = string.Concat(Enumerable.Repeat("a/", 1000)) + "a";
        Assert.That(Ask(Attacker, XenStoreMessageType.Write, deep + "\0bottom"), Is.EqualTo("OK\0"));
        Assert.That(Machine.Store.Live.Tree.OwnedBy(Bad), Is.EqualTo(1002));
        // With little of a stack left.
        var thread = new Thread(() =>
        {
            Ask(Attacker, XenStoreMessageType.Read, deep + "\0");
            Ask(Attacker, XenStoreMessageType.Remove, "a\0");
        }, 256 << 10);
        thread.Start();
        thread.Join();
        Assert.That(Machine.Store.Live.Tree.OwnedBy(Bad), Is.EqualTo(1));
    }

    [Test]
    public void Names_that_are_none_are_refused()
    {
        foreach (var path in new[] { "a//b", "/a//b", "a/", "a b", "a\x01", "a\xff", "a:b", "//", "" })
            Assert.That(Ask(Attacker, XenStoreMessageType.Write, path + "\0v"), Is.EqualTo("EINVAL\0"), path);
        Assert.That(StoreTree.Walk(StorePath.Root, Machine.Store.Live.Tree.Root).Count(), Is.EqualTo(Everything().Count));
    }
}
