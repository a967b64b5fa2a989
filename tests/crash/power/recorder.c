/* Records what a process does to the files below one folder, and makes calls fail: loaded before the C
 * library (LD_PRELOAD), for the crash tests alone.
 *
 * GUANXI_POWER_ROOT   the folder; what is elsewhere is passed on untouched
 * GUANXI_POWER_LOG    where the record goes; none is kept without it
 * GUANXI_POWER_FAULT  "kind number": what fails, and at which of the calls that the kind counts
 *     io      that call fails with EIO, once
 *     full    from that write, or other call that takes room, on there is none: ENOSPC
 *     torn    that write puts half of its bytes down, and the next write fails with EIO
 *     sync    that fsync fails with EIO
 *     read    that read fails with EIO
 *     short   every write and read of more than one byte does half of it, which is legal
 * GUANXI_POWER_PAUSE  microseconds that an fsync takes, so that commits meet in groups
 *
 * One lock is held over each call and its entry, so that the record has the order in which things were
 * done. Every entry is: kind (1 byte), two numbers (4 bytes each), an offset (8), the lengths of two byte
 * strings (4 each), and those; integers are little-endian, as on every machine that runs these tests.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define MOST_FILES 65536
#define MARKER "/.acknowledged"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char root[PATH_MAX];
static size_t root_length;
static int record = -1;
static char fault[16];
static long fault_at, counted, grown, written, syncs, reads, pause_for;
static int tear_next;
/* 1: below the folder, 2: the marker file, whose calls never fail. */
static unsigned char watched[MOST_FILES];

