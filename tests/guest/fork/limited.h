// Who may have a limited number of processes.
#pragma once
#include "../check.h"
#include <grp.h>
#include <sys/resource.h>
#include <unistd.h>

/* Root has no limit, so the process becomes a user who is nobody else. */
static void become_limited(uid_t user, rlim_t processes)
{
    CHECK(setgroups(0, NULL) == 0 && setresgid(user, user, user) == 0 && setresuid(user, user, user) == 0);
    struct rlimit limit = { processes, processes };
    CHECK(setrlimit(RLIMIT_NPROC, &limit) == 0);
}
