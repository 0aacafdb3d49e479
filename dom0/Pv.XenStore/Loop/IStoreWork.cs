namespace Pv.XenStore;

/// <summary>Something that wants a turn on the daemon's loop.</summary>
internal interface IStoreWork
{
    void Run();
}
