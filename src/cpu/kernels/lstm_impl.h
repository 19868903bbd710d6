/*
 * lstm_impl.h
 *	  The cells of an LSTM, included by kernels_impl.h: HwrKernels.lstm_cell and lstm_step.
 */

static void
lstm_cell(size_t rows, int n, hwr_real *restrict gates, const hwr_real *restrict cell_before,
		  hwr_real *restrict cell, hwr_real *restrict tc, hwr_real *restrict h)
{
	for (size_t r = 0; r < rows; r++)
	{
		hwr_real   *restrict gi = gates + r * 4 * (size_t) n;
		hwr_real   *restrict gf = gi + n;
		hwr_real   *restrict gg = gf + n;
		hwr_real   *restrict go = gg + n;
		size_t		at = r * (size_t) n;

		for (int j = 0; j < n; j++)
		{
			gi[j] = hwr_sigmoid(gi[j]);
			gg[j] = hwr_tanh(gg[j]);
			cell[at + j] = gi[j] * gg[j];
		}
		for (int j = 0; j < n; j++)
			gf[j] = hwr_sigmoid(gf[j]);
		if (cell_before != NULL)
			for (int j = 0; j < n; j++)
				cell[at + j] += gf[j] * cell_before[at + j];
		for (int j = 0; j < n; j++)
		{
			go[j] = hwr_sigmoid(go[j]);
			tc[at + j] = hwr_tanh(cell[at + j]);
			h[at + j] = go[j] * tc[at + j];
		}
	}
}

/*
 * With f = e^-x the sigmoid is 1 / (1 + f), and with g = e^-2x the hyperbolic tangent is (1 - g) / (1 + g): a cell takes two
 * divisions.  Exponents beyond 28 change neither in float, and a product of three such powers does not overflow.
 */
__attribute__((always_inline)) static inline hwr_real
gate_exp(hwr_real x)
{
	x = x < -28 ? -28 : x;
	x = x > 28 ? 28 : x;
	return hwr_exp_near(x);
}

static void
lstm_step(size_t rows, int n, const hwr_real *restrict gates, bool first, hwr_real *restrict cell, hwr_real *restrict h)
{
	for (size_t r = 0; r < rows; r++, gates += 4 * (size_t) n, cell += n, h += n)
	{
		const hwr_real *gi = gates;
		const hwr_real *gf = gi + n;
		const hwr_real *gg = gf + n;
		const hwr_real *go = gg + n;

		if (first)
			memset(cell, 0, (size_t) n * sizeof(hwr_real));
		for (int j = 0; j < n; j++)
		{
			hwr_real	f = 1 + gate_exp(-gf[j]);
			hwr_real	g = gate_exp(-2 * gg[j]);
			hwr_real	ig = (1 + gate_exp(-gi[j])) * (1 + g);
			hwr_real	c = (cell[j] * ig + (1 - g) * f) / (f * ig);
			hwr_real	t = gate_exp(-2 * c);

			cell[j] = c;
			h[j] = (1 - t) / ((1 + gate_exp(-go[j])) * (1 + t));
		}
	}
}
