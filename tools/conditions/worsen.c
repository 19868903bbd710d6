/*
 * worsen.c
 *	  The images of a list as other paper, cameras and scanners might have given them, to learn from.
 *
 * usage: worsen FOLDER LIST.csv OUT [SEED]
 *
 * LIST.csv has a header and lines "filename,label,..." of images in FOLDER.  Each is drawn under a condition and in a
 * strength that chance chooses: ruled and squared paper, photographs, few pixels (draw.c).  OUT, a folder that is there, gets
 * JPEG files of the same names; which lines they are is in LIST.csv.  Equal lists and seed (1) give equal files.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conditions.h"

static void
write_file(const char *folder, const char *name, const uint8_t *bytes, size_t len)
{
	char		path[4600];
	FILE	   *f;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	f = fopen(path, "wb");
	if (f != NULL && fwrite(bytes, 1, len, f) == len && fclose(f) == 0)
		return;
	fprintf(stderr, "worsen: could not write \"%s\": %s\n", path, strerror(errno));
	exit(1);
}

int
main(int argc, char **argv)
{
	HwrRng		rng;
	Row		   *rows;
	int			n;

	if (argc < 4 || argc > 5)
	{
		fprintf(stderr, "usage: worsen FOLDER LIST.csv OUT [SEED]\n");
		return 2;
	}
	rows = read_rows(argv[1], argv[2], 0, &n);
	for (int i = 0; i < n; i++)
	{
		uint8_t    *bytes;
		size_t		len;

		hwr_rng_seed(&rng, argc > 4 ? strtoull(argv[4], NULL, 10) : 1, (uint64_t) i);
		bytes = draw_any_condition(&rows[i].picture, &rng, &len);
		write_file(argv[3], rows[i].name, bytes, len);
		free(bytes);
	}
	free_rows(rows, n);
	return 0;
}
