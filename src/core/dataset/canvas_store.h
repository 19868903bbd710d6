/*
 * canvas_store.h
 *	  8-bit ink canvases, in memory up to a limit and in an unlinked temporary file beyond it.
 */
#ifndef HWR_CANVAS_STORE_H
#define HWR_CANVAS_STORE_H

#include <stdint.h>
#include <sys/types.h>

#include "core/base/status.h"

typedef struct HwrCanvasStore HwrCanvasStore;

typedef struct HwrStoredCanvas
{
	int			width;
	uint8_t    *ink;			/* in memory, or NULL: in the file at offset */
	off_t		offset;
} HwrStoredCanvas;

/* memory_limit: bytes kept in memory; tmpdir: where the file goes. */
extern bool hwr_canvas_store_create(size_t memory_limit, const char *tmpdir, HwrCanvasStore **out, HwrStatus *st);
extern void hwr_canvas_store_free(HwrCanvasStore *store);

/*
 * Keep ink[height][width], malloc'd; takes ownership of it, on failure too.  Errors: HWR_IO,
 * HWR_DISK_FULL.
 */
extern bool hwr_canvas_store_put(HwrCanvasStore *store, uint8_t *ink, int height, int width,
								 HwrStoredCanvas *out, HwrStatus *st);

/*
 * Copy a canvas into ink[height][stride], columns past its width set to paper.  Thread-safe.
 * Errors: HWR_IO.
 */
extern bool hwr_canvas_store_get(const HwrCanvasStore *store, const HwrStoredCanvas *canvas, int height,
								 uint8_t *ink, int stride, HwrStatus *st);
extern void hwr_stored_canvas_free(HwrStoredCanvas *canvas);

#endif							/* HWR_CANVAS_STORE_H */
