// A program whose file is written to between its runs, at once or after some while, in place or by another file with the
// same times: each run is of what the file holds by then, its data and its code. On a volume, and in memory.
// option: --volume /dev/shm:/dev/shm
#include <sys/sendfile.h>
#include "process.h"

enum { ROUNDS = 60, RUNS = 4 };

/* Both are looked for in the file: a value in the data, and one in the code. */
static volatile const char data[] = "the mark is in this byte: A";

__attribute__((noinline)) static int code(void)
{
    int mark;
    __asm__ volatile("movl $0x5eed0041, %0" : "=r"(mark));
    return mark & 0xff;
}

static int run(char **args)
{
    (void)args;
    return data[sizeof data - 2] == code() ? code() : 1;
}

static off_t place(const char *file, size_t size, const char *text, size_t length)
{
    char *found = memmem(file, size, text, length);
    CHECK(found);
    return found + length - file;
}

static void copy(const char *name)
{
    int from = open("/proc/self/exe", O_RDONLY), to = open(name, O_RDWR | O_CREAT | O_TRUNC, 0755);
    struct stat status;
    CHECK(from >= 0 && to >= 0 && fstat(from, &status) == 0);
    for (off_t done = 0; done < status.st_size;)
        CHECK(sendfile(to, from, &done, status.st_size - done) > 0);
    close(from);
    close(to);
}

static void mark(const char *name, char with, const off_t places[2])
{
    int file = open(name, O_WRONLY);
    CHECK(file >= 0);
    for (int i = 0; i < 2; i++)
        CHECK(pwrite(file, &with, 1, places[i]) == 1);
    close(file);
}

static int test_in(const char *directory)
{
    CHECK(chdir(directory) == 0);
    copy("program");
    copy("other");
    struct stat status;
    int file = open("program", O_RDONLY);
    CHECK(file >= 0 && fstat(file, &status) == 0);
    char *bytes = mmap(0, status.st_size, PROT_READ, MAP_PRIVATE, file, 0);
    CHECK(bytes != MAP_FAILED);
    const off_t places[2] = {
        place(bytes, status.st_size, (const char *)data, sizeof data - 1) - 1,
        place(bytes, status.st_size, "\x41\x00\xed\x5e", 4) - 4,
    };
    munmap(bytes, status.st_size);
    close(file);
    int wrong = 0;
    for (int i = 0; i < ROUNDS; i++) {
        char with = 'B' + i % 20;
        if (i % 4 == 3) {
            mark("other", with, places);
            CHECK(stat("program", &status) == 0);
            struct timespec times[2] = { status.st_atim, status.st_mtim };
            CHECK(utimensat(AT_FDCWD, "other", times, 0) == 0);
            CHECK(rename("other", "program") == 0);
            copy("other");
        } else {
            mark("program", with, places);
        }
        pause_ms(i % 3 * 30);
        for (int j = 0; j < RUNS; j++) {
            pid_t pid;
            char *arguments[] = { "program", "run", 0 };
            CHECK(posix_spawn(&pid, "./program", 0, 0, arguments, environ) == 0);
            int end = end_of(pid);
            wrong += !WIFEXITED(end) || WEXITSTATUS(end) != with;
        }
    }
    unlink("program");
    unlink("other");
    return wrong;
}

static int test(void)
{
    char on_volume[] = "/dev/shm/rewritten-XXXXXX", in_memory[] = "/tmp/rewritten-XXXXXX";
    CHECK(mkdtemp(on_volume) && mkdtemp(in_memory));
    printf("%d wrong on the volume\n", test_in(on_volume));
    printf("%d wrong in memory\n", test_in(in_memory));
    SHOW(rmdir(on_volume));
    SHOW(rmdir(in_memory));
    return 0;
}

PROGRAM(test, { "run", run })
