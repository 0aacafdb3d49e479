namespace Pv.Toolstack.CommandLine;

/// <content>Domains' lives, and looking at them.</content>
public static partial class CommandRows
{
    private static CommandRow[] Lives() =>
    [
        new("create", "<ConfigFile> [options] [key=value ...]", "Build the domain that a configuration file describes, and start it", 0, Built | DryRun | Changes)
        {
            LeadingWords = 1,
            Options =
            [
                new('c', null, null, "Go to the domain's console once it is built"),
                new('d', null, null, "Show the configuration that was read"),
                new('e', null, null, "Nobody acts when the domain ends; it stays as it ended"),
                new('F', null, null, "Stay in the foreground until the domain has ended for good"),
                new('f', "defconfig", "FILE", "Take the configuration from FILE"),
                new('n', "dryrun", null, "Build nothing; print the configuration as JSON (the global -N does the same)"),
                new('p', null, null, "Leave the domain paused"),
                new('q', "quiet", null, "Say less"),
                new('V', "vncviewer", null, "Open the domain's display (Pv has none)"),
                new('A', "vncviewer-autopass", null, "As -V, with the password"),
                new('1', "ignore-global-affinity-masks", null, "Pay no heed to the host's affinity masks"),
            ],
        },
        new("config-update", "<Domain> <ConfigFile> [options] [key=value ...]", "Replace the configuration that a restart of the domain uses", 1, Built | DryRun | Changes)
        {
            LeadingWords = 2,
            Options =
            [
                new('f', "defconfig", "FILE", "Take the configuration from FILE"),
                new('d', null, null, "Show the configuration that was read"),
            ],
        },
        new("destroy", "[options] <Domain>", "End a domain at once, whatever it is doing", 1, Built | Changes)
        {
            Options = [new('f', null, null, "Allow it for domain 0, too (which Pv refuses all the same)")],
        },
        new("shutdown", "[options] <-a|Domain>", "Ask a domain to shut down", 0, Built | Changes)
        {
            Options =
            [
                new('a', "all", null, "Ask all of them"),
                new('F', null, null, "Fall back to the power button (HVM only)"),
                new('w', "wait", null, "Return when they have shut down"),
            ],
        },
        new("reboot", "[options] <-a|Domain>", "Ask a domain to restart", 0, Built | Changes)
        {
            Options =
            [
                new('a', "all", null, "Ask all of them"),
                new('F', null, null, "Fall back to the reset button (HVM only)"),
                new('w', "wait", null, "Return when they have shut down for it"),
            ],
        },
        new("pause", "<Domain>", "Stop a domain's vCPUs", 1, Built | Changes),
        new("unpause", "<Domain>", "Let a paused domain run on", 1, Built | Changes),
        new("suspend", "<Domain>", "Suspend a domain, leaving it in memory", 1, Built | Changes),
        new("resume", "<Domain>", "Let a suspended domain run on", 1, Built | Changes),
        new("rename", "<Domain> <NewDomainName>", "Give a domain another name", 2, Built | Changes),
        new("trigger", "<Domain> <nmi|reset|init|power|sleep|s3resume> [<VCPU>]", "Send a trigger to a domain (of these a paravirtualized one takes nmi)", 2, Built | Changes),
        new("sysrq", "<Domain> <letter>", "Send a magic system request to a domain", 2, Built | Changes),
    ];

    private static CommandRow[] Views() =>
    [
        new("list", "[options] [Domain]", "List the domains, or one of them", 0, Built | Reads)
        {
            Options =
            [
                new('l', "long", null, "Their whole configuration as JSON"),
                new('v', "verbose", null, "With UUID, shutdown reason and security label"),
                new('Z', "context", null, "With the security label"),
                new('c', "cpupool", null, "With the CPU pool"),
                new('n', "numa", null, "With the node affinity"),
            ],
        },
        new("vm-list", "", "List the domains with their UUIDs", 0, Built),
        new("domid", "<DomainName>", "Print the number of a domain", 1, Built),
        new("domname", "<DomainId>", "Print the name of a domain", 1, Built),
        new("info", "[options] [field]", "Describe the host; with a field's name, print its value alone", 0, Built)
        {
            Options =
            [
                new('n', "numa", null, "With the topology of CPUs, devices and memory"),
                new('x', "xenstore", null, "Only what xenstore offers"),
            ],
        },
        new("uptime", "[-s] [Domain ...]", "Tell how long domains have been running", 0, Built)
        {
            Options = [new('s', null, null, "In the short form of uptime(1)")],
        },
        new("console", "[options] <Domain>", "Attach to a domain's console; Ctrl-] leaves", 1, Built)
        {
            Options =
            [
                new('t', null, "TYPE", "pv (the default), serial or vuart"),
                new('n', null, "NUMBER", "Which console; 0 is the first"),
                new('e', "escape", "CHAR", "Leave with this character instead: x, or ^x for Ctrl-x"),
            ],
        },
        new("dmesg", "[-c]", "Print the hypervisor's log", 0, Built)
        {
            Options = [new('c', null, null, "Empty it afterwards")],
        },
        new("trace", "[options] <Domain> <on|off|show|counts>", "Trace what a domain asks of the hypervisor", 2, Built | Changes | Own)
        {
            Options =
            [
                new('f', "follow", null, "With show: go on until interrupted"),
                new('o', "output", "FILE", "With show: write to FILE"),
            ],
        },
        new("top", "[options]", "Watch the host and its domains", 0, Built)
        {
            Options =
            [
                new('d', "delay", "SECONDS", "Look so often (default: 3)"),
                new('n', "networks", null, "With a line for each network interface"),
                new('x', "vbds", null, "With a line for each disk"),
                new('r', "repeat-header", null, "Repeat the header before each domain"),
                new('v', "vcpus", null, "With the time of each vCPU"),
                new('i', "iterations", "N", "Look so many times, then end"),
                new('b', "batch", null, "Print one table after the other, for a file or a pipe"),
                new('f', "full-name", null, "Names in full, however long"),
                new('z', "dom0-first", null, "Domain 0 stands first, whatever the order"),
            ],
        },
        new("claims", "", "List the memory that domains have claimed and not yet taken", 0, Built),
        new("sharing", "[Domain]", "List the memory that domains share (Pv's share none)", 0, Built),
    ];
}
