using Pv.Config.Domain;
using Pv.Toolstack.Disks;

namespace Pv.Toolstack.BootLoaders;

/// <summary>How a boot loader is called, in libxl's protocol.</summary>
/// <param name="Domain">The domain's name, for messages.</param>
/// <param name="Program">As the configuration names it.</param>
/// <param name="Kernel">What the configuration says of a kernel, for the program to judge; or null.</param>
/// <param name="Ramdisk">Likewise.</param>
/// <param name="CommandLine">Likewise.</param>
/// <param name="Own">The words for the program alone (<c>bootloader_args</c>).</param>
/// <param name="Disk">The file or device of the domain's first disk.</param>
/// <param name="Directory">Where the program is started, and where relative paths begin.</param>
public sealed record BootLoaderCall(
    string Domain, string Program, string? Kernel, string? Ramdisk, string? CommandLine, IReadOnlyList<string> Own, string Disk, string Directory)
{
    /// <summary>The call that a configuration asks for; null where it names no boot loader.</summary>
    /// <exception cref="Domains.ToolstackException">It names one, and no disk that one can read.</exception>
    internal static BootLoaderCall? Of(DomainConfiguration configuration, IReadOnlyList<DiskPlan> disks, string directory)
    {
        if (configuration.Bootloader is not { Length: > 0 } program)
            return null;
        if (disks.Count == 0)
            throw Refusal("it reads the first disk, and the domain has none");
        var disk = disks[0];
        var name = disk.Specification.VirtualDevice;
        if (disk.Path.Length == 0)
            throw Refusal($"it reads the first disk, and {name} is an empty drive");
        // libxl would make a device of the host of such an image, which takes a privileged process.
        if (disk.Type != "phy")
            throw Refusal($"it reads raw disks, and {name} is {disk.Specification.Format.ToString().ToLowerInvariant()} (qemu-img convert -O raw makes one of it; kernel= with pvgrub boots from any)");
        return new BootLoaderCall(
            configuration.Name, program, configuration.Kernel, configuration.Ramdisk, configuration.CommandLine, configuration.BootloaderArguments, disk.Path, directory);

        Domains.ToolstackException Refusal(string reason) => new($"Domain {configuration.Name}: bootloader={program} cannot run: {reason}.", Failed);
    }

    /// <summary>libxl's ERROR_FAIL, negated.</summary>
    private const int Failed = 3;

    /// <summary>The program's words, in libxl's order.</summary>
    /// <param name="output">The file where it is to say what it chose.</param>
    /// <param name="folder">Where it is to leave the files that it takes from the disk.</param>
    public IReadOnlyList<string> Words(string output, string folder)
    {
        List<string> words = [];
        Add("kernel", Kernel);
        Add("ramdisk", Ramdisk);
        Add("args", CommandLine);
        Add("output", output);
        Add("output-format", "simple0");
        Add("output-directory", folder);
        return [.. words, .. Own, Disk];

        void Add(string option, string? value)
        {
            if (value != null)
                words.Add($"--{option}={value}");
        }
    }
}
