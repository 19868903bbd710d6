/*
 * canvas_store.c
 *	  Canvases in memory, or beyond the limit in a temporary file.
 *
 * The file is unlinked as soon as it is open, so that nothing is left behind whatever happens;
 * canvases are read back with pread, which threads may do at the same time.
 */
#include "canvas_store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct HwrCanvasStore
{
	size_t		memory_limit;
	size_t		memory_used;
	char	   *tmpdir;
	int			file;			/* -1: none yet */
	off_t		file_size;
};

bool
hwr_canvas_store_create(size_t memory_limit, const char *tmpdir, HwrCanvasStore **out, HwrStatus *st)
{
	HwrCanvasStore *store = hwr_alloc_zero(1, sizeof(HwrCanvasStore), st);

	if (store == NULL)
		return false;
	store->file = -1;
	store->memory_limit = memory_limit;
	store->tmpdir = strdup(tmpdir);
	if (store->tmpdir == NULL)
	{
		free(store);
		return hwr_fail(st, HWR_OUT_OF_MEMORY, "out of memory");
	}
	*out = store;
	return true;
}

void
hwr_canvas_store_free(HwrCanvasStore *store)
{
	if (store == NULL)
		return;
	if (store->file >= 0)
		close(store->file);
	free(store->tmpdir);
	free(store);
}

void
hwr_stored_canvas_free(HwrStoredCanvas *canvas)
{
	free(canvas->ink);
}

static bool
io_failure(const HwrCanvasStore *store, const char *what, HwrStatus *st)
{
	int			saved = errno;
	HwrCode		code = saved == ENOSPC || saved == EDQUOT ? HWR_DISK_FULL : HWR_IO;

	hwr_fail(st, code, "could not %s a temporary file for training images", what);
	return hwr_fail_detail(st, "Directory \"%.200s\": %s.", store->tmpdir, strerror(saved));
}

static bool
open_file(HwrCanvasStore *store, HwrStatus *st)
{
	char		path[1024];

	if (snprintf(path, sizeof(path), "%s/hwr_images_XXXXXX", store->tmpdir) >= (int) sizeof(path))
	{
		errno = ENAMETOOLONG;
		return io_failure(store, "create", st);
	}
	store->file = mkstemp(path);
	if (store->file < 0)
		return io_failure(store, "create", st);
	unlink(path);
	return true;
}

bool
hwr_canvas_store_put(HwrCanvasStore *store, uint8_t *ink, int height, int width,
					 HwrStoredCanvas *out, HwrStatus *st)
{
	size_t		size = (size_t) height * (size_t) width;
	bool		ok = true;

	*out = (HwrStoredCanvas) {.width = width,.offset = store->file_size};
	if (store->memory_used + size <= store->memory_limit)
	{
		out->ink = ink;
		store->memory_used += size;
		return true;
	}
	if (store->file < 0)
		ok = open_file(store, st);
	for (size_t done = 0; ok && done < size;)
	{
		ssize_t		n = pwrite(store->file, ink + done, size - done, store->file_size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
		{
			if (n == 0)
				errno = ENOSPC;
			ok = io_failure(store, "write", st);
			break;
		}
		done += (size_t) n;
		store->file_size += n;
	}
	free(ink);
	return ok;
}

static bool
read_file(const HwrCanvasStore *store, off_t offset, uint8_t *out, size_t size, HwrStatus *st)
{
	while (size > 0)
	{
		ssize_t		n = pread(store->file, out, size, offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
		{
			if (n == 0)
				errno = EIO;
			return io_failure(store, "read", st);
		}
		out += n;
		offset += n;
		size -= (size_t) n;
	}
	return true;
}

bool
hwr_canvas_store_get(const HwrCanvasStore *store, const HwrStoredCanvas *canvas, int height,
					 uint8_t *ink, int stride, HwrStatus *st)
{
	size_t		width = (size_t) canvas->width;

	/* a spilled canvas is read packed into the front of ink, then spread downwards from the last row */
	if (canvas->ink == NULL && !read_file(store, canvas->offset, ink, (size_t) height * width, st))
		return false;
	for (size_t y = (size_t) height; y-- > 0;)
	{
		memmove(ink + y * (size_t) stride, (canvas->ink != NULL ? canvas->ink : ink) + y * width, width);
		memset(ink + y * (size_t) stride + width, 0, (size_t) stride - width);
	}
	return true;
}
