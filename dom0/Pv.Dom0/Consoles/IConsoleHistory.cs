namespace Pv.Dom0.Consoles;

/// <summary>What a console has said, as far as it is kept. Positions count every byte since the beginning. Any thread.</summary>
internal interface IConsoleHistory
{
    /// <summary>The position of the oldest byte that is still kept.</summary>
    long Start { get; }

    /// <summary>Copies what follows <paramref name="position"/> and moves it. Says how many bytes before that are lost.</summary>
    int Read(ref long position, Span<byte> into, out long lost);
}
