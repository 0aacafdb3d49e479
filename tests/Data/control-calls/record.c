/*
 * Makes the calls of a file of rows in domain 0 of a real Xen and prints the file with what Xen answered (see README.md here).
 *   gcc -O2 -static -o record record.c && ./record < rows.txt
 */
#define __XEN_TOOLS__ 1
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xen/xen.h>
#include <xen/memory.h>
#include <xen/domctl.h>
#include <xen/sysctl.h>
#include <xen/platform.h>
#include <xen/sys/privcmd.h>

enum { BUFFERS = 4, BUFFER_BYTES = 16 * 4096, MOST_SYMBOLS = 256, MOST_WORDS = 64, LINE = 2048 };

struct name { const char *name; uint64_t value; };

static const struct name domctls[] = {
#define OP(n) { #n, XEN_DOMCTL_##n }
    OP(createdomain), OP(destroydomain), OP(pausedomain), OP(unpausedomain), OP(getdomaininfo), OP(setvcpuaffinity), OP(shadow_op), OP(max_mem),
    OP(setvcpucontext), OP(getvcpucontext), OP(getvcpuinfo), OP(max_vcpus), OP(scheduler_op), OP(setdomainhandle), OP(setdebugging),
    OP(irq_permission), OP(iomem_permission), OP(ioport_permission), OP(hypercall_init), OP(settimeoffset), OP(getvcpuaffinity),
    OP(resumedomain), OP(sendtrigger), OP(subscribe), OP(gethvmcontext), OP(sethvmcontext), OP(set_address_size), OP(get_address_size),
    OP(assign_device), OP(bind_pt_irq), OP(memory_mapping), OP(ioport_mapping), OP(set_ext_vcpucontext), OP(get_ext_vcpucontext),
    OP(test_assign_device), OP(set_target), OP(deassign_device), OP(unbind_pt_irq), OP(get_device_group), OP(debug_op), OP(gethvmcontext_partial),
    OP(vm_event_op), OP(mem_sharing_op), OP(gettscinfo), OP(settscinfo), OP(getpageframeinfo3), OP(setvcpuextstate), OP(getvcpuextstate),
    OP(set_access_required), OP(audit_p2m), OP(set_virq_handler), OP(set_broken_page_p2m), OP(setnodeaffinity), OP(getnodeaffinity),
    OP(cacheflush), OP(get_vcpu_msrs), OP(set_vcpu_msrs), OP(setvnumainfo), OP(psr_cmt_op), OP(monitor_op), OP(psr_alloc), OP(soft_reset),
    OP(vuart_op), OP(get_cpu_policy), OP(set_cpu_policy), OP(vmtrace_op), OP(get_paging_mempool_size), OP(set_paging_mempool_size),
    OP(gdbsx_guestmemio), OP(gdbsx_pausevcpu), OP(gdbsx_unpausevcpu), OP(gdbsx_domstatus),
#undef OP
    { 0 } };

static const struct name sysctls[] = {
#define OP(n) { #n, XEN_SYSCTL_##n }
    OP(readconsole), OP(tbuf_op), OP(physinfo), OP(sched_id), OP(perfc_op), OP(getdomaininfolist), OP(debug_keys), OP(getcpuinfo), OP(availheap),
    OP(get_pmstat), OP(cpu_hotplug), OP(pm_op), OP(page_offline_op), OP(lockprof_op), OP(cputopoinfo), OP(numainfo), OP(cpupool_op),
    OP(scheduler_op), OP(coverage_op), OP(psr_cmt_op), OP(pcitopoinfo), OP(psr_alloc), OP(get_cpu_levelling_caps), OP(get_cpu_featureset),
    OP(livepatch_op), OP(get_cpu_policy),
#undef OP
    { 0 } };

static struct name symbols[MOST_SYMBOLS];
static int symbol_count, privcmd;
static uint8_t *buffers[BUFFERS];
/* The argument of the call under way, and what it was before. */
static uint8_t *argument, before[256];
static int argument_bytes;

static void fail(const char *what, const char *where) { fprintf(stderr, "%s: %s\n", what, where); exit(1); }

static void define(const char *name, uint64_t value)
{
    for (int i = 0; i < symbol_count; i++)
        if (!strcmp(symbols[i].name, name)) { symbols[i].value = value; return; }
    if (symbol_count == MOST_SYMBOLS) fail("too many names", name);
    symbols[symbol_count++] = (struct name){ strdup(name), value };
}

/* A number, or a name, or a name + a number. */
static uint64_t value_of(const char *text)
{
    char name[64], *end;
    if (*text == '-' || (*text >= '0' && *text <= '9')) {
        uint64_t number = *text == '-' ? (uint64_t)strtoll(text, &end, 0) : strtoull(text, &end, 0);
        if (*end) fail("no number", text);
        return number;
    }
    size_t length = strcspn(text, "+*");
    snprintf(name, sizeof(name), "%.*s", (int)length, text);
    for (int i = 0; i < symbol_count; i++)
        if (!strcmp(symbols[i].name, name)) {
            uint64_t value = symbols[i].value;
            if (text[length] == '*') { value *= strtoull(text + length + 1, &end, 0); text = end; } else text += length;
            return *text == '+' ? value + value_of(text + 1) : value;
        }
    fail("unknown name", text);
    return 0;
}

