namespace Pv.Benchmarks.Host;

/// <summary>Where the build leaves the sample guests.</summary>
internal static class SampleGuests
{
    public static string Path => typeof(Pv.SampleGuests.Shell).Assembly.Location;
}
