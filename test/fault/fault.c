/*
 * fault.c
 *	  A disk that is full and memory that ends, when a test says so.
 *
 * A server that has this library in LD_PRELOAD calls it in the place of the C library.  The SQL functions
 * below arm it, for all processes of the server at once, because what is armed lies in memory that they share
 * with the postmaster.
 *
 * full_disk(pattern text): no file whose path contains the pattern can become larger.  NULL ends it.
 *
 * fail_allocation(n bigint, elsewhere boolean): the nth allocation from now on fails, one time.  Counted are
 * those that hwr and the libraries it calls make, and threads, which need memory too: in this process, or,
 * with elsewhere, in all others.  PostgreSQL's own are not, because its own tests are for them; nor are
 * jansson's, which writes past its memory when it gets none (2.14: the lexer's buffer).  0: none fails, but
 * they are counted.
 *
 * allocations(): how many were counted.  memory_in_use(): bytes that this process has allocated and not freed.
 */
#define _GNU_SOURCE
#include "postgres.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "fmgr.h"
#include "utils/builtins.h"

typedef struct Faults
{
	char		full[256];		/* empty: no disk is full */
	atomic_int	process;		/* whose allocations count; negative: all but this one's; 0: none */
	atomic_long fails;			/* this one */
	atomic_long count;
} Faults;

PG_MODULE_MAGIC;
PG_FUNCTION_INFO_V1(full_disk);
PG_FUNCTION_INFO_V1(fail_allocation);
PG_FUNCTION_INFO_V1(allocations);
PG_FUNCTION_INFO_V1(memory_in_use);

static Faults *faults;

__attribute__((constructor)) static void
share(void)
{
	void	   *p = mmap(NULL, sizeof(Faults), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	faults = p == MAP_FAILED ? NULL : p;
}

/*
 * Files
 */

/* Would this take a file past its end on a disk that is full? */
static bool
is_full(int fd, off_t end)
{
	char		link[64];
	char		path[4096];
	ssize_t		len;
	struct stat st;

	if (faults == NULL || faults->full[0] == '\0' || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || end <= st.st_size)
		return false;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	len = readlink(link, path, sizeof(path) - 1);
	if (len < 0)
		return false;
	path[len] = '\0';
	return strstr(path, faults->full) != NULL;
}

#define REAL(type, name, ...) ((type (*)(__VA_ARGS__)) dlsym(RTLD_NEXT, name))

#define PWRITE(name) \
ssize_t \
name(int fd, const void *buffer, size_t size, off_t offset) \
{ \
	if (is_full(fd, offset + (off_t) size)) \
	{ \
		errno = ENOSPC; \
		return -1; \
	} \
	return REAL(ssize_t, #name, int, const void *, size_t, off_t)(fd, buffer, size, offset); \
}

PWRITE(pwrite)
PWRITE(pwrite64)

#define PWRITEV(name) \
ssize_t \
name(int fd, const struct iovec *pieces, int n, off_t offset) \
{ \
	off_t		end = offset; \
 \
	for (int i = 0; i < n; i++) \
		end += (off_t) pieces[i].iov_len; \
	if (is_full(fd, end)) \
	{ \
		errno = ENOSPC; \
		return -1; \
	} \
	return REAL(ssize_t, #name, int, const struct iovec *, int, off_t)(fd, pieces, n, offset); \
}

PWRITEV(pwritev)
PWRITEV(pwritev64)

#define POSIX_FALLOCATE(name) \
int \
name(int fd, off_t offset, off_t size) \
{ \
	/* ftruncate has made the file as large before */ \
	if (is_full(fd, INT64_MAX)) \
		return ENOSPC; \
	return REAL(int, #name, int, off_t, off_t)(fd, offset, size); \
}

POSIX_FALLOCATE(posix_fallocate)
POSIX_FALLOCATE(posix_fallocate64)

/*
 * Memory
 */

/* glibc's own names for them: dlsym would allocate. */
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *old, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);

static bool
is_counted(const void *caller)
{
	static const char *const libraries[] = {"/hwr.so", "/libpng", "/libjpeg", "/libutf8proc"};
	Dl_info		info;

	if (dladdr(caller, &info) == 0 || info.dli_fname == NULL)
		return false;
	for (size_t i = 0; i < lengthof(libraries); i++)
		if (strstr(info.dli_fname, libraries[i]) != NULL)
			return true;
	return false;
}

static bool
fails(const void *caller)
{
	int			process = faults == NULL ? 0 : faults->process;

	if (process == 0 || (process > 0 ? getpid() != process : getpid() == -process) || !is_counted(caller))
		return false;
	return ++faults->count == faults->fails;
}

#define CALLER __builtin_return_address(0)

static void *
none(void)
{
	errno = ENOMEM;
	return NULL;
}

void *
malloc(size_t size)
{
	return fails(CALLER) ? none() : __libc_malloc(size);
}

void *
calloc(size_t n, size_t size)
{
	return fails(CALLER) ? none() : __libc_calloc(n, size);
}

void *
realloc(void *old, size_t size)
{
	return fails(CALLER) ? none() : __libc_realloc(old, size);
}

void *
aligned_alloc(size_t alignment, size_t size)
{
	return fails(CALLER) ? none() : __libc_memalign(alignment, size);
}

char *
strdup(const char *text)
{
	size_t		size = strlen(text) + 1;
	char	   *copy = fails(CALLER) ? none() : __libc_malloc(size);

	return copy == NULL ? NULL : memcpy(copy, text, size);
}

int
pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start) (void *), void *arg)
{
	if (fails(CALLER))
		return EAGAIN;
	return REAL(int, "pthread_create", pthread_t *, const pthread_attr_t *, void *(*) (void *), void *)
		(thread, attributes, start, arg);
}

/*
 * SQL
 */

static Faults *
shared_faults(void)
{
	if (faults == NULL)
		elog(ERROR, "the library is not preloaded");
	return faults;
}

Datum
full_disk(PG_FUNCTION_ARGS)
{
	strlcpy(shared_faults()->full, PG_ARGISNULL(0) ? "" : text_to_cstring(PG_GETARG_TEXT_PP(0)), sizeof(faults->full));
	PG_RETURN_VOID();
}

Datum
fail_allocation(PG_FUNCTION_ARGS)
{
	shared_faults()->count = 0;
	faults->fails = PG_GETARG_INT64(0);
	faults->process = PG_GETARG_BOOL(1) ? -getpid() : getpid();
	PG_RETURN_VOID();
}

Datum
allocations(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT64(shared_faults()->count);
}

Datum
memory_in_use(PG_FUNCTION_ARGS)
{
	struct mallinfo2 m = mallinfo2();

	PG_RETURN_INT64((int64) (m.uordblks + m.hblkhd));
}
