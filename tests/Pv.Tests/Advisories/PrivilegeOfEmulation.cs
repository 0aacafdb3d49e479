using NUnit.Framework;
using Pv.Abi;
using Pv.Cpu;
using Pv.Hypervisor.Traps;
using Pv.Tests.Core;

namespace Pv.Tests.Advisories;

/// <summary>
/// XSA-105, XSA-106, XSA-110, XSA-202. What is emulated for a guest's kernel must not be for its user code, and neither gets flags or registers that
/// only a processor's own kernel may have.
/// </summary>
[TestFixture]
internal sealed class PrivilegeOfEmulation : AdvisoryFixture
{
    private static readonly (string Name, byte[] Bytes)[] Privileged =
    [
        ("mov cr0, rax", [0x0f, 0x22, 0xc0]), ("mov cr3, rax", [0x0f, 0x22, 0xd8]), ("mov cr4, rax", [0x0f, 0x22, 0xe0]), ("mov rax, cr3", [0x0f, 0x20, 0xd8]),
        ("mov dr7, rax", [0x0f, 0x23, 0xf8]), ("mov rax, dr7", [0x0f, 0x21, 0xf8]), ("rdmsr", [0x0f, 0x32]), ("wrmsr", [0x0f, 0x30]), ("clts", [0x0f, 0x06]),
        ("wbinvd", [0x0f, 0x09]), ("xsetbv", [0x0f, 0x01, 0xd1]), ("hlt", [0xf4]), ("lgdt", [0x0f, 0x01, 0x10]), ("lidt", [0x0f, 0x01, 0x18]), ("lldt", [0x0f, 0x00, 0xd0]),
        ("ltr", [0x0f, 0x00, 0xd8]), ("lmsw", [0x0f, 0x01, 0xf0]), ("invlpg", [0x0f, 0x01, 0x38]), ("invd", [0x0f, 0x08]), ("swapgs", [0x0f, 0x01, 0xf8]),
        ("cli", [0xfa]), ("sti", [0xfb]), ("in al, dx", [0xec]), ("out dx, al", [0xee]), ("insb", [0x6c]), ("outsb", [0x6e]), ("iretq", [0x48, 0xcf]), ("sysret", [0x48, 0x0f, 0x07]),
    ];

    [Test]
    public void Nothing_is_emulated_for_user_code()
    {
        var vcpu = Attacker.Victim;
        vcpu.Traps.InKernel = false;
        // A register that a kernel may read and write, and what it might hold.
        (vcpu.Registers.Rcx, vcpu.Registers.Rax) = (0xc000_0101, 0x1000);
        foreach (var (name, bytes) in Privileged)
        {
            Put(bytes);
            var before = vcpu.Registers;
            Assert.That(PrivilegedInstructions.TryEmulate(vcpu), Is.False, name);
            Assert.That(Same(before, vcpu.Registers), name);
        }
        vcpu.Traps.InKernel = true;
    }

    [Test]
    public void For_the_kernel_tables_of_the_processor_are_not_loaded()
    {
        foreach (var (name, bytes) in Privileged.Where(instruction => instruction.Name is "hlt" or "lgdt" or "lidt" or "lldt" or "ltr" or "lmsw" or "invd" or "iretq" or "sysret"))
        {
            Put(bytes);
            Assert.That(PrivilegedInstructions.TryEmulate(Attacker.Victim), Is.False, name);
        }
    }

    [Test]
    public void What_stands_where_an_instruction_trapped_may_be_anything_by_the_time_it_is_looked_at()
    {
        // Another vCPU writes there meanwhile. One of them compares two places in memory, and so has no value to bring along.
        var vcpu = Attacker.Victim;
        Put([0x48, 0xa7]);
        Assert.That(EmulatedStore.TryDecode(vcpu, out _), Is.False);
        var dice = new Dice(1);
        for (var i = 0; i < 3000; i++)
        {
            // Mostly a prefix and an instruction that writes memory, or one of two bytes.
            var bytes = BitConverter.GetBytes(dice.Next()).Concat(BitConverter.GetBytes(dice.Next())).ToArray();
            (bytes[0], bytes[1]) = (dice.Of<byte>(0x48, 0x66, 0xf0, 0xf3, 0x0f, bytes[0]), dice.OneIn(3) ? dice.Of<byte>(0x0f, 0xa5, 0xa7, 0xab, 0xff) : bytes[1]);
            Put(bytes);
            (vcpu.Registers.Rdi, vcpu.Registers.Rsi) = (dice.Next(), dice.Next());
            var where = BitConverter.ToString(bytes);
            Assert.DoesNotThrow(() => _ = EmulatedStore.TryDecode(vcpu, out var store) && store.TryCompute(1, out _), where);
            try
            {
                _ = PrivilegedInstructions.TryEmulate(vcpu);
            }
            catch (GuestCrashException)
            {
                // It has no handler for what its own instruction raises.
            }
        }
    }

    [Test]
    public void Software_interrupts_are_entered_from_the_levels_that_the_table_allows()
    {
        var vcpu = Attacker.Victim;
        var table = vcpu.Traps.Table;
        table[ExceptionVector.GeneralProtection] = new TrapInfo { Vector = ExceptionVector.GeneralProtection, Address = 0x5000 };
        table[0x30] = new TrapInfo { Vector = 0x30, Address = 0x6000, Flags = (TrapFlags)0 };
        vcpu.Registers.Rsp = 0x1800;
        vcpu.Traps.KernelSp = 0x1800;
        ExceptionExit.Handle(vcpu, CpuExit.Exception(ExceptionVector.GeneralProtection, 0x30 << 3 | 2));
        Assert.That(vcpu.Registers.Rip, Is.EqualTo(0x5000), "not even the kernel uses a gate of ring 0");
        table[0x30].Flags = (TrapFlags)1;
        vcpu.Traps.UserTable = null;
        vcpu.Traps.InKernel = false;
        ExceptionExit.Handle(vcpu, CpuExit.Exception(ExceptionVector.GeneralProtection, 0x30 << 3 | 2));
        Assert.That(vcpu.Registers.Rip, Is.EqualTo(0x5000), "nor user code the kernel's");
    }

    [Test]
    public void Flags_keep_interrupts_on_and_the_privilege_of_ports_off()
    {
        foreach (var wanted in new[] { 0ul, 0x3000ul, 1ul << 17, ulong.MaxValue })
        {
            var real = GuestFlags.Sanitize(wanted);
            Assert.That(real & GuestFlags.Interrupt, Is.Not.Zero);
            Assert.That(real & (GuestFlags.IoplMask | GuestFlags.VirtualMode | GuestFlags.VirtualInterrupt | GuestFlags.VirtualInterruptPending), Is.Zero);
        }
    }

    private void Put(byte[] bytes)
    {
        Machine.Core.Memory.Frame(Attacker.Frames[0]).Clear();
        bytes.CopyTo(Machine.Core.Memory.Frame(Attacker.Frames[0]));
        Attacker.Victim.Registers.Rip = 0;
    }

    private static bool Same(in GuestRegisters one, in GuestRegisters other)
        => one.Rip == other.Rip && one.Rax == other.Rax && one.Rdx == other.Rdx && one.Cr3 == other.Cr3 && one.Rdi == other.Rdi && one.TaskSwitched == other.TaskSwitched
            && one.Xcr0 == other.Xcr0 && one.FsBase == other.FsBase && one.GsBase == other.GsBase;
}
