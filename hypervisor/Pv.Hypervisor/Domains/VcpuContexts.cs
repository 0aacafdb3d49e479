using Pv.Abi;
using Pv.Hypervisor.Hypercalls;
using Pv.Hypervisor.Traps;

namespace Pv.Hypervisor.Domains;

/// <summary>Gives a stopped vCPU the state of a <c>struct vcpu_guest_context</c>, or tells it.</summary>
internal static class VcpuContexts
{
    /// <summary>
    /// The vCPU has never run, or is stopped. <see cref="Errno.ERESTART"/> when <paramref name="preemptible"/>, who calls, should leave its pCPU: call again.
    /// </summary>
    public static Errno TrySet(Vcpu vcpu, in VcpuGuestContext context, IPreemptible? preemptible = null)
    {
        if (vcpu.Domain.Kind != DomainKind.Paravirtualized)
        {
            // A C# kernel starts with nothing but the frame of its start_info, where a real one has it in rsi.
            vcpu.Domain.Gate!.StartInfo = Pfn.OfAddress(context.Registers.Rsi);
            vcpu.Domain.Gate.InitialFrames = vcpu.Domain.TotalPages;
            vcpu.IsInitialised = true;
            vcpu.IsOnline = vcpu.Id.Value == 0;
            return Errno.None;
        }
        if (!Addresses.AllCanonical(in context) || (context.VmAssist & ~TrapOperations.SupportedAssists) != 0)
            return Errno.EINVAL;
        if (vcpu.IsInitialised)
            return TryChange(vcpu, in context);
        // The tables may refuse: they come first, the rest cannot.
        var core = vcpu.Domain.Core;
        using (vcpu.Domain.PagingLock.Hold())
        {
            if (core.PageTypes.TrySetInitialTables(vcpu, in context, preemptible) is not Errno.None and var error)
                return error;
        }
        vcpu.Registers = default;
        FloatingPointReset.Apply(ref vcpu.Registers);
        if ((context.Flags & VcpuContextFlags.FpuValid) != 0)
            ((ReadOnlySpan<byte>)context.Fpu).CopyTo(vcpu.Registers.Fx);
        SetRegisters(vcpu, in context);
        SetTraps(vcpu, in context);
        vcpu.Domain.VmAssist |= context.VmAssist;
        vcpu.Info.UpcallMask = 1;
        vcpu.IsInitialised = true;
        if ((context.Flags & VcpuContextFlags.Online) != 0)
            vcpu.IsOnline = true;
        return Errno.None;
    }

    /// <summary>
    /// Changes the registers and callbacks of a vCPU that has a state, as a toolstack does whose suspend was cancelled. Page tables and descriptor
    /// tables must be those that it has. The floating-point registers stay.
    /// </summary>
    private static Errno TryChange(Vcpu vcpu, in VcpuGuestContext context)
    {
        Get(vcpu, out var now);
        ReadOnlySpan<ulong> frames = context.GdtFrames, framesNow = now.GdtFrames;
        if (context.ControlRegisters[3] != now.ControlRegisters[3] || (context.ControlRegisters[1] & ~1ul) != (now.ControlRegisters[1] & ~1ul)
            || context.GdtEntries != now.GdtEntries || !frames.SequenceEqual(framesNow)
            || context.LdtEntries != now.LdtEntries || (context.LdtEntries != 0 && context.LdtBase != now.LdtBase))
            return Errno.EOPNOTSUPP;
        // User code has page tables of its own.
        if ((context.Flags & VcpuContextFlags.InKernel) == 0 && vcpu.Traps.UserTable is null)
            return Errno.EOPNOTSUPP;
        SetRegisters(vcpu, in context);
        SetTraps(vcpu, in context);
        vcpu.IsOnline = (context.Flags & VcpuContextFlags.Online) != 0;
        return Errno.None;
    }

