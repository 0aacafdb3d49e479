// What user space asks of a kernel and of the processor below it, all at once and for a while: processes, threads, signals, pipes,
// mappings, futexes, and floating-point state that must survive it. Every part checks its results; one wrong result ends the storm.
// No C library: storm SECONDS. Exits with 0 and one line of counts, or with 1 and one line that says what was wrong.

#include "runtime.h"

#define WORKERS 8

struct counts { volatile u64 forks, execs, signals, blocks, maps, locks, flushes, states; };

static struct counts *counts;
static u64 deadline;

static int over(void) { return now() >= deadline; }

static void fail(const char *what, u64 expected, u64 found)
{
    say3("storm: FAILED ", what, "");
    say_number(" expected ", expected);
    say_number(" found ", found);
    say("\n");
    call1(SYS_exit_group, 1);
}

static void check(const char *what, u64 expected, u64 found)
{
    if (expected != found)
        fail(what, expected, found);
}

static u64 mix(u64 x) { x ^= x >> 33; x *= 0xff51afd7ed558ccdull; x ^= x >> 33; x *= 0xc4ceb9fe1a85ec53ull; return x ^ (x >> 33); }

// -- processes: copy on write, exit codes

static void forks(u64 seed)
{
    static u64 page[4096];
    while (!over()) {
        for (int i = 0; i < 4096; i++)
            page[i] = mix(seed + i);
        int child = (int)call0(SYS_fork);
        if (child < 0)
            fail("fork", 0, -child);
        if (child == 0) {
            u64 sum = 0;
            for (int i = 0; i < 4096; i += 7)
                page[i] = ~page[i];
            for (int i = 0; i < 4096; i++)
                sum += (i % 7 == 0 ? ~page[i] : page[i]) ^ mix(seed + i);
            call1(SYS_exit_group, sum == 0 ? 17 : 18);
        }
        for (int i = 0; i < 4096; i += 64)
            check("a page after fork", mix(seed + i), page[i]);
        int status = 0;
        check("wait", child, call4(SYS_wait4, child, (u64)&status, 0, 0));
        check("a child's exit code", 17 << 8, status);
        __sync_fetch_and_add(&counts->forks, 1);
        seed = mix(seed);
    }
}

static void execs(void)
{
    const char *self = "/proc/self/exe";
    const char *words[] = { self, "exit", 0 }, *none[] = { 0 };
    while (!over()) {
        int child = (int)call0(SYS_fork);
        if (child == 0) {
            call3(SYS_execve, (u64)self, (u64)words, (u64)none);
            call1(SYS_exit_group, 99);
        }
        int status = 0;
        check("wait for exec", child, call4(SYS_wait4, child, (u64)&status, 0, 0));
        check("an executed child's exit code", 23 << 8, status);
        __sync_fetch_and_add(&counts->execs, 1);
    }
}

// -- signals: a timer interrupts a computation whose result must not change

static volatile u64 alarms;
static void on_alarm(int number) { (void)number; alarms++; volatile double spoil = (double)alarms * 1.5; (void)spoil; }

static u64 compute(u64 seed)
{
    double sum = 0;
    u64 bits = seed;
    for (int i = 1; i < 20000; i++) {
        bits = mix(bits + i);
        sum += (double)(bits >> 40) / i;
    }
    return bits ^ (u64)sum;
}

static void signals(u64 seed)
{
    u64 expected = compute(seed), caught = 0;
    catch_signal(SIGALRM, on_alarm);
    set_interval(700);
    while (!over()) {
        check("a computation under signals", expected, compute(seed));
        if (alarms != caught)
            __sync_fetch_and_add(&counts->signals, alarms - caught), caught = alarms;
    }
    set_interval(0);
    if (caught == 0)
        fail("signals of a timer", 1, 0);
}

// -- pipes: numbered blocks through three processes

static void exactly(int write, int file, void *data, u64 size)
{
    for (u64 done = 0; done < size; ) {
        long n = call3(write ? SYS_write : SYS_read, file, (u64)data + done, size - done);
        if (n <= 0)
            fail(write ? "write to a pipe" : "read from a pipe", size, n);
        done += n;
    }
}

