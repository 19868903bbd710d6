/*
 * status.h
 *	  How the core reports failure: a code, a message, a detail and a hint.
 *
 * Every core function that can fail returns bool (true: success) and takes a
 * HwrStatus as its last argument.  On failure it fills the status and returns
 * false; on success it leaves the status alone.  The texts follow PostgreSQL's
 * error style, so that the glue can hand them to ereport unchanged.
 */
#ifndef HWR_STATUS_H
#define HWR_STATUS_H

#include <stdbool.h>
#include <stddef.h>

typedef enum HwrCode
{
	HWR_OK = 0,
	HWR_OUT_OF_MEMORY,
	HWR_BAD_IMAGE,				/* bytes are not a readable image */
	HWR_IMAGE_TOO_LARGE,		/* over a limit on bytes or pixels */
	HWR_BAD_OPTION,				/* a training option is unknown or out of range */
	HWR_BAD_ARCHITECTURE,		/* VGSL string does not parse or does not fit */
	HWR_BAD_MODEL,				/* model bytes are damaged */
	HWR_MODEL_TOO_NEW,			/* model written by a newer format */
	HWR_UNSUPPORTED,			/* a foreign file asks for what there is nothing for here */
	HWR_BAD_LABEL,				/* label empty, not UTF-8, too long, ... */
	HWR_BAD_DATA,				/* training data as a whole is unusable */
	HWR_CANCELLED,				/* the caller's stop flag was raised */
	HWR_IO,						/* a temporary file failed */
	HWR_DEVICE,					/* a device operation failed */
	HWR_BAD_POSTERIOR,			/* bytes are not a kept posterior */
	HWR_BAD_QUERY,				/* a search word, query or pattern does not parse or is too large */
	HWR_INTERNAL,				/* cannot happen */
	HWR_WRONG_MODEL,			/* a model for another task */
	HWR_DISK_FULL				/* no room for a temporary file */
} HwrCode;

typedef struct HwrStatus
{
	HwrCode		code;
	char		message[256];	/* lower case, no full stop */
	char		detail[512];	/* sentence, or empty */
	char		hint[768];		/* sentence, or empty */
} HwrStatus;

/* Fill *st and return false, so that callers can write "return hwr_fail(...)". */
extern bool hwr_fail(HwrStatus *st, HwrCode code, const char *fmt,...)
			__attribute__((format(printf, 3, 4)));

/* Add to a status already filled by hwr_fail.  Both return false. */
extern bool hwr_fail_detail(HwrStatus *st, const char *fmt,...)
			__attribute__((format(printf, 2, 3)));
extern bool hwr_fail_hint(HwrStatus *st, const char *fmt,...)
			__attribute__((format(printf, 2, 3)));

/*
 * Message and the detail's first sentence as one phrase, "could not decode image: it is empty", for
 * those who see no detail.
 */
extern void hwr_status_phrase(const HwrStatus *st, char *buf, size_t size);

/* Asked by long work whether to end with HWR_CANCELLED. */
typedef bool (*HwrStopFn) (void *arg);

/*
 * malloc/calloc/realloc that report HWR_OUT_OF_MEMORY.  Return NULL on failure
 * and when count * size overflows.  Memory is released with free().
 */
extern void *hwr_alloc(size_t count, size_t size, HwrStatus *st);
extern void *hwr_alloc_zero(size_t count, size_t size, HwrStatus *st);

/*
 * Ask for large pages where that pays, for memory of so many bytes that has not been written yet; returns p.  A model's weights
 * are thousands of small pages, and taking them one by one is a good part of what a new process spends on loading it.
 */
extern void *hwr_large_pages(void *p, size_t bytes);
extern void *hwr_realloc(void *old, size_t count, size_t size, HwrStatus *st);

/*
 * Room for n things of a size in the array that *array points to and that has *room; what it held may be
 * lost.  On failure the array is NULL and has no room.
 */
extern bool hwr_alloc_room(void *array, size_t *room, size_t n, size_t size, HwrStatus *st);

#endif							/* HWR_STATUS_H */
