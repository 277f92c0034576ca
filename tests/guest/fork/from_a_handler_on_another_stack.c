// A signal handler on an alternate stack forks: the child is in the handler too, has the stack and the mask, and both return.
#define _GNU_SOURCE
#include "../check.h"
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

static pid_t child = -1;
static char *stack;

static void show_state(const char *who)
{
    stack_t alternate;
    sigset_t mask;
    CHECK(sigaltstack(NULL, &alternate) == 0 && sigprocmask(SIG_BLOCK, NULL, &mask) == 0);
    printf("%s: stack %s%s, SIGUSR1 %s\n", who, alternate.ss_sp == stack ? "kept" : "lost",
           alternate.ss_flags & SS_ONSTACK ? " in use" : "", sigismember(&mask, SIGUSR1) ? "blocked" : "free");
    fflush(stdout);
}

static void handler(int number)
{
    char local;
    CHECK(number == SIGUSR1 && &local > stack && &local < stack + (1 << 16));
    child = fork();
    if (child > 0) {
        int status;
        CHECK(waitpid(child, &status, 0) == child);
        printf("the child ended with %d\n", WEXITSTATUS(status));
    }
    show_state(child ? "parent in the handler" : "child in the handler");
}

int main(void)
{
    stack = mmap(NULL, 1 << 16, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    stack_t alternate = {.ss_sp = stack, .ss_size = 1 << 16};
    CHECK(sigaltstack(&alternate, NULL) == 0);
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_ONSTACK};
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
    CHECK(raise(SIGUSR1) == 0);
    show_state(child ? "parent after it" : "child after it");
    return child ? 0 : 42;
}
