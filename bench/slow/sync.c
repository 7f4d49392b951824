/* sync.c - a disk whose every sync takes 2 ms longer, as flash without a protected cache does.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Linked into a program, these two stand before libc's for all its libraries, SQLite among them. bench/slow/ links the whole
 * program and the bare server with them, so that group commit is measured where a sync costs what it honestly may.
 */
#include <errno.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define SLOWER_NS 2000000

static void wait_some(void)
{
    struct timespec left = {.tv_nsec = SLOWER_NS};

    while (nanosleep(&left, &left) != 0 && errno == EINTR) continue;
}

int fdatasync(int fd)
{
    wait_some();
    return (int)syscall(SYS_fdatasync, fd);
}

int fsync(int fd)
{
    wait_some();
    return (int)syscall(SYS_fsync, fd);
}
