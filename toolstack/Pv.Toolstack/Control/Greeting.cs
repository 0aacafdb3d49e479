namespace Pv.Toolstack.Control;

/// <summary>The first frame of each side: 8 bytes of magic, u16 protocol version, a string that names the program and its version.</summary>
/// <remarks>This layout never changes.</remarks>
public readonly record struct Greeting(ushort Version, string Program)
{
    private static ReadOnlySpan<byte> Magic => "pv-ctl\r\n"u8;

    public ReadOnlyMemory<byte> ToFrame()
        => new PayloadWriter(FrameKind.Hello).Bytes(Magic).U16(Version).Text(Program).Finish();

    public static Greeting Parse(ReadOnlySpan<byte> payload)
    {
        if (!payload.StartsWith(Magic))
            throw new ControlProtocolException("The other side does not speak the control protocol.");
        var reader = new PayloadReader(payload[Magic.Length..]);
        return new Greeting((ushort)reader.U16(), reader.Text());
    }

    /// <summary>A sentence for the user when the two sides do not fit; null when they do.</summary>
    public static string? Mismatch(Greeting xl, Greeting pvd)
        => xl.Version == pvd.Version
            ? null
            : $"{xl.Program} speaks version {xl.Version} of the control protocol, the running {pvd.Program} version {pvd.Version}: "
              + "stop that pvd (its domains end with it), or use the xl that came with it.";
}
