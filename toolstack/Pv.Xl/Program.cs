using Pv.Xl;
using Pv.Toolstack.Control;
using Pv.Xl.Link;
using Pv.Xl.Terminal;

try
{
    if (LocalWords.TryAnswer(args) is { } code)
        return code;
    var request = new CommandRequest(args, Environment.CurrentDirectory, Surroundings.Variables(), Surroundings.Terminal());
    using var conversation = new Conversation(PvdStarter.Connect(RunDirectory.Open()));
    return conversation.Run(request);
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