static uint64_t operation(const struct name *names, const char *text)
{
    for (; names->name; names++) if (!strcmp(names->name, text)) return names->value;
    return value_of(text);
}

/* A place: OFF:SIZE in the argument, Bn+OFF:SIZE in a buffer. */
static uint8_t *place(const char *text, int *size, const char **rest)
{
    uint8_t *base = argument;
    char *end;
    if (*text == 'B') { base = buffers[text[1] - '0']; text += 2; if (*text == '+') text++; }
    unsigned long at = *text == ':' ? (end = (char *)text, 0) : strtoul(text, &end, 0);
    if (*end != ':') fail("no place", text);
    *size = (int)strtol(end + 1, &end, 0);
    *rest = end;
    return base + at;
}

static uint64_t get(const uint8_t *at, int size) { uint64_t value = 0; memcpy(&value, at, size); return value; }

static void assign(const char *word)
{
    int size; const char *rest;
    uint8_t *at = place(word, &size, &rest);
    if (*rest != '=') fail("no assignment", word);
    uint64_t value = value_of(rest + 1);
    memcpy(at, &value, size);
}

static uint8_t *map(uint64_t domain, uint64_t mfn)
{
    xen_pfn_t frame = mfn; int error = 0;
    uint8_t *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, privcmd, 0);
    privcmd_mmapbatch_v2_t batch = { .num = 1, .dom = domain, .addr = (uintptr_t)page, .arr = &frame, .err = &error };
    if (page == MAP_FAILED || ioctl(privcmd, IOCTL_PRIVCMD_MMAPBATCH_V2, &batch) || error) fail("map", strerror(errno));
    return page;
}

static long hypercall(uint64_t number, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e)
{
    privcmd_hypercall_t call = { .op = number, .arg = { a, b, c, d, e } };
    long result = ioctl(privcmd, IOCTL_PRIVCMD_HYPERCALL, &call);
    return result < 0 ? -errno : result;
}

static void show(const char *word)
{
    int size; const char *rest;
    uint8_t *at = place(word, &size, &rest);
    printf(" %s=", word);
    if (size > 8) { for (int i = 0; i < size; i++) printf("%02x", at[i]); return; }
    uint64_t value = get(at, size);
    if (*rest == '-') value -= value_of(rest + 1);
    if (*rest == '&') value &= value_of(rest + 1);
    printf("0x%llx", (unsigned long long)value);
}

static void row(char **words, int count)
{
    static uint8_t *page;
    struct xen_domctl *domctl; struct xen_sysctl *sysctl;
    uint64_t call[6] = { 0 };
    int first = 2, outs;
    if (!page) page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_LOCKED | MAP_POPULATE, -1, 0);
    memset(page, 0, 4096);
    for (outs = 0; outs < count && strcmp(words[outs], "?"); outs++);
    domctl = (void *)page; sysctl = (void *)page;
    argument = page; argument_bytes = 128;
    uint64_t domain = 0;
    if (!strcmp(words[0], "domctl")) {
        domctl->cmd = operation(domctls, words[1]); domctl->interface_version = XEN_DOMCTL_INTERFACE_VERSION; domctl->domain = domain = value_of(words[2]);
        argument = page + offsetof(struct xen_domctl, u); first = 3;
        call[0] = __HYPERVISOR_domctl; call[1] = (uintptr_t)page;
    } else if (!strcmp(words[0], "sysctl")) {
        sysctl->cmd = operation(sysctls, words[1]); sysctl->interface_version = XEN_SYSCTL_INTERFACE_VERSION;
        argument = page + offsetof(struct xen_sysctl, u);
        call[0] = __HYPERVISOR_sysctl; call[1] = (uintptr_t)page;
    } else if (!strcmp(words[0], "platform")) {
        struct xen_platform_op *op = (void *)page;
        op->cmd = value_of(words[1]); op->interface_version = XENPF_INTERFACE_VERSION;
        argument = page + offsetof(struct xen_platform_op, u);
        call[0] = __HYPERVISOR_platform_op; call[1] = (uintptr_t)page;
    } else if (!strcmp(words[0], "call")) {
        /* call NUMBER ARG..., where "u" is the argument's address */
        define("u", (uintptr_t)page);
        call[0] = value_of(words[1]);
        for (int i = 1; first < outs && !strchr(words[first], '='); first++, i++) call[i] = value_of(words[first]);
    } else fail("unknown call", words[0]);
    int null = 0;
    for (int i = first; i < outs; i++) {
        if (words[i][0] == '>') continue;
        if (!strncmp(words[i], "version=", 8)) { uint32_t version = value_of(words[i] + 8); memcpy(page + 4, &version, 4); }
        else if (!strcmp(words[i], "null")) null = 1;
        else assign(words[i]);
    }
    memcpy(before, argument, argument_bytes);
    if (null) call[1] = 0;
    long result = hypercall(call[0], call[1], call[2], call[3], call[4], call[5]);
    printf(" -> %ld", result);
    if (words[0][0] == 'd' && domctl->domain != domain && strcmp(words[1], "createdomain")) printf(" dom=%u", domctl->domain);
    if (outs < count) for (int i = outs + 1; i < count; i++) show(words[i]);
    else for (int i = 0; i < argument_bytes; i += 4)
        if (memcmp(before + i, argument + i, 4)) printf(" %d:4=0x%x", i, (unsigned)get(argument + i, 4));
    for (int i = first; i < outs; i++)
        if (words[i][0] == '>') {
            char *equals = strchr(words[i], '=');
            *equals = 0;
            int size; const char *rest;
            if (result < 0) ;
            else if (!strcmp(equals + 1, "dom")) define(words[i] + 1, domctl->domain);
            else { uint8_t *at = place(equals + 1, &size, &rest); define(words[i] + 1, get(at, size)); }
            *equals = '=';
        }
}

