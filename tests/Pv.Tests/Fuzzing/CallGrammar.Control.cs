using Pv.Abi;

namespace Pv.Tests.Fuzzing;

// domctl and sysctl as a toolstack that went wrong might make them. Its addresses are the process's own, so they alone are always right.
internal sealed partial class CallGrammar
{
    private const int Buffer = 0x400;

    private static readonly Rule[] ControlRules = [new(40, grammar => grammar.Control()), new(12, grammar => grammar.SystemControl())];

    private void Control()
    {
        var operation = (DomctlOperation)(_dice.OneIn(8) ? 1 + _dice.Below(90) : _dice.Of(3, 4, 5, 9, 11, 12, 13, 14, 15, 16, 17, 24, 25, 27, 28, 35, 36, 59, 61, 68, 69, 74, 79, 82, 85, 86));
        // The machine's own driver makes and ends domains, and knows which are stopped.
        if (operation is DomctlOperation.CreateDomain or DomctlOperation.DestroyDomain or DomctlOperation.UnpauseDomain or DomctlOperation.SoftReset)
            operation = DomctlOperation.GetDomainInfo;
        var domctl = new Domctl { Operation = operation, InterfaceVersion = _dice.OneIn(40) ? (uint)Odd() : Domctl.CurrentInterfaceVersion, Domain = _dice.OneIn(8) ? Domain() : Other().Domain.Id };
        Span<byte> argument = domctl.Argument;
        var words = System.Runtime.InteropServices.MemoryMarshal.Cast<byte, ulong>(argument);
        for (var i = 0; i < words.Length; i++)
            words[i] = _dice.OneIn(3) ? Odd() : (ulong)_dice.Below(4);
        Fill(ref domctl, words);
        Call(FuzzLabels.Domctls[Math.Min((int)operation, 95)], Lesson.Nothing, 0, 0, HypercallNumber.Domctl, Put(0, domctl), simple: false);
    }

    /// <summary>Puts addresses where the operation has some, and what keeps the domain usable.</summary>
    private void Fill(ref Domctl domctl, Span<ulong> words)
    {
        switch (domctl.Operation)
        {
            case DomctlOperation.MaxMemory:
                words[0] = _dice.OneIn(8) ? Odd() : (ulong)(60 + _dice.Below(80)) * 4;
                break;
            case DomctlOperation.MaxVcpus:
                words[0] = (ulong)_dice.Below(5);
                break;
            case DomctlOperation.SetVcpuContext or DomctlOperation.GetVcpuContext:
                words[0] = VcpuNumber();
                words[1] = Good(Buffer);
                Image(Buffer, new VcpuGuestContext { Flags = (VcpuContextFlags)Odd() });
                break;
            case DomctlOperation.SetVcpuAffinity or DomctlOperation.GetVcpuAffinity:
                (words[0], words[1], words[2], words[3], words[4]) = (VcpuNumber() | (ulong)(uint)_dice.Below(8) << 32, Good(Buffer), (ulong)_dice.Of(0u, 1u, 8u, 64u), Good(Buffer + 64), (ulong)_dice.Of(0u, 1u, 8u, 64u));
                Image(Buffer, Odd());
                Image(Buffer + 64, Odd());
                break;
            case DomctlOperation.SchedulerOp:
                words[0] = _dice.Of(5ul, 6ul, 8ul, 9ul, 6ul, 6ul) | (ulong)(uint)_dice.Below(5) << 32;
                if (words[0] >> 32 >= 2)
                    (words[1], words[2]) = (Good(Buffer), (ulong)_dice.Below(4));
                Image(Buffer, Odd());
                Image(Buffer + 64, Odd());
                break;
            default:
                // Operations that are not known here by name get no address that might be followed, and no length.
                if (domctl.Operation is not (DomctlOperation.PauseDomain or DomctlOperation.GetDomainInfo or DomctlOperation.GetVcpuInfo or DomctlOperation.SendTrigger
                    or DomctlOperation.SetDomainHandle or DomctlOperation.SetTimeOffset or DomctlOperation.ResumeDomain))
                    words.Clear();
                break;
        }
    }

    private void SystemControl()
    {
        var operation = (SysctlOperation)(_dice.OneIn(8) ? 1 + _dice.Below(30) : _dice.Of(1, 3, 4, 6, 8, 9, 16, 17, 18, 19));
        // Keys fill the log with tables, and take their time.
        if (operation == SysctlOperation.DebugKeys && !_dice.OneIn(50))
            operation = SysctlOperation.SchedulerId;
        var sysctl = new Sysctl { Operation = operation, InterfaceVersion = _dice.OneIn(40) ? (uint)Odd() : Sysctl.CurrentInterfaceVersion };
        Span<byte> argument = sysctl.Argument;
        var words = System.Runtime.InteropServices.MemoryMarshal.Cast<byte, ulong>(argument);
        switch (operation)
        {
            case SysctlOperation.ReadConsole:
                (words[0], words[1], words[2]) = ((uint)_dice.Below(512) | Odd() << 32, Good(Buffer), (ulong)_dice.Below(0x800));
                break;
            case SysctlOperation.GetDomainInfoList:
                (words[0], words[1]) = (Domain().Value | (ulong)(uint)_dice.Below(8) << 32, Good(Buffer));
                break;
            case SysctlOperation.DebugKeys:
                Image(Buffer, _dice.Next());
                (words[0], words[1]) = (Good(Buffer), (ulong)_dice.Below(3));
                break;
            case SysctlOperation.GetCpuInfo:
                (words[0], words[1]) = ((ulong)_dice.Below(9), Good(Buffer));
                break;
            case SysctlOperation.CpuPoolOp:
                // Asking alone: what moves domains between pools is the scheduler's own test.
                (words[0], words[1]) = (_dice.Of(3ul, 7ul, 8ul, 0ul) | (ulong)(uint)_dice.Below(4) << 32, Odd());
                (words[3], words[4]) = (Good(Buffer), (ulong)_dice.Of(0u, 8u, 64u));
                break;
            case SysctlOperation.SchedulerOp:
                (words[0], words[1], words[2]) = ((uint)_dice.Below(2) | _dice.Of(5ul, 6ul, 8ul, 9ul) << 32, (ulong)_dice.Below(3), Odd());
                break;
            default:
                // No address that might be followed, and no length.
                break;
        }
        Image(Buffer + 0x1000, 0);
        Call(FuzzLabels.Sysctls[(int)operation], Lesson.Nothing, 0, 0, HypercallNumber.Sysctl, Put(0, sysctl), simple: false);
    }
}
