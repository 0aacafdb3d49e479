namespace Pv.Frontends;

/// <summary>What a disk's number is called, as Linux's front end names it.</summary>
internal static class DiskName
{
    private const int XvdMajor = 202, ExtendedFlag = 1 << 28, Letters = 26;

    /// <summary>The name for a virtual device number: <c>xvda</c>, <c>xvdb1</c>; the number itself where it is none of Xen's own disks.</summary>
    public static string Of(int number)
    {
        if ((number & ExtendedFlag) != 0)
            return Name((number & ~ExtendedFlag) >> 8, number & 0xff);
        return number >> 8 == XvdMajor ? Name((number >> 4) & 0xf, number & 0xf) : $"vbd-{number}";
    }

    private static string Name(int disk, int partition)
    {
        var letters = "";
        for (var rest = disk; rest >= 0; rest = (rest / Letters) - 1)
            letters = (char)('a' + (rest % Letters)) + letters;
        return $"xvd{letters}{(partition == 0 ? "" : $"{partition}")}";
    }
}
