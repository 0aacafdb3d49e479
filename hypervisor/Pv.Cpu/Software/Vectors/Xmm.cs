using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Pv.Cpu.Software;

/// <summary>The XMM registers, and what every instruction on them asks first.</summary>
// SAFETY: the registers lie in the guest's FXSAVE image, which is pinned while the vCPU runs; offsets are 16 times a register's number.
internal static unsafe class Xmm
{
    /// <summary>Where they begin in an FXSAVE image.</summary>
    public const int ImageOffset = 160;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte>* At(CpuState* s, byte offset) => (Vector128<byte>*)((byte*)&s->Guest->Fx + ImageOffset + offset);

    /// <summary>Whether the unit may be used. If not, <see cref="NotAvailable"/> must follow.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool IsOn(CpuState* s) => !s->Guest->TaskSwitched;

    /// <summary>Leaves with #NM. Apart, so that handlers stay short.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static void NotAvailable(CpuState* s, Op* op) => Core.Fault(s, op, ExceptionVector.DeviceNotAvailable);

    /// <summary>Leaves with the #GP of an operand that is not aligned.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static void Misaligned(CpuState* s, Op* op) => Core.Fault(s, op, ExceptionVector.GeneralProtection);

    /// <summary>Whether the unit may be used. False after #NM.</summary>
    public static bool IsAvailable(CpuState* s, Op* op) => IsOn(s) || Core.Fault(s, op, ExceptionVector.DeviceNotAvailable);

    /// <summary>Whether an address is a multiple of 16. False after #GP.</summary>
    public static bool IsAligned(CpuState* s, Op* op, ulong address) => (address & 15) == 0 || Core.Fault(s, op, ExceptionVector.GeneralProtection);
}
