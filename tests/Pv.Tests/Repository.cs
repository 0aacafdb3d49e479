namespace Pv.Tests;

/// <summary>Where the sources and the tests' data are: the folder with the solution, above the test's own.</summary>
public static class Repository
{
    /// <summary>The folder that holds <c>Pv.sln</c>.</summary>
    public static string Root { get; } = FindRoot();

    /// <summary>A file below <c>tests/Data</c>.</summary>
    public static string Data(params string[] path) => Path.Combine([Root, "tests", "Data", .. path]);

    private static string FindRoot()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "Pv.sln")))
                return folder.FullName;
        }

        throw new InvalidOperationException($"No folder above {AppContext.BaseDirectory} holds Pv.sln.");
    }
}
