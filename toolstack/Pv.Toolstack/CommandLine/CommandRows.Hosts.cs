namespace Pv.Toolstack.CommandLine;

/// <content>Processors, memory, devices, transfers and the host: in the table so that help knows them.</content>
public static partial class CommandRows
{
    private static CommandRow[] Machines() =>
    [
        new("vcpu-list", "[Domain ...]", "List vCPUs", 0, Built),
        new("vcpu-pin", "[option] <Domain> <VCPU|all> <Hard affinity|-|all> <Soft affinity|-|all>", "Say on which CPUs a vCPU may run", 3, Built | DryRun | Changes)
        {
            Options = [new('0', "ignore-global-affinity-masks", null, "There are no such masks here: does nothing")],
        },
        new("vcpu-set", "[option] <Domain> <vCPUs>", "Say how many vCPUs a domain may use", 2, Built | Changes)
        {
            Options = [new('i', "ignore-host", null, "More than the host has CPUs, if need be")],
        },
        new("mem-set", "<Domain> <MemMB['b'|'k'|'m'|'g'|'t']>", "Say how much memory a domain is to use", 2, Built | Changes),
        new("mem-max", "<Domain> <MemMB['b'|'k'|'m'|'g'|'t']>", "Say how much memory a domain may use", 2, Built | Changes),
        new("sched-credit", "[-d <Domain> [-w[=WEIGHT]|-c[=CAP]]] [-s [-t TSLICE] [-r RATELIMIT]] [-p CPUPOOL]", "Read or set parameters of the credit scheduler", 0, Built | Changes)
        {
            Options =
            [
                .. Share(),
                new('t', "tslice_ms", "TSLICE", "The time slice, in milliseconds"),
                new('m', "migration_delay_us", "DLY", "The migration delay, in microseconds"),
            ],
        },
        new("sched-credit2", "[-d <Domain> [-w[=WEIGHT]|-c[=CAP]]] [-s [-r RATELIMIT]] [-p CPUPOOL]", "Read or set parameters of the credit2 scheduler", 0, Built | Changes)
        {
            Options = Share(),
        },
        new("sched-rtds", "[-d <Domain> [-v[=VCPUID/all]] [-p[=PERIOD]] [-b[=BUDGET]] [-e[=Extratime]]]", "Read or set parameters of the real-time scheduler", 0, Built | Changes)
        {
            Options =
            [
                new('d', "domain", "DOMAIN", "The domain"),
                new('v', "vcpuid", "VCPUID/all", "The vCPU, or all; with more than one, each has its period and budget"),
                new('p', "period", "PERIOD", "The period, in microseconds"),
                new('b', "budget", "BUDGET", "The budget in each period, in microseconds"),
                new('e', "extratime", "Extratime", "1: it may run beyond its budget when nobody else wants to"),
            ],
        },
        new("cpupool-create", "[options] [<ConfigFile>] [Variable=value ...]", "Make a CPU pool", 0, Built | DryRun | Changes)
        {
            Options = [new('f', "defconfig", "FILE", "The configuration file"), new('n', "dryrun", null, "Only tell what would be made")],
        },
        new("cpupool-list", "[-c|--cpus] [<CPU Pool>]", "List the CPU pools", 0, Built)
        {
            Options = [new('c', "cpus", null, "The CPUs of each")],
        },
        new("cpupool-destroy", "<CPU Pool>", "Remove a CPU pool", 1, Built | Changes),
        new("cpupool-rename", "<CPU Pool> <new name>", "Give a CPU pool another name", 2, Built | Changes),
        new("cpupool-cpu-add", "<CPU Pool> <CPU nr>|node:<node nr>", "Add CPUs to a pool", 2, Built | Changes),
        new("cpupool-cpu-remove", "<CPU Pool> <CPU nr>|node:<node nr>", "Take CPUs out of a pool", 2, Built | Changes),
        new("cpupool-migrate", "<Domain> <CPU Pool>", "Move a domain to another pool", 2, Built | Changes),
        new("cpupool-numa-split", "", "Make a CPU pool of each node", 0, Built | Changes),
    ];

    /// <summary>What both proportional schedulers take.</summary>
    private static OptionRow[] Share() =>
    [
        new('d', "domain", "DOMAIN", "The domain"),
        new('w', "weight", "WEIGHT", "Its weight against others': 256 is usual"),
        new('c', "cap", "CAP", "The most that it may run, in per cent of a CPU; 0 for no limit"),
        new('s', "schedparam", null, "The scheduler's own parameters"),
        new('r', "ratelimit_us", "RLIMIT", "The rate limit, in microseconds"),
        new('p', "cpupool", "CPUPOOL", "Of this CPU pool alone"),
    ];

    private static CommandRow[] Devices() =>
    [
        new("block-attach", "<Domain> <disk-spec-component(s)>...", "Add a disk", 2, Built | DryRun | Changes),
        new("block-list", "<Domain(s)>", "List disks", 1, Built),
        new("block-detach", "[option] <Domain> <DevId>", "Remove a disk", 2, Built | Changes)
        {
            Options = [new('f', "force", null, "Do not wait for the domain to let go of it")],
        },
        new("cd-insert", "<Domain> <VirtualDevice> <path>", "Put a disc into a drive", 3, Built | DryRun | Changes),
        new("cd-eject", "<Domain> <VirtualDevice>", "Take the disc out of a drive", 2, Built | DryRun | Changes),
        new("network-attach", "<Domain> [key=value ...]", "Add a network interface (so far only -N)", 1, Built | DryRun | Changes),
        new("network-list", "<Domain(s)>", "List network interfaces", 1),
        new("channel-list", "<Domain(s)>", "List channels", 1, Built),
        new("network-detach", "<Domain> <DevId|mac>", "Remove a network interface", 2, Changes),
    ];

    private static CommandRow[] Transfers() =>
    [
        new("save", "[options] <Domain> <CheckpointFile> [<ConfigFile>]", "Write a domain's state to a file", 2, Changes),
        new("restore", "[options] [<ConfigFile>] <CheckpointFile>", "Bring a saved domain back", 1, Changes),
        new("migrate", "[options] <Domain> <host>", "Move a domain to another host while it runs", 2, Changes),
        new("migrate-receive", "", "Take a domain that another host sends; for xl itself", 0, Changes),
        new("remus", "[options] <Domain> [<host>]", "Keep a copy of a domain on another host", 1, Changes),
        new("dump-core", "<Domain> <filename>", "Write a domain's memory to a file", 2, Built | Changes),
    ];

    private static CommandRow[] Hosts() =>
    [
        new("debug-keys", "<Keys>", "Send debug keys to the hypervisor, which answers in its log (xl dmesg); h lists them", 1, Built | Changes),
        new("set-parameters", "<Params>", "Set parameters of the hypervisor", 1, Built | Changes),
        new("xenstore-quota-get", "<Domain>|-g", "List xenstore quotas, of a domain or (-g) of all that have none of their own", 0, Built)
        {
            Options = [new('g', null, null, "The quotas of all domains that have none of their own")],
        },
        new("xenstore-quota-set", "<Domain>|-g <quota>=<val>...", "Set xenstore quotas", 1, Built | Changes)
        {
            Options = [new('g', null, null, "For all domains that have none of their own")],
        },
        new("help", "[--long] [command]", "Print this list, or the help of one command", 0, Built | Local)
        {
            Options = [new('1', "long", null, "The help of every command")],
        },
        new("version", "", "Print the version of xl", 0, Built),
    ];
}