static void pipes(u64 seed)
{
    int to[2], through[2], back[2];
    u64 block[300];
    call1(SYS_pipe, (u64)to); call1(SYS_pipe, (u64)through); call1(SYS_pipe, (u64)back);
    for (int stage = 0; stage < 2; stage++) {
        int in = stage ? through[0] : to[0], out = stage ? back[1] : through[1];
        if (call0(SYS_fork) == 0) {
            for (;;) {
                exactly(0, in, block, sizeof block);
                if (block[0] == 0)
                    exactly(1, out, block, sizeof block), call1(SYS_exit_group, 0);
                for (int i = 1; i < 300; i++)
                    block[i] = mix(block[i] + stage);
                exactly(1, out, block, sizeof block);
            }
        }
    }
    for (u64 number = 1; ; number++) {
        int last = over();
        block[0] = last ? 0 : number;
        for (int i = 1; i < 300; i++)
            block[i] = seed + number * i;
        exactly(1, to[1], block, sizeof block);
        exactly(0, back[0], block, sizeof block);
        if (last)
            break;
        check("a block's number", number, block[0]);
        for (int i = 1; i < 300; i += 13)
            check("a block's content", mix(mix(seed + number * i) + 1), block[i]);
        __sync_fetch_and_add(&counts->blocks, 1);
    }
    for (int stage = 0; stage < 2; stage++) {
        int status = 0;
        call4(SYS_wait4, -1, (u64)&status, 0, 0);
        check("a pipe stage's exit code", 0, status);
    }
}

// -- mappings: contents, protection, faults

static volatile u64 *volatile allowed;
static volatile u64 faults;

static void on_fault(int number)
{
    (void)number;
    faults++;
    check("mprotect of a page that faulted", 0, call3(SYS_mprotect, (u64)allowed & ~4095ull, 4096, PROT_READ | PROT_WRITE));
}

static void maps(u64 seed)
{
    catch_signal(SIGSEGV, on_fault);
    for (u64 round = 0; !over(); round++) {
        u64 pages = 1 + mix(seed + round) % 64;
        volatile u64 *area = map(pages * 4096);
        for (u64 i = 0; i < pages; i++)
            check("a fresh page", 0, area[i * 512 + 5]), area[i * 512] = mix(seed ^ i);
        check("mprotect", 0, call3(SYS_mprotect, (u64)area, pages * 4096, PROT_READ));
        for (u64 i = 0; i < pages; i += 3) {
            u64 before = faults;
            allowed = &area[i * 512];
            area[i * 512] += 1;
            check("a fault on a read-only page", before + 1, faults);
        }
        check("mprotect", 0, call3(SYS_mprotect, (u64)area, pages * 4096, PROT_READ | PROT_WRITE));
        area = (volatile u64 *)call4(SYS_mremap, (u64)area, pages * 4096, (pages + 8) * 4096, 1);
        check("a failure of mremap", 0, (u64)area >> 63);
        for (u64 i = 0; i < pages; i++)
            check("a page's content", mix(seed ^ i) + (i % 3 == 0), area[i * 512]);
        call2(SYS_munmap, (u64)area, (pages + 8) * 4096);
        __sync_fetch_and_add(&counts->maps, pages);
    }
}

// -- threads: a mutex of futexes, atomics, and the order of stores

static struct { volatile int lock; volatile u64 guarded[4]; volatile u64 atomic; volatile u32 ready; volatile u64 payload; volatile u64 passed; int running; } shared;

static void lock(volatile int *word)
{
    int seen = __sync_val_compare_and_swap(word, 0, 1);
    while (seen != 0) {
        if (seen == 2 || __sync_val_compare_and_swap(word, 1, 2) != 0)
            call4(SYS_futex, (u64)word, 0, 2, 0);
        seen = __sync_val_compare_and_swap(word, 0, 2);
    }
}

static void unlock(volatile int *word)
{
    if (__sync_fetch_and_sub(word, 1) != 1) {
        __atomic_store_n(word, 0, __ATOMIC_SEQ_CST);
        call4(SYS_futex, (u64)word, 1, 1, 0);
    }
}

