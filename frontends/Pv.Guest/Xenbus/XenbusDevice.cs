using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using Pv.Abi;

namespace Pv.Guest;

/// <summary>
/// A split device by its names: its type (<c>vbd</c>, <c>vif</c>), the domains of its two ends, and its number among the front end's
/// devices of the type.
/// </summary>
public readonly record struct XenbusDevice(string Type, DomId FrontEnd, DomId BackEnd, uint Id)
{
    /// <summary>The front end's folder, relative to its domain's home: <c>device/vbd/51712</c>.</summary>
    public string FrontEndNode => string.Create(CultureInfo.InvariantCulture, $"device/{Type}/{Id}");

    /// <summary>The back end's folder, relative to its domain's home: <c>backend/vbd/1/51712</c>.</summary>
    public string BackEndNode => string.Create(CultureInfo.InvariantCulture, $"backend/{Type}/{FrontEnd.Value}/{Id}");

    /// <summary>The front end's folder: <c>/local/domain/1/device/vbd/51712</c>.</summary>
    public string FrontEndPath => $"{HomeOf(FrontEnd)}/{FrontEndNode}";

    /// <summary>The back end's folder: <c>/local/domain/0/backend/vbd/1/51712</c>.</summary>
    public string BackEndPath => $"{HomeOf(BackEnd)}/{BackEndNode}";

    /// <summary>A domain's own part of the store.</summary>
    public static string HomeOf(DomId domain) => string.Create(CultureInfo.InvariantCulture, $"/local/domain/{domain.Value}");

    /// <summary>Reads the path of a back end's folder, or of a node below it.</summary>
    public static bool TryParseBackEnd(string path, [NotNullWhen(true)] out XenbusDevice? device)
    {
        device = null;
        if (path.Split('/') is not ["", "local", "domain", var back, "backend", { Length: > 0 } type, var front, var id, ..]
            || !TryNumber(back, out ushort backEnd) || !TryNumber(front, out ushort frontEnd) || !TryNumber(id, out uint number))
            return false;
        device = new XenbusDevice(type, new DomId(frontEnd), new DomId(backEnd), number);
        return true;
    }

    private static bool TryNumber<T>(string text, out T number) where T : struct, System.Numerics.INumber<T>
        => T.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number);
}
