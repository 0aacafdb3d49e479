using Pv.Xl;
using Pv.Toolstack.Control;
using Pv.Xl.Link;
using Pv.Xl.Terminal;

try
{
    if (LocalWords.TryAnswer(args) is { } code)
        return code;
    var request = new CommandRequest(args, Environment.CurrentDirectory, Surroundings.Variables(), Surroundings.Terminal());
    var directory = RunDirectory.Open();
    // A pvd that was leaving has not begun with it: the next one does it.
    return Run(request, directory, mayBeLeaving: true) ?? Run(request, directory, mayBeLeaving: false)!.Value;
}
catch (Exception e) when (e is RunDirectoryException or PvdNotRunningException or ControlProtocolException)
{
    StandardStream.Complain("xl: " + e.Message);
    return 1;
}
catch (IOException)
{
    // Nobody reads what we print: as a program does that the signal of a broken pipe ends.
    return 128 + 13;
}

static int? Run(CommandRequest request, RunDirectory directory, bool mayBeLeaving)
{
    using var conversation = new Conversation(PvdStarter.Connect(directory));
    return conversation.Run(request, mayBeLeaving);
}
