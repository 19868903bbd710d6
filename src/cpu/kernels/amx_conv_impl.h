/*
 * amx_conv_impl.h
 *	  HwrElements.convolve on tiles; part of amx_impl.h.
 *
 * The upper tiles of a block are 16 places of one row of the convolution, the lower ones those of the row below, so that
 * a pooling window lies within a block.  A panel of the kernel stays in the first-level cache while it meets all of the map.
 *
 * The kernel is packed in panels of 32 channels, each a step of the depth after the other: for each kernel row as
 * many as kx c takes, or one for all of them where they fit into it.
 */

/* Bytes that a kernel row takes in a row of tiles, and steps of all of them. */
static inline ptrdiff_t
kernel_row_bytes(int kx, int c)
{
	return (ptrdiff_t) kx * c * 2;
}

static inline bool
one_step(int ky, int kx, int c)
{
	return ky * whole_groups(kernel_row_bytes(kx, c)) <= SIDE;
}

static inline int
kernel_steps(int ky, int kx, int c)
{
	return one_step(ky, kx, c) ? 1 : ky * (int) ((kernel_row_bytes(kx, c) + ROW_BYTES - 1) / ROW_BYTES);
}

size_t
hwr_amx_convolution_size(int ky, int kx, int c, int d)
{
	return (size_t) ((d + HWR_AMX_PANEL - 1) / HWR_AMX_PANEL) * (size_t) kernel_steps(ky, kx, c) * STEP_BYTES;
}

void
hwr_amx_convolution_pack(int ky, int kx, int c, int d, const float *kernel, void *packed)
{
	int			steps = kernel_steps(ky, kx, c);
	int			row_groups = one_step(ky, kx, c) ? whole_groups(kernel_row_bytes(kx, c)) : steps / ky * SIDE;

	memset(packed, 0, hwr_amx_convolution_size(ky, kx, c, d));
	for (int row = 0; row < ky; row++)
		for (int i = 0; i < kx * c; i++)
			for (int col = 0; col < d; col++, kernel++)
			{
				ptrdiff_t	group = (ptrdiff_t) (col / HWR_AMX_PANEL) * steps * SIDE + row * row_groups + i / 2;
				char	   *to = (char *) packed + group * PANEL_BYTES + col % HWR_AMX_PANEL * 4 + i % 2 * 2;
				Row			x = {*kernel};

				BF16_STORE(to, x, x, 1);
			}
}

/* What follows the sums of a panel's channels, in halves of 16. */
typedef struct Epilogue
{
	Row			bias[2];
	Row			scale[2];
	Row			shift[2];
	Row			after_scale[2];
	Row			after_shift[2];
	bool		relu;
	bool		before;			/* scale and shift apply, */
	bool		after;			/* and those after the pool */
	int			cols;			/* channels of the panel, at most 32 */
} Epilogue;

static inline Row
channels(const float *x, int col, int cols)
{
	return x != NULL && cols > 0 ? ROW_LOAD(x + col, at_most(cols, SIDE) * 4) : (Row) {0};
}

static Epilogue
epilogue(const HwrConvolution *p, int col)
{
	Epilogue	e = {.relu = p->relu,.before = p->scale != NULL,.after = p->after_scale != NULL};

	e.cols = (int) at_most(p->d - col, HWR_AMX_PANEL);
	for (int half = 0; half < 2; half++, col += SIDE)
	{
		e.bias[half] = channels(p->bias, col, p->d - col);
		e.scale[half] = channels(p->scale, col, p->d - col);
		e.shift[half] = channels(p->shift, col, p->d - col);
		e.after_scale[half] = channels(p->after_scale, col, p->d - col);
		e.after_shift[half] = channels(p->after_shift, col, p->d - col);
	}
	return e;
}

static inline Row
larger(Row a, Row b)
{
	return (Row) (((Words) a & (a > b)) | ((Words) b & ~(a > b)));
}

/* A sum before the pool. */
__attribute__((always_inline)) static inline Row
value(const Epilogue *e, int half, const char *sums)
{
	Row			x = *(const Row *) (sums + half * ROW_BYTES) + e->bias[half];

	if (e->relu)
		x = (Row) ((Words) x & (x > 0));
	if (e->before)
		x = x * e->scale[half] + e->shift[half];
	return x;
}

/* The value of a window whose upper left place has this row of sums. */
__attribute__((always_inline)) static inline Row
pooled(const Epilogue *e, int pool_y, int pool_x, int half, const char *sums)
{
	Row			x = value(e, half, sums);

	if (pool_x == 2)
		x = larger(x, value(e, half, sums + PANEL_BYTES));
	if (pool_y == 2)
		x = larger(x, value(e, half, sums + SIDE * PANEL_BYTES));
	if (pool_y == 2 && pool_x == 2)
		x = larger(x, value(e, half, sums + (SIDE + 1) * PANEL_BYTES));
	if (e->after)
		x = x * e->after_scale[half] + e->after_shift[half];
	return x;
}

__attribute__((always_inline)) static inline void
finish_row_of_windows(const HwrConvolution *p, const Epilogue *e, int pool_y, int pool_x, const char *sums, int columns,
					  char *out)
{
	for (int i = 0; i < columns; i++, sums += pool_x * PANEL_BYTES, out += (ptrdiff_t) p->d * 2)
	{
		Row			left = pooled(e, pool_y, pool_x, 0, sums);
		Row			right = e->cols > SIDE ? pooled(e, pool_y, pool_x, 1, sums) : left;

		BF16_STORE(out, left, right, e->cols);
	}
}

