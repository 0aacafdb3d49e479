using Pv.Dom0.Hosting;

if (args.Contains("--help"))
{
    Console.WriteLine(PvdOptions.Help);
    return 0;
}
try
{
    return await PvdHost.RunAsync(PvdOptions.Parse(args));
}
catch (FormatException e)
{
    Console.Error.WriteLine(e.Message);
    return 2;
}
