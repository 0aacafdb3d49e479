// Computes with what SSE to SSE4.2 offer and prints what came out, so that two processors can be compared: the same lines or not the same.
// No C library: numbers prints results; numbers times prints what each part took.

#pragma GCC target("sse4.2")
#pragma GCC diagnostic ignored "-Wunused-function"
#include "runtime.h"
#include <immintrin.h>

static u64 state = 88172645463325252ull;

static u64 random_word(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    return state ^= state << 17;
}

static u64 mix(u64 sum, u64 x) { x ^= sum + 0x9e3779b97f4a7c15ull; x *= 0xff51afd7ed558ccdull; return x ^ (x >> 32); }
static u64 bits_of(double x) { u64 bits; __builtin_memcpy(&bits, &x, 8); return bits; }
static double root(double x) { return _mm_cvtsd_f64(_mm_sqrt_sd(_mm_setzero_pd(), _mm_set_sd(x))); }
static u64 bits_of_vector(__m128i x) { return mix((u64)_mm_cvtsi128_si64(x), (u64)_mm_extract_epi64(x, 1)); }

// Roots and quotients: a sum of square roots, pi by a product, e by a fraction.
static u64 doubles(void)
{
    double roots = 0, pi = 1, e = 1;
    for (int i = 1; i < 20000; i++)
        roots += root(i) / (i + 0.5);
    for (double k = 1; k < 5000; k++)
        pi *= 4 * k * k / (4 * k * k - 1);
    for (int i = 40; i > 0; i--)
        e = 1 + e / i;
    return mix(mix(bits_of(roots), bits_of(2 * pi)), bits_of(e));
}

