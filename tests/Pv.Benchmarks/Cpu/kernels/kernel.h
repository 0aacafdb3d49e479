/*
 * What all kernels share: an entry without a C library, and a result line "<result> <nanoseconds>\n" on standard output, both as 16
 * hexadecimal digits. The time is the process's own CPU time, so that a busy machine does not count.
 */
typedef unsigned char u8;
typedef unsigned int u32;
typedef unsigned long u64;

u64 kernel(void);

static inline long call(long number, long a, long b, long c)
{
    long result;
    __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
    return result;
}

static u64 now(void)
{
    u64 time[2] = { 0, 0 };
    call(228, 2, (long)time, 0); /* clock_gettime(CLOCK_PROCESS_CPUTIME_ID) */
    return time[0] * 1000000000ul + time[1];
}

static void digits(u8 *to, u64 value)
{
    for (int i = 0; i < 16; i++)
        to[i] = "0123456789abcdef"[value >> (60 - 4 * i) & 15];
}

__attribute__((force_align_arg_pointer, used)) void _start(void)
{
    u8 line[34];
    u64 start = now();
    u64 result = kernel();
    digits(line + 17, now() - start);
    digits(line, result);
    line[16] = ' ';
    line[33] = '\n';
    call(1, 1, (long)line, sizeof line); /* write */
    call(60, 0, 0, 0);                   /* exit */
    __builtin_unreachable();
}
