/* What programs about Unix sockets share. */
#pragma once
#define _GNU_SOURCE
#include "../check.h"
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/un.h>

/* An address with a path, or an abstract one if the name begins with '@'. Gives its length. */
static inline socklen_t address_of(struct sockaddr_un *address, const char *name)
{
    memset(address, 0, sizeof *address);
    address->sun_family = AF_UNIX;
    strncpy(address->sun_path, name, sizeof address->sun_path - 1);
    if (name[0] == '@') {
        address->sun_path[0] = 0;
        return offsetof(struct sockaddr_un, sun_path) + strlen(name);
    }
    return offsetof(struct sockaddr_un, sun_path) + strlen(name) + 1;
}

static inline int bind_to(int fd, const char *name)
{
    struct sockaddr_un address;
    socklen_t len = address_of(&address, name);
    return bind(fd, (struct sockaddr *)&address, len);
}

static inline int connect_to(int fd, const char *name)
{
    struct sockaddr_un address;
    socklen_t len = address_of(&address, name);
    return connect(fd, (struct sockaddr *)&address, len);
}

static inline int new_socket(int type)
{
    int fd = socket(AF_UNIX, type, 0);
    CHECK(fd >= 0);
    return fd;
}

static inline int listener(int type, const char *name, int backlog)
{
    int fd = new_socket(type);
    CHECK(bind_to(fd, name) == 0);
    CHECK(listen(fd, backlog) == 0);
    return fd;
}

/* Prints an address with its length. */
static inline void show_address(const char *what, const struct sockaddr_un *address, socklen_t len)
{
    printf("%s: %u", what, len);
    if (len >= 2)
        printf(" family %d", address->sun_family);
    if (len > 2)
        printf(" \"%s%s\"", address->sun_path[0] ? "" : "@", address->sun_path + !address->sun_path[0]);
    printf("\n");
}

static inline void show_names(const char *what, int fd)
{
    struct sockaddr_un address;
    socklen_t len = sizeof address;
    memset(&address, 0, sizeof address);
    printf("%s:\n", what);
    if (getsockname(fd, (struct sockaddr *)&address, &len) == 0)
        show_address("  own", &address, len);
    else
        printf("  own: %s\n", error_name(errno));
    len = sizeof address;
    memset(&address, 0, sizeof address);
    if (getpeername(fd, (struct sockaddr *)&address, &len) == 0)
        show_address("  peer", &address, len);
    else
        printf("  peer: %s\n", error_name(errno));
}

static inline void show_ready(const char *what, int fd)
{
    struct pollfd entry = {fd, POLLIN | POLLOUT | POLLRDHUP, 0};
    CHECK(poll(&entry, 1, 0) >= 0);
    printf("%s: %x\n", what, entry.revents);
}

static inline int option_of(int fd, int option)
{
    int value = -1;
    socklen_t len = sizeof value;
    return getsockopt(fd, SOL_SOCKET, option, &value, &len) == 0 && len == sizeof value ? value : -errno;
}

/* Sends bytes with open files. */
static inline ssize_t send_files(int fd, const char *bytes, size_t len, const int *files, int count, int flags)
{
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int) * 300)] = {0};
    struct iovec piece = {(void *)bytes, len};
    struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1, .msg_control = control,
                             .msg_controllen = CMSG_SPACE(sizeof(int) * count)};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int) * count);
    memcpy(CMSG_DATA(header), files, sizeof(int) * count);
    return sendmsg(fd, &message, flags);
}

/* Receives bytes, with room for some bytes of control data; prints what came and gives the first files. */
static inline ssize_t receive_files(int fd, char *bytes, size_t len, size_t room, int *files, int *count, int flags)
{
    _Alignas(struct cmsghdr) char control[4096] = {0};
    struct iovec piece = {bytes, len};
    struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1, .msg_control = control, .msg_controllen = room};
    ssize_t received = recvmsg(fd, &message, flags);
    *count = 0;
    if (received < 0) {
        printf("recvmsg: %s\n", error_name(errno));
        return received;
    }
    printf("recvmsg: %zd flags %x control %zu", received, message.msg_flags, message.msg_controllen);
    for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header)) {
        printf(" [%d %d %zu]", header->cmsg_level, header->cmsg_type, header->cmsg_len);
        if (header->cmsg_type == SCM_RIGHTS) {
            *count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
            memcpy(files, CMSG_DATA(header), *count * sizeof(int));
        } else if (header->cmsg_type == SCM_CREDENTIALS) {
            struct ucred who;
            memcpy(&who, CMSG_DATA(header), sizeof who);
            printf(" (%s %u %u)", who.pid == getpid() ? "self" : who.pid ? "other" : "nobody", who.uid, who.gid);
        }
    }
    printf("\n");
    return received;
}