static u64 floats(void)
{
    __m128 x = _mm_set_ps(0.1f, 1.7f, -3.3f, 9e9f), sum = _mm_setzero_ps();
    for (int i = 0; i < 20000; i++) {
        x = _mm_add_ps(_mm_mul_ps(x, _mm_set1_ps(0.75f)), _mm_set_ps(0.3f, -0.2f, 1.1f, 0.7f));
        sum = _mm_add_ps(sum, _mm_div_ps(_mm_sqrt_ps(_mm_max_ps(x, _mm_set1_ps(0.01f))), _mm_add_ps(x, _mm_set1_ps(7))));
        sum = _mm_addsub_ps(sum, _mm_hadd_ps(x, sum));
        sum = _mm_sub_ps(sum, _mm_round_ps(sum, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
    }
    return bits_of_vector(_mm_castps_si128(_mm_add_ps(sum, _mm_dp_ps(x, sum, 0xf1))));
}

// Every rounding mode, denormals, infinities and NaNs among the operands; the flags are part of the result.
static u64 corners(void)
{
    static const u64 kinds[] = { 0, 1ull << 63, 1, 0x000fffffffffffffull, 0x0010000000000000ull, 0x7fefffffffffffffull, 0x7ff0000000000000ull,
        0x7ff8000000000001ull, 0x7ff0000000000001ull, 0x3ff0000000000000ull, 0xbff0000000000001ull, 0x4340000000000000ull };
    u64 sum = 0;
    u32 before = _mm_getcsr();
    for (u32 mode = 0; mode < 16; mode++) {
        for (int i = 0; i < 12 * 12; i++) {
            double a, b;
            __builtin_memcpy(&a, &kinds[i / 12], 8);
            __builtin_memcpy(&b, &kinds[i % 12], 8);
            __m128d x = _mm_set_sd(a), y = _mm_set_sd(b);
            _mm_setcsr(0x1f80 | (mode & 3) << 13 | (mode & 4) << 4 | (mode & 8) << 12);
            sum = mix(sum, (u64)_mm_cvtsi128_si64(_mm_castpd_si128(_mm_add_sd(x, y))));
            sum = mix(sum, (u64)_mm_cvtsi128_si64(_mm_castpd_si128(_mm_mul_sd(x, y))));
            sum = mix(sum, (u64)_mm_cvtsi128_si64(_mm_castpd_si128(_mm_div_sd(x, y))));
            sum = mix(sum, (u64)_mm_cvtsi128_si64(_mm_castpd_si128(_mm_min_sd(x, y))));
            sum = mix(sum, (u64)_mm_cvtsd_si64(x) + (u64)_mm_cvttsd_si32(y));
            sum = mix(sum, (u64)_mm_cvtsi128_si64(_mm_castps_si128(_mm_cvtsd_ss(_mm_setzero_ps(), x))));
            sum = mix(sum, (u64)(_mm_comilt_sd(x, y) + 2 * _mm_ucomieq_sd(x, y)));
            sum = mix(sum, _mm_getcsr());
        }
    }
    _mm_setcsr(before);
    return sum;
}

static u64 conversions(void)
{
    u64 sum = 0;
    for (int i = 0; i < 5000; i++) {
        long word = (long)random_word() >> (i % 64);
        sum = mix(sum, bits_of((double)word) ^ bits_of((float)word));
        sum = mix(sum, (u64)(long)((double)word * 0.37) + (u64)(int)((float)(int)word / 3));
    }
    return sum;
}

static u64 lanes(void)
{
    __m128i x = _mm_set_epi64x((long)random_word(), (long)random_word()), sum = x;
    for (int i = 0; i < 20000; i++) {
        __m128i y = _mm_set_epi64x((long)random_word(), (long)random_word());
        x = _mm_add_epi32(_mm_mullo_epi32(x, y), _mm_maddubs_epi16(y, x));
        x = _mm_shuffle_epi8(x, _mm_and_si128(y, _mm_set1_epi8(15)));
        sum = _mm_add_epi64(sum, _mm_sad_epu8(x, y));
        sum = _mm_xor_si128(sum, _mm_packus_epi32(_mm_srai_epi32(x, 9), _mm_madd_epi16(x, y)));
        sum = _mm_alignr_epi8(sum, _mm_minpos_epu16(_mm_avg_epu16(x, y)), 5);
    }
    return bits_of_vector(sum);
}

// As C libraries look for the end of a text, and as SSE4.2 looks for one of a set.
static char text[1 << 16] __attribute__((aligned(64)));

static u64 end_of_text(void)
{
    u64 sum = 0;
    for (int round = 0; round < 20; round++) {
        __builtin_memset(text, 'a' + round, sizeof text);
        text[sizeof text - 1 - round] = 0;
        const __m128i *at = (const __m128i *)text;
        int found;
        while ((found = _mm_movemask_epi8(_mm_cmpeq_epi8(_mm_load_si128(at), _mm_setzero_si128()))) == 0)
            at++;
        sum = mix(sum, (u64)((const char *)at - text) + (u64)__builtin_ctz((u32)found));
    }
    return sum;
}

static u64 sets(void)
{
    u64 sum = 0;
    for (int i = 0; i < (int)sizeof text; i++)
        text[i] = (char)('a' + random_word() % 24 * (random_word() % 40 != 0));
    __m128i set = _mm_setr_epi8('x', 'q', 'k', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
    for (int at = 0; at + 16 < (int)sizeof text; at += 13) {
        __m128i part = _mm_loadu_si128((const __m128i *)(text + at));
        sum = mix(sum, (u64)_mm_cmpistri(set, part, _SIDD_CMP_EQUAL_ANY) + 32 * (u64)_mm_cmpistri(part, set, _SIDD_CMP_EQUAL_ORDERED));
        sum = mix(sum, bits_of_vector(_mm_cmpestrm(set, 3, part, at % 17, _SIDD_CMP_RANGES | _SIDD_UNIT_MASK)));
        sum = mix(sum, _mm_crc32_u64((u32)sum, (u64)at) + (u64)_mm_popcnt_u64(sum));
    }
    return sum;
}

static const struct { const char *name; u64 (*compute)(void); } parts[] = {
    { "doubles", doubles }, { "floats", floats }, { "corners", corners }, { "conversions", conversions }, { "lanes", lanes },
    { "end-of-text", end_of_text }, { "sets", sets },
};

int program(int count, char **words)
{
    int times = count > 1 && equal(words[1], "times");
    for (u32 i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        u64 begun = now();
        u64 result = parts[i].compute();
        say(parts[i].name);
        say_number(" ", times ? (now() - begun) / 1000 : result);
        say(times ? " us\n" : "\n");
    }
    return 0;
}

void *memset(void *to, int value, u64 size)
{
    for (char *at = to; at < (char *)to + size; at++)
        *(volatile char *)at = (char)value;
    return to;
}
