using Pv.Dom0.Hosting;
using Pv.Dom0.Lab;
using Pv.Dom0.XenStore;

var isStore = args is ["xenstored", ..];
if (args.Contains("--help") && args is not ["lab", ..])
{
    Console.WriteLine(isStore ? StandaloneStoreOptions.Help : PvdOptions.Help);
    return 0;
}
try
{
    if (args is ["lab", ..])
        return await LabCommand.RunAsync(args[1..]);
    return isStore
        ? await StandaloneStore.RunAsync(StandaloneStoreOptions.Parse(args[1..]))
        : await PvdHost.RunAsync(PvdOptions.Parse(args));
}
catch (FormatException e)
{
    Console.Error.WriteLine(e.Message);
    return 2;
}
