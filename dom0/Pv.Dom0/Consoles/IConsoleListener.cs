namespace Pv.Dom0.Consoles;

/// <summary>Who gets what a domain says in a console's ring.</summary>
internal interface IConsoleListener
{
    /// <summary>The domain has said this. It can say no more than its ring holds until this completes.</summary>
    ValueTask HearAsync(ReadOnlyMemory<byte> bytes);

    /// <summary>The ring cannot be true, and is served no longer.</summary>
    void Break(string reason);
}
