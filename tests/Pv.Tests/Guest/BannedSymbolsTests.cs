using System.Reflection;
using System.Text.RegularExpressions;
using NUnit.Framework;
using Pv.Tests.ArchitectureRules;

namespace Pv.Tests.Guest;

/// <summary>The analyzer that keeps guests to their turns is silent about what its list misspells, so the list is checked here.</summary>
[TestFixture]
public sealed partial class BannedSymbolsTests
{
    private const string List = "frontends/BannedSymbols.Guests.txt";

    private static readonly Assembly[] Libraries =
    [
        typeof(object).Assembly, typeof(System.Diagnostics.Process).Assembly, typeof(Console).Assembly, typeof(System.Timers.Timer).Assembly,
        typeof(System.Net.Sockets.Socket).Assembly, typeof(HttpClient).Assembly, typeof(Parallel).Assembly, typeof(System.Diagnostics.Stopwatch).Assembly,
    ];

    private static IEnumerable<string> Entries
        => File.ReadLines(Path.Combine(Repository.Root, List)).Select(line => line[..line.IndexOf(';', StringComparison.Ordinal)]);

    [TestCaseSource(nameof(Entries))]
    public void Every_entry_names_something(string entry)
    {
        var name = entry[2..];
        var found = entry[0] switch
        {
            'N' => Libraries.SelectMany(library => library.GetExportedTypes()).Any(type => type.Namespace == name),
            'T' => FindType(name) is not null,
            'P' => FindType(name[..name.LastIndexOf('.')])?.GetProperty(name[(name.LastIndexOf('.') + 1)..]) is not null,
            'M' => Methods(name).Any(method => IdOf(method) == name),
            _ => false,
        };
        Assert.That(found, Is.True);
    }

    [Test]
    public void The_samples_are_held_to_the_list()
    {
        var project = SourceFile.All(".csproj").Single(file => file.Path.EndsWith("Pv.SampleGuests.csproj", StringComparison.Ordinal));
        Assert.That(project.Text, Does.Contain("BannedApiAnalyzers").And.Contain(Path.GetFileName(List)));
    }

    private static Type? FindType(string name) => Libraries.Select(library => library.GetType(name)).FirstOrDefault(type => type is not null);

    private static IEnumerable<MethodBase> Methods(string id)
    {
        var path = id.Split('(')[0];
        return FindType(path[..path.LastIndexOf('.')])?.GetMembers().OfType<MethodBase>() ?? [];
    }

    /// <summary>The name by which documentation comments know a method, for the shapes that the list has.</summary>
    private static string IdOf(MethodBase method)
    {
        var name = $"{method.DeclaringType!.FullName}.{method.Name.Replace('.', '#')}";
        if (method.IsGenericMethod)
            name += $"``{method.GetGenericArguments().Length}";
        var parameters = string.Join(',', method.GetParameters().Select(parameter => IdOf(parameter.ParameterType)));
        return parameters.Length == 0 ? name : $"{name}({parameters})";
    }

    private static string IdOf(Type type)
    {
        if (type.IsGenericParameter)
            return $"``{type.GenericParameterPosition}";
        return type.IsGenericType
            ? $"{Arity().Replace(type.GetGenericTypeDefinition().FullName!, "")}{{{string.Join(',', type.GetGenericArguments().Select(IdOf))}}}"
            : type.FullName!;
    }

    [GeneratedRegex("`[0-9]+$")]
    private static partial Regex Arity();
}
