using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Pv.Tests.Fuzzing;

/// <summary>What an instruction of a program needs in its registers before it makes sense, or trouble.</summary>
internal enum CodeOperands : byte
{
    /// <summary>rax, rcx and rdx hold numbers at some limit.</summary>
    Numbers,

    /// <summary>ecx names a model-specific register.</summary>
    ModelRegister,

    /// <summary>rax holds what a control register may hold, or nearly.</summary>
    Control,

    /// <summary>eax and ecx name a leaf.</summary>
    Leaf,

    /// <summary>rax holds a selector.</summary>
    Selector,

    /// <summary>rdi names a place, rsi another; rax and rcx what to put there.</summary>
    Place,

    /// <summary>The same for a table that may only be read: the hypervisor makes the store if it may be.</summary>
    Table,

    /// <summary>A frame for <c>iret</c> lies on the stack, of five words.</summary>
    Frame,

    /// <summary>rsp holds an address, and so does rdi.</summary>
    StackPlace,
}

/// <summary>An instruction, or a few.</summary>
/// <param name="Name">Its name in the log.</param>
/// <param name="Operands">What it works on.</param>
/// <param name="Code">Its bytes, good at any address.</param>
internal readonly record struct CodeTemplate(string Name, CodeOperands Operands, byte[] Code);

