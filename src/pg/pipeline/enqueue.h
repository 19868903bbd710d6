/*
 * enqueue.h
 *	  What the triggers of an attached table (enqueue.c) ask of the queue (queue.c), of what is known of rows
 *	  (known.c) and of mode now (now.c).
 *
 * All with SPI connected, as the extension's owner.  Include after postgres.h.
 */
#ifndef HWR_ENQUEUE_H
#define HWR_ENQUEUE_H

#include "pipeline.h"

/*
 * An entry for this key in a lane.  One that is there stays as it is, but for one that has failed: that was another
 * image.  Waits for room, or raises configuration_limit_exceeded, as the attachment says.
 */
extern void hwr_enqueue(const HwrAttachment *a, Datum key, int lane);

/* Drop the entries of a key, from a lane on.  One that a worker has is the worker's to drop. */
extern void hwr_dequeue(const HwrAttachment *a, Datum key, int lane);

/* Forget by what a row was read, and what was tried; corrections: also what persons have said. */
extern void hwr_forget_row(const HwrAttachment *a, Datum key, bool corrections);

/* A row has another key; what moves is told by the image's hash too. */
extern void hwr_move_row(const HwrAttachment *a, Datum from, Datum to, bytea *hash);

/* What mode now has read. */
typedef struct HwrNow
{
	char	   *text;
	double		confidence;
	int32		version;
	bytea	   *hash;			/* of the image */
} HwrNow;

/* Read an image as the attachment's role, the results in this context; false: it cannot be read. */
extern bool hwr_read_now(const HwrAttachment *a, Datum image, MemoryContext context, HwrNow *out);

/* For hwr_keep_now: what was read for a row of this key, 0: it is not known yet, and is there as text. */
extern void hwr_remember_now(const HwrAttachment *a, const HwrNow *now, const char *text, Datum key);

/* Whether this transaction has readings that no row has taken yet. */
extern bool hwr_have_now(void);

typedef enum HwrReadNow
{
	HWR_NOT_READ,				/* its text is a label */
	HWR_READ,
	HWR_READ_ANOTHER			/* its text was read of the image that it had before another trigger gave it this one */
} HwrReadNow;

/* The version in hwr.read_row of a text that was read of another image. */
#define HWR_VERSION_OF_ANOTHER (-1)

/*
 * A row has come with a text, written by this command: note by what it was read, if it was read here.
 */
extern HwrReadNow hwr_keep_now(const HwrAttachment *a, Datum key, bytea *hash, const char *text, CommandId command);

#endif							/* HWR_ENQUEUE_H */
