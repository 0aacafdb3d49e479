namespace Pv.Toolstack.CommandLine;

/// <content>Devices and hardware that Pv never has. Their lists are empty, and what would add one says why it cannot.</content>
public static partial class CommandRows
{
    private static CommandRow[] OtherDevices() =>
    [
        new("vkb-attach", "<Domain> <vkb-spec-component(s)>...", "Add a keyboard", 2, Absent | DryRun | Changes),
        new("vkb-list", "<Domain(s)>", "List keyboards", 1, Absent),
        new("vkb-detach", "<Domain> <DevId>", "Remove a keyboard", 2, Absent | Changes),
        new("vdispl-attach", "<Domain> [key=value ...]", "Add a display", 1, Absent | DryRun | Changes),
        new("vdispl-list", "<Domain(s)>", "List displays", 1, Absent),
        new("vdispl-detach", "<Domain> <DevId>", "Remove a display", 2, Absent | Changes),
        new("vsnd-attach", "<Domain> <vsnd-spec-component(s)>...", "Add a sound card", 2, Absent | DryRun | Changes),
        new("vsnd-list", "<Domain(s)>", "List sound cards", 1, Absent),
        new("vsnd-detach", "<Domain> <DevId>", "Remove a sound card", 2, Absent | Changes),
        new("vtpm-attach", "<Domain> [key=value ...]", "Add a TPM", 1, Absent | DryRun | Changes),
        new("vtpm-list", "<Domain(s)>", "List TPMs", 1, Absent),
        new("vtpm-detach", "<Domain> <DevId|uuid>", "Remove a TPM", 2, Absent | Changes),
        new("usbctrl-attach", "<Domain> [type=pv] [version=<version>] [ports=<number>]", "Add a USB controller", 1, Absent | Changes),
        new("usbctrl-detach", "<Domain> <DevId>", "Remove a USB controller", 2, Absent | Changes),
        new("usbdev-attach", "<Domain> hostbus=<busnum> hostaddr=<devnum> [controller=<DevId> [port=<port>]]", "Add a USB device", 2, Absent | Changes),
        new("usbdev-detach", "<Domain> <controller> <port>", "Remove a USB device", 3, Absent | Changes),
        new("usb-list", "<Domain>", "List USB controllers and devices", 1, Absent),
        new("pci-attach", "<Domain> <PCI_SPEC_STRING>", "Pass a PCI device through", 2, Absent | Changes),
        new("pci-detach", "<Domain> <PCI_SPEC_STRING>", "Take a PCI device back", 2, Absent | Changes),
        new("pci-list", "<Domain>", "List PCI devices that were passed through", 1, Absent),
        new("pci-assignable-add", "[options] <BDF>", "Make a PCI device assignable", 1, Absent | Changes)
        {
            Options = [new('n', "name", "NAME", "Call it so")],
        },
        new("pci-assignable-remove", "[options] <BDF>|NAME", "Make a PCI device the host's again", 1, Absent | Changes)
        {
            Options = [new('r', null, null, "Give it back to its driver")],
        },
        new("pci-assignable-list", "[options]", "List assignable PCI devices", 0, Absent)
        {
            Options = [new('n', "show-names", null, "With their names")],
        },
        new("vncviewer", "[options] <Domain>", "Open a domain's display", 1, Absent)
        {
            Options = [new('1', "autopass", null, "With the password"), new('2', "vncviewer-autopass", null, "With the password")],
        },
    ];

    private static CommandRow[] Hardware() =>
    [
        new("psr-hwinfo", "[options]", "Describe shared processor resources", 0, Absent | Changes)
        {
            Options =
            [
                new('m', "cmt", null, "The monitoring of caches"),
                new('a', "cat", null, "The allocation of caches"),
                new('b', "mba", null, "The throttling of memory"),
            ],
        },
        new("psr-cmt-attach", "<Domain>", "Watch a domain's cache use", 1, Absent | Changes),
        new("psr-cmt-detach", "<Domain>", "Stop watching it", 1, Absent | Changes),
        new("psr-cmt-show", "<PSR-CMT-Type> <Domain>", "Print a domain's cache use", 1, Absent | Changes),
        new("psr-cat-set", "[options] <Domain> <CBM>", "Set a domain's share of the cache", 2, Absent | Changes)
        {
            Options =
            [
                new('s', "socket", "SOCKET", "On this socket"),
                new('l', "level", "LEVEL", "Of the cache of this level"),
                new('c', "code", null, "For code"),
                new('d', "data", null, "For data"),
            ],
        },
        new("psr-cat-show", "[options] <Domain>", "Print a domain's share of the cache", 0, Absent | Changes)
        {
            Options = [new('l', "level", "LEVEL", "Of the cache of this level")],
        },
        new("psr-mba-set", "[options] <Domain> <THRTL>", "Throttle a domain's memory access", 2, Absent | Changes)
        {
            Options = [new('s', "socket", "SOCKET", "On this socket")],
        },
        new("psr-mba-show", "<Domain>", "Print how a domain's memory access is throttled", 0, Absent | Changes),
        new("button-press", "<Domain> <Button>", "Press an ACPI button", 2, Absent | Changes),
        new("qemu-monitor-command", "<Domain> <Command>", "Speak to a domain's device model", 2, Absent | Changes),
        new("dt-overlay", "<operation=add|remove> <.dtbo>", "Change the device tree of an Arm host", 2, Absent | Changes),
        new("getenforce", "", "Tell whether a security policy is enforced", 0, Absent),
        new("setenforce", "<1|0|Enforcing|Permissive>", "Enforce a security policy, or not", 1, Absent | Changes),
        new("loadpolicy", "<policy file>", "Load a security policy", 1, Absent | Changes),
        new("devd", "[options]", "Serve devices from a driver domain", 0, Absent | Changes)
        {
            Options = [new('F', null, null, "In the foreground"), new('p', "pidfile", "FILE", "Write the process's number there")],
        },
    ];
}
