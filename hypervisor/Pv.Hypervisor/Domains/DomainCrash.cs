using System.Globalization;
using Pv.Abi;

namespace Pv.Hypervisor.Domains;

/// <summary>Ends a domain that did what it must not, or in whose service something of ours failed: named, with registers and reason.</summary>
internal static class DomainCrash
{
    private static readonly string[] Names =
        ["rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15"];

    /// <summary>The vCPU's own doing, on its pCPU's thread.</summary>
    public static void Report(Vcpu vcpu, string reason, Exception? failure = null)
    {
        var core = vcpu.Domain.Core;
        core.Log.Write($"{vcpu}: {reason}");
        if (vcpu.Domain.Kind == DomainKind.Paravirtualized && vcpu.Queue is null)
            WriteRegisters(vcpu);
        if (failure is not null)
        {
            foreach (var line in failure.ToString().Split('\n').Take(24))
                core.Log.Write(line.TrimEnd());
        }
        core.Log.Write($"domain {vcpu.Domain.Id.Value} crashed");
        vcpu.Domain.ShutDown(ShutdownReason.Crash, vcpu);
    }

    public static string ReasonOf(Exception failure) => failure is Cpu.GuestCrashException guest
        ? guest.Message
        : $"a fault of the hypervisor while serving this vCPU ({failure.GetType().Name}: {failure.Message})";

    private static void WriteRegisters(Vcpu vcpu)
    {
        ref var registers = ref vcpu.Registers;
        var log = vcpu.Domain.Core.Log;
        log.Write(string.Create(CultureInfo.InvariantCulture,
            $"rip {registers.Cs:x4}:{registers.Rip:x16} rflags {registers.Rflags:x16} {(vcpu.Traps.InKernel ? "kernel" : "user")}"));
        for (var first = 0; first < 16; first += 4)
        {
            var text = new System.Text.StringBuilder();
            for (var i = first; i < first + 4; i++)
                text.Append(CultureInfo.InvariantCulture, $"{Names[i],-3} {registers.General[i]:x16}  ");
            log.Write(text.ToString().TrimEnd());
        }
        log.Write(string.Create(CultureInfo.InvariantCulture,
            $"cr3 {registers.Cr3:x16} cr2 {vcpu.Info.Arch.Cr2:x16} fs {registers.FsBase:x16} gs {registers.GsBase:x16} ss {registers.Ss:x4}"));
    }
}
