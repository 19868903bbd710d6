/*
 * bytes_of.h
 *	  The bytes of a file, for tests.  Include after cmocka.h.
 */
#ifndef BYTES_OF_H
#define BYTES_OF_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* malloc'd; the test fails where there is no such file */
static inline uint8_t *
bytes_of(const char *path, size_t *len)
{
	FILE	   *f = fopen(path, "rb");
	uint8_t    *bytes;

	if (f == NULL)
		fail_msg("cannot open %s", path);
	fseek(f, 0, SEEK_END);
	*len = (size_t) ftell(f);
	rewind(f);
	bytes = malloc(*len > 0 ? *len : 1);
	assert_int_equal(fread(bytes, 1, *len, f), *len);
	fclose(f);
	return bytes;
}

#endif							/* BYTES_OF_H */
