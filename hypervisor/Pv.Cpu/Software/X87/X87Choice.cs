using Iced.Intel;

namespace Pv.Cpu.Software;

/// <summary>The part of the choice that is x87.</summary>
// SAFETY: takes addresses of static methods only.
internal static unsafe partial class GeneralChoice
{
    private static delegate*<CpuState*, Op*, GeneralRecord*, bool> OfX87(in Instruction instruction)
    {
        switch (instruction.Mnemonic)
        {
            case Mnemonic.Fadd or Mnemonic.Faddp or Mnemonic.Fiadd or Mnemonic.Fsub or Mnemonic.Fsubp or Mnemonic.Fisub or Mnemonic.Fsubr
                or Mnemonic.Fsubrp or Mnemonic.Fisubr or Mnemonic.Fmul or Mnemonic.Fmulp or Mnemonic.Fimul or Mnemonic.Fdiv or Mnemonic.Fdivp
                or Mnemonic.Fidiv or Mnemonic.Fdivr or Mnemonic.Fdivrp or Mnemonic.Fidivr:
                return &X87Arithmetic.Binary;
            case Mnemonic.Fsqrt:
                return &X87Arithmetic.SquareRoot;
            case Mnemonic.Fchs or Mnemonic.Fabs:
                return &X87Arithmetic.Sign;
            case Mnemonic.Fcom or Mnemonic.Fcomp or Mnemonic.Fcompp or Mnemonic.Ficom or Mnemonic.Ficomp or Mnemonic.Fucom or Mnemonic.Fucomp
                or Mnemonic.Fucompp or Mnemonic.Fcomi or Mnemonic.Fcomip or Mnemonic.Fucomi or Mnemonic.Fucomip or Mnemonic.Ftst:
                return &X87Comparison.Compare;
            case Mnemonic.Fxam:
                return &X87Comparison.Examine;
            case Mnemonic.Fld or Mnemonic.Fild:
                return &X87Loads.Load;
            case Mnemonic.Fbld:
                return &X87Loads.LoadDecimal;
            case Mnemonic.Fld1 or Mnemonic.Fldz or Mnemonic.Fldpi or Mnemonic.Fldl2e or Mnemonic.Fldl2t or Mnemonic.Fldlg2 or Mnemonic.Fldln2:
                return &X87Loads.Constant;
            case Mnemonic.Fst or Mnemonic.Fstp or Mnemonic.Fstpnce:
                return &X87Stores.Store;
            case Mnemonic.Fist or Mnemonic.Fistp or Mnemonic.Fisttp:
                return &X87Stores.StoreInteger;
            case Mnemonic.Fbstp:
                return &X87Stores.StoreDecimal;
            case Mnemonic.Fxch:
                return &X87Registers.Exchange;
            case Mnemonic.Fcmovb or Mnemonic.Fcmovnb or Mnemonic.Fcmove or Mnemonic.Fcmovne or Mnemonic.Fcmovbe or Mnemonic.Fcmovnbe
                or Mnemonic.Fcmovu or Mnemonic.Fcmovnu:
                return &X87Registers.MoveIf;
            case Mnemonic.Fincstp or Mnemonic.Fdecstp or Mnemonic.Ffree or Mnemonic.Ffreep or Mnemonic.Fnop:
                return &X87Registers.MoveStack;
            case Mnemonic.Frndint:
                return &X87Scaling.RoundToIntegral;
            case Mnemonic.Fscale:
                return &X87Scaling.Scale;
            case Mnemonic.Fxtract:
                return &X87Scaling.Extract;
            case Mnemonic.Fprem or Mnemonic.Fprem1:
                return &X87Remainder.Execute;
            case Mnemonic.Fsin or Mnemonic.Fcos or Mnemonic.Fsincos or Mnemonic.Fptan:
                return &X87Transcendental.Trigonometric;
            case Mnemonic.F2xm1:
                return &X87Transcendental.PowerLessOne;
            case Mnemonic.Fpatan or Mnemonic.Fyl2x or Mnemonic.Fyl2xp1:
                return &X87Transcendental.OfTwo;
            case Mnemonic.Wait:
                return &X87Control.Wait;
            case Mnemonic.Fldcw:
                return &X87Control.LoadControl;
            case Mnemonic.Fnstcw:
                return &X87Control.StoreControl;
            case Mnemonic.Fnstsw:
                return &X87Control.StoreStatus;
            case Mnemonic.Fninit:
                return &X87Control.Initialise;
            case Mnemonic.Fnclex:
                return &X87Control.ClearExceptions;
            case Mnemonic.Fneni or Mnemonic.Fndisi or Mnemonic.Fnsetpm:
                return &X87Control.Nothing;
            case Mnemonic.Fnstenv:
                return &X87Control.StoreEnvironment;
            case Mnemonic.Fldenv:
                return &X87Control.LoadEnvironment;
            case Mnemonic.Fnsave:
                return &X87Control.Save;
            case Mnemonic.Frstor:
                return &X87Control.Restore;
            default:
                return null;
        }
    }
}
