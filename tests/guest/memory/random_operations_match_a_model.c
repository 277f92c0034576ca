// Ten thousand random memory calls within a window, each with its result; pages compared with a model as it goes.
//
// With any argument it prints each call, to find the first that differs.
#include "mapping.h"

enum { WINDOW = 128, OPERATIONS = 10000 };
static unsigned char *const base = (unsigned char *)0x310000000000;

/* The model: whether a page is mapped, its protection and the byte that it is filled with. */
static struct {
    int mapped, protection;
    unsigned char fill;
} model[WINDOW];

static unsigned long state = 12345;

static unsigned next(unsigned below)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (state >> 33) % below;
}

static void expect(int page)
{
    unsigned char in_core;
    int mapped = mincore(base + page * PAGE, PAGE, &in_core) == 0;
    CHECK(mapped == model[page].mapped);
    if (mapped && model[page].protection & PROT_READ) {
        volatile unsigned char *at = base + page * PAGE;
        CHECK(at[0] == model[page].fill && at[PAGE - 1] == model[page].fill);
    }
}

static int all_mapped(int first, int count)
{
    for (int i = first; i < first + count; i++)
        if (!model[i].mapped)
            return 0;
    return 1;
}

int main(int argc, char **argv)
{
    (void)argv;
    static const int protections[] = { PROT_NONE, PROT_READ, PROT_READ | PROT_WRITE, PROT_READ | PROT_WRITE };
    unsigned long digest = 0;
    void *none = mmap(base, WINDOW * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    CHECK(none == base && munmap(base, WINDOW * PAGE) == 0);
    for (int operation = 0; operation < OPERATIONS; operation++) {
        int kind = next(8), first = next(WINDOW), count = 1 + next(16), protection = protections[next(4)];
        if (first + count > WINDOW)
            count = WINDOW - first;
        unsigned char *at = base + first * PAGE;
        size_t size = count * PAGE;
        long result = 0;
        int flags = MAP_PRIVATE | MAP_ANONYMOUS, target = next(WINDOW - count + 1);
        switch (kind) {
        case 0:
        case 1: {
            void *got = mmap(at, size, protection, flags | (kind ? MAP_FIXED_NOREPLACE : MAP_FIXED), -1, 0);
            int free = 1;
            for (int i = first; i < first + count; i++)
                free &= !model[i].mapped;
            CHECK(kind && !free ? got == MAP_FAILED && errno == EEXIST : got == at);
            result = got == at;
            for (int i = first; got == at && i < first + count; i++) {
                model[i].mapped = 1;
                model[i].protection = protection;
                model[i].fill = 0;
            }
            break;
        }
        case 2:
            CHECK(munmap(at, size) == 0);
            for (int i = first; i < first + count; i++)
                model[i].mapped = 0;
            break;
        case 3:
            result = mprotect(at, size, protection);
            CHECK(result == 0 ? all_mapped(first, count) : errno == ENOMEM && !all_mapped(first, count));
            for (int i = first; i < first + count && model[i].mapped; i++)
                model[i].protection = protection;
            break;
        case 4:
            for (int i = first; i < first + count; i++)
                if (model[i].mapped && model[i].protection & PROT_WRITE) {
                    model[i].fill = operation;
                    memset(base + i * PAGE, operation, PAGE);
                }
            break;
        case 5:
            result = madvise(at, size, MADV_DONTNEED);
            CHECK(result == 0 ? all_mapped(first, count) : errno == ENOMEM && !all_mapped(first, count));
            for (int i = first; i < first + count; i++)
                model[i].fill = 0;
            break;
        case 6: {
            /* Several mappings can't move at once before Linux 6.17, so move one page only. */
            if (target == first)
                break;
            void *got = mremap(at, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, base + target * PAGE);
            CHECK(model[first].mapped ? got == base + target * PAGE : got == MAP_FAILED && errno == EFAULT);
            result = got != MAP_FAILED;
            if (result) {
                model[target] = model[first];
                model[first].mapped = 0;
            } else {
                /* What was at the target may be gone all the same: Linux unmaps it first. */
                unsigned char in_core;
                model[target].mapped = mincore(base + target * PAGE, PAGE, &in_core) == 0;
                result = model[target].mapped ? 2 : 3;
            }
            break;
        }
        default:
            for (int i = 0; i < WINDOW; i++)
                expect(i);
        }
        if (argc > 1)
            printf("%d: kind %d, page %d, count %d, target %d, protection %d: %ld\n", operation, kind, first, count, target,
                   protection, result);
        digest = digest * 31 + result;
        if (operation % 1000 == 999) {
            printf("%5d %016lx ", operation + 1, digest);
            for (int i = 0; i < WINDOW; i++)
                putchar(!model[i].mapped ? '.' : "n-r-w"[model[i].protection & 2 ? 4 : model[i].protection & 1 ? 2 : 0]);
            puts("");
        }
    }
    return 0;
}
