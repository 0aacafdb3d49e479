namespace Pv.Xl;

/// <summary>What this program calls itself to <c>pvd</c>.</summary>
internal static class Versions
{
    public const string Own = "(Pv) 0.1";
}
