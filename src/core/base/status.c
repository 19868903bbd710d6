/*
 * status.c
 *	  Filling HwrStatus, and allocation that reports through it.
 */
#include "status.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define LARGE_PAGE ((size_t) 2 << 20)

bool
hwr_fail(HwrStatus *st, HwrCode code, const char *fmt,...)
{
	va_list		args;

	st->code = code;
	st->detail[0] = '\0';
	st->hint[0] = '\0';
	va_start(args, fmt);
	vsnprintf(st->message, sizeof(st->message), fmt, args);
	va_end(args);
	return false;
}

bool
hwr_fail_detail(HwrStatus *st, const char *fmt,...)
{
	va_list		args;

	va_start(args, fmt);
	vsnprintf(st->detail, sizeof(st->detail), fmt, args);
	va_end(args);
	return false;
}

bool
hwr_fail_hint(HwrStatus *st, const char *fmt,...)
{
	va_list		args;

	va_start(args, fmt);
	vsnprintf(st->hint, sizeof(st->hint), fmt, args);
	va_end(args);
	return false;
}

void
hwr_status_phrase(const HwrStatus *st, char *buf, size_t size)
{
	const char *detail = st->detail;
	const char *end = strstr(detail, ". ");
	size_t		len = end != NULL ? (size_t) (end - detail) : strlen(detail);
	bool		word = len > 1 && detail[0] >= 'A' && detail[0] <= 'Z' && !(detail[1] >= 'A' && detail[1] <= 'Z');

	if (len == 0)
		snprintf(buf, size, "%s", st->message);
	else
		snprintf(buf, size, "%s: %c%.*s", st->message, word ? detail[0] + 'a' - 'A' : detail[0],
				 (int) (len - 1 - (detail[len - 1] == '.')), detail + 1);
}

void *
hwr_alloc(size_t count, size_t size, HwrStatus *st)
{
	return hwr_realloc(NULL, count, size, st);
}

void *
hwr_alloc_zero(size_t count, size_t size, HwrStatus *st)
{
	void	   *p = calloc(count > 0 ? count : 1, size);

	if (p == NULL)
		hwr_fail(st, HWR_OUT_OF_MEMORY, "out of memory");
	return hwr_large_pages(p, count * size);
}

void *
hwr_large_pages(void *p, size_t bytes)
{
#ifdef MADV_HUGEPAGE
	uintptr_t	first = ((uintptr_t) p + LARGE_PAGE - 1) / LARGE_PAGE * LARGE_PAGE;
	uintptr_t	last = ((uintptr_t) p + bytes) / LARGE_PAGE * LARGE_PAGE;

	/* advice only: whether it is taken makes no other difference */
	if (p != NULL && first < last)
		(void) madvise((void *) first, last - first, MADV_HUGEPAGE);
#endif
	return p;
}

void *
hwr_realloc(void *old, size_t count, size_t size, HwrStatus *st)
{
	void	   *p = NULL;

	if (count == 0)
		count = 1;
	if (count <= SIZE_MAX / size)
		p = realloc(old, count * size);
	if (p == NULL)
		hwr_fail(st, HWR_OUT_OF_MEMORY, "out of memory");
	return p;
}

bool
hwr_alloc_room(void *array, size_t *room, size_t n, size_t size, HwrStatus *st)
{
	void	  **p = array;

	if (n <= *room)
		return true;
	free(*p);
	*room = 0;
	*p = hwr_alloc(n, size, st);
	if (*p == NULL)
		return false;
	*room = n;
	return true;
}
