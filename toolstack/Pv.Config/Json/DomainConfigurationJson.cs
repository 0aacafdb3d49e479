using Newtonsoft.Json.Linq;
using Pv.Config.Domain;

namespace Pv.Config.Json;

/// <summary>
/// The JSON of a domain's configuration as libxl writes it: <c>xl create -n</c>, <c>xl list -l</c>. Members stand in
/// the order of libxl_types.idl; those with their default value are left out.
/// </summary>
public static class DomainConfigurationJson
{
    /// <summary>The text that <c>xl create -n</c> prints, without a newline at the end.</summary>
    public static string Render(DomainConfiguration domain) => YajlText.Render(Convert(domain));

    /// <summary>The object (libxl_domain_config).</summary>
    public static JObject Convert(DomainConfiguration domain)
    {
        var map = new JsonMap()
            .Map("c_info", CreateInfo(domain))
            .Map("b_info", BuildInfoJson.Convert(domain));
        DeviceJson.AppendAll(map, domain);
        Action("on_poweroff", domain.OnPoweroff);
        Action("on_reboot", domain.OnReboot);
        Action("on_watchdog", domain.OnWatchdog);
        Action("on_crash", domain.OnCrash);
        Action("on_soft_reset", domain.OnSoftReset);
        return map.Object;

        // libxl's default is to destroy for every one of them.
        void Action(string name, ShutdownAction action) =>
            map.Text(name, action == ShutdownAction.Destroy ? null : ShutdownActions.JsonName(action));
    }

    /// <summary>libxl_domain_create_info.</summary>
    private static JsonMap CreateInfo(DomainConfiguration domain) => new JsonMap()
        .Text("type", TypeName(domain.Type))
        .Switch("hap", domain.HardwareAssistedPaging)
        .Switch("oos", domain.OutOfSyncShadow)
        .Text("ssid_label", domain.InitialSecurityLabel ?? domain.SecurityLabel)
        .Text("name", domain.Name)
        .Text("uuid", domain.Uuid.ToString("D"))
        .Text("pool_name", domain.Pool)
        .Switch("run_hotplug_scripts", true)
        .Switch("driver_domain", domain.DriverDomain)
        .Text("passthrough", domain.Passthrough)
        .Switch("xend_suspend_evtchn_compat", domain.XendSuspendEventChannelCompatible);

    internal static string TypeName(DomainType type) => type switch
    {
        DomainType.Hvm => "hvm",
        DomainType.Pv => "pv",
        _ => "pvh",
    };
}