    /// <summary>What the vCPU's state is now. It is stopped.</summary>
    public static void Get(Vcpu vcpu, out VcpuGuestContext context)
    {
        context = default;
        ref var registers = ref vcpu.Registers;
        var traps = vcpu.Traps;
        context.Flags = (traps.InKernel ? VcpuContextFlags.InKernel : 0) | (vcpu.IsOnline ? VcpuContextFlags.Online : 0)
            | (traps.Failsafe.MasksEvents ? VcpuContextFlags.FailsafeDisablesEvents : 0)
            | (traps.Syscall.MasksEvents ? VcpuContextFlags.SyscallDisablesEvents : 0);
        ((ReadOnlySpan<byte>)registers.Fx).CopyTo(context.Fpu);
        ref var user = ref context.Registers;
        (user.Rax, user.Rcx, user.Rdx, user.Rbx) = (registers.Rax, registers.Rcx, registers.Rdx, registers.Rbx);
        (user.Rsp, user.Rbp, user.Rsi, user.Rdi) = (registers.Rsp, registers.Rbp, registers.Rsi, registers.Rdi);
        (user.R8, user.R9, user.R10, user.R11) = (registers.R8, registers.General[9], registers.R10, registers.R11);
        (user.R12, user.R13, user.R14, user.R15) = (registers.General[12], registers.General[13], registers.General[14], registers.General[15]);
        (user.Rip, user.Rflags) = (registers.Rip, registers.Rflags | (ulong)traps.Iopl << 12);
        (user.Cs, user.Ss, user.Ds, user.Es, user.Fs, user.Gs) = (registers.Cs, registers.Ss, registers.Ds, registers.Es, registers.Fs, registers.Gs);
        (context.KernelSs, context.KernelSp) = (traps.KernelSs, traps.KernelSp);
        context.ControlRegisters[0] = Traps.ControlRegisters.Cr0Of(vcpu);
        context.ControlRegisters[4] = Traps.ControlRegisters.Cr4Of(vcpu);
        context.ControlRegisters[3] = FoldCr3(traps.KernelTable);
        if (traps.UserTable is { } userTable)
            context.ControlRegisters[1] = FoldCr3(userTable) | 1;
        context.VmAssist = vcpu.Domain.VmAssist;
        (context.FsBase, context.GsBaseKernel, context.GsBaseUser) = (registers.FsBase, traps.KernelGsBase(registers), traps.UserGsBase(registers));
        (context.EventCallback, context.FailsafeCallback, context.SyscallCallback) = (traps.Event.Address, traps.Failsafe.Address, traps.Syscall.Address);
        context.GdtEntries = traps.GdtEntries;
        for (var i = 0; i < traps.GdtFrames.Length; i++)
            context.GdtFrames[i] = traps.GdtFrames[i].Value;
        (context.LdtBase, context.LdtEntries) = (traps.LdtBase, traps.LdtEntries);
        for (var i = 0; i < traps.DebugRegisters.Length; i++)
            context.DebugRegisters[i] = i is 4 or 5 ? 0 : TrapOperations.ReadDebugRegister(traps, i);
        for (var vector = 0; vector < 256; vector++)
            context.Traps[vector] = traps.Table[vector];
    }

    /// <summary>A selector of code for a guest: it has no other ring.</summary>
    public static ushort InRing3(ushort selector) => (ushort)(selector | 3);

    /// <summary>The form in which control register 3 holds a table's frame: as a 64-bit machine address.</summary>
    private static ulong FoldCr3(Mfn mfn) => mfn.Address;

    private static void SetRegisters(Vcpu vcpu, in VcpuGuestContext context)
    {
        ref var registers = ref vcpu.Registers;
        ref readonly var user = ref context.Registers;
        (registers.Rax, registers.Rcx, registers.Rdx, registers.Rbx) = (user.Rax, user.Rcx, user.Rdx, user.Rbx);
        (registers.Rsp, registers.Rbp, registers.Rsi, registers.Rdi) = (user.Rsp, user.Rbp, user.Rsi, user.Rdi);
        (registers.R8, registers.General[9], registers.R10, registers.R11) = (user.R8, user.R9, user.R10, user.R11);
        (registers.General[12], registers.General[13], registers.General[14], registers.General[15]) = (user.R12, user.R13, user.R14, user.R15);
        registers.Rip = user.Rip;
        registers.Rflags = GuestFlags.Sanitize(user.Rflags);
        registers.Cs = InRing3(user.Cs);
        registers.Ss = InRing3(user.Ss);
        (registers.Ds, registers.Es, registers.Fs, registers.Gs) = (user.Ds, user.Es, user.Fs, user.Gs);
        registers.FsBase = context.FsBase;
    }

    private static void SetTraps(Vcpu vcpu, in VcpuGuestContext context)
    {
        var traps = vcpu.Traps;
        traps.InKernel = (context.Flags & VcpuContextFlags.InKernel) != 0;
        for (var vector = 0; vector < 256; vector++)
            traps.Table[vector] = context.Traps[vector] with { Cs = InRing3(context.Traps[vector].Cs) };
        (traps.KernelSs, traps.KernelSp) = (context.KernelSs, context.KernelSp);
        traps.Event = new GuestCallback(context.EventCallback, false);
        traps.Failsafe = new GuestCallback(context.FailsafeCallback, (context.Flags & VcpuContextFlags.FailsafeDisablesEvents) != 0);
        traps.Syscall = new GuestCallback(context.SyscallCallback, (context.Flags & VcpuContextFlags.SyscallDisablesEvents) != 0);
        traps.SetGsBases(ref vcpu.Registers, context.GsBaseKernel, context.GsBaseUser);
        // One that is refused is as after a reset.
        Array.Clear(traps.DebugRegisters);
        for (var i = 0; i < traps.DebugRegisters.Length; i++)
            _ = TrapOperations.TrySetDebugRegister(vcpu, i, context.DebugRegisters[i]);
        // What an I/O privilege level of the guest's own flags asks for.
        traps.Iopl = (int)(context.Registers.Rflags >> 12 & 3);
        vcpu.Registers.Cr3 = (traps.InKernel ? traps.KernelTable : traps.UserTable ?? traps.KernelTable).Address;
    }
}
