using System.Buffers.Binary;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;
using V = Pv.Tests.MachineGuests.GuestVariables;

namespace Pv.Tests.MachineGuests;

internal sealed partial class GuestCode
{
    /// <summary><c>TI_GET_IF</c>: events are masked when the handler is entered.</summary>
    public const byte MaskEvents = 4;

    /// <summary>The software vector of DPL 0; those of DPL 1, 2 and 3 follow.</summary>
    public const int FirstLevelVector = 0x84;

    /// <summary>A table for <c>set_trap_table</c> that leads vectors to the runtime's stubs, ended by a zero entry.</summary>
    public ulong TrapTable(params ReadOnlySpan<(int Vector, int Flags)> entries)
    {
        var address = Reserve((entries.Length + 1) * 16, 16);
        for (var i = 0; i < entries.Length; i++)
        {
            var at = DataAt(address + (ulong)i * 16);
            at[0] = (byte)entries[i].Vector;
            at[1] = (byte)entries[i].Flags;
            BinaryPrimitives.WriteUInt16LittleEndian(at[2..], GuestLayout.Cs64);
            BinaryPrimitives.WriteUInt64LittleEndian(at[8..], Runtime.Stub((uint)entries[i].Vector));
        }

        return address;
    }

    /// <summary>Leads every exception to the runtime's handler; breakpoint and overflow are open to user code, four software vectors have DPL 0…3.</summary>
    public void InstallTraps(byte flags = 0)
    {
        var entries = Enumerable.Range(0, 20).Select(vector => (vector, flags | (vector is 3 or 4 ? 3 : 0)))
            .Concat(Enumerable.Range(0, 4).Select(level => (FirstLevelVector + level, flags | level))).ToArray();
        Call(XenCall.SetTrapTable, TrapTable(entries));
    }

    /// <summary>
    /// Runs kernel code that may trap. Records <c>name.vector</c> (all ones when nothing trapped) and, after a trap, <c>name.error</c>
    /// and <c>name.rip</c>, counted from the code's first byte unless it is far away. Goes on behind the code with the registers of the trap.
    /// </summary>
    public void Try(string name, Action<Assembler> code, bool recordError = true)
    {
        var (at, resume) = (Asm.CreateLabel(), Asm.CreateLabel());
        ArmResume(at, resume);
        Asm.Label(ref at);
        code(Asm);
        Asm.Label(ref resume);
        Asm.nop();
        RecordTrap(name, recordError);
    }

    /// <summary>Like <see cref="Try"/>, in user mode; code that runs to its end comes back by <c>syscall</c>, as vector 0x100.</summary>
    public void TryUser(string name, Action<Assembler> code, ulong flags = 0x202)
    {
        var (at, resume) = (Asm.CreateLabel(), Asm.CreateLabel());
        ArmResume(at, resume);
        EmitIret(at, GuestLayout.Cs64, flags, GuestLayout.UserStackTop, GuestLayout.Ss64);
        Asm.Label(ref at);
        code(Asm);
        Asm.syscall();
        Asm.Label(ref resume);
        Asm.nop();
        RecordTrap(name);
    }

    /// <summary>The <c>iret</c> hypercall with a frame of these; rax, rcx and r11 become 0xa1, 0xa2 and 0xa3.</summary>
    public void EmitIret(Operand rip, ulong selector, Operand flags, Operand stack, ulong stackSelector, ulong iretFlags = 0)
    {
        foreach (var operand in new[] { stackSelector, stack, flags, selector, rip, iretFlags, (Operand)0xa2, 0xa3, 0xa1 })
        {
            operand.Load(Asm, rax);
            Asm.push(rax);
        }

        Asm.mov(eax, (uint)XenCall.Iret);
        Asm.syscall();
    }

    /// <summary>The set-up for user mode: the kernel's L4 is the user's, too; a kernel stack; the system call entry.</summary>
    public void EnableUserMode(ushort callbackFlags = 0)
    {
        Mmuext(MmuextCommand.NewUserBasePointer, Operand.Mfn(0), 0, tableBase: true);
        Call(XenCall.StackSwitch, (ulong)GuestLayout.Ss64, GuestLayout.KernelStackTop);
        RegisterCallback(CallbackType.Syscall, Runtime.Stub(GuestRuntime.SyscallVector), callbackFlags);
    }

    /// <summary>Registers a callback; the result is in rax.</summary>
    public void RegisterCallback(CallbackType type, Operand address, ushort flags = 0)
    {
        var registration = Variable(0, 16);
        Store16(registration, (ushort)type);
        Store16(registration + 2, flags);
        Store(registration + 8, address);
        Call(XenCall.CallbackOp, 0, registration);
    }

