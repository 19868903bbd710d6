/*
 * image_exif.c
 *	  The one EXIF field that matters here: how the image is to be turned.
 *
 * EXIF is a TIFF file in miniature: a byte-order mark, the number 42, the offset of the
 * first directory; a directory is a count and that many entries of 12 bytes (tag,
 * type, count, value).  Damaged metadata is no reason to refuse the pixels, so every
 * doubt ends in orientation 1.
 */
#include "image_internal.h"

#define TIFF_HEADER_SIZE	8
#define TIFF_ENTRY_SIZE		12
#define TIFF_BYTE			1
#define TIFF_SHORT			3
#define TIFF_LONG			4
#define TAG_ORIENTATION		0x0112

static unsigned
read16(const uint8_t *p, bool big_endian)
{
	return big_endian ? (unsigned) p[0] << 8 | p[1] : (unsigned) p[1] << 8 | p[0];
}

static size_t
read32(const uint8_t *p, bool big_endian)
{
	size_t		first = read16(p, big_endian);
	size_t		second = read16(p + 2, big_endian);

	return big_endian ? first << 16 | second : second << 16 | first;
}

/* The one number of an entry; it should be a short, and some programs write others.  0: no number. */
static size_t
entry_value(const uint8_t *entry, bool big_endian)
{
	if (read32(entry + 4, big_endian) != 1)
		return 0;
	switch (read16(entry + 2, big_endian))
	{
		case TIFF_BYTE:
			return entry[8];
		case TIFF_SHORT:
			return read16(entry + 8, big_endian);
		case TIFF_LONG:
			return read32(entry + 8, big_endian);
		default:
			return 0;
	}
}

int
hwr_exif_orientation(const uint8_t *tiff, size_t len)
{
	bool		big_endian;
	size_t		at;
	unsigned	entries;

	if (len < TIFF_HEADER_SIZE || tiff[0] != tiff[1] ||
		(tiff[0] != 'I' && tiff[0] != 'M'))
		return 1;
	big_endian = tiff[0] == 'M';
	if (read16(tiff + 2, big_endian) != 42)
		return 1;

	at = read32(tiff + 4, big_endian);
	if (at > len - 2)
		return 1;
	entries = read16(tiff + at, big_endian);
	at += 2;

	for (; entries > 0 && len - at >= TIFF_ENTRY_SIZE; entries--, at += TIFF_ENTRY_SIZE)
	{
		const uint8_t *entry = tiff + at;
		size_t		value;

		if (read16(entry, big_endian) != TAG_ORIENTATION)
			continue;
		value = entry_value(entry, big_endian);
		return value >= 1 && value <= 8 ? (int) value : 1;
	}
	return 1;
}