/* forget NAME: ends that domain, when the row that should have made it did. */
static void forget(const char *name)
{
    struct xen_domctl *domctl = (void *)(buffers[3] + BUFFER_BYTES - 4096);
    for (int i = 0; i < symbol_count; i++) {
        if (strcmp(symbols[i].name, name)) continue;
        memset(domctl, 0, sizeof(*domctl));
        domctl->cmd = XEN_DOMCTL_destroydomain; domctl->interface_version = XEN_DOMCTL_INTERFACE_VERSION; domctl->domain = symbols[i].value;
        if (hypercall(__HYPERVISOR_domctl, (uintptr_t)domctl, 0, 0, 0, 0)) fail("destroydomain", name);
        symbols[i] = symbols[--symbol_count];
        return;
    }
}

/* populate DOMAIN COUNT: gives memory, and names its frames mfn0, mfn1, … */
static void populate(uint64_t domain, uint64_t count)
{
    uint64_t *frames = (void *)buffers[3];
    struct xen_memory_reservation *reservation = (void *)(buffers[3] + BUFFER_BYTES - 4096);
    memset(reservation, 0, sizeof(*reservation));
    for (uint64_t i = 0; i < count; i++) frames[i] = i;
    set_xen_guest_handle(reservation->extent_start, frames);
    reservation->nr_extents = count; reservation->domid = domain;
    printf(" -> %ld", hypercall(__HYPERVISOR_memory_op, XENMEM_populate_physmap, (uintptr_t)reservation, 0, 0, 0));
    for (uint64_t i = 0; i < count; i++) { char name[16]; snprintf(name, sizeof(name), "mfn%u", (unsigned)i); define(name, frames[i]); }
}

int main(void)
{
    char line[LINE], *words[MOST_WORDS];
    uint8_t *held = NULL;
    privcmd = open("/dev/xen/privcmd", O_RDWR);
    if (privcmd < 0) fail("privcmd", strerror(errno));
    for (int i = 0; i < BUFFERS; i++) {
        char name[8];
        buffers[i] = mmap(NULL, BUFFER_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_LOCKED | MAP_POPULATE, -1, 0);
        if (buffers[i] == MAP_FAILED) fail("buffer", strerror(errno));
        memset(buffers[i], 0, BUFFER_BYTES);
        snprintf(name, sizeof(name), "B%d", i);
        define(name, (uintptr_t)buffers[i]);
    }
    define("dom0", 0); define("self", DOMID_SELF); define("io", DOMID_IO); define("xen", DOMID_XEN); define("cow", DOMID_COW);
    define("invalid", DOMID_INVALID); define("idle", DOMID_IDLE); define("nobody", 0x6fff);
    while (fgets(line, sizeof(line), stdin)) {
        char *answer = strstr(line, " -> ");
        if (answer) *answer = 0;
        line[strcspn(line, "\n")] = 0;
        printf("%s", line);
        int count = 0;
        for (char *word = strtok(line, " "); word && count < MOST_WORDS; word = strtok(NULL, " ")) words[count++] = word;
        if (count && words[0][0] != '#') {
            if (!strcmp(words[0], "fill")) { memset(buffers[words[1][1] - '0'], value_of(words[2]), BUFFER_BYTES); }
            else if (!strcmp(words[0], "put")) for (int i = 1; i < count; i++) assign(words[i]);
            else if (!strcmp(words[0], "forget")) forget(words[1]);
            else if (!strcmp(words[0], "hold")) held = map(value_of(words[1]), value_of(words[2]));
            else if (!strcmp(words[0], "release")) munmap(held, 4096);
            else if (!strcmp(words[0], "populate")) populate(value_of(words[1]), value_of(words[2]));
            else if (!strcmp(words[0], "poke") || !strcmp(words[0], "peek")) {
                /* poke|peek DOMAIN MFN PLACE…: a page of a domain's */
                uint8_t *kept = argument = map(value_of(words[1]), value_of(words[2]));
                if (words[0][1] == 'e') printf(" ->");
                for (int i = 3; i < count; i++) if (words[0][1] == 'o') assign(words[i]); else show(words[i]);
                munmap(kept, 4096);
            } else row(words, count);
        }
        printf("\n");
        fflush(stdout);
    }
    return 0;
}
