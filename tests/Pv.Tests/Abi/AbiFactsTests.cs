using System.Globalization;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;
using NUnit.Framework;
using Pv.Abi;

namespace Pv.Tests.Abi;

/// <summary>Holds everything in <c>Pv.Abi</c> that names a C origin against the facts measured from Xen's headers.</summary>
[TestFixture]
public sealed partial class AbiFactsTests
{
    /// <summary>Public value types and enumerations that have no counterpart in the facts, and why.</summary>
    private static readonly Dictionary<string, string> Ours = new()
    {
        [nameof(Mfn)] = "a number with a meaning",
        [nameof(Pfn)] = "a number with a meaning",
        [nameof(DomId)] = "a number with a meaning; its values are held below",
        [nameof(VcpuId)] = "a number with a meaning",
        [nameof(EventPort)] = "a number with a meaning",
        [nameof(GrantRef)] = "a number with a meaning",
        [nameof(Errno)] = "public/errno.h expands by a macro that the facts do not have",
        [nameof(AsyncQueueSetup)] = "an extension, see docs/async-hypercalls.md",
        [nameof(AsyncCompletion)] = "an extension, see docs/async-hypercalls.md",
        [nameof(AsyncRingFlags)] = "an extension, see docs/async-hypercalls.md",
        [nameof(AsyncOperation)] = "an extension, see docs/async-hypercalls.md",
        [nameof(TrapFlags)] = "the headers have macros that take a trap_info, no constants",
    };

    /// <summary>Members without a name in the facts, and why.</summary>
    private static readonly Dictionary<string, string> Nameless = new()
    {
        [$"{nameof(DomainInfoFlags)}.{nameof(DomainInfoFlags.ShutdownMask)}"] = "a mask of several",
        [$"{nameof(XenStoreMessageType)}.{nameof(XenStoreMessageType.GetFeature)}"] = "newer than the headers that were measured",
        [$"{nameof(XenStoreMessageType)}.{nameof(XenStoreMessageType.SetFeature)}"] = "newer than the headers that were measured",
        [$"{nameof(XenStoreMessageType)}.{nameof(XenStoreMessageType.GetQuota)}"] = "newer than the headers that were measured",
        [$"{nameof(XenStoreMessageType)}.{nameof(XenStoreMessageType.SetQuota)}"] = "newer than the headers that were measured",
        [$"{nameof(XenStoreServerFeatures)}.{nameof(XenStoreServerFeatures.WatchDepth)}"] = "newer than the headers that were measured",
    };

    /// <summary>Classes of constants that have no counterpart in the facts: sizes, and what is an extension.</summary>
    private static readonly Type[] OursAlone = [typeof(PageSize), typeof(AsyncHypercalls), typeof(AsyncRing)];

    private static readonly Type[] Types = [.. typeof(Mfn).Assembly.GetExportedTypes().Order(Comparer<Type>.Create((a, b) => string.CompareOrdinal(a.FullName, b.FullName)))];

    private static IEnumerable<Type> Structs => Types.Where(t => t.IsValueType && !t.IsEnum && OriginOf(t) is not null);

    private static IEnumerable<Type> Enums => Types.Where(t => t.IsEnum && OriginOf(t) is not null);

    private static IEnumerable<TestCaseData> Constants =>
        from type in Types
        where !type.IsEnum
        from constant in type.GetFields(BindingFlags.Public | BindingFlags.Static | BindingFlags.DeclaredOnly)
        where OriginOf(constant) is not null
        select new TestCaseData(constant).SetArgDisplayNames($"{type.Name}.{constant.Name}");

    [TestCaseSource(nameof(Structs))]
    public void A_struct_has_the_size_of_its_origin(Type type)
    {
        var fact = FactOf(type);
        var size = FieldLayout.SizeOf(type);

        if (IsPrefix(type))
            Assert.That(size, Is.LessThanOrEqualTo(fact.Size), $"{type.Name} is only the start of {fact.Name}");
        else
            Assert.That(size, Is.EqualTo(fact.Size), fact.Name);
        Assert.That(type.GetField("WireSize")?.GetRawConstantValue(), Is.EqualTo(size), $"{type.Name}.WireSize");
    }

    [TestCaseSource(nameof(Structs))]
    public void Each_field_lies_where_its_origin_does(Type type)
    {
        var fact = FactOf(type);

        Assert.Multiple(() =>
        {
            foreach (var field in InstanceFields(type).Where(f => f.IsPublic))
            {
                var origin = OriginOf(field);
                Assert.That(origin, Is.Not.Null, $"{type.Name}.{field.Name} names no origin");

                var expected = fact.Fields.SingleOrDefault(f => f.Name == origin);
                Assert.That(expected, Is.Not.Null, $"{fact.Name} has no field {origin}");
                Assert.That(FieldLayout.Of(type, field), Is.EqualTo((expected!.Offset, expected.Size)), $"{fact.Name}.{origin}");
            }
        });
    }

