namespace Pv.Toolstack.Commands;

/// <summary><c>xl sysrq</c>: one letter for the kernel.</summary>
internal static class SysRqCommand
{
    public static async Task<int> RunAsync(CommandContext context)
    {
        var domain = await context.FindAsync(context.Words.Rest[0]);
        if (context.Words.Rest[1] is not [var letter] || !char.IsAscii(letter))
            throw new WrongUseException("Invalid sysrq: it is one letter.", 1);
        await context.Domains.SendSysRqAsync(domain.Id, letter);
        return 0;
    }
}
