/* A copy loop of 8-byte words between two aligned buffers. */
#include "kernel.h"

static u64 from[8192] __attribute__((aligned(65536)));
static u64 to[8192] __attribute__((aligned(65536)));

__attribute__((noinline)) static void copy(u64 *restrict target, const u64 *restrict source, u64 words)
{
    for (u64 i = 0; i < words; i++)
        target[i] = source[i];
}

u64 kernel(void)
{
    u64 sum = 0;
    for (u32 i = 0; i < 8192; i++)
        from[i] = i * 0x9e3779b97f4a7c15ul;
    for (int round = 0; round < 20000; round++) {
        copy(to, from, 8192);
        sum += to[round & 8191];
    }
    return sum;
}
