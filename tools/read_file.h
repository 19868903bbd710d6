/*
 * read_file.h
 *	  A whole file in memory, for the programs beside the extension; the end of the program if it cannot be read.
 */
#ifndef HWR_READ_FILE_H
#define HWR_READ_FILE_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* malloc'd, with a zero byte behind it */
static inline uint8_t *
read_file(const char *path, size_t *len)
{
	FILE	   *f = fopen(path, "rb");
	uint8_t    *bytes = NULL;
	long		size;

	if (f == NULL || fseek(f, 0, SEEK_END) != 0 || (size = ftell(f)) < 0 ||
		(bytes = malloc((size_t) size + 1)) == NULL || fseek(f, 0, SEEK_SET) != 0 ||
		fread(bytes, 1, (size_t) size, f) != (size_t) size)
	{
		perror(path);
		exit(1);
	}
	fclose(f);
	bytes[size] = 0;
	*len = (size_t) size;
	return bytes;
}

#endif							/* HWR_READ_FILE_H */