    public void UnregisterCallback(CallbackType type)
    {
        var registration = Variable();
        Store16(registration, (ushort)type);
        Call(XenCall.CallbackOp, 1, registration);
    }

    /// <summary>Records the whole last bounce frame and the state of the handler's first instruction.</summary>
    public void RecordFrame(string name, bool userStack = false)
    {
        Record(name + ".rcx", Operand.At(V.FrameRcx));
        Record(name + ".r11", Operand.At(V.FrameR11));
        Record(name + ".cs", Operand.At(V.FrameCs));
        Record(name + ".rflags", Operand.At(V.FrameFlags));
        RecordDifference(name + ".rsp", userStack ? GuestLayout.UserStackTop : Operand.At(V.ResumeRsp), Operand.At(V.FrameRsp));
        Record(name + ".ss", Operand.At(V.FrameSs));
        RecordHandler(name, userStack);
    }

    /// <summary>Records the state of the handler's first instruction.</summary>
    public void RecordHandler(string name, bool userStack = false)
    {
        RecordDifference(name + ".handler.rsp", userStack ? GuestLayout.KernelStackTop : Operand.At(V.FrameRsp), Operand.At(V.HandlerRsp));
        RecordMasked(name + ".handler.alignment", Operand.At(V.HandlerRsp), 15);
        Record(name + ".handler.rflags", Operand.At(V.HandlerFlags));
        Record(name + ".handler.cs", Operand.At(V.HandlerCs));
        Record(name + ".handler.ss", Operand.At(V.HandlerSs));
        Record(name + ".handler.mask", Operand.At(V.HandlerMask));
    }

    /// <summary>Puts known values where a frame will show them: rcx, r11 and the arithmetic flags (ZF, PF).</summary>
    public void SeedRegisters()
    {
        Asm.mov(rcx, 0x1111_2222_3333_4444UL);
        Asm.mov(r11, 0x5555_6666_7777_8888UL);
        Asm.xor(ebp, ebp);
    }

    /// <summary>Sets <c>evtchn_upcall_mask</c>.</summary>
    public void SetMask(byte mask) => Store8(GuestLayout.SharedInfo + SharedInfoOffset.UpcallMask, mask);

    public void RecordMask(string name)
    {
        Asm.movzx(eax, __byte_ptr[GuestLayout.SharedInfo + SharedInfoOffset.UpcallMask]);
        Record(name, rax);
    }

    /// <summary>Names the place where the runtime's handler goes on, with the stack as it is now. Keeps every register.</summary>
    public void ArmResume(Label at, Label resume)
    {
        Asm.mov(__qword_ptr[V.Vector], -1);
        Asm.mov(__qword_ptr[V.ResumeRsp], rsp);
        Asm.mov(__qword_ptr[V.Scratch], rax);
        Asm.lea(rax, __[resume]);
        Asm.mov(__qword_ptr[V.ResumeRip], rax);
        Asm.lea(rax, __[at]);
        Asm.mov(__qword_ptr[V.TryRip], rax);
        Asm.mov(rax, __qword_ptr[V.Scratch]);
    }

    private void RecordTrap(string name, bool recordError = true)
    {
        var (quiet, near) = (Asm.CreateLabel(), Asm.CreateLabel());
        Record(name + ".vector", Operand.At(V.Vector));
        Asm.pushfq();
        Asm.cmp(__qword_ptr[V.Vector], -1);
        Asm.je(quiet);
        Asm.push(rax);
        Asm.push(rcx);
        if (recordError)
            Record(name + ".error", Operand.At(V.FrameError));
        Asm.mov(rax, __qword_ptr[V.FrameRip]);
        Asm.sub(rax, __qword_ptr[V.TryRip]);
        Asm.lea(rcx, __[rax + 0x1000]);
        Asm.cmp(rcx, 0x2000);
        Asm.jb(near);
        Asm.mov(rax, __qword_ptr[V.FrameRip]);
        Asm.Label(ref near);
        Record(name + ".rip", rax);
        Asm.pop(rcx);
        Asm.pop(rax);
        Asm.Label(ref quiet);
        Asm.popfq();
    }
}

/// <summary><c>CALLBACKTYPE_*</c>.</summary>
internal enum CallbackType : ushort
{
    Event = 0, Failsafe = 1, Syscall = 2, SysenterDeprecated = 3, Nmi = 4, Sysenter = 5, Syscall32 = 7,
}
