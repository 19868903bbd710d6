/*
 * error.h
 *	  A status of the core becomes an ereport: the one place where it does.
 *
 * Include after postgres.h.
 */
#ifndef HWR_ERROR_H
#define HWR_ERROR_H

#include "core/base/status.h"
#include "compat.h"

pg_noreturn extern void hwr_raise(const HwrStatus *st);

/* As hwr_raise; where the status is about the image, the CONTEXT says by what its row is found. */
pg_noreturn extern void hwr_raise_for_image(const HwrStatus *st, Datum image);

/* As hwr_raise, at level elevel (ERROR does not return). */
extern void hwr_report(int elevel, const HwrStatus *st);

/* As hwr_raise, for a stored model: 'model "name" is corrupted' where its bytes are at fault. */
pg_noreturn extern void hwr_raise_for_model(const HwrStatus *st, const char *model);

/* Message and reason as one phrase, palloc'd, in the server's encoding. */
extern char *hwr_status_text(const HwrStatus *st);

/*
 * UTF-8 of the core to a palloc'd string in the server's encoding: characters that it lacks become question marks; before
 * PostgreSQL 14 they are an error.
 */
extern char *hwr_from_utf8(const char *utf8);

/* One character likewise; 0 is the empty string. */
extern char *hwr_from_codepoint(uint32 codepoint);

#endif							/* HWR_ERROR_H */
