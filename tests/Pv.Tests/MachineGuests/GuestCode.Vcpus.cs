using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Pv.Tests.MachineGuests;

// Words about vCPUs and time.
internal sealed partial class GuestCode
{
    /// <summary>A <c>vcpu_guest_context</c> that starts kernel code at a label, on the boot tables; for Xen's own segments.</summary>
    public ulong VcpuContext(Label entry, ulong stackTop)
    {
        var context = Variable(0, VcpuContextOffset.Length);
        Store(context + VcpuContextOffset.Flags, VcpuContextOffset.InKernel);
        Store(context + VcpuContextOffset.Rip, entry);
        Store(context + VcpuContextOffset.Rsp, stackTop);
        Store(context + VcpuContextOffset.Rflags, 0x202);
        Store(context + VcpuContextOffset.Cs, (ulong)GuestLayout.Cs64);
        Store(context + VcpuContextOffset.Ss, (ulong)GuestLayout.Ss64);
        Store(context + VcpuContextOffset.KernelSs, (ulong)GuestLayout.Ss64);
        Store(context + VcpuContextOffset.KernelSp, stackTop);
        LoadTableBaseMfn(rax);
        Asm.shl(rax, 12);
        Asm.mov(__qword_ptr[context + VcpuContextOffset.Cr3], rax);
        return context;
    }

    public void VcpuOp(VcpuCommand command, uint vcpu = 0, Operand argument = default)
        => Call(XenCall.VcpuOp, (uint)command, (ulong)vcpu, argument);

    public void VcpuOpRecord(string name, VcpuCommand command, uint vcpu = 0, Operand argument = default)
    {
        VcpuOp(command, vcpu, argument);
        Record(name, rax);
    }

    /// <summary>Waits, with yields, until a variable has a value.</summary>
    public void WaitFor(ulong variable, int value)
    {
        var (again, done) = (Asm.CreateLabel(), Asm.CreateLabel());
        // Whatever stands before may be a label, too.
        Asm.nop();
        Asm.Label(ref again);
        Asm.cmp(__qword_ptr[variable], value);
        Asm.je(done);
        Call(XenCall.SchedOp, 0, 0);
        Asm.jmp(again);
        Asm.Label(ref done);
        Asm.nop();
    }

    /// <summary>Waits until a vCPU is up or down. Clobbers rbx.</summary>
    public void WaitForUp(uint vcpu, bool up)
    {
        var again = Asm.CreateLabel();
        Asm.Label(ref again);
        Call(XenCall.SchedOp, 0, 0);
        VcpuOp(VcpuCommand.IsUp, vcpu);
        Asm.cmp(eax, up ? 1 : 0);
        Asm.jne(again);
    }

    /// <summary>A variable that holds vCPU 0's multiplier from ticks to system time. Keeps every register.</summary>
    public ulong TimeScale()
    {
        var scale = Variable();
        Asm.push(rax);
        Asm.mov(eax, __dword_ptr[GuestLayout.SharedInfo + SharedInfoOffset.TimeVersion + 24]);
        Asm.mov(__qword_ptr[scale], rax);
        Asm.pop(rax);
        return scale;
    }

    /// <summary>System time, by the time-stamp counter and vCPU 0's time info, to rax. Clobbers rcx and rdx.</summary>
    public void LoadNow()
    {
        var (right, scaled) = (Asm.CreateLabel(), Asm.CreateLabel());
        const ulong time = GuestLayout.SharedInfo + SharedInfoOffset.TimeVersion;
        Asm.rdtsc();
        Asm.shl(rdx, 32);
        Asm.or(rax, rdx);
        Asm.sub(rax, __qword_ptr[time + 8]);
        Asm.movsx(ecx, __byte_ptr[time + 28]);
        Asm.test(ecx, ecx);
        Asm.js(right);
        Asm.shl(rax, cl);
        Asm.jmp(scaled);
        Asm.Label(ref right);
        Asm.neg(ecx);
        Asm.shr(rax, cl);
        Asm.Label(ref scaled);
        Asm.mov(edx, __dword_ptr[time + 24]);
        Asm.mul(rdx);
        Asm.shrd(rax, rdx, 32);
        Asm.add(rax, __qword_ptr[time + 16]);
    }