static void locker(void *argument)
{
    u64 rounds = 0;
    (void)argument;
    while (!over()) {
        for (int i = 0; i < 50; i++, rounds++) {
            lock(&shared.lock);
            u64 first = shared.guarded[0];
            for (int k = 1; k < 4; k++)
                if (shared.guarded[k] != first)
                    fail("what a mutex guards", first, shared.guarded[k]);
            for (int k = 0; k < 4; k++)
                shared.guarded[k] = first + 1;
            unlock(&shared.lock);
            __sync_fetch_and_add(&shared.atomic, 3);
        }
    }
    __sync_fetch_and_add(&counts->locks, rounds);
    __sync_fetch_and_sub(&shared.running, 1);
}

static void sender(void *argument)
{
    (void)argument;
    for (u64 i = 1; !over(); i++) {
        shared.payload = mix(i);
        __atomic_store_n(&shared.ready, (u32)i, __ATOMIC_RELEASE);
        u64 spins = 0;
        while (__atomic_load_n(&shared.passed, __ATOMIC_ACQUIRE) != i && !over())
            if (++spins % 1000 == 0)
                call0(SYS_sched_yield);
    }
    __sync_fetch_and_sub(&shared.running, 1);
}

static void receiver(void *argument)
{
    (void)argument;
    for (u64 i = 1; ; i++) {
        u64 spins = 0;
        while (__atomic_load_n(&shared.ready, __ATOMIC_ACQUIRE) != (u32)i) {
            if (over())
                goto out;
            if (++spins % 1000 == 0)
                call0(SYS_sched_yield);
        }
        check("a payload behind its flag", mix(i), shared.payload);
        __atomic_store_n(&shared.passed, i, __ATOMIC_RELEASE);
    }
out:
    __sync_fetch_and_sub(&shared.running, 1);
}

static void threads(void)
{
    shared.running = 6;
    for (int i = 0; i < 4; i++)
        start_thread(locker, 0);
    start_thread(sender, 0);
    start_thread(receiver, 0);
    while (__atomic_load_n(&shared.running, __ATOMIC_SEQ_CST) > 0)
        sleep_ms(20);
    check("atomic additions", shared.guarded[0] * 3, shared.atomic);
}

// -- flushes: once a mapping is gone for one thread, it is gone for all

static struct { volatile u64 *page; volatile u64 stop; volatile int caught; volatile int running; } prey;

static void on_gone(int number)
{
    (void)number;
    __sync_fetch_and_add(&prey.caught, 1);
    while (prey.stop && !over())
        call0(SYS_sched_yield);
    if (over())
        call3(SYS_mprotect, (u64)prey.page, 4096, PROT_READ | PROT_WRITE);
}

static void writer(void *argument)
{
    u64 index = (u64)argument;
    while (!over())
        for (int i = 0; i < 100; i++)
            prey.page[index]++;
    __sync_fetch_and_sub(&prey.running, 1);
}

static void flushes(void)
{
    catch_signal(SIGSEGV, on_gone);
    prey.page = map(4096);
    prey.running = 2;
    start_thread(writer, (void *)8);
    start_thread(writer, (void *)16);
    while (!over()) {
        sleep_ms(1);
        prey.stop = 1;
        call3(SYS_mprotect, (u64)prey.page, 4096, PROT_READ);
        u64 one = prey.page[8], two = prey.page[16];
        for (int i = 0; i < 2000; i++)
            __asm__ volatile("pause");
        u64 later_one = prey.page[8], later_two = prey.page[16];
        // When the time is over, those who were caught make it writable themselves.
        if (over())
            break;
        check("a page that one thread may no longer write", one, later_one);
        check("a page that one thread may no longer write", two, later_two);
        call3(SYS_mprotect, (u64)prey.page, 4096, PROT_READ | PROT_WRITE);
        prey.stop = 0;
        __sync_fetch_and_add(&counts->flushes, 1);
    }
    prey.stop = 0;
    call3(SYS_mprotect, (u64)prey.page, 4096, PROT_READ | PROT_WRITE);
    while (__atomic_load_n(&prey.running, __ATOMIC_SEQ_CST) > 0)
        sleep_ms(5);
}

// -- states: what one process has in its floating-point and vector registers is its own

