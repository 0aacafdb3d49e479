// The little that a static program without a C library stands on: system calls of Linux on x86-64, threads, text.

typedef unsigned long long u64;
typedef unsigned int u32;
typedef unsigned short u16;

enum {
    SYS_read = 0, SYS_write = 1, SYS_mmap = 9, SYS_mprotect = 10, SYS_munmap = 11, SYS_rt_sigaction = 13, SYS_rt_sigreturn = 15, SYS_pipe = 22,
    SYS_sched_yield = 24, SYS_mremap = 25, SYS_nanosleep = 35, SYS_setitimer = 38, SYS_clone = 56, SYS_fork = 57, 
    SYS_execve = 59, SYS_exit = 60, SYS_wait4 = 61, SYS_futex = 202, SYS_clock_gettime = 228, SYS_exit_group = 231,
};
enum { SIGSEGV = 11, SIGALRM = 14 };
enum { PROT_READ = 1, PROT_WRITE = 2 };

static long call6(long n, u64 a, u64 b, u64 c, u64 d, u64 e, u64 f)
{
    long result;
    register u64 r10 __asm__("r10") = d;
    register u64 r8 __asm__("r8") = e;
    register u64 r9 __asm__("r9") = f;
    __asm__ volatile("syscall" : "=a"(result) : "a"(n), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9) : "rcx", "r11", "memory");
    return result;
}
#define call0(n) call6(n, 0, 0, 0, 0, 0, 0)
#define call1(n, a) call6(n, a, 0, 0, 0, 0, 0)
#define call2(n, a, b) call6(n, a, b, 0, 0, 0, 0)
#define call3(n, a, b, c) call6(n, a, b, c, 0, 0, 0)
#define call4(n, a, b, c, d) call6(n, a, b, c, d, 0, 0)

static u64 now(void)
{
    u64 time[2];
    call2(SYS_clock_gettime, 1, (u64)time);
    return time[0] * 1000000000ull + time[1];
}

static void sleep_ms(u64 ms)
{
    u64 time[2] = { ms / 1000, ms % 1000 * 1000000 };
    call2(SYS_nanosleep, (u64)time, 0);
}

static void *map(u64 size) { return (void *)call6(SYS_mmap, 0, size, PROT_READ | PROT_WRITE, 0x22, -1, 0); }
static void *map_shared(u64 size) { return (void *)call6(SYS_mmap, 0, size, PROT_READ | PROT_WRITE, 0x21, -1, 0); }

// The kernel returns from a handler through this.
void restore(void);
__asm__("restore: mov $15, %eax\n syscall");

static void catch_signal(int number, void (*handler)(int))
{
    struct { void *handler; u64 flags; void (*restorer)(void); u64 mask; } action = { (void *)handler, 0x04000000 | 0x10000000, restore, 0 };
    call4(SYS_rt_sigaction, number, (u64)&action, 0, 8);
}

static void set_interval(u64 microseconds)
{
    u64 timer[4] = { 0, microseconds, 0, microseconds };
    call3(SYS_setitimer, 0, (u64)timer, 0);
}

// A thread: the new stack holds what to call; the thread ends when that returns.
long spawn(u64 flags, void *stack);
__asm__("spawn: mov $56, %eax\n xor %edx, %edx\n xor %r10d, %r10d\n xor %r8d, %r8d\n syscall\n test %eax, %eax\n jnz 1f\n"
        " pop %rax\n pop %rdi\n call *%rax\n xor %edi, %edi\n mov $60, %eax\n syscall\n 1: ret");

static void start_thread(void (*body)(void *), void *argument)
{
    u64 *top = (u64 *)((char *)map(65536) + 65536) - 4;
    top[0] = (u64)body;
    top[1] = (u64)argument;
    spawn(0x00000100 | 0x00000200 | 0x00000400 | 0x00000800 | 0x00010000, top); // VM, FS, FILES, SIGHAND, THREAD
}

static u64 length(const char *text) { u64 n = 0; while (text[n]) n++; return n; }
static void say(const char *text) { call3(SYS_write, 1, (u64)text, length(text)); }
static void say3(const char *a, const char *b, const char *c) { say(a); say(b); say(c); }

static void say_number(const char *label, u64 value)
{
    char text[24];
    int at = 23;
    text[at] = 0;
    do text[--at] = (char)('0' + value % 10); while (value /= 10);
    say3(label, text + at, "");
}

static int equal(const char *a, const char *b) { while (*a && *a == *b) a++, b++; return *a == *b; }
static u64 number_of(const char *text) { u64 n = 0; while (*text >= '0' && *text <= '9') n = n * 10 + *text++ - '0'; return n; }

int program(int count, char **words);
__attribute__((used)) static void begin(u64 *stack) { call1(SYS_exit_group, program((int)stack[0], (char **)(stack + 1))); }
__asm__(".globl _start\n_start: mov %rsp, %rdi\n and $-16, %rsp\n call begin");
