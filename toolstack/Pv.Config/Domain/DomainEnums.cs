namespace Pv.Config.Domain;

/// <summary>What a domain is virtualized as (libxl_domain_type).</summary>
public enum DomainType
{
    Hvm = 1,
    Pv = 2,
    Pvh = 3,
}

/// <summary>What is done with a domain that ended (libxl_action_on_shutdown).</summary>
public enum ShutdownAction
{
    Destroy = 1,
    Restart = 2,
    RestartRename = 3,
    Preserve = 4,
    CoredumpDestroy = 5,
    CoredumpRestart = 6,
    SoftReset = 7,
}

/// <summary>The words for <see cref="ShutdownAction"/>.</summary>
public static class ShutdownActions
{
    /// <summary>The action that a configuration file names; null if it names none.</summary>
    public static ShutdownAction? Parse(string text) => text switch
    {
        "destroy" => ShutdownAction.Destroy,
        "restart" => ShutdownAction.Restart,
        "rename-restart" => ShutdownAction.RestartRename,
        "preserve" => ShutdownAction.Preserve,
        "coredump-destroy" => ShutdownAction.CoredumpDestroy,
        "coredump-restart" => ShutdownAction.CoredumpRestart,
        "soft-reset" => ShutdownAction.SoftReset,
        _ => null,
    };

    /// <summary>The word that a configuration file has for it.</summary>
    public static string Name(ShutdownAction action) => action switch
    {
        ShutdownAction.RestartRename => "rename-restart",
        _ => JsonName(action).Replace('_', '-'),
    };

    /// <summary>The word in libxl's JSON, which is not the one of the file.</summary>
    internal static string JsonName(ShutdownAction action) => action switch
    {
        ShutdownAction.Destroy => "destroy",
        ShutdownAction.Restart => "restart",
        ShutdownAction.RestartRename => "restart_rename",
        ShutdownAction.Preserve => "preserve",
        ShutdownAction.CoredumpDestroy => "coredump_destroy",
        ShutdownAction.CoredumpRestart => "coredump_restart",
        _ => "soft_reset",
    };
}
