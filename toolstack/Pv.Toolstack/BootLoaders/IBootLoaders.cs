using Pv.Abi;
using Pv.Toolstack.Domains;

namespace Pv.Toolstack.BootLoaders;

/// <summary>
/// Programs of the host that find out what a domain boots, from its first disk (<c>bootloader=</c>: pygrub and its kin). Such a program is a person's
/// choice, and runs with the rights of this process.
/// </summary>
public interface IBootLoaders
{
    /// <summary>Opens a domain's console, which others can read from now on.</summary>
    void Prepare(DomId domain);

    /// <summary>Runs one to its end. Meanwhile the domain's console is its terminal.</summary>
    /// <returns>What it chose. Its files are there until that is disposed of.</returns>
    /// <exception cref="ToolstackException">It cannot be run, or it failed.</exception>
    Task<IBootChoice> RunAsync(DomId domain, BootLoaderCall call, CancellationToken cancel);
}

/// <summary>What a boot loader chose, and the files that it made for that.</summary>
public interface IBootChoice : IDisposable
{
    BootLoaderResult Result { get; }
}
