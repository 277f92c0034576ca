// The files of /proc/self that programs read: status, stat, cmdline, exe, fd, and some of /proc.
// args: first second
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include "check.h"

static char text[65536];

static long slurp(const char *path)
{
    FILE *file = fopen(path, "r");
    CHECK(file);
    size_t length = fread(text, 1, sizeof text - 1, file);
    text[length] = 0;
    fclose(file);
    return length;
}

static long field(const char *name)
{
    char *line = strstr(text, name);
    CHECK(line);
    return atol(line + strlen(name));
}

int main(int argc, char **argv)
{
    long length = slurp("/proc/self/cmdline");
    CHECK(strcmp(text, argv[0]) == 0);
    int words = 0;
    for (long i = 0; i < length; i++)
        words += text[i] == 0;
    printf("cmdline: %d words, last %s\n", words, text + length - 7);
    CHECK(words == argc);

    char exe[4096];
    length = readlink("/proc/self/exe", exe, sizeof exe - 1);
    CHECK(length > 0);
    exe[length] = 0;
    struct stat a, b;
    CHECK(stat("/proc/self/exe", &a) == 0 && stat(argv[0], &b) == 0);
    printf("exe: absolute %d, same file %d\n", exe[0] == '/', a.st_ino == b.st_ino);
    char cwd[4096], link[4096];
    CHECK(getcwd(cwd, sizeof cwd) && (length = readlink("/proc/self/cwd", link, sizeof link)) > 0);
    printf("cwd: %d\n", length == (long)strlen(cwd) && strncmp(cwd, link, length) == 0);

    slurp("/proc/self/status");
    char name[64];
    CHECK(sscanf(text, "Name: %63s", name) == 1);
    printf("status: name %s, pid %d, tgid %d, ppid %d, threads %ld, uid %d\n", name, field("\nPid:") == getpid(),
           field("\nTgid:") == getpid(), field("\nPPid:") == getppid(), field("\nThreads:"), field("\nUid:") == (long)getuid());
    printf("status: size above resident: %d\n", field("VmSize:") >= field("VmRSS:") && field("VmRSS:") > 0);

    slurp("/proc/self/stat");
    char *after = strrchr(text, ')');
    CHECK(after && atol(text) == getpid());
    char state;
    int parent, group;
    CHECK(sscanf(after + 2, "%c %d %d", &state, &parent, &group) == 3);
    int fields = 2;
    for (char *c = after + 1; *c; c++)
        fields += *c == ' ';
    printf("stat: state %c, parent %d, fields %d\n", state, parent == getppid(), fields);
    slurp("/proc/self/comm");
    printf("comm: %s", text);

    int file = open("a file", O_RDWR | O_CREAT, 0600);
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    CHECK((length = readlink(path, link, sizeof link - 1)) > 0);
    link[length] = 0;
    printf("fd: %s\n", strrchr(link, '/'));
    DIR *fds = opendir("/proc/self/fd");
    CHECK(fds);
    int count = 0;
    struct dirent *entry;
    while ((entry = readdir(fds)))
        count += entry->d_name[0] != '.';
    closedir(fds);
    printf("open: %d\n", count);
    CHECK(write(file, "text", 4) == 4);
    int again = open(path, O_RDONLY);
    printf("opened again: position %ld\n", (long)lseek(again, 0, SEEK_CUR));
    SHOW(open("/proc/self/fd/99", O_RDONLY));
    SHOW(readlink("/proc/self/fd/99", link, 10));

    slurp("/proc/meminfo");
    printf("meminfo: %d\n", field("MemTotal:") > 0 && field("MemAvailable:") > 0 && field("MemFree:") > 0);
    slurp("/proc/cpuinfo");
    int processors = 0;
    for (char *p = text; (p = strstr(p, "processor\t:")); p++)
        processors++;
    printf("cpuinfo: %d, flags %d\n", processors == sysconf(_SC_NPROCESSORS_ONLN), strstr(text, "\nflags") != 0);
    slurp("/proc/stat");
    printf("stat: %d, boot time %d\n", strncmp(text, "cpu ", 4) == 0, field("btime") > 1000000000);
    double up, idle, load;
    slurp("/proc/uptime");
    printf("uptime: %d\n", sscanf(text, "%lf %lf", &up, &idle) == 2 && up > 0);
    slurp("/proc/loadavg");
    int runnable, total, last;
    printf("loadavg: %d\n", sscanf(text, "%lf %*f %*f %d/%d %d", &load, &runnable, &total, &last) == 4);
    SHOW(open("/proc/self/no-such-file", O_RDONLY));
    return 0;
}