__attribute__((constructor)) static void begin(void)
{
    const char *text = getenv("GUANXI_POWER_ROOT");
    if (text == NULL)
        return;
    snprintf(root, sizeof root, "%s", text);
    root_length = strlen(root);
    if ((text = getenv("GUANXI_POWER_LOG")) != NULL)
        record = (int)syscall(SYS_openat, AT_FDCWD, text, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if ((text = getenv("GUANXI_POWER_FAULT")) != NULL)
        sscanf(text, "%15s %ld", fault, &fault_at);
    if ((text = getenv("GUANXI_POWER_PAUSE")) != NULL)
        pause_for = atol(text);
}

static void put(const void *bytes, size_t length)
{
    const char *from = bytes;
    while (length > 0) {
        long done = syscall(SYS_write, record, from, length);
        if (done <= 0)
            _exit(97);
        from += done;
        length -= (size_t)done;
    }
}

static void enter(char kind, int one, int two, uint64_t offset, const void *first, size_t first_length,
                  const void *second, size_t second_length)
{
    int error = errno;
    if (record >= 0) {
        char head[25];
        uint32_t lengths[2] = {(uint32_t)first_length, (uint32_t)second_length};
        head[0] = kind;
        memcpy(head + 1, &one, 4);
        memcpy(head + 5, &two, 4);
        memcpy(head + 9, &offset, 8);
        memcpy(head + 17, lengths, 8);
        put(head, sizeof head);
        put(first, first_length);
        put(second, second_length);
    }
    errno = error;
}

/* The full path behind a folder and a name; says whether it is below the watched folder. */
static int below(int folder, const char *name, char *path)
{
    if (root_length == 0)
        return 0;
    if (name[0] == '/') {
        snprintf(path, PATH_MAX, "%s", name);
    } else {
        char base[PATH_MAX], link[64];
        ssize_t length;
        snprintf(link, sizeof link, folder == AT_FDCWD ? "/proc/self/cwd" : "/proc/self/fd/%d", folder);
        length = syscall(SYS_readlinkat, AT_FDCWD, link, base, sizeof base - 1);
        base[length < 0 ? 0 : length] = 0;
        if (strlen(base) + strlen(name) + 2 > PATH_MAX)
            return 0;
        strcpy(path, base);
        strcat(path, "/");
        strcat(path, name);
    }
    return strncmp(path, root, root_length) == 0 && (path[root_length] == '/' || path[root_length] == 0);
}

static int is_marker(const char *path)
{
    size_t length = strlen(path), end = sizeof MARKER - 1;
    return length >= end && strcmp(path + length - end, MARKER) == 0;
}

static int seen(int file)
{
    return file >= 0 && file < MOST_FILES ? watched[file] : 0;
}

/* Says that a call fails now, so that a test knows the calls that there are. */
static int failing(int error)
{
    static const char mark[] = "the recorder made a call fail\n";
    syscall(SYS_write, 2, mark, sizeof mark - 1);
    errno = error;
    return 1;
}

enum reason { GROWS, CHANGES, SYNCS };

/* Whether this call fails; errno says how. With the lock held. */
static int fails(enum reason reason)
{
    counted++;
    if (reason == SYNCS && strcmp(fault, "sync") == 0 && ++syncs == fault_at)
        return failing(EIO);
    if (strcmp(fault, "io") == 0 && counted == fault_at)
        return failing(EIO);
    if (strcmp(fault, "full") == 0 && reason == GROWS && ++grown >= fault_at)
        return failing(ENOSPC);
    return 0;
}

/* How much of a write is done: all, a part, or -1 for none with an error. With the lock held. */
static ssize_t allowed(int file, size_t length)
{
    if (seen(file) == 2)
        return (ssize_t)length;
    if (tear_next) {
        tear_next = 0;
        failing(EIO);
        return -1;
    }
    if (fails(GROWS))
        return -1;
    if (strcmp(fault, "torn") == 0 && ++written == fault_at) {
        tear_next = 1;
        return length > 1 ? (ssize_t)length / 2 : (ssize_t)length;
    }
    if (strcmp(fault, "short") == 0 && length > 1)
        return (ssize_t)length / 2;
    return (ssize_t)length;
}

static int open_below(int folder, const char *name, int flags, mode_t mode)
{
    char path[PATH_MAX];
    struct stat before;
    int file, fresh = 0;
    if (!below(folder, name, path)) {
        file = (int)syscall(SYS_openat, folder, name, flags, mode);
        if (file >= 0 && file < MOST_FILES)
            watched[file] = 0;
        return file;
    }
    pthread_mutex_lock(&lock);
    if (flags & O_CREAT)
        fresh = fstatat(AT_FDCWD, path, &before, AT_SYMLINK_NOFOLLOW) != 0;
    if (!is_marker(path) && (fresh || (flags & O_TRUNC)) && fails(fresh ? GROWS : CHANGES)) {
        pthread_mutex_unlock(&lock);
        return -1;
    }
    file = (int)syscall(SYS_openat, folder, name, flags, mode);
    if (file >= 0 && file < MOST_FILES) {
        watched[file] = is_marker(path) ? 2 : 1;
        enter('O', file, (fresh ? 1 : 0) | (flags & O_TRUNC ? 2 : 0), 0, path, strlen(path), "", 0);
    }
    pthread_mutex_unlock(&lock);
    return file;
}

#define WITH_MODE(flags, mode)                                                                               \
    mode_t mode = 0;                                                                                         \
    if ((flags) & (O_CREAT | O_TMPFILE)) {                                                                   \
        va_list rest;                                                                                        \
        va_start(rest, flags);                                                                               \
        mode = va_arg(rest, mode_t);                                                                         \
        va_end(rest);                                                                                        \
    }

int open(const char *name, int flags, ...)
{
    WITH_MODE(flags, mode)
    return open_below(AT_FDCWD, name, flags, mode);
}

int open64(const char *name, int flags, ...)
{
    WITH_MODE(flags, mode)
    return open_below(AT_FDCWD, name, flags | O_LARGEFILE, mode);
}

int openat(int folder, const char *name, int flags, ...)
{
    WITH_MODE(flags, mode)
    return open_below(folder, name, flags, mode);
}

int openat64(int folder, const char *name, int flags, ...)
{
    WITH_MODE(flags, mode)
    return open_below(folder, name, flags | O_LARGEFILE, mode);
}

int close(int file)
{
    if (seen(file)) {
        pthread_mutex_lock(&lock);
        enter('C', file, 0, 0, "", 0, "", 0);
        watched[file] = 0;
        pthread_mutex_unlock(&lock);
    }
    return (int)syscall(SYS_close, file);
}

static int duplicated(int file, int copy)
{
    if (copy >= 0 && copy < MOST_FILES && seen(file)) {
        pthread_mutex_lock(&lock);
        watched[copy] = watched[file];
        enter('D', file, copy, 0, "", 0, "", 0);
        pthread_mutex_unlock(&lock);
    }
    return copy;
}

int dup(int file)
{
    return duplicated(file, (int)syscall(SYS_dup, file));
}

int fcntl(int file, int command, ...)
{
    va_list rest;
    void *argument;
    int done;
    va_start(rest, command);
    argument = va_arg(rest, void *);
    va_end(rest);
    done = (int)syscall(SYS_fcntl, file, command, argument);
    return command == F_DUPFD || command == F_DUPFD_CLOEXEC ? duplicated(file, done) : done;
}

int fcntl64(int file, int command, ...)
{
    va_list rest;
    void *argument;
    va_start(rest, command);
    argument = va_arg(rest, void *);
    va_end(rest);
    return fcntl(file, command, argument);
}

static ssize_t write_at(int file, const void *bytes, size_t length, off_t offset)
{
    ssize_t done;
    pthread_mutex_lock(&lock);
    done = allowed(file, length);
    if (done >= 0)
        done = syscall(SYS_pwrite64, file, bytes, (size_t)done, offset);
    if (done >= 0)
        enter('W', file, 0, (uint64_t)offset, bytes, (size_t)done, "", 0);
    pthread_mutex_unlock(&lock);
    return done;
}

ssize_t pwrite(int file, const void *bytes, size_t length, off_t offset)
{
    return seen(file) ? write_at(file, bytes, length, offset)
                      : syscall(SYS_pwrite64, file, bytes, length, offset);
}

ssize_t pwrite64(int file, const void *bytes, size_t length, off_t offset)
{
    return pwrite(file, bytes, length, offset);
}

ssize_t write(int file, const void *bytes, size_t length)
{
    ssize_t done;
    if (!seen(file))
        return syscall(SYS_write, file, bytes, length);
    pthread_mutex_lock(&lock);
    done = allowed(file, length);
    if (done >= 0)
        done = syscall(SYS_write, file, bytes, (size_t)done);
    if (done >= 0) {
        /* Where the file stands now is behind what was written, with O_APPEND as well. */
        off_t behind = syscall(SYS_lseek, file, 0, SEEK_CUR);
        enter('W', file, 0, (uint64_t)(behind - done), bytes, (size_t)done, "", 0);
    }
    pthread_mutex_unlock(&lock);
    return done;
}

ssize_t writev(int file, const struct iovec *parts, int count)
{
    if (!seen(file) || count < 1)
        return syscall(SYS_writev, file, parts, count);
    return write(file, parts[0].iov_base, parts[0].iov_len);
}

/* Whether a read fails. Half of what is asked for is legal too. */
static int read_fails(int file, size_t *length)
{
    int failed = 0;
    if (fault[0] == 0 || seen(file) != 1)
        return 0;
    pthread_mutex_lock(&lock);
    if (strcmp(fault, "read") == 0 && ++reads == fault_at)
        failed = failing(EIO);
    if (strcmp(fault, "short") == 0 && *length > 1)
        *length /= 2;
    pthread_mutex_unlock(&lock);
    return failed;
}

ssize_t read(int file, void *bytes, size_t length)
{
    return read_fails(file, &length) ? -1 : syscall(SYS_read, file, bytes, length);
}

ssize_t pread(int file, void *bytes, size_t length, off_t offset)
{
    return read_fails(file, &length) ? -1 : syscall(SYS_pread64, file, bytes, length, offset);
}

ssize_t pread64(int file, void *bytes, size_t length, off_t offset)
{
    return pread(file, bytes, length, offset);
}

int ftruncate(int file, off_t length)
{
    struct stat now;
    int done;
    if (!seen(file))
        return (int)syscall(SYS_ftruncate, file, length);
    pthread_mutex_lock(&lock);
    done = fstat(file, &now) == 0 && fails(length > now.st_size ? GROWS : CHANGES) ? -1 : 0;
    if (done == 0)
        done = (int)syscall(SYS_ftruncate, file, length);
    if (done == 0)
        enter('T', file, 0, (uint64_t)length, "", 0, "", 0);
    pthread_mutex_unlock(&lock);
    return done;
}

int ftruncate64(int file, off_t length)
{
    return ftruncate(file, length);
}

static int sync_file(long number, int file)
{
    int done;
    if (seen(file) != 1)
        return (int)syscall(number, file);
    if (pause_for > 0)
        usleep((useconds_t)pause_for);
    pthread_mutex_lock(&lock);
    done = fails(SYNCS) ? -1 : (int)syscall(number, file);
    if (done == 0)
        enter('S', file, 0, 0, "", 0, "", 0);
    pthread_mutex_unlock(&lock);
    return done;
}

int fsync(int file)
{
    return sync_file(SYS_fsync, file);
}

int fdatasync(int file)
{
    return sync_file(SYS_fdatasync, file);
}

int renameat(int from_folder, const char *from, int to_folder, const char *to)
{
    char from_path[PATH_MAX], to_path[PATH_MAX];
    int done, inside = below(from_folder, from, from_path);
    if (!below(to_folder, to, to_path) && !inside)
        return (int)syscall(SYS_renameat2, from_folder, from, to_folder, to, 0);
    pthread_mutex_lock(&lock);
    done = fails(CHANGES) ? -1 : (int)syscall(SYS_renameat2, from_folder, from, to_folder, to, 0);
    if (done == 0)
        enter('R', 0, 0, 0, from_path, strlen(from_path), to_path, strlen(to_path));
    pthread_mutex_unlock(&lock);
    return done;
}

int rename(const char *from, const char *to)
{
    return renameat(AT_FDCWD, from, AT_FDCWD, to);
}

int unlinkat(int folder, const char *name, int flags)
{
    char path[PATH_MAX];
    int done;
    if (!below(folder, name, path))
        return (int)syscall(SYS_unlinkat, folder, name, flags);
    pthread_mutex_lock(&lock);
    done = fails(CHANGES) ? -1 : (int)syscall(SYS_unlinkat, folder, name, flags);
    if (done == 0)
        enter('U', flags & AT_REMOVEDIR ? 1 : 0, 0, 0, path, strlen(path), "", 0);
    pthread_mutex_unlock(&lock);
    return done;
}

int unlink(const char *name)
{
    return unlinkat(AT_FDCWD, name, 0);
}

int rmdir(const char *name)
{
    return unlinkat(AT_FDCWD, name, AT_REMOVEDIR);
}

int mkdir(const char *name, mode_t mode)
{
    char path[PATH_MAX];
    int done;
    if (!below(AT_FDCWD, name, path))
        return (int)syscall(SYS_mkdirat, AT_FDCWD, name, mode);
    pthread_mutex_lock(&lock);
    done = fails(GROWS) ? -1 : (int)syscall(SYS_mkdirat, AT_FDCWD, name, mode);
    if (done == 0)
        enter('M', 0, 0, 0, path, strlen(path), "", 0);
    pthread_mutex_unlock(&lock);
    return done;
}

/* What would change files behind the record's back is refused, and whoever asked does it with writes. */
ssize_t copy_file_range(int from, off_t *from_at, int to, off_t *to_at, size_t length, unsigned flags)
{
    if (!seen(to))
        return syscall(SYS_copy_file_range, from, from_at, to, to_at, length, flags);
    errno = ENOSYS;
    return -1;
}

ssize_t sendfile(int to, int from, off_t *offset, size_t length)
{
    if (!seen(to))
        return syscall(SYS_sendfile, to, from, offset, length);
    errno = ENOSYS;
    return -1;
}

ssize_t sendfile64(int to, int from, off_t *offset, size_t length)
{
    return sendfile(to, from, offset, length);
}

/* A call that no version of the engine makes, and that the record could not tell, ends the process, so
 * that a test learns of it. */
static int unknown(int file, const char *name)
{
    if (seen(file)) {
        fprintf(stderr, "the recorder does not know %s\n", name);
        _exit(98);
    }
    return 0;
}

int fallocate(int file, int mode, off_t offset, off_t length)
{
    unknown(file, "fallocate");
    return (int)syscall(SYS_fallocate, file, mode, offset, length);
}

ssize_t pwritev(int file, const struct iovec *parts, int count, off_t offset)
{
    unknown(file, "pwritev");
    return syscall(SYS_pwritev, file, parts, count, offset, 0);
}

int linkat(int from_folder, const char *from, int to_folder, const char *to, int flags)
{
    char path[PATH_MAX];
    if (below(to_folder, to, path)) {
        fprintf(stderr, "the recorder does not know linkat\n");
        _exit(98);
    }
    return (int)syscall(SYS_linkat, from_folder, from, to_folder, to, flags);
}
