using Pv.Abi;

namespace Pv.Toolstack.Processors;

/// <summary>Schedulers as xl writes them.</summary>
public static class SchedulerNames
{
    public static string Of(SchedulerId id) => id switch
    {
        SchedulerId.Credit => "credit",
        SchedulerId.Credit2 => "credit2",
        SchedulerId.Arinc653 => "arinc653",
        SchedulerId.Rtds => "rtds",
        SchedulerId.Null => "null",
        _ => $"{(uint)id}",
    };

    public static SchedulerId? Find(string name)
    {
        foreach (var id in Enum.GetValues<SchedulerId>())
        {
            if (Of(id) == name)
                return id;
        }
        return null;
    }
}
