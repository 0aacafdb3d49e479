using FsCheck;
using FsCheck.Fluent;

namespace Pv.Tests.XenStore.Model;

/// <summary>What a client is to do, as far as it can: small numbers that the model makes a request of.</summary>
internal sealed record ModelStep(int Who, ModelVerb Verb, int Path, int Extra, int Transaction)
{
    public static readonly string[] Clients = ["d0", "d0b", "d1", "d2", "d3"];

    /// <summary>Absolute, relative, special, and such as name nothing.</summary>
    public static readonly string[] Paths =
    [
        "/s", "/s/a", "/s/a/b", "/s/a/c", "/s/b", "/s/b/c/d", "/local/domain/1", "/local/domain/1/a", "/local/domain/1/a/b", "/local/domain/2/a", "/local/domain/3",
        "a", "a/b", "c", "/", "/s//a", "/s/", "@releaseDomain", "@introduceDomain", "",
    ];

    public static readonly string[] Values = ["", "1", "two", "3 3"];

    public static readonly string[] Permissions = ["n0", "b0", "r0 b1", "n1", "n1 r2", "w2", "b3 n1", "n2 b1 r3", "n9", "n0 r9", "x1", "n0 r1 b2 w3"];

    private static readonly (int, ModelVerb)[] Weights =
    [
        (10, ModelVerb.Write), (4, ModelVerb.MakeDirectory), (6, ModelVerb.Remove), (6, ModelVerb.Read), (4, ModelVerb.Directory), (1, ModelVerb.DirectoryPart),
        (2, ModelVerb.GetPermissions), (6, ModelVerb.SetPermissions), (6, ModelVerb.Watch), (2, ModelVerb.WatchDeep), (3, ModelVerb.Unwatch),
        (5, ModelVerb.Begin), (6, ModelVerb.Commit), (1, ModelVerb.Abort), (1, ModelVerb.Reset), (1, ModelVerb.Release), (2, ModelVerb.Introduce),
        (1, ModelVerb.SetTarget), (1, ModelVerb.IsIntroduced), (1, ModelVerb.GetPath), (1, ModelVerb.Check),
    ];

    /// <summary>Sequences that shrink by what they leave out.</summary>
    public static Arbitrary<ModelStep[]> Sequences(int length)
    {
        var step =
            from who in Gen.Choose(0, Clients.Length - 1)
            from verb in Gen.Frequency(Weights.Select(weight => (weight.Item1, Gen.Constant(weight.Item2))))
            from path in Gen.Choose(0, Paths.Length - 1)
            from extra in Gen.Choose(0, 11)
            from transaction in Gen.Choose(0, 5)
            select new ModelStep(who, verb, path, extra, transaction);
        return Arb.From(step.ArrayOf(length), Shrink);
    }

    private static IEnumerable<ModelStep[]> Shrink(ModelStep[] steps)
    {
        for (var size = steps.Length / 2; size > 0; size /= 2)
        {
            for (var at = 0; at + size <= steps.Length; at += size)
                yield return [.. steps[..at], .. steps[(at + size)..]];
        }
    }
}

internal enum ModelVerb
{
    Write,
    MakeDirectory,
    Remove,
    Read,
    Directory,
    DirectoryPart,
    GetPermissions,
    SetPermissions,
    Watch,
    WatchDeep,
    Unwatch,
    Begin,
    Commit,
    Abort,
    Reset,
    Release,
    Introduce,
    SetTarget,
    IsIntroduced,
    GetPath,
    Check,
}
