/*
 * convolve_impl.h
 *	  HwrElements.convolve of hwr_real, included by kernels_impl.h: for the first convolution of a network, whose few
 *	  multiply-adds a value cost less than writing the map of full size and reading it for the pool.
 *
 * A tile is CONVOLVE_PLACES places of the map, whole pooling windows, and a panel of channels.
 */
#define CONVOLVE_PLACES 4

/* What follows the sums of a panel's channels. */
typedef struct Epilogue
{
	Vector		bias[2];
	Vector		scale[2];
	Vector		shift[2];
	Vector		after_scale[2];
	Vector		after_shift[2];
	Vector		floor;
	int			cols;			/* channels of the panel */
} Epilogue;

static Epilogue
epilogue(const HwrConvolution *p, int col)
{
	Epilogue	e = {.cols = p->d - col < PANEL ? p->d - col : PANEL};

	for (int v = 0; v < 2 && v * LANES < e.cols; v++, col += LANES)
	{
		int			left = p->d - col;

		e.bias[v] = channels(p->bias + col, left);
		if (p->scale != NULL)
		{
			e.scale[v] = channels(p->scale + col, left);
			e.shift[v] = channels(p->shift + col, left);
		}
		if (p->after_scale != NULL)
		{
			e.after_scale[v] = channels(p->after_scale + col, left);
			e.after_shift[v] = channels(p->after_shift + col, left);
		}
	}
	if (!p->relu)
		e.floor -= (hwr_real) INFINITY;
	return e;
}

/* The windows [x, x + count) of an output row from the sums of their places, in order; window is a constant once inlined. */
__attribute__((always_inline)) static inline void
convolve_store(const HwrConvolution *p, const Epilogue *e, int window, int count, hwr_real *out, Vector acc[TILE_ROWS][2])
{
#pragma GCC unroll 4
	for (int i = 0; i < CONVOLVE_PLACES / window; i++, out += p->d)
	{
		if (i == count)
			return;
#pragma GCC unroll 2
		for (int v = 0; v < 2; v++)
		{
			Vector		top = {0};
			int			left = e->cols - v * LANES;

			if (left <= 0)
				break;
#pragma GCC unroll 4
			for (int j = 0; j < window; j++)
			{
				Vector		x = vector_max(acc[i * window + j][v] + e->bias[v], e->floor);

				if (p->scale != NULL)
					x = x * e->scale[v] + e->shift[v];
				top = j == 0 ? x : vector_max(x, top);
			}
			if (p->after_scale != NULL)
				top = top * e->after_scale[v] + e->after_shift[v];
			if (left >= LANES)
				*(Vector *) (out + v * LANES) = top;
			else
				memcpy(out + v * LANES, &top, (size_t) left * sizeof(hwr_real));
		}
	}
}

/* A panel of channels of all rows; b: its kernel.  ky, k, pool_y and pool_x are constants once inlined, or what p says. */
__attribute__((always_inline)) static inline void
convolve_panel(const HwrConvolution *p, int ky, int k, int pool_y, int pool_x, int vectors, int col, const hwr_real *b)
{
	const int	window = pool_y * pool_x;
	const int	windows = CONVOLVE_PLACES / window;
	Epilogue	e = epilogue(p, col);

	for (int y = 0; y < p->rows; y++)
		for (int x = 0; x < p->columns; x += windows)
		{
			const hwr_real *a = (const hwr_real *) p->map + y * pool_y * p->map_row + (ptrdiff_t) (x * pool_x) * p->c;
			const hwr_real *at[TILE_ROWS];
			Vector		acc[TILE_ROWS][2];

#pragma GCC unroll 4
			for (int i = 0; i < CONVOLVE_PLACES; i++)
			{
				at[i] = a + i % window / pool_x * p->map_row + (ptrdiff_t) (i / window * pool_x + i % pool_x) * p->c;
				acc[i][0] = acc[i][1] = (Vector) {0};
			}
#pragma GCC unroll 3
			for (int part = 0; part < ky; part++)
			{
				tile_part(CONVOLVE_PLACES, vectors, at, 1, k, b + (ptrdiff_t) part * k * PANEL, acc);
#pragma GCC unroll 4
				for (int i = 0; i < CONVOLVE_PLACES; i++)
					at[i] += p->map_row;
			}
			convolve_store(p, &e, window, p->columns - x, (hwr_real *) p->out + y * p->out_row + (ptrdiff_t) x * p->d + col, acc);
		}
}

__attribute__((always_inline)) static inline void
convolve_pooled(const HwrConvolution *p, int pool_y, int pool_x)
{
	int			k = p->kx * p->c;
	const hwr_real *b = p->kernel;

	for (int col = 0; col < p->d; col += PANEL, b += (ptrdiff_t) p->ky * k * PANEL)
		if (p->d - col <= LANES)
			convolve_panel(p, p->ky, k, pool_y, pool_x, 1, col, b);
		else if (p->ky == 3 && k == 3)
			convolve_panel(p, 3, 3, pool_y, pool_x, 2, col, b);
		else
			convolve_panel(p, p->ky, k, pool_y, pool_x, 2, col, b);
}

static void
convolve(const HwrConvolution *p)
{
	if (p->pool_y == 2 && p->pool_x == 2)
		convolve_pooled(p, 2, 2);
	else if (p->pool_y == 2)
		convolve_pooled(p, 2, 1);
	else
		convolve_pooled(p, 1, 1);
}

static size_t
convolution_size(int ky, int kx, int c, int d)
{
	return elements_packed_size(ky, kx * c, d);
}

static void
convolution_pack(int ky, int kx, int c, int d, const hwr_real *kernel, void *packed)
{
	pack(ky, kx * c, d, kernel, packed);
}
