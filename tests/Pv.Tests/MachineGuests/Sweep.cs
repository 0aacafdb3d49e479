using static Iced.Intel.AssemblerRegisters;

namespace Pv.Tests.MachineGuests;

/// <summary>
/// Words for guests that try a hypercall with many arguments: a row for each result and, when the call stored something in the argument's
/// first 256 bytes, a row with a bit for each four bytes that changed.
/// </summary>
internal sealed class Sweep
{
    /// <summary>What the two pages of an argument are filled with, as pairs of four bytes. A domain of the last one's number does not exist.</summary>
    public static readonly (string Name, ulong Pattern)[] Patterns =
    [
        ("zeros", 0), ("ones", ulong.MaxValue), ("selves", 0x7ff0_7ff0_7ff0_7ff0), ("odd", 0x7f01_7f01_7f01_7f01),
    ];

    /// <summary>Addresses that name no memory of the guest's: nothing mapped, and the hypervisor's own.</summary>
    public static readonly (string Name, ulong Address)[] BadPointers = [("null", 0), ("hole", 0x1000), ("hypervisor", 0xffff_8300_0000_0000)];

    private readonly GuestCode _code;
    private readonly ulong _pattern;
    private Iced.Intel.Label _fill, _changed;

    public Sweep(GuestCode code)
    {
        _code = code;
        Buffer = code.Pages(2);
        _pattern = code.Variable();
        var a = code.Asm;
        (_fill, _changed) = (a.CreateLabel(), a.CreateLabel());
        var behind = a.CreateLabel();
        a.jmp(behind);
        EmitFill();
        EmitChanged();
        a.Label(ref behind);
    }

    /// <summary>Two pages for an argument.</summary>
    public ulong Buffer { get; }

    /// <summary>A call, whose pointer names <see cref="Buffer"/>, filled with a pattern.</summary>
    public void Filled(string name, ulong pattern, XenCall call, params ReadOnlySpan<Operand> arguments)
    {
        Fill(pattern);
        Go(name, call, arguments);
    }

    /// <summary>Fills <see cref="Buffer"/>. Clobbers rax.</summary>
    public void Fill(ulong pattern)
    {
        _code.Asm.mov(rax, pattern);
        _code.Asm.call(_fill);
    }

    /// <summary>Notes what <see cref="Buffer"/>'s first part is, calls, and tells what changed.</summary>
    public void Go(string name, XenCall call, params ReadOnlySpan<Operand> arguments)
    {
        _code.CallRecord(name, call, arguments);
        var a = _code.Asm;
        a.call(_changed);
        var same = a.CreateLabel();
        a.test(rax, rax);
        a.je(same);
        _code.Record(name + " stores", rax);
        a.Label(ref same);
        a.nop();
    }

    /// <summary>One call with every bad pointer and every pattern as its argument.</summary>
    public void Try(string name, Action<string, Operand> call, Func<string, bool>? isTried = null)
    {
        foreach (var (pointer, address) in BadPointers)
        {
            Fill(0);
            call($"{name} {pointer}", address);
        }
        foreach (var (fill, pattern) in Patterns)
        {
            if (isTried?.Invoke(fill) == false)
                continue;
            Fill(pattern);
            call($"{name} {fill}", Buffer);
        }
    }

    private void EmitFill()
    {
        var a = _code.Asm;
        a.Label(ref _fill);
        a.push(rdi);
        a.push(rcx);
        a.mov(__qword_ptr[_pattern], rax);
        a.mov(rdi, Buffer);
        a.mov(ecx, 1024);
        a.rep.stosq();
        a.pop(rcx);
        a.pop(rdi);
        a.ret();
    }

    /// <summary>rax = a bit for each of the first 64 times four bytes that are not the pattern any more; they are it again afterwards.</summary>
    private void EmitChanged()
    {
        var a = _code.Asm;
        var (next, same) = (a.CreateLabel(), a.CreateLabel());
        a.Label(ref _changed);
        a.push(rcx);
        a.push(rdx);
        a.push(rdi);
        a.mov(rdi, Buffer);
        a.xor(eax, eax);
        a.xor(ecx, ecx);
        a.mov(edx, __dword_ptr[_pattern]);
        a.Label(ref next);
        a.cmp(edx, __dword_ptr[rdi + rcx * 4]);
        a.je(same);
        a.bts(rax, rcx);
        a.Label(ref same);
        a.inc(ecx);
        a.cmp(ecx, 64);
        a.jb(next);
        a.pop(rdi);
        a.pop(rdx);
        a.pop(rcx);
        a.ret();
    }
}
