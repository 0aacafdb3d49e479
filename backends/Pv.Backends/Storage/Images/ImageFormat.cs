namespace Pv.Backends.Storage.Images;

/// <summary>The formats of disk images that qemu-nbd serves.</summary>
public enum ImageFormat
{
    Qcow,
    Qcow2,
    Qed,
    Vhd,
    Vmdk,
}
