// Whatever of the vector state is in use at a call that runs a handler, and whatever the handler uses: what the program goes
// on with is what the frame says, as it was or as the handler has changed it.
#include <cpuid.h>
#include <signal.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include "check.h"

/* Of what the frame has (SDM volume 1, 13.1): x87, SSE, AVX, the masks, and the upper halves and registers of AVX-512. */
enum { COMPONENTS = 6, LEGACY = 512, MXCSR = 24, XMM = 160 };
static const int bits[COMPONENTS] = { 0, 1, 2, 5, 6, 7 };
static size_t offset[COMPONENTS], length[COMPONENTS];

struct image {
    uint8_t bytes[4096];
} __attribute__((aligned(64)));

static uint64_t enabled;
static struct image before, during, after;
static enum { TRAMPLE, EDIT } deed;

static void load(const struct image *image)
{
    __asm__ volatile("xrstor64 %0" : : "m"(*image), "a"((uint32_t)enabled), "d"(0));
}

static uint64_t *components(struct image *image)
{
    return (uint64_t *)&image->bytes[LEGACY];
}

static void on_signal(int signal, siginfo_t *info, void *context)
{
    (void)signal, (void)info;
    if (deed == TRAMPLE) {
        load(&during);
        return;
    }
    struct image *frame = (struct image *)((ucontext_t *)context)->uc_mcontext.fpregs;
    memcpy(&frame->bytes[MXCSR], &during.bytes[MXCSR], 4);
    *components(frame) = (*components(frame) & ~enabled) | *components(&during);
    for (int i = 0; i < COMPONENTS; i++)
        memcpy(&frame->bytes[offset[i]], &during.bytes[offset[i]], length[i]);
}

static void find_components(void)
{
    uint32_t low, high, c, d;
    __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    for (int i = 0; i < COMPONENTS; i++) {
        if (!(low >> bits[i] & 1))
            continue;
        enabled |= 1 << bits[i];
        uint32_t len = 160, at = 0;
        if (bits[i] == 1)
            at = XMM, len = 256;
        else if (bits[i] > 1)
            __cpuid_count(0xd, bits[i], len, at, c, d);
        offset[i] = at, length[i] = len;
        CHECK(at + len <= sizeof before.bytes);
    }
}

static uint64_t next_random(void)
{
    static uint64_t x = 1;
    x = x * 6364136223846793005u + 1442695040888963407u;
    return x >> 32;
}

/* An image in which these components aren't initial. */
static void fill(struct image *image, unsigned set)
{
    static const uint32_t mxcsr[] = { 0x1f80, 0x3f80, 0xff80, 0x9fc0, 0x1fa1 };
    memset(image, 0, sizeof *image);
    for (int i = 0; i < COMPONENTS; i++) {
        if (!(set >> i & 1) || !(enabled >> bits[i] & 1))
            continue;
        *components(image) |= 1 << bits[i];
        for (size_t k = 0; k < length[i]; k++)
            image->bytes[offset[i] + k] = next_random();
    }
    /* An x87 state that a processor gives back as it was: full registers, and no instruction to blame. */
    static const uint8_t x87[32] = { 0x7f, 0x02, 0, 0, 0xff };
    memcpy(image->bytes, x87, sizeof x87);
    for (int i = 0; i < 8; i++) {
        memset(&image->bytes[32 + 16 * i + 10], 0, 6);
        image->bytes[32 + 16 * i + 7] |= 0x80;
        image->bytes[32 + 16 * i + 9] &= 0x3f;
    }
    memcpy(&image->bytes[MXCSR], &mxcsr[next_random() % 5], 4);
}

static int is_as_in(struct image *image)
{
    static const uint8_t initial_x87[160] = { 0x7f, 0x03 };
    static const uint8_t zeroes[4096];
    int ok = memcmp(&image->bytes[MXCSR], &after.bytes[MXCSR], 4) == 0;
    for (int i = 0; i < COMPONENTS; i++) {
        int is_initial = !(*components(image) >> bits[i] & 1);
        const uint8_t *expected = is_initial ? i == 0 ? initial_x87 : zeroes : &image->bytes[offset[i]];
        const uint8_t *found = &after.bytes[offset[i]];
        if (i == 0)
            ok &= memcmp(expected, found, MXCSR) == 0 && memcmp(expected + 32, found + 32, 128) == 0;
        else
            ok &= memcmp(expected, found, length[i]) == 0;
    }
    return ok;
}

int main(void)
{
    find_components();
    struct sigaction action = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO };
    CHECK(sigaction(SIGUSR1, &action, 0) == 0);
    long pid = getpid();
    for (unsigned round = 0; round < 2 << 2 * COMPONENTS; round++) {
        deed = round & 1 ? EDIT : TRAMPLE;
        fill(&before, round >> 1);
        fill(&during, round >> (1 + COMPONENTS));
        memset(&after, 0, sizeof after);
        load(&before);
        long result = SYS_kill;
        __asm__ volatile("syscall" : "+a"(result) : "D"(pid), "S"(SIGUSR1) : "rcx", "r11", "memory");
        __asm__ volatile("xsave64 %0" : "+m"(after) : "a"((uint32_t)enabled), "d"(0));
        static const struct image initial = { .bytes = { [MXCSR] = 0x80, [MXCSR + 1] = 0x1f } };
        load(&initial);
        CHECK(result == 0);
        if (!is_as_in(deed == EDIT ? &during : &before)) {
            printf("round %u: another vector state\n", round);
            return 1;
        }
    }
    puts("each vector state is the frame's");
    return 0;
}
