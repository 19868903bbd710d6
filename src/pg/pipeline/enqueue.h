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
 * An entry for this key.  One that is there stays as it is, but for one that has failed: that was another
 * image.  Waits for room, or raises configuration_limit_exceeded, as the attachment says.
 */
extern void hwr_enqueue(const HwrAttachment *a, Datum key);

/* Drop the entries of a key, from a lane on.  One that a worker has is the worker's to drop. */
extern void hwr_dequeue(const HwrAttachment *a, Datum key, int lane);

/* Forget by what a row was read, and what was tried; corrections: also what persons have said. */
extern void hwr_forget_row(const HwrAttachment *a, Datum key, bool corrections);

/* A row has another key; what moves is told by the image's hash too. */
extern void hwr_move_row(const HwrAttachment *a, Datum from, Datum to, bytea *hash);

/*
 * The reading of an image, and how sure it is; NULL: it cannot be read.  As the attachment's role.
 * Remembered for hwr_keep_now.
 */
extern char *hwr_read_now(const HwrAttachment *a, Datum image, double *confidence);

/* Whether this transaction has readings that no row has taken yet. */
extern bool hwr_have_now(void);

/*
 * A row has come with a text, written by this command: note by what it was read.  False: its image was not read
 * here, so the text is a label.
 */
extern bool hwr_keep_now(const HwrAttachment *a, Datum key, bytea *hash, const char *text, CommandId command);

#endif							/* HWR_ENQUEUE_H */
