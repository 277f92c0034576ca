// build: -pthread
/* sendmsg and recvmsg over all types of Unix sockets: files, credentials, peeking, truncation, bad control data. */
#include "unix.h"
#include <sys/resource.h>
#include <sys/syscall.h>

static int type;
static int pair[2];
static char buffer[300000];

static void open_pair(int flags)
{
    CHECK(socketpair(AF_UNIX, type | flags, 0, pair) == 0);
}

static void close_pair(void)
{
    CHECK(close(pair[0]) == 0);
    CHECK(close(pair[1]) == 0);
}

static void show_pipe(int reader, int writer)
{
    char byte = 0;
    CHECK(write(writer, "p", 1) == 1);
    CHECK(read(reader, &byte, 1) == 1);
    printf("through the pipe: %c\n", byte);
}

static void files(void)
{
    char got[16] = {0};
    int ends[2], received[300], count;
    open_pair(0);
    CHECK(pipe(ends) == 0);
    CHECK(send_files(pair[0], "ab", 2, ends, 2, 0) == 2);
    CHECK(close(ends[0]) == 0);
    CHECK(receive_files(pair[1], got, sizeof got, 4096, received, &count, MSG_CMSG_CLOEXEC) == 2);
    CHECK(count == 2);
    printf("%s %d\n", got, fcntl(received[0], F_GETFD));
    show_pipe(received[0], ends[1]);
    CHECK(close(received[0]) == 0 && close(received[1]) == 0 && close(ends[1]) == 0);
    /* Room for one of two. */
    CHECK(pipe(ends) == 0);
    CHECK(send_files(pair[0], "c", 1, ends, 2, 0) == 1);
    receive_files(pair[1], got, 1, CMSG_LEN(sizeof(int)), received, &count, 0);
    CHECK(count == 1);
    CHECK(close(received[0]) == 0);
    /* Room for none. */
    CHECK(send_files(pair[0], "d", 1, ends, 2, 0) == 1);
    receive_files(pair[1], got, 1, 0, received, &count, 0);
    CHECK(send_files(pair[0], "d", 1, ends, 2, 0) == 1);
    receive_files(pair[1], got, 1, CMSG_LEN(3), received, &count, 0);
    /* Files that are peeked stay. */
    CHECK(send_files(pair[0], "e", 1, ends, 1, 0) == 1);
    receive_files(pair[1], got, 1, 4096, received, &count, MSG_PEEK);
    CHECK(count == 1 && close(received[0]) == 0);
    receive_files(pair[1], got, 1, 4096, received, &count, 0);
    CHECK(count == 1 && close(received[0]) == 0);
    /* What nobody receives is closed. */
    CHECK(send_files(pair[0], "f", 1, &ends[1], 1, 0) == 1);
    CHECK(close(ends[1]) == 0);
    CHECK(recv(pair[1], got, 1, 0) == 1);
    printf("end of the pipe: %zd\n", read(ends[0], got, 1));
    CHECK(close(ends[0]) == 0);
    /* As many as may be, and one more. */
    for (int i = 0; i < 254; i++)
        received[i] = pair[0];
    SHOW_VALUE(send_files(pair[0], "g", 1, received, 254, 0));
    SHOW_VALUE(send_files(pair[0], "g", 1, received, 253, 0));
    SHOW_VALUE(receive_files(pair[1], got, 1, 4096, received, &count, 0));
    printf("%d\n", count);
    for (int i = 0; i < count; i++)
        CHECK(close(received[i]) == 0);
    int bad[2] = {pair[0], 999};
    SHOW_VALUE(send_files(pair[0], "h", 1, bad, 2, 0));
    bad[1] = -1;
    SHOW_VALUE(send_files(pair[0], "h", 1, bad, 2, 0));
    SHOW_VALUE(send_files(pair[0], "h", 1, bad, 0, 0));
    SHOW_VALUE(recv(pair[1], got, sizeof got, MSG_DONTWAIT));
    /* No descriptor is left for one. */
    struct rlimit limit, low;
    CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    low = limit;
    low.rlim_cur = pair[1] + 2;
    bad[1] = bad[0];
    CHECK(send_files(pair[0], "i", 1, bad, 2, 0) == 1);
    CHECK(setrlimit(RLIMIT_NOFILE, &low) == 0);
    receive_files(pair[1], got, 1, 4096, received, &count, 0);
    CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    CHECK(count == 1 && close(received[0]) == 0);
    close_pair();
}

