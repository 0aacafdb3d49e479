/* A walk along a linked list whose nodes lie in no order. */
#include "kernel.h"

struct node {
    struct node *next;
    u64 value;
};

static struct node nodes[65536];

u64 kernel(void)
{
    u32 at = 0;
    for (u32 i = 0; i < 65536; i++) {
        u32 next = (at * 5 + 12345) & 65535;
        nodes[at].next = &nodes[next];
        nodes[at].value = at * 3ul;
        at = next;
    }
    u64 sum = 0;
    const struct node *node = nodes;
    for (u32 step = 0; step < 50000000; step++) {
        sum += node->value;
        if (node->value & 64)
            sum ^= step;
        node = node->next;
    }
    return sum;
}
