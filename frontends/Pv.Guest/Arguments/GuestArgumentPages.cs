namespace Pv.Guest;

/// <summary>The argument frames of a C# guest: one for the calls of its vCPU, more for batches.</summary>
internal sealed class GuestArgumentPages : IArgumentPages
{
    private readonly GuestMemory _memory;

    public GuestArgumentPages(GuestMemory memory)
    {
        _memory = memory;
        Stack = new ArgumentStack(Allocate());
    }

    public ArgumentStack Stack { get; }

    public IArgumentPage Allocate()
    {
        var pfn = _memory.Allocate();
        return new FrameArgumentPage(pfn, _memory.Page(pfn));
    }

    public void Free(IArgumentPage page) => _memory.Free(((FrameArgumentPage)page).Pfn);
}