static void boundaries(void)
{
    char got[32];
    int received[8], count, ends[2];
    open_pair(SOCK_NONBLOCK);
    CHECK(pipe(ends) == 0);
    CHECK(send(pair[0], "ab", 2, 0) == 2);
    CHECK(send_files(pair[0], "cd", 2, ends, 1, 0) == 2);
    CHECK(send(pair[0], "ef", 2, 0) == 2);
    CHECK(send_files(pair[0], "gh", 2, ends, 2, 0) == 2);
    CHECK(send_files(pair[0], "ij", 2, ends, 1, 0) == 2);
    memset(got, 0, sizeof got);
    receive_files(pair[1], got, sizeof got, 4096, received, &count, MSG_PEEK);
    printf("%s %d\n", got, count);
    for (int i = 0; i < count; i++)
        close(received[i]);
    for (;;) {
        memset(got, 0, sizeof got);
        if (receive_files(pair[1], got, sizeof got, 4096, received, &count, MSG_WAITALL) < 0)
            break;
        printf("%s %d\n", got, count);
        for (int i = 0; i < count; i++)
            close(received[i]);
    }
    /* A message in two parts brings its files with the first. */
    CHECK(send_files(pair[0], "klm", 3, ends, 1, 0) == 3);
    receive_files(pair[1], got, 1, 4096, received, &count, 0);
    printf("%d\n", count);
    receive_files(pair[1], got, sizeof got, 4096, received, &count, 0);
    printf("%d\n", count);
    close_pair();
    open_pair(0);
    CHECK(send_files(pair[0], buffer, 20000, ends, 1, 0) == 20000);
    CHECK(send(pair[0], "x", 1, 0) == 1);
    receive_files(pair[1], buffer, sizeof buffer, 4096, received, &count, 0);
    close_pair();
    close(ends[0]);
    close(ends[1]);
}

static ssize_t send_credentials(int fd, pid_t pid, uid_t uid, gid_t gid, size_t len)
{
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(64)] = {0};
    struct ucred who = {pid, uid, gid};
    struct iovec piece = {"x", 1};
    struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1, .msg_control = control, .msg_controllen = CMSG_SPACE(len)};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_CREDENTIALS;
    header->cmsg_len = CMSG_LEN(len);
    memcpy(CMSG_DATA(header), &who, sizeof who);
    return sendmsg(fd, &message, 0);
}

