global using unsafe WideExchanger = delegate* unmanaged[Cdecl, SuppressGCTransition]<Pv.Cpu.Software.CpuState*, byte*, uint>;

using System.Runtime.Intrinsics.X86;
using Pv.Abi;
using Pv.Machine;
using static Pv.Cpu.Software.NativeFrame;

namespace Pv.Cpu.Software;

/// <summary>
/// The host's own <c>lock cmpxchg16b</c>, which .NET has no name for: a few bytes of code, made once and kept as long as the process.
/// </summary>
// SAFETY: the code that is called was written here, in a range that is never given back; callers give aligned places of 16 writable bytes.
internal static unsafe class HostExchange
{
    private const int Cx16 = 1 << 13;

    private static readonly HostRange? s_range = MakeRange();

    /// <summary>
    /// Does what <c>cmpxchg16b</c> does with the state's rax, rdx, rcx and rbx and 16 aligned bytes, and returns whether they were equal
    /// (1 or 0). Null where the host is not an x64 Linux with CX16, or forbids executable memory.
    /// </summary>
    public static readonly WideExchanger Code = Write(s_range);

    public static bool IsPossible => Code != null;

    private static HostRange? MakeRange()
    {
        if (!OperatingSystem.IsLinux() || !X86Base.X64.IsSupported || (X86Base.CpuId(1, 0).Ecx & Cx16) == 0)
            return null;
        var range = HostRange.ReserveShared(PageSize.Bytes);
        if (range.TryMapExecutable())
            return range;
        range.Dispose();
        return null;
    }

    /// <summary>rdi is the state, rsi the place.</summary>
    private static WideExchanger Write(HostRange? range)
    {
        if (range == null)
            return null;
        var writer = new NativeWriter(range.Base);
        writer.Push(Rbx);
        foreach (var register in (ReadOnlySpan<int>)[Rax, Rcx, Rdx, Rbx])
            writer.Load(register, new NativeOperand(Rdi, register * 8));
        writer.LockedWideExchange(new NativeOperand(Rsi));
        // When they were equal, these are what they were.
        writer.Store(new NativeOperand(Rdi, Rax * 8), Rax);
        writer.Store(new NativeOperand(Rdi, Rdx * 8), Rdx);
        // sete al; movzx eax, al
        writer.Byte(0x0f);
        writer.Byte(0x94);
        writer.Byte(0xc0);
        writer.Byte(0x0f);
        writer.Byte(0xb6);
        writer.Byte(0xc0);
        writer.Pop(Rbx);
        // ret
        writer.Byte(0xc3);
        return (WideExchanger)range.Executable;
    }
}
