// Reads and writes a disk or file with many requests at once, and looks at what it reads.
//   transfers FILE read|write|randread|randwrite BLOCK DEPTH MILLISECONDS [direct] [blind]
// Blocks hold words that name their place, so what is read is judged if this program wrote it, or nobody did. Without "direct" the file's
// cache answers, one request after the other; with it the disk does. "blind" is for measuring: what is read is not looked at, nor what is
// written made. Prints one line: requests, bytes, nanoseconds; or what was wrong.

#include "runtime.h"

enum { SYS_open = 2, SYS_lseek = 8, SYS_fdatasync = 75, SYS_io_setup = 206, SYS_io_getevents = 208, SYS_io_submit = 209 };
enum { O_RDWR = 2, O_RDONLY = 0, O_DIRECT = 0x4000 };
enum { MOST = 256 };

struct iocb { u64 data; u32 key, flags; u16 opcode; short priority; u32 file; u64 buffer, bytes; long long offset; u64 reserved; u32 more, eventfd; };
struct io_event { u64 data, request; long long result, second; };

static u64 state = 0x9e3779b97f4a7c15ull;

static u64 chance(void) { state ^= state << 13; state ^= state >> 7; state ^= state << 17; return state; }

static int fail(const char *what, long long found)
{
    say3("transfers: FAILED ", what, "");
    say_number(" ", found < 0 ? -found : found);
    say("\n");
    return 1;
}

// A word names its place on the disk, so that what stands elsewhere is seen.
static u64 word_at(u64 offset) { return offset * 0x9e3779b97f4a7c15ull ^ 0x5851f42d4c957f2dull; }

static void fill(u64 *buffer, u64 offset, u64 bytes)
{
    for (u64 at = 0; at < bytes; at += 8)
        buffer[at / 8] = word_at(offset + at);
}

static int is_right(const u64 *buffer, u64 offset, u64 bytes)
{
    u64 wrong = 0, something = 0;
    for (u64 at = 0; at < bytes; at += 512) {
        // A sector that nobody wrote is all zero.
        for (u64 in = at; in < at + 512; in += 8) {
            something |= buffer[in / 8];
            wrong |= buffer[in / 8] ^ word_at(offset + in);
        }
        if (wrong && something)
            return 0;
        wrong = something = 0;
    }
    return 1;
}

int program(int count, char **words)
{
    if (count < 6) {
        say("transfers FILE read|write|randread|randwrite BLOCK DEPTH MILLISECONDS [direct] [blind]\n");
        return 2;
    }
    const char *kind = words[2];
    int is_random = kind[0] == 'r' && kind[1] == 'a', is_write = equal(is_random ? kind + 4 : kind, "write");
    u64 block = number_of(words[3]), depth = number_of(words[4]), direct = 0, blind = 0;
    for (int i = 6; i < count; i++)
        *(equal(words[i], "direct") ? &direct : &blind) = 1;
    if (depth < 1 || depth > MOST || block < 512 || block % 512)
        return fail("block or depth", 0);
    long file = call3(SYS_open, (u64)words[1], (is_write ? O_RDWR : O_RDONLY) | (direct ? O_DIRECT : 0), 0);
    if (file < 0)
        return fail("open", file);
    long long size = call3(SYS_lseek, file, 0, 2);
    u64 blocks = (u64)size / block;
    if (size < 0 || blocks < depth)
        return fail("size", size);
    u64 context = 0;
    long set = call2(SYS_io_setup, depth, (u64)&context);
    if (set < 0)
        return fail("io_setup", set);

    static struct iocb requests[MOST], *submit[MOST];
    static struct io_event events[MOST];
    char *memory = map(depth * block);
    u64 next = 0, done = 0, outstanding = 0, ready = depth, start = now(), end = start + number_of(words[5]) * 1000000;
    static u64 idle[MOST];
    for (u64 i = 0; i < depth; i++)
        idle[i] = i;
    while (outstanding || now() < end) {
        u64 fresh = 0;
        while (ready && now() < end) {
            u64 slot = idle[--ready], offset = (is_random ? chance() % blocks : next++ % blocks) * block;
            struct iocb *request = &requests[slot];
            char *buffer = memory + slot * block;
            *request = (struct iocb) { .data = slot, .opcode = is_write, .file = (u32)file, .buffer = (u64)buffer, .bytes = block, .offset = (long long)offset };
            if (is_write && !blind)
                fill((u64 *)buffer, offset, block);
            submit[fresh++] = request;
        }
        for (u64 from = 0; from < fresh;) {
            long taken = call3(SYS_io_submit, context, fresh - from, (u64)(submit + from));
            if (taken < 0)
                return fail("io_submit", taken);
            from += taken;
        }
        outstanding += fresh;
        if (!outstanding)
            break;
        long got = call6(SYS_io_getevents, context, 1, depth, (u64)events, 0, 0);
        if (got < 0)
            return fail("io_getevents", got);
        for (long i = 0; i < got; i++) {
            struct iocb *request = &requests[events[i].data];
            if (events[i].result != (long long)block)
                return fail(is_write ? "write" : "read", events[i].result);
            if (!is_write && !blind && !is_right((u64 *)request->buffer, request->offset, block))
                return fail("content at", request->offset);
            idle[ready++] = events[i].data;
            done++, outstanding--;
        }
    }
    if (is_write && call1(SYS_fdatasync, file) < 0)
        return fail("fdatasync", 0);
    u64 time = now() - start;
    say_number("transfers: ", done);
    say_number(" requests, ", done * block);
    say_number(" bytes, ", time);
    say(" ns\n");
    return 0;
}