    [TestCaseSource(nameof(Structs))]
    public void No_field_of_the_origin_is_forgotten(Type type)
    {
        if (IsPrefix(type))
            Assert.Pass("Only the start is declared.");

        var fact = FactOf(type);
        var covered = new bool[fact.Size];
        foreach (var field in InstanceFields(type))
        {
            var (offset, size) = FieldLayout.Of(type, field);
            covered.AsSpan(offset, size).Fill(true);
        }

        Assert.Multiple(() =>
        {
            foreach (var field in fact.Fields.Where(f => !f.Name.Contains('.', StringComparison.Ordinal) && f.Size > 0 && !Padding().IsMatch(f.Name)))
                Assert.That(covered[field.Offset], Is.True, $"{fact.Name}.{field.Name}");
        });
    }

    [TestCaseSource(nameof(Enums))]
    public void Each_member_of_an_enumeration_has_the_value_of_its_origin(Type type)
    {
        Assert.That(XenFacts.Measured.HasEnumeration(OriginOf(type)!), Is.True, $"{OriginOf(type)} is nothing of Xen's");

        Assert.Multiple(() =>
        {
            foreach (var member in type.GetFields(BindingFlags.Public | BindingFlags.Static))
            {
                var value = BitsOf(member.GetRawConstantValue()!);
                if (OriginOf(member) is { } origin)
                    AssertNumber(origin, value);
                else if (value != 0)
                    Assert.That(Nameless, Does.ContainKey($"{type.Name}.{member.Name}"), "it names no origin");
            }
        });
    }

    [TestCaseSource(nameof(Constants))]
    public void A_constant_has_the_value_of_its_origin(FieldInfo field)
    {
        var value = field.IsLiteral ? field.GetRawConstantValue()! : field.GetValue(null)!;
        if (value is DomId domain)
            value = domain.Value;

        AssertNumber(OriginOf(field)!, BitsOf(value));
    }

    [Test]
    public void Every_public_value_type_names_its_origin_or_is_ours()
    {
        var nameless = Types
            .Where(t => t.IsValueType && OriginOf(t) is null)
            .Where(t => t.GetCustomAttribute<InlineArrayAttribute>() is null)
            .Select(t => t.Name)
            .Where(n => !Ours.ContainsKey(n));

        Assert.That(nameless, Is.Empty);
    }

    [Test]
    public void What_is_listed_as_ours_is_there_and_names_no_origin()
    {
        Assert.Multiple(() =>
        {
            foreach (var name in Ours.Keys)
                Assert.That(Types.Where(t => t.Name == name).Select(OriginOf), Is.EqualTo(new string?[] { null }), name);
        });
    }

    [Test]
    public void Every_constant_names_its_origin_or_is_ours()
    {
        var nameless =
            from type in Types
            where type is { IsAbstract: true, IsSealed: true }
            from field in type.GetFields(BindingFlags.Public | BindingFlags.Static | BindingFlags.DeclaredOnly)
            where field.IsLiteral && OriginOf(field) is null && !OursAlone.Contains(type)
            select $"{type.Name}.{field.Name}";

        Assert.That(nameless, Is.Empty);
    }

    [Test]
    public void An_inline_array_has_as_many_elements_as_its_name_says()
    {
        var arrays = Types.Where(t => t.GetCustomAttribute<InlineArrayAttribute>() is not null).ToList();

        Assert.That(arrays, Is.Not.Empty);
        Assert.Multiple(() =>
        {
            foreach (var array in arrays)
                Assert.That(array.Name, Is.EqualTo($"Array{array.GetCustomAttribute<InlineArrayAttribute>()!.Length}`1"));
        });
    }

    [Test]
    public void The_ring_header_fits_every_ring(
        [Values("struct blkif_sring", "struct netif_tx_sring", "struct netif_rx_sring", "struct xen_netif_ctrl_sring", "struct xen_displif_sring")] string ring)
    {
        var fact = XenFacts.Measured.StructOf(ring)!;

        foreach (var field in InstanceFields(typeof(RingHeader)))
        {
            var expected = fact.Fields.Single(f => f.Name == OriginOf(field));
            Assert.That(FieldLayout.Of(typeof(RingHeader), field), Is.EqualTo((expected.Offset, expected.Size)), field.Name);
        }

        Assert.That(fact.Fields.Single(f => f.Name == "ring").Offset, Is.EqualTo(RingHeader.WireSize));
    }

    private static void AssertNumber(string origin, ulong value)
    {
        var fact = XenFacts.Measured.NumberOf(origin);
        Assert.That(fact, Is.Not.Null, $"Xen's headers have no {origin}");
        Assert.That(value, Is.EqualTo((ulong)fact!.Value), origin);
    }

    private static ulong BitsOf(object value) => value is ulong bits ? bits : (ulong)Convert.ToInt64(value, CultureInfo.InvariantCulture);

    private static XenStruct FactOf(Type type)
    {
        var origin = OriginOf(type)!;
        var fact = XenFacts.Measured.StructOf(origin);
        Assert.That(fact, Is.Not.Null, $"Xen's headers have no {origin}");
        return fact!;
    }

    private static IEnumerable<FieldInfo> InstanceFields(Type type) =>
        type.GetFields(BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance);

    private static string? OriginOf(MemberInfo member) => member.GetCustomAttribute<XenAttribute>()?.Origin;

    private static bool IsPrefix(Type type) => type.GetCustomAttribute<XenAttribute>()!.IsPrefix;

    [GeneratedRegex("^_*(pad|padding|unused)[0-9]*$")]
    private static partial Regex Padding();
}