static void credentials(void)
{
    char got[32];
    int received[8], count, on = 1;
    open_pair(0);
    CHECK(send(pair[0], "before", 6, 0) == 6);
    CHECK(setsockopt(pair[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof on) == 0);
    printf("%d %d\n", option_of(pair[0], SO_PASSCRED), option_of(pair[1], SO_PASSCRED));
    CHECK(send(pair[0], "after", 5, 0) == 5);
    CHECK(send(pair[0], "wards", 5, 0) == 5);
    receive_files(pair[1], got, sizeof got, 4096, received, &count, 0);
    receive_files(pair[1], got, sizeof got, 4096, received, &count, 0);
    if (type != SOCK_STREAM)
        receive_files(pair[1], got, sizeof got, 4096, received, &count, 0);
    SHOW_VALUE(send_credentials(pair[0], getpid(), getuid(), getgid(), sizeof(struct ucred)));
    receive_files(pair[1], got, sizeof got, 4096, received, &count, 0);
    SHOW_VALUE(send_credentials(pair[0], getpid(), getuid(), getgid(), sizeof(struct ucred)));
    receive_files(pair[1], got, sizeof got, 8, received, &count, 0);
    SHOW_VALUE(send_credentials(pair[0], getpid(), getuid(), getgid(), sizeof(struct ucred)));
    receive_files(pair[1], got, sizeof got, CMSG_LEN(6), received, &count, 0);
    SHOW_VALUE(send_credentials(pair[0], getpid(), getuid(), getgid(), 11));
    SHOW_VALUE(send_credentials(pair[0], getpid(), getuid(), getgid(), 13));
    CHECK(send_files(pair[0], "y", 1, pair, 1, 0) == 1);
    receive_files(pair[1], got, sizeof got, 4096, received, &count, 0);
    CHECK(count == 1 && close(received[0]) == 0);
    if (geteuid() == 0) {
        SHOW_VALUE(send_credentials(pair[0], 1 << 22, 0, 0, sizeof(struct ucred)));
        SHOW_VALUE(send_credentials(pair[0], getpid(), 77, 88, sizeof(struct ucred)));
        receive_files(pair[1], got, sizeof got, 4096, received, &count, 0);
        CHECK(seteuid(12345) == 0);
        SHOW_VALUE(send_credentials(pair[0], getpid(), 77, 88, sizeof(struct ucred)));
        SHOW_VALUE(send_credentials(pair[0], 1, 0, 0, sizeof(struct ucred)));
        CHECK(seteuid(0) == 0);
    }
    close_pair();
}

static void bad_control_data(void)
{
    _Alignas(struct cmsghdr) char control[128] = {0};
    struct iovec piece = {"x", 1};
    struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1, .msg_control = control};
    struct cmsghdr *header = (struct cmsghdr *)control;
    size_t lengths[] = {0, 1, 15, 16, 17, 20, 24, 25, 1000, (size_t)-1, (size_t)-8};
    open_pair(SOCK_NONBLOCK);
    int levels[] = {SOL_SOCKET, 6};
    for (int level = 0; level < 2; level++)
        for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
            header->cmsg_level = levels[level];
            header->cmsg_type = SCM_RIGHTS;
            header->cmsg_len = lengths[i];
            memcpy(CMSG_DATA(header), pair, sizeof pair);
            message.msg_controllen = 24;
            errno = 0;
            ssize_t sent = sendmsg(pair[0], &message, MSG_NOSIGNAL);
            printf("level %d length %zd: %zd %s\n", levels[level], lengths[i], sent, sent < 0 ? error_name(errno) : "");
        }
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_len = 20;
    header->cmsg_type = 99;
    SHOW_VALUE(sendmsg(pair[0], &message, 0));
    message.msg_controllen = 15;
    SHOW_VALUE(sendmsg(pair[0], &message, 0));
    message.msg_controllen = 1 << 20;
    SHOW_VALUE(sendmsg(pair[0], &message, 0));
    message.msg_controllen = (size_t)-1;
    SHOW_VALUE(sendmsg(pair[0], &message, 0));
    message.msg_control = (void *)8;
    message.msg_controllen = 24;
    SHOW_VALUE(sendmsg(pair[0], &message, 0));
    message.msg_control = NULL;
    message.msg_controllen = 0;
    message.msg_iovlen = 1025;
    SHOW_VALUE(sendmsg(pair[0], &message, 0));
    message.msg_iovlen = (size_t)-1;
    SHOW_VALUE(sendmsg(pair[0], &message, 0));
    message.msg_iovlen = 1;
    message.msg_iov = (void *)8;
    SHOW_VALUE(sendmsg(pair[0], &message, 0));
    message.msg_iov = &piece;
    piece.iov_len = (size_t)-1;
    SHOW_VALUE(sendmsg(pair[0], &message, 0));
    piece.iov_len = 1;
    piece.iov_base = (void *)8;
    SHOW_VALUE(sendmsg(pair[0], &message, 0));
    SHOW_VALUE(sendmsg(pair[0], (void *)8, 0));
    SHOW_VALUE(recvmsg(pair[1], (void *)8, MSG_DONTWAIT));
    SHOW_VALUE(sendmsg(99, &message, 0));
    SHOW_VALUE(sendmsg(0x7fffffff, &message, 0));
    SHOW_VALUE(syscall(SYS_sendmsg, pair[0], &message, 0x80000000));
    /* The address's length is looked at with an address alone. */
    piece.iov_base = "x";
    message.msg_namelen = -1;
    SHOW_VALUE(sendmsg(pair[0], &message, 0));
    message.msg_name = control;
    SHOW_VALUE(sendmsg(pair[0], &message, 0));
    message.msg_namelen = 100000;
    SHOW_VALUE(sendmsg(pair[0], &message, 0) < 0 ? -1 : 0);
    close_pair();
    /* Control data has nowhere to go. */
    open_pair(0);
    CHECK(send_files(pair[0], "z", 1, pair, 1, 0) == 1);
    char byte;
    piece.iov_base = &byte;
    message = (struct msghdr){.msg_iov = &piece, .msg_iovlen = 1, .msg_control = (void *)8, .msg_controllen = 64};
    SHOW_VALUE(recvmsg(pair[1], &message, 0));
    printf("%x %zu\n", message.msg_flags, message.msg_controllen);
    CHECK(send_files(pair[0], "z", 1, pair, 1, 0) == 1);
    message.msg_control = NULL;
    message.msg_controllen = 64;
    SHOW_VALUE(recvmsg(pair[1], &message, 0));
    printf("%x %zu\n", message.msg_flags, message.msg_controllen);
    close_pair();
}

