using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Pv.Cpu.Software;

/// <summary>
/// The x87 registers and words of a running vCPU: a view of its FXSAVE image. While the vCPU runs, the eight registers lie there by number;
/// outside, as FXSAVE has them, from the top of the stack (<see cref="ToNumbered"/>, <see cref="ToStacked"/>).
/// </summary>
// SAFETY: the image is part of the guest's registers, which are pinned while the vCPU runs; register numbers are cut to 0 … 7.
internal readonly unsafe struct X87Unit(CpuState* s)
{
    private const int ControlOffset = 0, StatusOffset = 2, TagOffset = 4, OpcodeOffset = 6, InstructionOffset = 8, DataOffset = 16,
        RegisterOffset = 32, RegisterStride = 16;

    /// <summary>What FNINIT sets the control word to: everything masked, 64 bits, to nearest.</summary>
    public const ushort ResetControl = 0x37f;

    /// <summary>The bits of the control word that can be set; bit 6 always is.</summary>
    private const ushort ControlMask = 0x1f7f, ControlFixed = 0x40;

    private readonly byte* _image = (byte*)&s->Guest->Fx;

    public ref ushort Control => ref *(ushort*)(_image + ControlOffset);

    public ref ushort Status => ref *(ushort*)(_image + StatusOffset);

    /// <summary>A bit for each register by number: set when it is not empty.</summary>
    public ref byte Tags => ref _image[TagOffset];

    /// <summary>The opcode of the last instruction that raised an unmasked exception: the low 3 bits of its first byte, and its second.</summary>
    public ref ushort LastOpcode => ref *(ushort*)(_image + OpcodeOffset);

    public ref ulong LastInstruction => ref *(ulong*)(_image + InstructionOffset);

    public ref ulong LastData => ref *(ulong*)(_image + DataOffset);

    public int Top
    {
        get => (Status & X87Status.TopMask) >> X87Status.TopShift;
        set => Status = (ushort)((Status & ~X87Status.TopMask) | ((value & 7) << X87Status.TopShift));
    }

    /// <summary>The bits that the control word's precision field asks of arithmetic. The reserved value counts as the largest.</summary>
    public int Precision => (Control >> 8 & 3) switch
    {
        0 => 24,
        2 => 53,
        _ => 64,
    };

    /// <summary>ST(i): reading does not look whether it is empty; writing fills it.</summary>
    public Float80 this[int i]
    {
        get => *(Float80*)Register(Top + i);
        set
        {
            *(Float80*)Register(Top + i) = value;
            Tags |= (byte)(1 << ((Top + i) & 7));
        }
    }

    public bool IsEmpty(int i) => (Tags >> ((Top + i) & 7) & 1) == 0;

    public void Free(int i) => Tags &= (byte)~(1 << ((Top + i) & 7));

    public void Pop()
    {
        Free(0);
        Top++;
    }

    public void Push(Float80 value)
    {
        Top--;
        this[0] = value;
    }

    /// <summary>An MMX register: the low 8 bytes of the x87 register of that number.</summary>
    public ulong* Mmx(int number) => (ulong*)Register(number);

    /// <summary>What every MMX instruction but EMMS does to the unit: the stack's top is 0, no register is empty.</summary>
    public void EnterMmx()
    {
        Status = (ushort)(Status & ~X87Status.TopMask);
        Tags = 0xff;
    }

    /// <summary>Writes an MMX register; sign and exponent above it become ones.</summary>
    public void SetMmx(int number, ulong value)
    {
        *Mmx(number) = value;
        *(ushort*)(Register(number) + 8) = 0xffff;
    }

    /// <summary>FNINIT.</summary>
    public void Initialise()
    {
        Control = ResetControl;
        Status = 0;
        Tags = 0;
        LastOpcode = 0;
        LastInstruction = LastData = 0;
    }

    /// <summary>Sets the control word; exceptions that were masked and are no more become pending, and the other way round.</summary>
    public void SetControl(ushort value)
    {
        Control = (ushort)((value & ControlMask) | ControlFixed);
        var pending = (Status & ~Control & X87Status.Exceptions) != 0;
        Status = (ushort)((Status & ~(X87Status.Summary | X87Status.Busy)) | (pending ? X87Status.Summary | X87Status.Busy : 0));
    }

    /// <summary>The full tag word: two bits a register by number, valid 0, zero 1, special 2, empty 3.</summary>
    public ushort FullTags
    {
        get
        {
            var tags = 0;
            for (var number = 7; number >= 0; number--)
                tags = (tags << 2) | ((Tags >> number & 1) == 0 ? 3 : TagOf(*(Float80*)Register(number)));
            return (ushort)tags;
        }
    }

    /// <summary>Takes a full tag word: only whether a register is empty is kept.</summary>
    public void SetFullTags(ushort tags)
    {
        var kept = 0;
        for (var number = 0; number < 8; number++)
            if ((tags >> (2 * number) & 3) != 3)
                kept |= 1 << number;
        Tags = (byte)kept;
    }

    private static int TagOf(Float80 value)
    {
        if (value.ExponentField == 0)
            return value.Significand == 0 ? 1 : 2;
        return value.ExponentField == 0x7fff || (value.Significand & Unpacked.LeadingBit) == 0 ? 2 : 0;
    }

    /// <summary>The registers go from the order of the stack to that of their numbers.</summary>
    public static void ToNumbered(GuestRegisters* guest)
    {
        var top = (*(ushort*)((byte*)&guest->Fx + StatusOffset) & X87Status.TopMask) >> X87Status.TopShift;
        if (top != 0)
            Rotate((byte*)&guest->Fx + RegisterOffset, 8 - top);
    }

    /// <summary>The registers go from the order of their numbers to that of the stack.</summary>
    public static void ToStacked(GuestRegisters* guest)
    {
        var top = (*(ushort*)((byte*)&guest->Fx + StatusOffset) & X87Status.TopMask) >> X87Status.TopShift;
        if (top != 0)
            Rotate((byte*)&guest->Fx + RegisterOffset, top);
    }

    /// <summary>Register i becomes what register i + by was.</summary>
    public static void Rotate(byte* registers, int by)
    {
        var copy = stackalloc Vector128<byte>[8];
        for (var i = 0; i < 8; i++)
            copy[i] = Unsafe.ReadUnaligned<Vector128<byte>>(registers + (RegisterStride * ((i + by) & 7)));
        for (var i = 0; i < 8; i++)
            Unsafe.WriteUnaligned(registers + (RegisterStride * i), copy[i]);
    }

    private byte* Register(int number) => _image + RegisterOffset + (RegisterStride * (number & 7));
}
