// option: --memory 200M
// A fork whose copy would not fit into the memory that all processes may have fails with ENOMEM, and works when there is
// room again. Natively there's no such limit.
#include "../check.h"
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

enum { SIZE = 40 << 20, MOST = 20 };

int main(void)
{
    char *memory = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(memory != MAP_FAILED);
    memset(memory, 1, SIZE);
    pid_t children[MOST];
    int count = 0, error = 0;
    while (count < MOST) {
        pid_t child = fork();
        if (child < 0) {
            error = errno;
            break;
        }
        if (child == 0) {
            pause();
            _exit(0);
        }
        children[count++] = child;
    }
    /* Natively there's no such limit. */
    CHECK(count == MOST || (error == ENOMEM && count >= 2 && count < 5));
    CHECK(munmap(memory, SIZE) == 0);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0)
        _exit(7);
    int status;
    CHECK(waitpid(child, &status, 0) == child && WEXITSTATUS(status) == 7);
    for (int i = 0; i < count; i++) {
        CHECK(kill(children[i], SIGKILL) == 0);
        CHECK(waitpid(children[i], &status, 0) == children[i] && WTERMSIG(status) == SIGKILL);
    }
    printf("forks again\n");
}
