using System.Security.Cryptography;
using NUnit.Framework;
using Pv.SystemTests.Packages;
using Pv.Tests;

namespace Pv.SystemTests.Traces;

/// <summary>Debian's pvgrub asks here what it asks of real Xen, and gets the same answers (<c>tests/Data/traces/pvgrub.md</c>).</summary>
[TestFixture]
public sealed class PvgrubTraceTests
{
    // Of the kernel that was traced on Xen; the addresses in the rows are that kernel's.
    private const string TracedKernel = "73544e02ec20085ed126e806d448c75cc1369bc7617e65da86ecbc37a6b42d47";

    [Test, CancelAfter(480_000)]
    public async Task The_way_to_the_prompt_is_that_of_real_Xen(CancellationToken cancel)
    {
        var kernel = DebianPackages.Fetch("grub-xen-host", "usr/lib/grub-xen/grub-x86_64-xen.bin");
        if (Convert.ToHexStringLower(SHA256.HashData(await File.ReadAllBytesAsync(kernel, cancel))) != TracedKernel)
            Assert.Ignore("Debian has built another pvgrub than the one that was traced on Xen.");

        await using var domain = await TracedDomain.CreateAsync($"name=\"pvgrub\"\nkernel=\"{kernel}\"\nmemory=64\nvcpus=1\n");
        await domain.RunToAsync("grub> ", cancel);

        var expected = (await File.ReadAllLinesAsync(Repository.Data("traces", "pvgrub.txt"), cancel)).Where(row => !row.StartsWith("# ", StringComparison.Ordinal));
        Assert.That(CanonicalTrace.Of(domain.Calls), Is.EqualTo(expected));
    }
}