static void truncation(void)
{
    char got[16] = {0};
    int received[1], count;
    open_pair(0);
    CHECK(send(pair[0], "abcdef", 6, 0) == 6);
    receive_files(pair[1], got, 3, 0, received, &count, MSG_PEEK | MSG_TRUNC);
    receive_files(pair[1], got, 3, 0, received, &count, MSG_PEEK);
    int queued = -1;
    CHECK(ioctl(pair[1], FIONREAD, &queued) == 0);
    printf("queued %d\n", queued);
    CHECK(send(pair[0], "gh", 2, 0) == 2);
    CHECK(ioctl(pair[1], FIONREAD, &queued) == 0);
    printf("queued %d\n", queued);
    receive_files(pair[1], got, 3, 0, received, &count, type == SOCK_STREAM ? 0 : MSG_TRUNC);
    receive_files(pair[1], got, 2, 0, received, &count, 0);
    if (type != SOCK_STREAM) {
        SHOW_VALUE(send(pair[0], got, 0, 0));
        SHOW_VALUE(recv(pair[1], got, 1, 0));
        int size = 20000;
        CHECK(setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof size) == 0);
        printf("buffer %d\n", option_of(pair[0], SO_SNDBUF));
        SHOW_VALUE(send(pair[0], buffer, 40000 - 31, 0));
        SHOW_VALUE(send(pair[0], buffer, 30000, 0));
        SHOW_VALUE(recv(pair[1], buffer, sizeof buffer, 0));
        int full = 0;
        while (send(pair[0], buffer, 10000, MSG_DONTWAIT) == 10000)
            full++;
        printf("%s %d\n", error_name(errno), full > 1 && full < 10);
        show_ready("full", pair[0]);
        while (recv(pair[1], buffer, sizeof buffer, MSG_DONTWAIT) > 0)
            ;
        show_ready("empty", pair[0]);
    }
    SHOW_VALUE(send(pair[0], "o", 1, MSG_OOB | MSG_NOSIGNAL) < 2 ? 0 : 1);
    close_pair();
}

static void many(void)
{
    char got[4][4] = {{0}};
    struct mmsghdr messages[4] = {{{0}, 0}};
    struct iovec pieces[4];
    open_pair(0);
    for (int i = 0; i < 4; i++) {
        pieces[i] = (struct iovec){"abcd" + i, 1};
        messages[i].msg_hdr.msg_iov = &pieces[i];
        messages[i].msg_hdr.msg_iovlen = 1;
    }
    SHOW_VALUE(sendmmsg(pair[0], messages, 4, 0));
    for (int i = 0; i < 4; i++) {
        printf("%u ", messages[i].msg_len);
        pieces[i] = (struct iovec){got[i], 1};
    }
    SHOW_VALUE(recvmmsg(pair[1], messages, 2, 0, NULL));
    SHOW_VALUE(recvmmsg(pair[1], messages + 2, 2, MSG_WAITFORONE, NULL));
    for (int i = 0; i < 4; i++)
        printf("%s %u ", got[i], messages[i].msg_len);
    SHOW_VALUE(recvmmsg(pair[1], messages, 2, MSG_DONTWAIT, NULL));
    struct timespec bad = {0, -1};
    SHOW_VALUE(recvmmsg(pair[1], messages, 2, MSG_DONTWAIT, &bad));
    SHOW_VALUE(sendmmsg(pair[0], NULL, 4, 0));
    SHOW_VALUE(sendmmsg(pair[0], messages, 0, 0));
    messages[1].msg_hdr.msg_iov = (void *)8;
    SHOW_VALUE(sendmmsg(pair[0], messages, 2, 0));
    close_pair();
}

