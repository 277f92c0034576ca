// build: -pthread
/* `cpuid` in the program's own text, which the LibOS may answer, says what it says in generated code, which it leaves
   alone, and changes nothing else: in all runs of a program, in many threads, interrupted by signals. */
#include <pthread.h>
#include "probe.h"
#include "../processes/process.h"

/* The plain instruction; with data in the red zone (r8 and r9 change places); with a branch behind it, which the parity
   flag takes. */
void plain(void);
void red_zone(void);
void skipped(void);
__asm__(
    ".text\n"
    ".type plain, @function\n"
    "plain:\n"
    "  .cfi_startproc\n"
    "  cpuid\n  nop\n  nop\n  nop\n  ret\n"
    "  .cfi_endproc\n"
    ".size plain, .-plain\n"
    ".type red_zone, @function\n"
    "red_zone:\n"
    "  .cfi_startproc\n"
    "  mov %r8, -8(%rsp)\n  mov %r9, -128(%rsp)\n"
    "  cpuid\n"
    "  mov -8(%rsp), %r9\n  mov -128(%rsp), %r8\n"
    "  ret\n"
    "  .cfi_endproc\n"
    ".size red_zone, .-red_zone\n"
    ".type skipped, @function\n"
    "skipped:\n"
    "  .cfi_startproc\n"
    "  jp 1f\n"
    "  mov $7, %eax\n"
    "  cpuid\n"
    "1:  nop\n  nop\n  nop\n  ret\n"
    "  .cfi_endproc\n"
    ".size skipped, .-skipped\n");

static const void *generated;

static void generate(void)
{
    static const uint8_t code[] = { 0x0f, 0xa2, 0xc3 };
    void *page = mmap(0, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(page != MAP_FAILED);
    generated = memcpy(page, code, sizeof code);
}

static const uint32_t bases[] = { 0, 0x40000000, 0x80000000, 0xc0000000 };
static const uint32_t subleaves[] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 17, 18, 19, 62, 63, 64, 255, 0x12345678, 0xffffffff };
enum { LEAVES = 0x30, FLAG_PARITY = 4 };

/* Compares what the sites do to all registers, in code that is patched or not; gives whether it's the same. */
static int is_same(unsigned seed, uint32_t leaf, uint32_t subleaf)
{
    struct registers in, expected, out;
    fill(&in, seed);
    in.gpr[RAX] = in.gpr[RAX] << 32 | leaf;
    in.gpr[RCX] = in.gpr[RCX] << 32 | subleaf;
    const size_t len = sizeof in;
    memset(&expected, 0, len);
    memset(&out, 0, len);
    expected.vectors = out.vectors = in.vectors;
    probe(generated, &in, &expected);
    probe(plain, &in, &out);
    if (memcmp(&expected, &out, len) != 0)
        return 0;
    expected.gpr[R8] = in.gpr[R9];
    expected.gpr[R9] = in.gpr[R8];
    probe(red_zone, &in, &out);
    if (memcmp(&expected, &out, len) != 0)
        return 0;
    probe(skipped, &in, &out);
    if (!(in.flags & FLAG_PARITY)) {
        in.gpr[RAX] = 7;
        probe(generated, &in, &expected);
        return memcmp(&expected, &out, len) == 0;
    }
    return memcmp(in.gpr, out.gpr, sizeof in.gpr) == 0;
}

static void *compare_all(void *unused)
{
    (void)unused;
    unsigned seed = 0;
    for (size_t i = 0; i < sizeof bases / sizeof *bases; i++)
        for (uint32_t leaf = 0; leaf < LEAVES; leaf++)
            for (size_t j = 0; j < sizeof subleaves / sizeof *subleaves; j++) {
                /* The thread may have moved to another processor between two of them. */
                int tries = 20;
                seed++;
                while (!is_same(seed, bases[i] + leaf, subleaves[j]))
                    CHECK(--tries > 0);
            }
    return 0;
}

static volatile sig_atomic_t interruptions;

static void interrupt(int signal)
{
    (void)signal;
    uint32_t a = 0, b, c = 0, d;
    __asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
    interruptions++;
}

static int compare(char **args)
{
    enum { THREADS = 4 };
    (void)args;
    generate();
    struct sigaction action = { .sa_handler = interrupt, .sa_flags = SA_RESTART };
    CHECK(sigaction(SIGALRM, &action, 0) == 0);
    timer_t timer;
    struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGALRM };
    CHECK(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0);
    struct itimerspec often = { { 0, 300000 }, { 0, 300000 } };
    CHECK(timer_settime(timer, 0, &often, 0) == 0);
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_create(&threads[i], 0, compare_all, 0) == 0);
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_join(threads[i], 0) == 0);
    CHECK(interruptions > 0);
    return 0;
}

/* Enclos looks for the instruction when a program runs for the second time, unless its file changed just now. */
static int test(void)
{
    struct stat file;
    CHECK(stat("/proc/self/exe", &file) == 0);
    while (time(0) <= file.st_ctime + 3)
        pause_ms(100);
    for (int run = 0; run < 4; run++)
        printf("run %d: %s\n", run, status_text(end_of(SPAWN("compare"))));
    return 0;
}

PROGRAM(test, { "compare", compare })
