namespace Pv.Abi;

/// <summary>Sub-operations of <see cref="HypercallNumber.ConsoleIo"/> (<c>public/xen.h</c>).</summary>
[Xen("CONSOLEIO_*")]
public enum ConsoleIoOperation : uint
{
    [Xen("CONSOLEIO_write")] Write = 0,
    [Xen("CONSOLEIO_read")] Read = 1,
}