/// <summary>The instructions of which programs are made: those that the hypervisor emulates or refuses, that fault, that load segments, that write tables.</summary>
internal static class CodeTemplates
{
    public static readonly CodeTemplate[] Traps =
    [
        .. Enumerable.Range(0, 9).Where(number => number is 0 or 2 or 3 or 4 or 8).SelectMany(number => new[]
        {
            Raw($"mov rax, cr{number}", CodeOperands.Control, number == 8 ? [0x44, 0x0f, 0x20, 0xc0] : [0x0f, 0x20, (byte)(0xc0 | number << 3)]),
            Raw($"mov cr{number}, rax", CodeOperands.Control, number == 8 ? [0x44, 0x0f, 0x22, 0xc0] : [0x0f, 0x22, (byte)(0xc0 | number << 3)]),
        }),
        .. Enumerable.Range(0, 8).SelectMany(number => new[]
        {
            Raw("mov rax, dr", CodeOperands.Numbers, [0x0f, 0x21, (byte)(0xc0 | number << 3)]), Raw("mov dr, rax", CodeOperands.Numbers, [0x0f, 0x23, (byte)(0xc0 | number << 3)]),
        }),
        Of("rdmsr", CodeOperands.ModelRegister, code => code.rdmsr()), Of("rdmsr", CodeOperands.ModelRegister, code => code.rdmsr()),
        Of("wrmsr", CodeOperands.ModelRegister, code => code.wrmsr()), Of("wrmsr", CodeOperands.ModelRegister, code => code.wrmsr()),
        Of("cpuid", CodeOperands.Leaf, code => code.cpuid()),
        Raw("forced cpuid", CodeOperands.Leaf, [0x0f, 0x0b, 0x78, 0x65, 0x6e, 0x0f, 0xa2]),
        Raw("forced rdtsc", CodeOperands.Leaf, [0x0f, 0x0b, 0x78, 0x65, 0x6e, 0x0f, 0x31]),
        Of("in", CodeOperands.Numbers, code => code.@in(al, dx)), Of("in", CodeOperands.Numbers, code => code.@in(eax, dx)), Of("in", CodeOperands.Numbers, code => code.@in(ax, 0x70)),
        Of("out", CodeOperands.Numbers, code => code.@out(dx, al)), Of("out", CodeOperands.Numbers, code => code.@out(dx, eax)), Of("out", CodeOperands.Numbers, code => code.@out(0x80, al)),
        Of("ins", CodeOperands.Place, code => code.insb()), Of("rep ins", CodeOperands.Place, code => code.rep.insd()),
        Of("outs", CodeOperands.Place, code => code.outsb()), Of("rep outs", CodeOperands.Place, code => code.rep.outsw()),
        Of("invlpg", CodeOperands.Place, code => code.invlpg(__byte_ptr[rdi])), Of("wbinvd", CodeOperands.Numbers, code => code.wbinvd()),
        Of("invd", CodeOperands.Numbers, code => code.invd()), Of("hlt", CodeOperands.Numbers, code => code.hlt()),
        Of("cli", CodeOperands.Numbers, code => code.cli()), Of("sti", CodeOperands.Numbers, code => code.sti()), Of("clts", CodeOperands.Numbers, code => code.clts()),
        Of("lmsw", CodeOperands.Numbers, code => code.lmsw(ax)), Of("smsw", CodeOperands.Numbers, code => code.smsw(rax)),
        Raw("lgdt", CodeOperands.Place, [0x0f, 0x01, 0x17]), Raw("lidt", CodeOperands.Place, [0x0f, 0x01, 0x1f]),
        Raw("sgdt", CodeOperands.Place, [0x0f, 0x01, 0x07]), Raw("sidt", CodeOperands.Place, [0x0f, 0x01, 0x0f]),
        Of("lldt", CodeOperands.Selector, code => code.lldt(ax)), Of("ltr", CodeOperands.Selector, code => code.ltr(ax)),
        Of("sldt", CodeOperands.Numbers, code => code.sldt(rax)), Of("str", CodeOperands.Numbers, code => code.str(rax)),
        Of("swapgs", CodeOperands.Numbers, code => code.swapgs()), Of("sysretq", CodeOperands.Numbers, code => code.sysretq()), Of("sysexitq", CodeOperands.Numbers, code => code.sysexitq()),
        Of("sysenter", CodeOperands.Numbers, code => code.sysenter()), Of("xgetbv", CodeOperands.Leaf, code => code.xgetbv()), Of("xsetbv", CodeOperands.Leaf, code => code.xsetbv()),
        Of("rdpmc", CodeOperands.Numbers, code => code.rdpmc()), Of("rdtscp", CodeOperands.Numbers, code => code.rdtscp()), Of("monitor", CodeOperands.Numbers, code => code.monitor()),
        Of("mwait", CodeOperands.Numbers, code => code.mwait()), Of("vmcall", CodeOperands.Numbers, code => code.vmcall()),
        Of("rdfsbase", CodeOperands.Numbers, code => code.rdfsbase(rax)), Of("wrfsbase", CodeOperands.Numbers, code => code.wrfsbase(rax)), Of("wrgsbase", CodeOperands.Numbers, code => code.wrgsbase(rax)),
        .. new byte[] { 0, 1, 2, 3, 4, 8, 13, 14, 0x20, 0x80, 0x82, 0xff }.Select(vector => Raw("int n", CodeOperands.Numbers, [0xcd, vector])),
        Of("int3", CodeOperands.Numbers, code => code.int3()), Of("int1", CodeOperands.Numbers, code => code.int1()), Of("ud2", CodeOperands.Numbers, code => code.ud2()),
        Of("div", CodeOperands.Numbers, code => code.div(rcx)), Of("idiv", CodeOperands.Numbers, code => code.idiv(ecx)),
        Of("popfq", CodeOperands.Numbers, code => { code.push(rax); code.popfq(); code.nop(); code.nop(); }),
        // Single steps, and alignment checks.
        Of("popfq TF", CodeOperands.Numbers, code => { code.push(0x302); code.popfq(); code.nop(); code.mov(rbx, rax); code.push(0x202); code.popfq(); }),
        Of("popfq AC", CodeOperands.Place, code => { code.push(0x40202); code.popfq(); code.mov(rax, __qword_ptr[rdi]); code.mov(__qword_ptr[rdi], rcx); }),
        Of("mov ds", CodeOperands.Selector, code => code.mov(ds, ax)), Of("mov es", CodeOperands.Selector, code => code.mov(es, ax)),
        Of("mov fs", CodeOperands.Selector, code => { code.mov(fs, ax); code.mov(rax, __qword_ptr.fs[0]); }), Of("mov gs", CodeOperands.Selector, code => code.mov(gs, ax)),
        Of("mov ss", CodeOperands.Selector, code => { code.mov(ss, ax); code.nop(); }), Raw("mov cs", CodeOperands.Selector, [0x8e, 0xc8]),
        // A table of descriptors is looked at, and what is held of translations may have to go at that.
        Of("mov fs and stores", CodeOperands.Place, code => { code.mov(rbx, __qword_ptr[rdi]); code.mov(fs, dx); code.mov(__qword_ptr[rdi], rax); code.mov(gs, dx); code.mov(__qword_ptr[rdi + 8], rax); }),
        Of("lar", CodeOperands.Selector, code => code.lar(ecx, eax)), Of("lsl", CodeOperands.Selector, code => code.lsl(ecx, eax)),
        Of("verr", CodeOperands.Selector, code => code.verr(ax)), Of("verw", CodeOperands.Selector, code => code.verw(ax)),
        Of("pop fs", CodeOperands.Selector, code => { code.push(rax); code.pop(fs); }), Raw("lss", CodeOperands.Place, [0x48, 0x0f, 0xb2, 0x0f]), Raw("lgs", CodeOperands.Place, [0x48, 0x0f, 0xb5, 0x0f]),
        Raw("call far", CodeOperands.Place, [0x48, 0xff, 0x1f]), Raw("jmp far", CodeOperands.Place, [0x48, 0xff, 0x2f]),
        Raw("retf", CodeOperands.Frame, [0x48, 0xcb]), Of("iretq", CodeOperands.Frame, code => code.iretq()),
        Of("ret", CodeOperands.Frame, code => code.ret()), Of("call rax", CodeOperands.Numbers, code => code.call(rax)),
        Of("fxsave", CodeOperands.Place, code => code.fxsave(__[rdi])), Of("fxrstor", CodeOperands.Place, code => code.fxrstor(__[rdi])),
        Of("xsave", CodeOperands.Place, code => code.xsave(__[rdi])), Of("xrstor", CodeOperands.Place, code => code.xrstor(__[rdi])), Of("ldmxcsr", CodeOperands.Place, code => code.ldmxcsr(__dword_ptr[rdi])),
        Of("addps", CodeOperands.Place, code => code.addps(xmm0, __xmmword_ptr[rdi])), Of("movaps", CodeOperands.Place, code => code.movaps(__xmmword_ptr[rdi], xmm1)),
        Of("fdivp", CodeOperands.Numbers, code => { code.fld1(); code.fldz(); code.fdivp(st1, st0); code.wait(); }), Of("fnsave", CodeOperands.Place, code => code.fnsave(__[rdi])),
        Of("push", CodeOperands.StackPlace, code => code.push(rax)), Of("pop", CodeOperands.StackPlace, code => code.pop(__qword_ptr[rdi])), Of("enter", CodeOperands.StackPlace, code => code.enter(64, 3)),
        Of("leave", CodeOperands.StackPlace, code => { code.mov(rbp, rsp); code.leave(); }), Of("call", CodeOperands.StackPlace, code => code.call(rdi)),
    ];

