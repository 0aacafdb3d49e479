namespace Pv.Backends.Storage.Images;

/// <summary>An image that is more than the bytes of its disk.</summary>
/// <param name="Path">Absolute. Backing files are found from here.</param>
/// <param name="Format">As its owner says; it is never guessed, since a guest writes what a guess would read.</param>
/// <param name="IsReadOnly">Whether it is only to be read.</param>
/// <param name="Discards">Whether the guest may give parts back to the host.</param>
public sealed record DiskImage(string Path, ImageFormat Format, bool IsReadOnly, bool Discards);