/*
 * A tile of A whose rows have what all rows of the kernel meet.  What is behind that stays what it is: it meets zeros of B.
 */
static inline void
merge_rows(const HwrConvolution *p, const char *a, Room *room)
{
	int			groups = whole_groups(kernel_row_bytes(p->kx, p->c));

	for (int i = 0; i < p->ky; i++, a += p->map_row * 2)
	{
		const char *from = a;
		char	   *to = room->tile + i * groups * 4;

		if (groups == 2)		/* three columns of an image's only channel */
			for (int r = 0; r < SIDE; r++, from += p->c * 2, to += ROW_BYTES)
				memcpy(to, from, 8);
		else
			for (int r = 0; r < SIDE; r++, from += p->c * 2, to += ROW_BYTES)
				for (int g = 0; g < groups; g++)
					memcpy(to + g * 4, from + g * 4, 4);
	}
}

/* Sums of the places from x on of the rows y and y + 1 of the convolution are left in the tiles. */
__attribute__((always_inline)) static inline void
convolve_block(const HwrConvolution *p, Kind kind, int y, int x, const char *b, Room merged[2])
{
	ptrdiff_t	a_row = (ptrdiff_t) p->c * 2;
	ptrdiff_t	map_row = p->map_row * 2;
	ptrdiff_t	depth = kernel_row_bytes(p->kx, p->c);
	const char *a = (const char *) p->map + y * map_row + x * a_row;

	ZERO_SUMS();
	if (one_step(p->ky, p->kx, p->c))
	{
		merge_rows(p, a, &merged[0]);
		if (kind.lower)
			merge_rows(p, a + map_row, &merged[1]);
		add_step(kind, merged[0].tile, merged[1].tile, ROW_BYTES, b, b + ROW_BYTES, PANEL_BYTES);
	}
	else
		for (int i = 0; i < p->ky; i++, a += map_row)
			for (ptrdiff_t at = 0; at < depth; at += ROW_BYTES, b += STEP_BYTES)
				add_step(kind, a + at, a + map_row + at, a_row, b, b + ROW_BYTES, PANEL_BYTES);
}

/* Where a block's sums belong in the output. */
typedef struct Windows
{
	char	   *out;			/* NULL: nowhere */
	int			columns;		/* of windows */
	bool		lower;
} Windows;

__attribute__((always_inline)) static inline void
finish_windows(const HwrConvolution *p, const Epilogue *e, const Windows *w, const char *sums)
{
	if (w->out == NULL)
		return;
	if (p->pool_y == 2 && p->pool_x == 2)
		finish_row_of_windows(p, e, 2, 2, sums, w->columns, w->out);
	else if (p->pool_y == 2)
		finish_row_of_windows(p, e, 2, 1, sums, w->columns, w->out);
	else
	{
		finish_row_of_windows(p, e, 1, 1, sums, w->columns, w->out);
		if (w->lower)
			finish_row_of_windows(p, e, 1, 1, sums + SIDE * PANEL_BYTES, w->columns, w->out + p->out_row * 2);
	}
}

/*
 * One or two rows of the convolution, from y on: a row of windows, or as many rows of the output.  While the tiles work for
 * one block, vectors finish the one before, as in multiply_tiles.
 */
__attribute__((always_inline)) static inline void
convolve_rows(const HwrConvolution *p, Kind kind, int y, const char *b, const Epilogue *e, Room merged[2], char *out)
{
	char		sums[2 * SIDE * PANEL_BYTES] __attribute__((aligned(64)));
	Windows		before = {NULL};

	for (int x = 0; x < p->columns * p->pool_x; x += SIDE)
	{
		convolve_block(p, kind, y, x, b, merged);
		finish_windows(p, e, &before, sums);
		store_sums(sums);
		before.out = out + (ptrdiff_t) (x / p->pool_x) * p->d * 2;
		before.columns = (int) at_most(p->columns - x / p->pool_x, SIDE / p->pool_x);
		before.lower = kind.lower;
	}
	finish_windows(p, e, &before, sums);
}

void
hwr_amx_convolve_bf16(const HwrConvolution *p)
{
	int			rows = p->rows * p->pool_y;
	ptrdiff_t	panel = (ptrdiff_t) kernel_steps(p->ky, p->kx, p->c) * STEP_BYTES;
	const char *b = p->kernel;
	Room		merged[2];

	memset(merged, 0, sizeof(merged));
	TILES_SET(&whole_tiles);
	for (int col = 0; col < p->d; col += HWR_AMX_PANEL, b += panel)
	{
		Epilogue	e = epilogue(p, col);

		for (int y = 0; y < rows; y += 2)
		{
			char	   *out = (char *) p->out + (y / p->pool_y * p->out_row + col) * 2;

			if (e.cols > SIDE && y + 1 < rows)
				convolve_rows(p, (Kind) {true, true, true}, y, b, &e, merged, out);
			else if (e.cols > SIDE)
				convolve_rows(p, (Kind) {true, false, true}, y, b, &e, merged, out);
			else if (y + 1 < rows)
				convolve_rows(p, (Kind) {true, true, false}, y, b, &e, merged, out);
			else
				convolve_rows(p, (Kind) {true, false, false}, y, b, &e, merged, out);
		}
	}
	TILES_RELEASE();
}
