namespace Pv.Guest;

/// <summary>Where a domain's hypercall arguments stand.</summary>
public interface IArgumentPages
{
    /// <summary>The stack of arguments of whoever calls now: of the thread for Dom0, of the vCPU for a C# guest.</summary>
    ArgumentStack Stack { get; }

    /// <summary>A page for an owner that keeps it (a multicall batch).</summary>
    IArgumentPage Allocate();

    /// <summary>Takes back what <see cref="Allocate"/> gave.</summary>
    void Free(IArgumentPage page);
}
