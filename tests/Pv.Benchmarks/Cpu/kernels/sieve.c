/* The sieve of Eratosthenes over a byte array. */
#include "kernel.h"

static u8 composite[1 << 20];

u64 kernel(void)
{
    u64 count = 0;
    for (int round = 0; round < 30; round++) {
        for (u32 i = 0; i < sizeof composite; i++)
            composite[i] = 0;
        for (u32 i = 2; i < sizeof composite; i++) {
            if (composite[i])
                continue;
            count += i;
            for (u64 j = (u64)i * i; j < sizeof composite; j += i)
                composite[j] = 1;
        }
    }
    return count;
}
