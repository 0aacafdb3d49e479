using System.Globalization;
using Pv.Abi;
using Pv.Config.Domain;
using Pv.Config.Json;
using Pv.Toolstack.Control;

namespace Pv.Dom0.Hosting;

/// <summary>A subfolder of the run directory for each domain, by its number: its console log and its configuration.</summary>
/// <remarks>Those of domains that have ended stay for a while, since a crash is looked into afterwards. Any thread.</remarks>
internal sealed class DomainFolders
{
    /// <summary>Ended domains whose folders are kept.</summary>
    private const int Kept = 32;

    private readonly Queue<(DomId Domain, string Name)> _ended = new();
    private readonly RunDirectory _directory;

    /// <summary>Numbers begin anew: what the last <c>pvd</c> left goes to the folder <c>before</c>, in the place of what was there.</summary>
    public DomainFolders(RunDirectory directory)
    {
        _directory = directory;
        var left = Directory.GetDirectories(directory.Path)
            .Where(folder => ushort.TryParse(Path.GetFileName(folder), NumberStyles.None, CultureInfo.InvariantCulture, out _)).ToArray();
        if (left.Length == 0)
            return;
        var before = directory.File("before");
        if (Directory.Exists(before))
            Directory.Delete(before, recursive: true);
        Directory.CreateDirectory(before);
        foreach (var folder in left)
            Directory.Move(folder, Path.Combine(before, Path.GetFileName(folder)));
    }

    public string ConsoleLog(DomId domain) => Path.Combine(Of(domain), "console.log");

    public void Begin(DomId domain, DomainConfiguration configuration)
    {
        Directory.CreateDirectory(Of(domain));
        File.WriteAllText(Path.Combine(Of(domain), "config.json"), DomainConfigurationJson.Render(configuration) + "\n");
    }

    /// <summary>The last domain of that name or number that has ended and whose folder is kept; else null.</summary>
    public DomId? FindEnded(string word)
    {
        lock (_ended)
        {
            foreach (var (domain, name) in _ended.Reverse())
            {
                if (name == word || domain.Value.ToString(CultureInfo.InvariantCulture) == word)
                    return domain;
            }
        }
        return null;
    }

    public void End(DomId domain, string name)
    {
        lock (_ended)
        {
            _ended.Enqueue((domain, name));
            while (_ended.Count > Kept)
            {
                var oldest = Of(_ended.Dequeue().Domain);
                if (Directory.Exists(oldest))
                    Directory.Delete(oldest, recursive: true);
            }
        }
    }

    /// <summary>A domain's folder, which exists from <see cref="Begin"/> on.</summary>
    public string Of(DomId domain) => _directory.File(domain.Value.ToString(CultureInfo.InvariantCulture));
}
