using Pv.Abi;

namespace Pv.Tests.Fuzzing;

// Traps, callbacks, debug registers, questions, what does not exist, and what is not a guest's.
internal sealed partial class CallGrammar
{
    private static readonly Rule[] TrapRules =
    [
        new(2, grammar => grammar.TrapTable()), new(2, grammar => grammar.Callback()), new(3, grammar => grammar.RegisterCall()), new(2, grammar => grammar.Physdev()),
        new(2, grammar => grammar.Version()), new(2, grammar => grammar.Nonsense()), new(1, grammar => grammar.Iret()),
    ];

    private void TrapTable()
    {
        var count = _dice.Below(6);
        for (var i = 0; i <= count; i++)
        {
            Image(i * TrapInfo.WireSize, new TrapInfo
            {
                Vector = (byte)_dice.Next(), Flags = (TrapFlags)_dice.Below(8), Cs = (ushort)_dice.Next(), Address = i == count ? 0 : _dice.OneIn(8) ? Odd() : 0x1000,
            });
        }
        Call(FuzzLabels.Calls[(int)HypercallNumber.SetTrapTable], HypercallNumber.SetTrapTable, _dice.OneIn(10) ? 0 : Where(0));
    }

    private void Callback()
    {
        switch (_dice.Below(3))
        {
            case 0:
                Call(FuzzLabels.Calls[(int)HypercallNumber.NmiOp], HypercallNumber.NmiOp, (ulong)_dice.Below(3), Put(0, _dice.OneIn(3) ? Odd() : 0x1000ul));
                break;
            case 1:
                Call(FuzzLabels.Calls[(int)HypercallNumber.SetCallbacks], HypercallNumber.SetCallbacks, Odd(), Odd(), Odd());
                break;
            default:
                Call(FuzzLabels.Calls[(int)HypercallNumber.CallbackOp], HypercallNumber.CallbackOp, (ulong)_dice.Below(3),
                    Put(0, new CallbackRegister { Type = (CallbackType)_dice.Below(9), Flags = (CallbackFlags)_dice.Below(3), Address = _dice.OneIn(3) ? Odd() : 0x1000 }));
                break;
        }
    }

    private void RegisterCall()
    {
        switch (_dice.Below(6))
        {
            case 0:
                Call(FuzzLabels.Calls[(int)HypercallNumber.StackSwitch], HypercallNumber.StackSwitch, Odd(), Odd());
                break;
            case 1:
                Call(FuzzLabels.Calls[(int)HypercallNumber.FpuTaskswitch], HypercallNumber.FpuTaskswitch, (ulong)_dice.Below(2));
                break;
            case 2:
                Call(FuzzLabels.Calls[(int)HypercallNumber.SetDebugRegister], HypercallNumber.SetDebugRegister, _dice.OneIn(8) ? Odd() : (ulong)_dice.Below(9), Odd());
                break;
            case 3:
                Call(FuzzLabels.Calls[(int)HypercallNumber.GetDebugRegister], HypercallNumber.GetDebugRegister, _dice.OneIn(8) ? Odd() : (ulong)_dice.Below(9));
                break;
            case 4:
                Call(FuzzLabels.Calls[(int)HypercallNumber.VmAssist], HypercallNumber.VmAssist, (ulong)_dice.Below(3), _dice.OneIn(8) ? Odd() : (ulong)_dice.Of(0, 1, 2, 3, 4, 5, 6, 32, 63, 64));
                break;
            default:
                Call(FuzzLabels.Calls[(int)HypercallNumber.SetSegmentBase], Lesson.Nothing, 0, 0, HypercallNumber.SetSegmentBase, (ulong)_dice.Below(5), Odd(), simple: false);
                break;
        }
    }

    private void Physdev()
    {
        var operation = (ulong)_dice.Below(34);
        if (_dice.OneIn(5))
        {
            Image(0, operation);
            Image(8, _dice.OneIn(2) ? (ulong)_dice.Below(6) : Odd());
            Call(FuzzLabels.Calls[(int)HypercallNumber.PhysdevOpCompat], HypercallNumber.PhysdevOpCompat, Where(0));
            return;
        }
        if (operation is (ulong)PhysdevOperation.SetIoBitmap)
            Image(0, new PhysdevSetIoBitmap { PortCount = _dice.Of(0u, 65536u, 65537u, uint.MaxValue) });
        else if (operation is (ulong)PhysdevOperation.PirqEoiGmfnV1 or (ulong)PhysdevOperation.PirqEoiGmfnV2)
            Image(0, new PhysdevPirqEoiGmfn { Gmfn = Frame(FrameUse.Data).Value });
        else
            Image(0, _dice.OneIn(2) ? (ulong)_dice.Below(6) : Odd());
        Call(FuzzLabels.Physdev[(int)operation], HypercallNumber.PhysdevOp, operation, Where(0));
    }

    private void Version()
    {
        var operation = (ulong)_dice.Below(13);
        Image(0, new XenFeatureInfo { SubmapIndex = (uint)_dice.Below(3) });
        Call(FuzzLabels.Versions[(int)operation], HypercallNumber.XenVersion, operation, _dice.OneIn(4) ? 0 : Where(0));
    }

    private void Nonsense()
    {
        if (_dice.OneIn(3))
        {
            // A toolstack's calls, which are not the guest's to make.
            var isDomctl = _dice.OneIn(2);
            Image(0, isDomctl ? (ulong)(uint)_dice.Below(90) | (ulong)Domctl.CurrentInterfaceVersion << 32 : (ulong)(uint)_dice.Below(30) | (ulong)Sysctl.CurrentInterfaceVersion << 32);
            var number = isDomctl ? HypercallNumber.Domctl : HypercallNumber.Sysctl;
            Call(FuzzLabels.Calls[(int)number], number, Where(0));
            return;
        }
        var any = _dice.OneIn(4) ? Odd() : _dice.Of(7ul, 11ul, 18ul, 27ul, 31ul, 34ul, 37ul, 38ul, 39ul, 40ul, 41ul, 42ul, 43ul, 47ul, 48ul, 49ul, 55ul, 56ul, 63ul, 64ul);
        Image(0, Odd());
        Call(FuzzLabels.Calls[any is < 64 and not ((ulong)HypercallNumber.Iret or (ulong)HypercallNumber.Multicall) ? (int)any : 63], Lesson.Nothing, 0, 0, (HypercallNumber)any, _dice.OneIn(2) ? (ulong)_dice.Below(8) : Where(0), Where(0), Odd(), Odd(), simple: false);
        // A number that is wider than 32 bits must not be cut to one that exists.
        _registers = _registers with { Number = any };
    }

    private void Iret() => Call(FuzzLabels.Calls[(int)HypercallNumber.Iret], Lesson.Nothing, 0, 0, HypercallNumber.Iret, simple: false);
}
