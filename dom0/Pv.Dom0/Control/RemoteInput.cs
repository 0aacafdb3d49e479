using Pv.Toolstack.Commands;
using Pv.Toolstack.Control;

namespace Pv.Dom0.Control;

/// <summary>Standard input of an <c>xl</c>, while a command has it.</summary>
internal sealed class RemoteInput(IncomingBytes bytes, Func<RemoteInput, ValueTask> close) : ITerminalInput
{
    public IncomingBytes Bytes => bytes;

    public InputEnding Ending { get; private set; }

    public void End(InputEnding ending)
    {
        Ending = ending;
        bytes.End();
    }

    public ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancel) => bytes.ReadAsync(buffer, cancel);

    public ValueTask DisposeAsync() => close(this);
}