    public static readonly CodeTemplate[] Stores =
    [
        Store("mov", code => code.mov(__qword_ptr[rdi], rax)), Store("mov", code => code.mov(__qword_ptr[rdi], rax)), Store("mov", code => code.mov(__qword_ptr[rdi], rax)),
        Store("mov", code => code.mov(__dword_ptr[rdi], eax)), Store("mov", code => code.mov(__word_ptr[rdi], ax)), Store("mov", code => code.mov(__byte_ptr[rdi], al)),
        Store("mov", code => code.mov(__byte_ptr[rdi], ah)), Store("mov", code => code.mov(__qword_ptr[rdi], 0)), Store("movnti", code => code.movnti(__qword_ptr[rdi], rax)),
        Store("xchg", code => code.xchg(__qword_ptr[rdi], rax)), Store("xchg", code => code.xchg(__dword_ptr[rdi], eax)), Store("xchg", code => code.xchg(__byte_ptr[rdi], ah)),
        Store("cmpxchg", code => { code.mov(rax, __qword_ptr[rdi]); code.@lock.cmpxchg(__qword_ptr[rdi], rcx); }), Store("cmpxchg", code => code.cmpxchg(__qword_ptr[rdi], rcx)),
        Store("cmpxchg", code => code.@lock.cmpxchg(__word_ptr[rdi], cx)), Store("cmpxchg8b", code => code.cmpxchg8b(__qword_ptr[rdi])), Store("cmpxchg16b", code => code.@lock.cmpxchg16b(__xmmword_ptr[rdi])),
        Store("xadd", code => code.@lock.xadd(__qword_ptr[rdi], rcx)), Store("xadd", code => code.xadd(__byte_ptr[rdi], cl)),
        Store("add", code => code.add(__qword_ptr[rdi], 0x1000)), Store("adc", code => code.adc(__qword_ptr[rdi], rcx)), Store("sub", code => code.sub(__dword_ptr[rdi], 0x1000)), Store("sbb", code => code.sbb(__qword_ptr[rdi], 1)),
        Store("and", code => code.@lock.and(__qword_ptr[rdi], -3)), Store("or", code => code.@lock.or(__qword_ptr[rdi], 2)), Store("or", code => code.or(__byte_ptr[rdi], 0x67)), Store("xor", code => code.xor(__qword_ptr[rdi], rcx)),
        Store("inc", code => code.inc(__qword_ptr[rdi])), Store("dec", code => code.dec(__word_ptr[rdi])), Store("neg", code => code.neg(__qword_ptr[rdi])), Store("not", code => code.not(__dword_ptr[rdi])),
        Store("bts", code => code.@lock.bts(__qword_ptr[rdi], 1)), Store("btr", code => code.btr(__qword_ptr[rdi], 0)), Store("btc", code => code.btc(__qword_ptr[rdi], 63)), Store("bts", code => code.bts(__qword_ptr[rdi], rdx)),
        Store("stos", code => code.stosq()), Store("stos", code => code.stosb()), Store("rep stos", code => code.rep.stosq()), Store("rep stos", code => code.rep.stosd()),
        Store("movs", code => code.movsq()), Store("rep movs", code => code.rep.movsq()), Store("rep movs", code => code.rep.movsb()),
        Store("movdqu", code => code.movdqu(__xmmword_ptr[rdi], xmm0)), Store("shl", code => code.shl(__qword_ptr[rdi], 12)), Store("setc", code => code.setb(__byte_ptr[rdi])),
        Store("mov fs:", code => code.mov(__qword_ptr.fs[rdi], rax)), Store("pop", code => { code.push(rax); code.pop(__qword_ptr[rdi]); }), Store("mov sreg", code => code.mov(__word_ptr[rdi], ss)),
    ];

    public static CodeTemplate Of(string name, CodeOperands operands, Action<Assembler> write) => new(name, operands, CodeRuntime.Assemble(write));

    private static CodeTemplate Raw(string name, CodeOperands operands, byte[] code) => new(name, operands, code);

    private static CodeTemplate Store(string name, Action<Assembler> write) => Of(name, CodeOperands.Table, write);
}
