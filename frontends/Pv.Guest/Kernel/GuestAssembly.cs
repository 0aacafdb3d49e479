using System.Reflection;
using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;
using System.Runtime.Loader;
using System.Security.Cryptography;
using Pv.Machine.Gate;

namespace Pv.Guest;

/// <summary>
/// A file of C# guests, as <c>kernel=</c> names it. Domains that name the same file with the same content share one copy of its code;
/// the code is unloaded when the last of them is gone.
/// </summary>
public sealed class GuestAssembly
{
    private const string Chooser = "guest=";

    private static readonly Dictionary<string, WeakReference<GuestAssembly>> Loaded = [];

    // Held for as long as a guest may need code: a collectible context that nobody holds begins to unload at the next collection, whatever
    // runs in it, and then loads nothing more.
    private readonly PlugInContext _context;
    private readonly Assembly _assembly;
    private readonly string _path;

    private GuestAssembly(string path, byte[] image)
    {
        _path = path;
        _context = new PlugInContext(path);
        _assembly = _context.LoadFromStream(new MemoryStream(image));
    }

    /// <summary>Whether a file's content is a .NET assembly: a PE image with a CLI header.</summary>
    public static bool IsAssembly(ReadOnlyMemory<byte> image)
    {
        if (!image.Span.StartsWith("MZ"u8))
            return false;
        try
        {
            using var reader = new PEReader(new MemoryStream(image.ToArray()));
            return reader.HasMetadata && reader.GetMetadataReader().IsAssembly;
        }
        catch (BadImageFormatException)
        {
            return false;
        }
    }

    /// <summary>Loads a file, or finds it loaded.</summary>
    /// <exception cref="IOException">The file cannot be read.</exception>
    /// <exception cref="BadImageFormatException">It is no .NET assembly.</exception>
    public static GuestAssembly Load(string path)
    {
        path = Path.GetFullPath(path);
        var image = File.ReadAllBytes(path);
        var version = $"{path}:{Convert.ToHexString(SHA256.HashData(image))}";
        lock (Loaded)
        {
            if (Loaded.TryGetValue(version, out var known) && known.TryGetTarget(out var loaded))
                return loaded;
            var assembly = new GuestAssembly(path, image);
            Loaded[version] = new WeakReference<GuestAssembly>(assembly);
            return assembly;
        }
    }

    /// <summary>
    /// Finds the kernel for a domain: the class that a word <c>guest=Name</c> of the command line names, or the only one that there is.
    /// </summary>
    /// <exception cref="InvalidDataException">There is no such class, or no choice among several.</exception>
    public ManagedKernelFactory Choose(string commandLine)
    {
        var kernels = _assembly.GetTypes().Where(IsKernel).ToArray();
        var wanted = commandLine.Split(' ', StringSplitOptions.RemoveEmptyEntries)
            .LastOrDefault(word => word.StartsWith(Chooser, StringComparison.Ordinal))?[Chooser.Length..];
        var matching = wanted is null ? kernels : kernels.Where(kernel => kernel.Name == wanted || kernel.FullName == wanted).ToArray();
        if (matching is not [var chosen])
            throw new InvalidDataException(Refusal(wanted, kernels));
        return GuestRuntime.Factory(() => Create(chosen));
    }

    // Of the instance, so that whoever holds the factory holds the loaded file.
    private GuestKernel Create(Type kernel)
        => (GuestKernel)(Activator.CreateInstance(kernel) ?? throw new InvalidDataException($"{_path} made no {kernel.Name}."));

    private string Refusal(string? wanted, Type[] kernels)
    {
        var names = string.Join(", ", kernels.Select(kernel => kernel.Name).Order(StringComparer.Ordinal));
        if (kernels.Length == 0)
            return $"{_path} has no guest: no public class with a constructor without parameters derives from {nameof(GuestKernel)}.";
        return wanted is null
            ? $"{_path} has several guests ({names}): say which by extra=\"{Chooser}Name\"."
            : $"{_path} has no guest '{wanted}'; it has {names}.";
    }

    private static bool IsKernel(Type type)
        => type is { IsPublic: true, IsAbstract: false } && type.IsSubclassOf(typeof(GuestKernel)) && type.GetConstructor(Type.EmptyTypes) is not null;

    /// <summary>The file's own assemblies. What it shares with its host are the contracts: <c>Pv.Guest</c> and below.</summary>
    private sealed class PlugInContext(string path) : AssemblyLoadContext(Path.GetFileName(path), isCollectible: true)
    {
        private static readonly string?[] Shared = [typeof(GuestKernel).Assembly.GetName().Name, "Pv.Machine", "Pv.Abi"];

        private readonly AssemblyDependencyResolver _resolver = new(path);

        protected override Assembly? Load(AssemblyName name)
        {
            if (Shared.Contains(name.Name) || _resolver.ResolveAssemblyToPath(name) is not { } file)
                return null;
            return LoadFromStream(new MemoryStream(File.ReadAllBytes(file)));
        }
    }
}