static void options(void)
{
    open_pair(0);
    printf("%d %d %d %d\n", option_of(pair[0], SO_TYPE), option_of(pair[0], SO_DOMAIN), option_of(pair[0], SO_PROTOCOL),
           option_of(pair[0], SO_ACCEPTCONN));
    printf("%d %d %d\n", option_of(pair[0], SO_SNDBUF), option_of(pair[0], SO_RCVBUF), option_of(pair[0], SO_ERROR));
    int value = 1;
    char byte = 1;
    SHOW(setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &value, sizeof value));
    SHOW(setsockopt(pair[0], SOL_SOCKET, SO_RCVBUF, &value, sizeof value));
    printf("%d %d\n", option_of(pair[0], SO_SNDBUF), option_of(pair[0], SO_RCVBUF));
    SHOW(setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &byte, 1));
    SHOW(setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, (void *)8, 4));
    SHOW(setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &value, -1));
    SHOW(setsockopt(pair[0], SOL_SOCKET, SO_TYPE, &value, sizeof value));
    SHOW(setsockopt(pair[0], SOL_SOCKET, 9999, &value, sizeof value));
    SHOW(setsockopt(pair[0], 6, 1, &value, sizeof value));
    SHOW(setsockopt(pair[0], SOL_SOCKET, SO_REUSEADDR, &value, sizeof value));
    printf("%d\n", option_of(pair[0], SO_REUSEADDR));
    struct timeval time = {1, 1000000}, none = {0, 0};
    SHOW(setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time));
    time.tv_usec = 500000;
    SHOW(setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time));
    socklen_t len = sizeof none;
    CHECK(getsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &none, &len) == 0);
    printf("%ld %ld %u\n", (long)none.tv_sec, (long)none.tv_usec, len);
    struct linger linger = {5, 7};
    SHOW(setsockopt(pair[0], SOL_SOCKET, SO_LINGER, &linger, sizeof linger));
    len = sizeof linger;
    CHECK(getsockopt(pair[0], SOL_SOCKET, SO_LINGER, &linger, &len) == 0);
    printf("%d %d %u\n", linger.l_onoff, linger.l_linger, len);
    len = 2;
    value = -1;
    SHOW(getsockopt(pair[0], SOL_SOCKET, SO_TYPE, &value, &len));
    printf("%x %u\n", value, len);
    len = -1;
    SHOW(getsockopt(pair[0], SOL_SOCKET, SO_TYPE, &value, &len));
    SHOW(getsockopt(pair[0], SOL_SOCKET, SO_TYPE, &value, NULL));
    SHOW(getsockopt(pair[0], SOL_SOCKET, 9999, &value, &len) ? -1 : 0);
    SHOW(getsockopt(0, SOL_SOCKET, SO_TYPE, &value, &len) ? -1 : 0);
    time = (struct timeval){0, 1000};
    SHOW(setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time));
    SHOW(recv(pair[0], &byte, 1, 0));
    SHOW(setsockopt(pair[0], SOL_SOCKET, SO_SNDTIMEO, &time, sizeof time));
    while (send(pair[0], buffer, 1000, 0) > 0)
        ;
    printf("%s\n", error_name(errno));
    close_pair();
}

/* Sockets that lie in each other's queues alone are freed: what else lies there is closed. */
static void cycles(void)
{
    int ends[2], both[2];
    char byte;
    CHECK(pipe(ends) == 0);
    open_pair(0);
    both[0] = pair[0];
    both[1] = ends[1];
    CHECK(send_files(pair[1], "a", 1, both, 2, 0) == 1);
    both[0] = pair[1];
    CHECK(send_files(pair[0], "b", 1, both, 1, 0) == 1);
    close_pair();
    CHECK(close(ends[1]) == 0);
    printf("end of the pipe: %zd\n", read(ends[0], &byte, 1));
    CHECK(close(ends[0]) == 0);
    /* A long chain, each in the next one's queue. */
    open_pair(0);
    for (int i = 0; i < 2000; i++) {
        int last[2] = {pair[0], pair[1]};
        open_pair(0);
        CHECK(send_files(pair[0], "c", 1, last, 2, 0) == 1);
        close(last[0]);
        close(last[1]);
    }
    close_pair();
    printf("chain\n");
}

int main(void)
{
    int types[] = {SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM};
    for (int i = 0; i < 3; i++) {
        type = types[i];
        printf("-- type %d\n", type);
        files();
        boundaries();
        credentials();
        bad_control_data();
        truncation();
        many();
        options();
        cycles();
    }
    return 0;
}