    /// <summary>A variable that holds the system time this many nanoseconds from now on. Clobbers rcx and rdx.</summary>
    public ulong Deadline(ulong nanoseconds)
    {
        var deadline = Variable();
        LoadNow();
        Asm.mov(rcx, nanoseconds);
        Asm.add(rax, rcx);
        Asm.mov(__qword_ptr[deadline], rax);
        return deadline;
    }

    /// <summary>
    /// Runs, calling the hypervisor now and then, until an upcall is pending or the time is over; records 1 when one came. Clobbers rcx and rdx.
    /// </summary>
    public void RecordUpcallWithin(string name, ulong nanoseconds)
    {
        var (again, done) = (Asm.CreateLabel(), Asm.CreateLabel());
        var deadline = Deadline(nanoseconds);
        Asm.Label(ref again);
        Asm.cmp(__byte_ptr[GuestLayout.SharedInfo + SharedInfoOffset.UpcallPending], 0);
        Asm.jne(done);
        Call(XenCall.XenVersion, 0, 0);
        LoadNow();
        Asm.cmp(rax, __qword_ptr[deadline]);
        Asm.jb(again);
        Asm.Label(ref done);
        RecordMasked(name, Operand.At(GuestLayout.SharedInfo + SharedInfoOffset.UpcallPending), 0xff);
    }

    /// <summary>Records whether the system time is past a deadline. Clobbers rcx and rdx.</summary>
    public void RecordPast(string name, ulong deadline)
    {
        LoadNow();
        Asm.cmp(rax, __qword_ptr[deadline]);
        Asm.mov(eax, 0);
        Asm.setae(al);
        Record(name, rax);
    }

    /// <summary>Takes back every pending event of the bitmaps, as an upcall handler does.</summary>
    public void TakeEvents()
    {
        Store8(GuestLayout.SharedInfo + SharedInfoOffset.UpcallPending, 0);
        Store(GuestLayout.SharedInfo + SharedInfoOffset.PendingSelector, 0);
        Store(GuestLayout.SharedInfo + SharedInfoOffset.EventPending, 0);
    }
}

/// <summary><c>VCPUOP_*</c>.</summary>
internal enum VcpuCommand : uint
{
    Initialise = 0, Up = 1, Down = 2, IsUp = 3, GetRunstateInfo = 4, RegisterRunstateArea = 5, SetPeriodicTimer = 6, StopPeriodicTimer = 7,
    SetSingleShotTimer = 8, StopSingleShotTimer = 9, RegisterVcpuInfo = 10, SendNmi = 11, GetPhysicalId = 12, RegisterTimeArea = 13,
}

/// <summary>Byte offsets in <c>struct vcpu_guest_context</c>.</summary>
internal static class VcpuContextOffset
{
    public const int Length = 5168;
    public const ulong Flags = 512, Rdi = 520 + 112, Rip = 520 + 128, Cs = 520 + 136, Rflags = 520 + 144, Rsp = 520 + 152, Ss = 520 + 160, TrapTable = 720,
        LdtBase = 4816, LdtEntries = 4824, GdtFrames = 4832, GdtEntries = 4960, KernelSs = 4968, KernelSp = 4976, Cr1 = 4992, Cr3 = 5008, DebugRegisters = 5048,
        EventCallback = 5112, FailsafeCallback = 5120, SyscallCallback = 5128, FsBase = 5144, GsBaseKernel = 5152, GsBaseUser = 5160;

    /// <summary><c>VGCF_in_kernel</c>.</summary>
    public const ulong InKernel = 4;
}
