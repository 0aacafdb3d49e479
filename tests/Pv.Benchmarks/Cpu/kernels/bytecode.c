/* An interpreter of a small stack machine that runs a loop with arithmetic. */
#include "kernel.h"

enum { PUSH, LOAD, STORE, ADD, SUB, MUL, XOR, LESS, JUMP, BRANCH, HALT };

static const u32 program[] = {
    PUSH, 0, STORE, 0,                         /* i = 0 */
    PUSH, 1, STORE, 1,                         /* x = 1 */
    LOAD, 0, PUSH, 6000000, LESS, BRANCH, 18,  /* while (i < n) */
    JUMP, 40, HALT,
    LOAD, 1, PUSH, 1664525, MUL, PUSH, 1013904223, ADD, LOAD, 0, XOR, STORE, 1, /* x = x * a + c ^ i */
    LOAD, 0, PUSH, 1, ADD, STORE, 0,           /* i++ */
    JUMP, 8,
    HALT, HALT, HALT, HALT,
};

static u64 run(const u32 *code, u64 *slots)
{
    u64 stack[64];
    u64 *top = stack;
    u32 at = 0;
    for (;;) {
        switch (code[at++]) {
        case PUSH: *top++ = code[at++]; break;
        case LOAD: *top++ = slots[code[at++]]; break;
        case STORE: slots[code[at++]] = *--top; break;
        case ADD: top--; top[-1] += *top; break;
        case SUB: top--; top[-1] -= *top; break;
        case MUL: top--; top[-1] *= *top; break;
        case XOR: top--; top[-1] ^= *top; break;
        case LESS: top--; top[-1] = top[-1] < *top; break;
        case JUMP: at = code[at]; break;
        case BRANCH: at = *--top ? code[at] : at + 1; break;
        case HALT: return slots[1];
        }
    }
}

u64 kernel(void)
{
    u64 slots[4] = { 0, 0, 0, 0 };
    return run(program, slots);
}
