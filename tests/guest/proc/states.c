// State, relations and signal sets of children that run, sleep, are stopped and have ended.
#include "proc.h"

static void show(const char *what, int pid)
{
    printf("%s: parent %d group %d session %d threads %ld exit signal %ld\n", what, stat_field(pid, 4) == getpid(),
           stat_field(pid, 5) == getpgrp(), stat_field(pid, 6) == getsid(0), stat_field(pid, 20), stat_field(pid, 38));
    printf("  State: %s\n", status_line(pid, "State"));
    printf("  ids: %d %d %d\n", atoi(status_line(pid, "Tgid")) == pid, atoi(status_line(pid, "Pid")) == pid,
           atoi(status_line(pid, "PPid")) == getpid());
    printf("  size %d\n", stat_field(pid, 23) > 0);
    if (stat_field(pid, 3) == 'Z')
        return;
    printf("  nice %ld priority %ld\n", stat_field(pid, 19), stat_field(pid, 18));
    static const char *const names[] = { "Threads", "SigPnd", "ShdPnd", "SigBlk", "SigCgt" };
    for (int i = 0; i < 5; i++)
        printf("  %s: %s\n", names[i], status_line(pid, names[i]));
}

static void handler(int signal) { (void)signal; }

int main(void)
{
    pid_t running = fork();
    if (running == 0)
        for (;;)
            ;
    await_state(running, 'R');
    show("running", running);

    pid_t sleeping = fork();
    if (sleeping == 0) {
        sigset_t set;
        sigemptyset(&set);
        sigaddset(&set, SIGUSR1);
        sigaddset(&set, SIGUSR2);
        sigprocmask(SIG_BLOCK, &set, 0);
        signal(SIGHUP, handler);
        CHECK(nice(3) == 3);
        raise(SIGUSR1);
        kill(getpid(), SIGUSR2);
        for (;;)
            pause();
    }
    while (strcmp(status_line(sleeping, "ShdPnd"), "0000000000000800") != 0)
        usleep(1000);
    await_state(sleeping, 'S');
    show("sleeping", sleeping);

    CHECK(kill(sleeping, SIGSTOP) == 0 && waitpid(sleeping, 0, WUNTRACED) == sleeping);
    show("stopped", sleeping);
    CHECK(kill(sleeping, SIGCONT) == 0 && waitpid(sleeping, 0, WCONTINUED) == sleeping);
    await_state(sleeping, 'S');
    puts("continued");

    CHECK(kill(sleeping, SIGKILL) == 0);
    await_state(sleeping, 'Z');
    show("ended", sleeping);
    printf("statm %s", proc_read(sleeping, "statm"));
    printf("cmdline '%s'\n", proc_read(sleeping, "cmdline"));
    printf("mounts %s\n", proc_read(sleeping, "mounts"));
    char link[64], target[64];
    snprintf(link, sizeof link, "/proc/%d/cwd", sleeping);
    SHOW(readlink(link, target, sizeof target));

    /* What is open while a process is waited for. */
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/stat", sleeping);
    int file = open(path, O_RDONLY);
    snprintf(path, sizeof path, "/proc/%d", sleeping);
    int directory = open(path, O_RDONLY | O_DIRECTORY);
    CHECK(file >= 0 && directory >= 0);
    end_of(sleeping);
    char byte;
    SHOW(read(file, &byte, 1));
    SHOW(openat(directory, "stat", O_RDONLY));
    DIR *listing = fdopendir(directory);
    int entries = 0;
    while (readdir(listing))
        entries++;
    printf("entries %d\n", entries);
    SHOW(access(path, F_OK));

    kill(running, SIGKILL);
    end_of(running);
    return 0;
}
