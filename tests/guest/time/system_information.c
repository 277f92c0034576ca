// uname, sysinfo, getrusage, sysconf: plausible and consistent.
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include "check.h"

int main(void)
{
    struct utsname name;
    SHOW(uname(&name));
    int major, minor;
    CHECK(sscanf(name.release, "%d.%d", &major, &minor) == 2);
    printf("%s %s, release at least 5.10: %d\n", name.sysname, name.machine, major > 5 || (major == 5 && minor >= 10));
    char host[65];
    CHECK(gethostname(host, sizeof host) == 0);
    printf("host name agrees: %d\n", strcmp(host, name.nodename) == 0);
    SHOW(uname((void *)8));

    struct sysinfo info;
    SHOW(sysinfo(&info));
    printf("sysinfo: %d\n", info.uptime > 0 && info.totalram >= info.freeram && info.mem_unit > 0 && info.procs > 0);
    SHOW(sysinfo((void *)8));

    struct rusage usage;
    SHOW(getrusage(RUSAGE_SELF, &usage));
    printf("resident: %d\n", usage.ru_maxrss > 100 && usage.ru_maxrss < 1000000);
    for (volatile long i = 0; i < 50000000; i++)
        ;
    struct rusage later;
    CHECK(getrusage(RUSAGE_SELF, &later) == 0);
    printf("time passed: %d\n", later.ru_utime.tv_sec * 1000000 + later.ru_utime.tv_usec + later.ru_stime.tv_usec >
                                    usage.ru_utime.tv_sec * 1000000 + usage.ru_utime.tv_usec);
    SHOW(getrusage(RUSAGE_THREAD, &usage));
    SHOW(getrusage(RUSAGE_CHILDREN, &usage));
    printf("children: %ld\n", (long)usage.ru_utime.tv_sec);
    SHOW(getrusage(99, &usage));
    SHOW(syscall(SYS_getrusage, RUSAGE_SELF, 8));
    printf("page %ld, ticks %ld, processors %d\n", sysconf(_SC_PAGESIZE), sysconf(_SC_CLK_TCK), sysconf(_SC_NPROCESSORS_ONLN) > 0);
    printf("memory: %d\n", sysconf(_SC_PHYS_PAGES) > 1000 && sysconf(_SC_AVPHYS_PAGES) > 0);
    return 0;
}