static void states(u64 seed)
{
    u64 in[32], out[32];
    u64 control = 0x037f | (seed & 3) << 10;
    while (!over()) {
        for (int i = 0; i < 32; i++)
            in[i] = mix(seed + i);
        double held = (double)(seed % 1000003), back = 0;
        u16 word = (u16)control, word_back = 0;
        __asm__ volatile(
            "fninit\n fldcw %[word]\n fldl %[held]\n"
            "movdqu (%[in]), %%xmm0\n movdqu 16(%[in]), %%xmm1\n movdqu 32(%[in]), %%xmm2\n movdqu 48(%[in]), %%xmm3\n"
            "movdqu 64(%[in]), %%xmm4\n movdqu 80(%[in]), %%xmm5\n movdqu 96(%[in]), %%xmm6\n movdqu 112(%[in]), %%xmm7\n"
            "movdqu 128(%[in]), %%xmm8\n movdqu 144(%[in]), %%xmm9\n movdqu 160(%[in]), %%xmm10\n movdqu 176(%[in]), %%xmm11\n"
            "movdqu 192(%[in]), %%xmm12\n movdqu 208(%[in]), %%xmm13\n movdqu 224(%[in]), %%xmm14\n movdqu 240(%[in]), %%xmm15\n"
            "mov $24, %%eax\n syscall\n"
            "mov $2000, %%ebx\n 1: dec %%ebx\n jnz 1b\n"
            "mov $24, %%eax\n syscall\n"
            "movdqu %%xmm0, (%[out])\n movdqu %%xmm1, 16(%[out])\n movdqu %%xmm2, 32(%[out])\n movdqu %%xmm3, 48(%[out])\n"
            "movdqu %%xmm4, 64(%[out])\n movdqu %%xmm5, 80(%[out])\n movdqu %%xmm6, 96(%[out])\n movdqu %%xmm7, 112(%[out])\n"
            "movdqu %%xmm8, 128(%[out])\n movdqu %%xmm9, 144(%[out])\n movdqu %%xmm10, 160(%[out])\n movdqu %%xmm11, 176(%[out])\n"
            "movdqu %%xmm12, 192(%[out])\n movdqu %%xmm13, 208(%[out])\n movdqu %%xmm14, 224(%[out])\n movdqu %%xmm15, 240(%[out])\n"
            "fstpl %[back]\n fnstcw %[word_back]\n"
            : [back] "=m"(back), [word_back] "=m"(word_back)
            : [in] "r"(in), [out] "r"(out), [held] "m"(held), [word] "m"(word)
            : "rax", "rbx", "rcx", "r11", "memory", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7",
              "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15");
        for (int i = 0; i < 32; i++)
            check("a vector register", in[i], out[i]);
        check("a floating-point register", (u64)held, (u64)back);
        check("the floating-point control word", word, word_back);
        __sync_fetch_and_add(&counts->states, 1);
        seed = mix(seed);
    }
}

int program(int count, char **words)
{
    if (count > 1 && equal(words[1], "exit"))
        return 23;
    u64 seconds = count > 1 ? number_of(words[1]) : 10;
    deadline = now() + seconds * 1000000000ull;
    counts = map_shared(4096);
    int children[WORKERS];
    for (int i = 0; i < WORKERS; i++) {
        children[i] = (int)call0(SYS_fork);
        if (children[i] != 0)
            continue;
        switch (i) {
        case 0: forks(i + 1); break;
        case 1: execs(); break;
        case 2: signals(i + 1); break;
        case 3: pipes(i + 1); break;
        case 4: maps(i + 1); break;
        case 5: threads(); break;
        case 6: flushes(); break;
        case 7: if (call0(SYS_fork) == 0) states(77), call1(SYS_exit_group, 0); states(i + 1); int status = 0; call4(SYS_wait4, -1, (u64)&status, 0, 0); check("the other holder of states", 0, status); break;
        }
        return 0;
    }
    int wrong = 0;
    for (int i = 0; i < WORKERS; i++) {
        int status = 0;
        call4(SYS_wait4, children[i], (u64)&status, 0, 0);
        wrong |= status;
    }
    if (wrong != 0) {
        say_number("storm: FAILED a part ended with status ", wrong);
        say("\n");
        return 1;
    }
    say_number("storm: right: forks ", counts->forks);
    say_number(" execs ", counts->execs);
    say_number(" signals ", counts->signals);
    say_number(" blocks ", counts->blocks);
    say_number(" pages ", counts->maps);
    say_number(" locks ", counts->locks);
    say_number(" flushes ", counts->flushes);
    say_number(" states ", counts->states);
    say("\n");
    return 0;
}
