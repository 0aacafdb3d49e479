/* CRC-32 by table over a buffer, byte by byte. */
#include "kernel.h"

static u32 table[256];
static u8 buffer[65536];

u64 kernel(void)
{
    for (u32 i = 0; i < 256; i++) {
        u32 value = i;
        for (int bit = 0; bit < 8; bit++)
            value = value & 1 ? value >> 1 ^ 0xedb88320u : value >> 1;
        table[i] = value;
    }
    for (u32 i = 0; i < sizeof buffer; i++)
        buffer[i] = (u8)(i * 7 + (i >> 8));
    u32 crc = ~0u;
    for (int round = 0; round < 1000; round++)
        for (u32 i = 0; i < sizeof buffer; i++)
            crc = table[(crc ^ buffer[i]) & 255] ^ crc >> 8;
    return ~crc;
}
