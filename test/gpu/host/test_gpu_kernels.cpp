/*
 * test_gpu_kernels.cpp
 *	  Every CUDA kernel against the CPU core, run on the host.
 *
 * Each comparison is made for float and bfloat16 elements, for columns with and without vectors.  Outputs are poisoned
 * first.  Each launch is repeated with blocks and threads in two other orders and has to give the same
 * bits.  Inputs of bfloat16 kernels are rounded before the CPU sees them, so what is left is the rounding of the
 * outputs.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <functional>
#include <vector>

extern "C"
{
#include <cmocka.h>
}

#include "../../unit/reference.h"
#include "cpu_reference.h"
#include "kernels/kernels.h"
#include "kernels/thin.h"
#include "kernels/unroll.h"

#define STREAM NULL

static const HwrGpuType TYPES[] = {HWR_GPU_FLOAT32, HWR_GPU_BFLOAT16};

typedef std::vector<float> Floats;

static uint32_t next_stream = 1;

/* Fresh values in [-size, size). */
static Floats
random_floats(size_t n, double size = 1)
{
	Floats x(n);
	uint32_t stream = next_stream++;

	for (size_t i = 0; i < n; i++)
		x[i] = (float) (size * reference_value(stream, (uint32_t) i));
	return x;
}

static uint32_t
random_below(uint32_t n)
{
	return reference_bits(next_stream++, 7) % n;
}

/* Elements of a type, in memory of exactly their size. */
class Elements
{
  public:
	HwrGpuType type;
	size_t n;
	unsigned char *p;

	/* poisoned: NaN in either type */
	Elements(HwrGpuType type, size_t n) : type(type), n(n), p((unsigned char *) malloc(bytes()))
	{
		memset(p, 0xff, bytes());
	}

	Elements(HwrGpuType type, const Floats &x) : Elements(type, x.size())
	{
		for (size_t i = 0; i < n; i++)
		{
			__nv_bfloat16 half = __float2bfloat16_rn(x[i]);

			if (type == HWR_GPU_BFLOAT16)
				memcpy(p + 2 * i, &half, 2);
			else
				memcpy(p + 4 * i, &x[i], 4);
		}
	}

	Elements(const Elements &) = delete;
	Elements &operator=(const Elements &) = delete;

	~Elements()
	{
		free(p);
	}

	size_t
	bytes() const
	{
		return n * (type == HWR_GPU_BFLOAT16 ? 2 : 4);
	}

	operator void *()
	{
		return p;
	}

	float *
	f()
	{
		assert_int_equal(type, HWR_GPU_FLOAT32);
		return (float *) p;
	}

	Floats
	read() const
	{
		Floats x(n);

		for (size_t i = 0; i < n; i++)
		{
			__nv_bfloat16 half;

			memcpy(&half, p + 2 * (type == HWR_GPU_BFLOAT16 ? i : 0), 2);
			if (type == HWR_GPU_BFLOAT16)
				x[i] = __bfloat162float(half);
			else
				memcpy(&x[i], p + 4 * i, 4);
		}
		return x;
	}
};

/* Values as the element type keeps them. */
static Floats
rounded(HwrGpuType type, const Floats &x)
{
	return Elements(type, x).read();
}

/* Output memory that is poisoned and compared between runs. */
struct Output
{
	void *p;
	size_t bytes;
	std::vector<unsigned char> start;

	Output(Elements &e) : p(e.p), bytes(e.bytes())
	{
	}

	Output(void *p, size_t bytes) : p(p), bytes(bytes)
	{
	}
};

/* Run three times from the same start, in three orders; the results must be the same bits. */
static void
in_all_orders(std::vector<Output> outputs, const std::function<void()> &run)
{
	std::vector<std::vector<unsigned char>> first;

	for (Output &o : outputs)
		o.start.assign((unsigned char *) o.p, (unsigned char *) o.p + o.bytes);
	for (uint64_t order = 0; order < 3; order++)
	{
		hwr_host_order(order * 77);
		for (Output &o : outputs)
			memcpy(o.p, o.start.data(), o.bytes);
		run();
		for (size_t i = 0; i < outputs.size(); i++)
		{
			if (order == 0)
				first.emplace_back((unsigned char *) outputs[i].p, (unsigned char *) outputs[i].p + outputs[i].bytes);
			else if (memcmp(first[i].data(), outputs[i].p, outputs[i].bytes) != 0)
				fail_msg("output %zu depends on the order of the threads", i);
		}
	}
	hwr_host_order(0);
}

static double
root_mean_square(const Floats &x)
{
	double square = 0;

	for (float v : x)
		square += (double) v * v;
	return sqrt(square / (double) (x.size() + 1));
}

/*
 * |got - expected| <= relative * (|expected| + scale); scale 0: the expected values' root mean square.  Sums of many
 * terms err by the terms' size, not by the result's.
 */
static void
assert_close(const char *what, const Floats &got, const Floats &expected, double relative, double scale = 0)
{
	assert_int_equal(got.size(), expected.size());
	if (scale == 0)
		scale = root_mean_square(expected);
	for (size_t i = 0; i < got.size(); i++)
	{
		double off = fabs((double) got[i] - expected[i]);

		if (!(off <= relative * (fabs(expected[i]) + scale) + 1e-30))
			fail_msg("%s: value %zu of %zu is %.9g, expected %.9g", what, i, got.size(), got[i], expected[i]);
	}
}

/* Of an output: float within a few roundings, bfloat16 within one of its own. */
static double
tolerance(HwrGpuType type, double in_float = 2e-6)
{
	return type == HWR_GPU_BFLOAT16 ? 1.0 / 256 + in_float : in_float;
}

static HwrGpuStep
step_of(uint64_t key)
{
	HwrGpuStep step = {};

	step.rng_key = key;
	step.t = 1;
	step.scales[0] = 1;
	return step;
}

/*
 * Ink
 */

static void
check_ink(HwrGpuType type, int h, int w, const HwrAugmentStrengths &strengths, bool slots)
{
	const int n = 4;
	size_t size = (size_t) h * w;
	const int order[n] = {2, 0, 3, 3};
	std::vector<int> device_order(order, order + n);
	std::vector<uint8_t> canvases(n * size);
	std::vector<uint8_t> warped(2 * n * size, 0xee);
	HwrGpuStep step = step_of(99 + (uint64_t) h);
	Elements y(type, n * size);
	Floats expected(n * size);

	/* a blob of ink with a soft edge, and a canvas (number 1, used without slots) without any */
	for (int i = 0; i < n; i++)
		for (size_t j = 0; j < size; j++)
		{
			double dx = ((double) (j % w) - 0.4 * w) / (0.3 * w + 1);
			double dy = ((double) (j / w) - 0.5 * h) / (0.3 * h + 1);
			double ink = 280 * exp(-(dx * dx + dy * dy)) - 60 + 30 * reference_value(5, (uint32_t) j);

			canvases[i * size + j] = i == 1 || ink < 0 ? 0 : ink > 255 ? 255 : (uint8_t) ink;
		}
	in_all_orders({y}, [&] {
		hwr_gpu_ink(STREAM, type, n, h, w, canvases.data(), slots ? device_order.data() : NULL, &strengths, &step,
					warped.data(), y);
	});
	for (int i = 0; i < n; i++)
	{
		std::vector<uint8_t> out(size);

		cpu_augment(canvases.data() + (slots ? order[i] : i) * size, out.data(), h, w, &strengths, step.rng_key, i);
		for (size_t j = 0; j < size; j++)
			expected[i * size + j] = (float) out[j] * (float) (1.0 / 255);
	}
	assert_close("ink", y.read(), rounded(type, expected), 1e-7);
}

static void
test_ink(void **)
{
	for (HwrGpuType type : TYPES)
		for (double strength : {0.0, 1.0, 3.0})
			for (const HwrAugmentStrengths &strengths : std::initializer_list<HwrAugmentStrengths>{
					 {strength, 0, 0, 0, 0, 0}, {0, strength, 0, 0, 0, 0}, {0, 0, strength, 0, 0, 0}, {0, 0, 0, strength, 0, 0},
					 {0, 0, 0, 0, strength, 0}, {0, 0, 0, 0, 0, strength},
					 {strength, strength, strength, strength, strength, strength}})
			{
				check_ink(type, 48, 64, strengths, true);
				check_ink(type, 33, 45, strengths, false);
				check_ink(type, 9, 11, strengths, true);
			}
}

/*
 * Positions
 */

struct NormValues
{
	Floats values;				/* gamma, beta, mean and variance kept */
	Floats kept;				/* mean, inv_std, scale, shift, a, b, c */
	int c;

	NormValues(int c) : values(random_floats(4 * (size_t) c)), kept(7 * (size_t) c, NAN), c(c)
	{
		for (int i = 0; i < c; i++)
		{
			values[i] = 1 + 0.5f * values[i];
			values[3 * c + i] = 1 + 0.5f * values[3 * c + i];
		}
	}

	HwrGpuNorm
	norm()
	{
		float *v = values.data();
		float *k = kept.data();

		return {v, v + c, v + 2 * c, v + 3 * c, k, k + c, k + 2 * c, k + 3 * c, k + 4 * c, k + 5 * c, k + 6 * c};
	}

	Output
	output()
	{
		return Output(kept.data(), kept.size() * sizeof(float));
	}

	Output
	statistics()
	{
		return Output(values.data(), values.size() * sizeof(float));
	}
};

struct PointCase
{
	HwrGpuMap map;
	HwrActivation act;
	bool norm;
	bool bias;
	bool applied;
};

/* z as the GPU is given it, and as the CPU is: where it is applied already, the CPU begins at v. */
static void
check_point(HwrGpuType type, const PointCase &p)
{
	HwrGpuMap map = p.map;
	CpuMap cpu_map = {map.n, map.h, map.w, map.c, map.ky, map.kx, map.sy, map.sx};
	size_t c = (size_t) map.c;
	size_t size = (size_t) map.n * map.h * map.w * c;
	size_t pooled = (size_t) map.n * hwr_gpu_pooled_h(&map) * hwr_gpu_pooled_w(&map) * c;
	bool pools = map.ky * map.kx > 1 || map.sy > 1;
	Floats bias = p.bias ? random_floats(c) : Floats(c, 0.0f);
	Floats z = rounded(type, random_floats(size, 2));
	Floats dy = rounded(type, random_floats(pooled));
	Floats sums(hwr_gpu_sums_size(map.c) / sizeof(float));
	HwrGpuPoint point = {p.bias ? bias.data() : NULL, p.act, p.applied};
	NormValues norm(map.c);
	Floats cpu_values = norm.values;
	Floats cpu_grads(4 * c, 0.0f);
	CpuNorm cpu_norm = {cpu_values.data(), cpu_grads.data()};
	CpuNorm *use = p.norm ? &cpu_norm : NULL;
	HwrGpuNorm n = norm.norm();
	HwrGpuStep step = step_of(0);
	Floats expected(pooled);
	Floats expected_dz(size);
	Floats expected_dbias(c);
	Floats dgamma(c, NAN);
	Floats dbeta(c, NAN);
	Elements dev_dbias(HWR_GPU_FLOAT32, c);
	Elements dev_y(type, pooled);
	Elements dev_dz(type, size);
	std::vector<uint8_t> which(pooled, 0xee);
	uint8_t *at = pools ? which.data() : NULL;
	double slack = type == HWR_GPU_BFLOAT16 ? 1.0 / 256 : 0;

	if (p.applied && p.act != HWR_ACT_LINEAR)
	{
		/* the activation's own output, with no bias */
		CpuMap plain = {map.n, map.h, map.w, map.c, 1, 1, 1, 1};

		cpu_point_forward(&plain, z.data(), bias.data(), p.act, NULL, true, z.data());
		z = rounded(type, z);
	}
	Elements dev_z(type, z);
	Elements dev_dy(type, dy);

	cpu_point_forward(&cpu_map, z.data(), bias.data(), p.applied ? HWR_ACT_LINEAR : p.act, use, true, expected.data());
	step.measure = CPU_MEASURE;
	if (p.norm)
		in_all_orders({norm.output(), norm.statistics()}, [&] {
			hwr_gpu_norm_stats(STREAM, type, (int64_t) size / map.c, map.c, dev_z, point, &step, n, sums.data());
		});
	in_all_orders({dev_y, Output(which.data(), which.size())}, [&] {
		hwr_gpu_point_forward(STREAM, type, map, dev_z, point, p.norm ? n.scale : NULL, n.shift, dev_y, at);
	});
	if (p.norm)
		assert_close("statistics kept", norm.values, cpu_values, 1e-5);
	assert_close("point forward", dev_y.read(), expected, tolerance(type, 1e-5));

	/* the CPU's statistics move once more, which does not matter to it */
	if (p.applied && p.act == HWR_ACT_RELU)
		cpu_point_backward(&cpu_map, z.data(), bias.data(), HWR_ACT_RELU, use, dy.data(), expected_dz.data(),
						   expected_dbias.data());
	else if (!p.applied || p.act == HWR_ACT_LINEAR)
		cpu_point_backward(&cpu_map, z.data(), bias.data(), p.act, use, dy.data(), expected_dz.data(),
						   expected_dbias.data());
	else
		return;					/* the CPU has no such form */
	if (p.norm)
	{
		in_all_orders({norm.output(), Output(dgamma.data(), 4 * c), Output(dbeta.data(), 4 * c)}, [&] {
			hwr_gpu_norm_backward(STREAM, type, map, dev_z, point, n, dev_dy, at, dgamma.data(), dbeta.data(),
								  sums.data());
		});
		assert_close("dgamma", dgamma, Floats(cpu_grads.begin(), cpu_grads.begin() + map.c), 1e-4);
		assert_close("dbeta", dbeta, Floats(cpu_grads.begin() + map.c, cpu_grads.begin() + 2 * map.c), 1e-5);
	}
	in_all_orders({dev_dz, dev_dbias}, [&] {
		hwr_gpu_point_backward(STREAM, type, map, dev_z, point, p.norm ? &n : NULL, dev_dy, at, dev_dz, dev_dbias.f(),
							   sums.data());
	});
	assert_close("point backward", dev_dz.read(), expected_dz, 2e-5 + slack);
	assert_close("bias gradient", dev_dbias.read(), expected_dbias, 1e-5,
				 root_mean_square(expected_dz) * sqrt((double) size / map.c));
}

static HwrGpuMap
pooling(int n, int h, int w, int c, int ky, int kx, int sy, int sx)
{
	return {n, h, w, c, ky, kx, sy, sx};
}

static void
test_point(void **)
{
	const HwrGpuMap maps[] = {
		hwr_gpu_map(2, 5, 7, 8),
		hwr_gpu_map(1, 1, 37, 79),
		hwr_gpu_map(3, 16, 40, 16),
		pooling(2, 6, 8, 16, 2, 2, 2, 2),
		pooling(3, 7, 9, 8, 2, 2, 2, 2),	/* rests to the right and below */
		pooling(2, 9, 5, 3, 2, 1, 2, 1),
		pooling(1, 12, 10, 24, 6, 1, 6, 1),
		pooling(2, 8, 9, 8, 3, 3, 2, 2),	/* overlapping */
		pooling(1, 7, 8, 5, 2, 2, 1, 1),
		pooling(1, 9, 9, 4, 2, 2, 3, 3),	/* with gaps */
	};
	const HwrActivation acts[] = {HWR_ACT_RELU, HWR_ACT_LINEAR, HWR_ACT_TANH, HWR_ACT_SIGMOID};
	int i = 0;

	for (HwrGpuType type : TYPES)
		for (const HwrGpuMap &map : maps)
			for (bool norm : {false, true})
			{
				check_point(type, {map, HWR_ACT_RELU, norm, true, false});
				check_point(type, {map, acts[i++ % 4], norm, i % 3 != 0, false});
				check_point(type, {map, acts[i % 2], norm, false, true});
			}
}

/* Enough rows for several blocks, columns for several tiles. */
static void
test_point_large(void **)
{
	for (HwrGpuType type : TYPES)
	{
		check_point(type, {hwr_gpu_map(4, 20, 30, 16), HWR_ACT_RELU, true, true, false});
		check_point(type, {pooling(4, 20, 30, 32, 2, 2, 2, 2), HWR_ACT_RELU, true, true, false});
		check_point(type, {hwr_gpu_map(1, 1, 9, 2056), HWR_ACT_RELU, true, true, false});
		check_point(type, {hwr_gpu_map(1, 1, 9, 301), HWR_ACT_RELU, false, true, false});
	}
}

/* A mean far from zero must not cost the variance its digits. */
static void
test_norm_offset(void **)
{
	const int rows = 500;
	const int c = 4;
	Floats z = random_floats(rows * c, 0.1);
	Floats sums(hwr_gpu_sums_size(c) / sizeof(float));
	NormValues norm(c);
	Floats kept = norm.values;
	HwrGpuStep step = step_of(0);
	double mean = 0;
	double variance = 0;

	for (float &x : z)
		x += 1000;
	for (int r = 0; r < rows; r++)
		mean += (double) z[r * c] / rows;
	for (int r = 0; r < rows; r++)
		variance += (z[r * c] - mean) * (z[r * c] - mean) / rows;
	hwr_gpu_norm_stats(STREAM, HWR_GPU_FLOAT32, rows, c, z.data(), {NULL, HWR_ACT_LINEAR, false}, &step, norm.norm(), sums.data());
	assert_true(norm.values == kept);	/* nothing was to be measured */
	assert_float_equal(norm.norm().mean[0], mean, 1e-4);
	assert_float_equal(norm.norm().inv_std[0], 1 / sqrt(variance + 1e-3), 1e-4 / sqrt(variance + 1e-3));
}

static void
test_norm_kept(void **)
{
	for (int c : {1, 16, 300})
	{
		NormValues norm(c);
		HwrGpuMap map = hwr_gpu_map(1, 2, 3, c);
		CpuMap cpu_map = {1, 2, 3, c, 1, 1, 1, 1};
		CpuNorm cpu = {norm.values.data(), NULL};
		Floats z = random_floats(6 * (size_t) c);
		Floats zero((size_t) c, 0.0f);
		Floats expected(6 * (size_t) c);
		Elements y(HWR_GPU_FLOAT32, 6 * (size_t) c);

		hwr_gpu_norm_kept(STREAM, c, norm.norm());
		hwr_gpu_point_forward(STREAM, HWR_GPU_FLOAT32, map, z.data(), {NULL, HWR_ACT_LINEAR, false}, norm.norm().scale,
							  norm.norm().shift, y, NULL);
		cpu_point_forward(&cpu_map, z.data(), zero.data(), HWR_ACT_LINEAR, &cpu, false, expected.data());
		assert_close("inference", y.read(), expected, 1e-6);
	}
}

static void
test_col_sum(void **)
{
	for (HwrGpuType type : TYPES)
		for (int cols : {1, 8, 79, 1024, 2500})
		{
			int stride = cols + (cols % 8 == 0 ? 8 : 3);
			int rows = 75;
			Floats x = rounded(type, random_floats((size_t) rows * stride));
			Elements dev((HwrGpuType) type, x);
			Elements out(HWR_GPU_FLOAT32, cols);
			Floats sums(hwr_gpu_sums_size(cols) / sizeof(float));
			Floats expected(cols, 0.0f);

			for (int r = 0; r < rows; r++)
				for (int c = 0; c < cols; c++)
					expected[c] += x[(size_t) r * stride + c];
			in_all_orders({out}, [&] {
				hwr_gpu_col_sum(STREAM, type, rows, cols, stride, dev, out.f(), sums.data());
			});
			assert_close("column sums", out.read(), expected, 1e-5);
		}
}

/*
 * Rearrangements
 */

static void
test_swap(void **)
{
	const int n = 3;

	for (HwrGpuType type : TYPES)
		for (int c : {1, 5, 8, 40})
			for (int a : {1, 2, 6})
			{
				const int h = 6;
				const int w = 11;
				Floats x = rounded(type, random_floats((size_t) n * h * w * c));
				Floats expected(x.size());
				Elements dev(type, x);
				Elements y(type, x.size());
				Elements back(type, x.size());

				cpu_reshape(n, h, w, c, a, false, x.data(), expected.data());
				in_all_orders({y}, [&] { hwr_gpu_swap(STREAM, type, n, h, w, c, dev, y); });
				assert_close("swap", y.read(), expected, 0);
				cpu_reshape(n, h, w, c, a, true, expected.data(), x.data());
				hwr_gpu_swap(STREAM, type, n, w, h, c, y, back);
				assert_close("swap back", back.read(), x, 0);
			}
}

static void
test_transpose(void **)
{
	for (HwrGpuType from : TYPES)
		for (HwrGpuType to : TYPES)
			for (int a : {1, 33, 64})
				for (int b : {1, 31, 70})
				{
					Floats x = rounded(from, random_floats((size_t) a * b));
					Floats expected(x.size());
					Elements dev(from, x);
					Elements y(to, x.size());

					for (int i = 0; i < a; i++)
						for (int j = 0; j < b; j++)
							expected[j * a + i] = x[i * b + j];
					in_all_orders({y}, [&] { hwr_gpu_transpose(STREAM, a, b, from, dev, to, y); });
					assert_close("transpose", y.read(), rounded(to, expected), 0);
				}
}

static void
test_flat(void **)
{
	for (size_t count : {1, 7, 1024, 40001, 50000})
	{
		for (HwrGpuType from : TYPES)
			for (HwrGpuType to : TYPES)
			{
				Floats x = rounded(from, random_floats(count));
				Elements dev(from, x);
				Elements y(to, count);

				in_all_orders({y}, [&] { hwr_gpu_convert(STREAM, count, from, dev, to, y); });
				assert_close("convert", y.read(), rounded(to, x), 0);
			}
		for (HwrGpuType type : TYPES)
		{
			Floats x = rounded(type, random_floats(count));
			Floats y = rounded(type, random_floats(count));
			Floats expected(count);
			Elements dev_x(type, x);
			Elements dev_y(type, y);

			for (size_t i = 0; i < count; i++)
				expected[i] = x[i] + y[i];
			in_all_orders({dev_y}, [&] { hwr_gpu_add(STREAM, type, count, dev_x, dev_y); });
			assert_close("add", dev_y.read(), rounded(type, expected), 0);
		}
	}
}

static void
test_dropout(void **)
{
	for (HwrGpuType type : TYPES)
		for (int rows : {1, 32, 150})
			for (int cols : {1, 63, 128, 200})
			{
				Floats x = rounded(type, random_floats((size_t) rows * cols));
				Floats expected(x.size());
				Elements dev(type, x);
				Elements y(type, x.size());
				HwrGpuStep step = step_of(1234567 + (uint64_t) cols);

				cpu_dropout(rows, cols, 0.25f, 9, step.rng_key, x.data(), expected.data());
				in_all_orders({y}, [&] { hwr_gpu_dropout(STREAM, type, rows, cols, 0.25, 9, &step, dev, y); });
				assert_close("dropout", y.read(), rounded(type, expected), 0);
				in_all_orders({dev}, [&] { hwr_gpu_dropout(STREAM, type, rows, cols, 0.25, 9, &step, dev, dev); });
				assert_close("dropout in place", dev.read(), rounded(type, expected), 0);
			}
}

/*
 * Convolutions
 */

static HwrGpuWindow
window_over(int n, int h, int w, int c, int k, int s)
{
	HwrGpuWindow window = {};

	window.n = n;
	window.h = h;
	window.w = w;
	window.c = c;
	window.out_h = (h + s - 1) / s;
	window.out_w = (w + s - 1) / s;
	window.ky = window.kx = k;
	window.sy = window.sx = s;
	window.top = ((window.out_h - 1) * s + k - h) / 2;
	window.left = ((window.out_w - 1) * s + k - w) / 2;
	return window;
}

/* The values under each place of the window. */
static Floats
patches(const HwrGpuWindow &w, const Floats &x)
{
	Floats column;

	for (int i = 0; i < w.n * w.out_h * w.out_w; i++)
		for (int tap = 0; tap < w.ky * w.kx; tap++)
			for (int c = 0; c < w.c; c++)
			{
				int px = i % w.out_w * w.sx - w.left + tap % w.kx;
				int py = i / w.out_w % w.out_h * w.sy - w.top + tap / w.kx;
				int n = i / w.out_w / w.out_h;

				column.push_back(px < 0 || px >= w.w || py < 0 || py >= w.h ? 0
								 : x[(((size_t) n * w.h + py) * w.w + px) * w.c + c]);
			}
	return column;
}

/* Rolling up is unrolling transposed: <unroll x, c> = <x, roll c>, here entry by entry through indices as values. */
static void
test_unroll(void **)
{
	for (HwrGpuType type : TYPES)
		for (int c : {1, 3, 8})
			for (int s : {1, 2})
			{
				HwrGpuWindow w = window_over(2, 5, 7, c, 3, s);
				Floats x = rounded(type, random_floats((size_t) w.n * w.h * w.w * c));
				Floats expected = patches(w, x);
				Floats column = rounded(type, random_floats(expected.size()));
				Floats indices(x.size());
				Floats rolled(x.size(), 0.0f);
				Elements dev_x(type, x);
				Elements dev_column(type, expected.size());
				Elements dev_in(type, column);
				Elements dev_out(type, x.size());

				for (size_t i = 0; i < indices.size(); i++)
					indices[i] = (float) i + 1;
				indices = patches(w, indices);
				for (size_t i = 0; i < indices.size(); i++)
					if (indices[i] > 0)
						rolled[(size_t) indices[i] - 1] += column[i];
				in_all_orders({dev_column}, [&] { hwr_gpu_unroll(STREAM, type, w, dev_x, dev_column); });
				assert_close("unroll", dev_column.read(), expected, 0);
				in_all_orders({dev_out}, [&] { hwr_gpu_roll(STREAM, type, w, dev_in, dev_out); });
				assert_close("roll", dev_out.read(), rolled, tolerance(type));
			}
}

static void
test_thin(void **)
{
	for (HwrGpuType type : TYPES)
		for (int d : {1, 6, 16, 32})
			for (int s : {1, 2})
			{
				HwrGpuWindow w = window_over(3, 18, 23, 1, 3, s);
				size_t places = (size_t) w.n * w.out_h * w.out_w;
				Floats x = rounded(type, random_floats((size_t) w.n * w.h * w.w));
				Floats kernel = rounded(type, random_floats(9 * (size_t) d));
				Floats dz = rounded(type, random_floats(places * d));
				Floats column = patches(w, x);
				Floats z(places * d, 0.0f);
				Floats dkernel(9 * (size_t) d, 0.0f);
				Floats sums(hwr_gpu_thin_sums_size(d) / sizeof(float));
				Elements dev_x(type, x), dev_kernel(type, kernel), dev_dz(type, dz), dev_z(type, z.size());
				Elements dev_dkernel(HWR_GPU_FLOAT32, dkernel.size());

				assert_true(hwr_gpu_is_thin(&w));
				for (size_t i = 0; i < places; i++)
					for (int tap = 0; tap < 9; tap++)
						for (int c = 0; c < d; c++)
						{
							z[i * d + c] += column[i * 9 + tap] * kernel[tap * d + c];
							dkernel[tap * d + c] += column[i * 9 + tap] * dz[i * d + c];
						}
				in_all_orders({dev_z}, [&] { hwr_gpu_thin_forward(STREAM, type, w, d, dev_x, dev_kernel, dev_z); });
				assert_close("thin forward", dev_z.read(), z, tolerance(type));
				in_all_orders({dev_dkernel}, [&] {
					hwr_gpu_thin_backward(STREAM, type, w, d, dev_x, dev_dz, dev_dkernel.f(), sums.data());
				});
				assert_close("thin backward", dev_dkernel.read(), dkernel, 1e-5);
			}
}

/*
 * LSTM
 */

/* S sequences, T steps of maps [S][T][..]; the step t of one direction and T - 1 - t of the other. */
static void
check_lstm(HwrGpuType type, int S, int n, int directions, bool first, bool more)
{
	const int T = 3;
	const int wide = directions * n;
	size_t state = (size_t) S * n;
	HwrGpuLstmStep step = {};
	std::vector<Output> out;
	Floats gates[2], product[2], bias[2], before[2];
	Floats cpu_gates[2], cpu_cell[2], cpu_h[2];
	Elements y(type, Floats((size_t) S * T * wide, 0.5f));
	std::vector<std::vector<Elements *>> dev(2);

	step.S = S;
	step.n = n;
	step.directions = directions;
	step.gates_stride = (int64_t) T * 4 * n;
	step.h_stride = (int64_t) T * wide;
	for (int d = 0; d < directions; d++)
	{
		int t = d == 0 ? 1 : T - 2;
		Floats tc(state);

		gates[d] = rounded(type, random_floats((size_t) S * T * 4 * n, 2));
		product[d] = random_floats(4 * state);
		bias[d] = random_floats(4 * (size_t) n);
		before[d] = random_floats(state);
		cpu_gates[d].resize(4 * state);
		cpu_cell[d].resize(state);
		cpu_h[d].resize(state);
		for (size_t i = 0; i < 4 * state; i++)
			cpu_gates[d][i] = gates[d][((i / (4 * n)) * T + t) * 4 * n + i % (4 * n)] +
				(more ? product[d][i] + bias[d][i % (4 * n)] : 0);
		cpu_lstm_cell(S, n, cpu_gates[d].data(), first ? NULL : before[d].data(), cpu_cell[d].data(), tc.data(),
					  cpu_h[d].data());
		dev[d] = {new Elements(type, gates[d]), new Elements(HWR_GPU_FLOAT32, product[d]),
				  new Elements(HWR_GPU_FLOAT32, before[d]), new Elements(HWR_GPU_FLOAT32, state)};
		step.dir[d].gates = dev[d][0]->p + (dev[d][0]->bytes() / dev[d][0]->n) * (size_t) t * 4 * n;
		step.dir[d].product = more ? dev[d][1]->f() : NULL;
		step.dir[d].bias = more ? bias[d].data() : NULL;
		step.dir[d].cell_before = first ? NULL : dev[d][2]->f();
		step.dir[d].cell = dev[d][3]->f();
		step.dir[d].h = y.p + (y.bytes() / y.n) * ((size_t) t * wide + d * n);
		out.push_back(*dev[d][0]);
		out.push_back(*dev[d][3]);
	}
	out.push_back(y);
	in_all_orders(out, [&] { hwr_gpu_lstm_forward(STREAM, type, step); });

	Floats got_y = y.read();
	for (int d = 0; d < directions; d++)
	{
		int t = d == 0 ? 1 : T - 2;
		Floats all = dev[d][0]->read();
		Floats h(state);
		Floats act(4 * state);

		for (size_t i = 0; i < state; i++)
			h[i] = got_y[((i / n) * T + t) * wide + d * n + i % n];
		for (size_t i = 0; i < all.size(); i++)
		{
			size_t s = i / ((size_t) T * 4 * n);

			if ((int) (i / (4 * n) % T) == t)
				act[s * 4 * n + i % (4 * n)] = all[i];
			else
				assert_true(all[i] == gates[d][i]);	/* other steps */
		}
		assert_close("cell", dev[d][3]->read(), cpu_cell[d], 2e-6);
		assert_close("h", h, cpu_h[d], tolerance(type));
		assert_close("gates", act, cpu_gates[d], tolerance(type));
	}

	/* backward from there, from the GPU's own activations */
	Floats dy = rounded(type, random_floats((size_t) S * T * wide));
	Elements dev_dy(type, dy);
	Floats dc_in[2], back_product[2], cpu_dc[2];

	out.clear();
	step.last = first;			/* any combination */
	for (int d = 0; d < directions; d++)
	{
		int t = d == 0 ? 1 : T - 2;
		Floats all = dev[d][0]->read();
		Floats cell = dev[d][3]->read();
		Floats tc(state), dh(state);

		dc_in[d] = random_floats(state);
		back_product[d] = random_floats(state);
		cpu_dc[d] = step.last ? Floats(state, 0.0f) : dc_in[d];
		for (size_t i = 0; i < state; i++)
		{
			tc[i] = tanhf(cell[i]);
			dh[i] = dy[((i / n) * T + t) * wide + d * n + i % n] + (more ? back_product[d][i] : 0);
		}
		for (size_t i = 0; i < 4 * state; i++)
			cpu_gates[d][i] = all[((i / (4 * n)) * T + t) * 4 * n + i % (4 * n)];
		cpu_lstm_cell_back(S, n, cpu_gates[d].data(), first ? NULL : before[d].data(), tc.data(), dh.data(),
						   cpu_dc[d].data());
		dev[d].push_back(new Elements(HWR_GPU_FLOAT32, back_product[d]));
		dev[d].push_back(new Elements(HWR_GPU_FLOAT32, dc_in[d]));
		step.dir[d].product = more ? dev[d][4]->f() : NULL;
		step.dir[d].dc = dev[d][5]->f();
		step.dir[d].dy = dev_dy.p + (dev_dy.bytes() / dev_dy.n) * ((size_t) t * wide + d * n);
		out.push_back(*dev[d][0]);
		out.push_back(*dev[d][5]);
	}
	in_all_orders(out, [&] { hwr_gpu_lstm_backward(STREAM, type, step); });
	for (int d = 0; d < directions; d++)
	{
		int t = d == 0 ? 1 : T - 2;
		Floats all = dev[d][0]->read();
		Floats dg(4 * state);

		for (size_t i = 0; i < 4 * state; i++)
			dg[i] = all[((i / (4 * n)) * T + t) * 4 * n + i % (4 * n)];
		assert_close("gate gradients", dg, cpu_gates[d], tolerance(type));
		assert_close("cell gradient", dev[d][5]->read(), cpu_dc[d], 2e-6);
		for (Elements *e : dev[d])
			delete e;
	}
}

static void
test_lstm(void **)
{
	for (HwrGpuType type : TYPES)
		for (int n : {3, 8, 20})
			for (int directions : {1, 2})
				for (bool first : {false, true})
				{
					check_lstm(type, 5, n, directions, first, true);
					check_lstm(type, 70, n, directions, first, false);
				}
}

/*
 * Output
 */

static void
test_softmax(void **)
{
	for (HwrGpuType type : TYPES)
		for (int cols : {2, 32, 79, 300})
		{
			const int rows = 21;
			Floats bias = random_floats(cols);
			Floats x = rounded(type, random_floats((size_t) rows * cols, 5));
			Floats expected = x;
			Floats logp(x.size());
			Elements dev(type, x);
			Elements z(type, x);
			Elements out(HWR_GPU_FLOAT32, x.size());
			Floats dy = rounded(type, random_floats(x.size()));
			Elements dev_dy(type, dy);

			cpu_softmax(rows, cols, bias.data(), expected.data());
			in_all_orders({z}, [&] { hwr_gpu_softmax(STREAM, type, rows, cols, bias.data(), z); });
			assert_close("softmax", z.read(), expected, tolerance(type));
			cpu_softmax_back(rows, cols, z.read().data(), dy.data());
			in_all_orders({dev_dy}, [&] { hwr_gpu_softmax_back(STREAM, type, rows, cols, z, dev_dy); });
			assert_close("softmax back", dev_dy.read(), dy, tolerance(type));

			for (size_t i = 0; i < x.size(); i++)
				x[i] += bias[i % cols];
			cpu_log_softmax(rows, cols, x.data(), logp.data());
			in_all_orders({out}, [&] { hwr_gpu_log_softmax(STREAM, type, rows, cols, dev, bias.data(), out.f()); });
			assert_close("log softmax", out.read(), logp, 2e-6);
		}
}

/* n sequences; lengths from 0 to longer than fits. */
static void
check_ctc(HwrGpuType type, int n, int T, int K, int max_label, double spread)
{
	size_t cells = (size_t) T * K;
	Floats logits = random_floats(n * cells, spread);
	Floats logp(n * cells);
	std::vector<int> labels((size_t) n * max_label, -1);
	std::vector<int> lengths(n);
	std::vector<double> losses(n, NAN);
	std::vector<double> expected_losses(n);
	std::vector<unsigned char> workspace(hwr_gpu_ctc_size(n, T, max_label));
	Elements grad(type, n * cells);
	Floats expected(n * cells, 0.0f);
	HwrGpuStep step = step_of(0);
	HwrGpuResult result = {};
	double sum = 0;
	int feasible = 0;

	step.scales[0] = 1.0 / n;
	cpu_log_softmax(n * T, K, logits.data(), logp.data());
	for (int i = 0; i < n; i++)
	{
		/* every fourth of full length, one empty, classes of a small set so that they repeat */
		lengths[i] = i == 1 ? 0 : i % 4 == 0 ? max_label : (int) random_below((uint32_t) max_label + 1);
		for (int j = 0; j < lengths[i]; j++)
			labels[(size_t) i * max_label + j] = 1 + (int) random_below((uint32_t) (i % 2 && K > 4 ? 3 : K - 1));
		if (cpu_ctc(&logp[i * cells], T, K, &labels[(size_t) i * max_label], lengths[i], step.scales[0],
					&expected_losses[i], &expected[i * cells]))
		{
			sum += expected_losses[i];
			feasible++;
		}
	}
	in_all_orders({grad, Output(losses.data(), n * sizeof(double))}, [&] {
		hwr_gpu_ctc(STREAM, type, n, T, K, logp.data(), labels.data(), max_label, lengths.data(), &step.scales[0], grad,
					losses.data(), workspace.data());
	});
	for (int i = 0; i < n; i++)
	{
		if (isinf(expected_losses[i]))
			assert_true(isinf(losses[i]) && losses[i] > 0);
		else
			assert_true(fabs(losses[i] - expected_losses[i]) <= 1e-6 * (1 + fabs(expected_losses[i])) * sqrt(T));
	}
	assert_close("ctc gradient", grad.read(), expected, tolerance(type, 2e-5));
	hwr_gpu_ctc_mean(STREAM, n, losses.data(), &result);
	assert_int_equal(result.infeasible, n - feasible);
	assert_true(fabs(result.loss - (feasible > 0 ? sum / feasible : 0)) <= 1e-5 * (1 + fabs(result.loss)));
}

static void
test_ctc(void **)
{
	for (HwrGpuType type : TYPES)
	{
		check_ctc(type, 1, 1, 2, 1, 1);
		check_ctc(type, 9, 7, 5, 7, 2);	/* some just fit, some do not */
		check_ctc(type, 6, 30, 80, 12, 4);
		check_ctc(type, 4, 64, 20, 30, 1);
		check_ctc(type, 3, 20, 4, 25, 30);	/* sharp */
	}
}

/* Tables in the workspace, and more states than threads. */
static void
test_ctc_long(void **)
{
	assert_true(hwr_gpu_ctc_size(1, 80, 32) == 0);
	assert_true(hwr_gpu_ctc_size(1, 200, 40) > 0);
	check_ctc(HWR_GPU_FLOAT32, 3, 200, 6, 40, 2);
	check_ctc(HWR_GPU_FLOAT32, 2, 330, 9, 150, 2);
}

static void
test_greedy(void **)
{
	for (int T : {1, 31, 32, 33, 100})
		for (int K : {2, 3, 40})
		{
			const int n = 3;
			Floats logits = random_floats((size_t) n * T * K, 2);
			Floats logp(logits.size());
			std::vector<int> ids((size_t) n * T, -7);
			std::vector<int> lengths(n, -7);
			std::vector<int> expected(T);

			/* ties are for the lower class */
			for (float &x : logits)
				x = rintf(x);
			cpu_log_softmax(n * T, K, logits.data(), logp.data());
			in_all_orders({Output(lengths.data(), n * sizeof(int))}, [&] {
				hwr_gpu_greedy(STREAM, n, T, K, logp.data(), ids.data(), lengths.data());
			});
			for (int i = 0; i < n; i++)
			{
				int length = cpu_greedy(&logp[(size_t) i * T * K], T, K, expected.data());

				assert_int_equal(lengths[i], length);
				assert_memory_equal(&ids[(size_t) i * T], expected.data(), length * sizeof(int));
			}
		}
}

/*
 * Optimiser
 */

struct Tensor
{
	size_t offset;
	size_t count;
	bool decay;
};

/* Offsets that are no multiples of four, a gap that nothing may touch, a tensor of several ranges. */
static const Tensor tensors[] = {{0, 5, true}, {5, 9001, true}, {9010, 64, false}, {9075, 1, false}, {9076, 130, true}};
static const size_t VALUES = 9206;

static void
check_optimizer(HwrOptimizerKind kind, double clip_norm, int64_t t, bool half)
{
	HwrGpuRule rule = {kind, 0.9, 0.1, clip_norm};
	HwrGpuStep step = step_of(0);
	HwrGpuResult result = {};
	HwrGpuUpdate update = {};
	std::vector<HwrGpuRange> ranges;
	Floats values = random_floats(VALUES), grads = random_floats(VALUES), m = random_floats(VALUES), v = random_floats(VALUES);
	double square = 0;

	for (float &x : v)
		x = fabsf(x);
	step.t = t;
	step.learning_rate = 0.01;
	result.loss = 1;
	for (const Tensor &tensor : tensors)
	{
		size_t at = ranges.size();
		int count = hwr_gpu_cut(tensor.offset, tensor.count, tensor.decay, NULL);

		ranges.resize(at + count);
		assert_int_equal(hwr_gpu_cut(tensor.offset, tensor.count, tensor.decay, &ranges[at]), count);
		for (size_t i = 0; i < tensor.count; i++)
			square += (double) grads[tensor.offset + i] * grads[tensor.offset + i];
	}
	std::vector<double> partial(ranges.size());
	Elements dev_values(HWR_GPU_FLOAT32, values), dev_grads(HWR_GPU_FLOAT32, grads);
	Elements dev_m(HWR_GPU_FLOAT32, m), dev_v(HWR_GPU_FLOAT32, v);
	Elements dev_half(HWR_GPU_BFLOAT16, Floats(VALUES, 3.0f));

	in_all_orders({Output(&update, sizeof(update)), Output(&result, sizeof(result))}, [&] {
		hwr_gpu_grad_norm(STREAM, (int) ranges.size(), ranges.data(), dev_grads.f(), rule, &step, partial.data(), &update,
						  &result);
	});
	assert_true(fabs(result.grad_norm - sqrt(square)) < 1e-9 * sqrt(square));
	assert_int_equal(result.diverged, 0);
	in_all_orders({dev_values, dev_m, dev_v, dev_half}, [&] {
		hwr_gpu_update(STREAM, (int) ranges.size(), ranges.data(), kind, &update, dev_values.f(),
					   half ? (__nv_bfloat16 *) dev_half.p : NULL, dev_grads.f(), dev_m.f(),
					   kind == HWR_SGD ? NULL : dev_v.f());
	});
	HwrOptimizerStep cpu = {};

	cpu.kind = kind;
	cpu.learning_rate = step.learning_rate;
	cpu.momentum = rule.momentum;
	cpu.weight_decay = rule.weight_decay;
	cpu.grad_scale = hwr_clip_scale(sqrt(square), clip_norm);
	cpu.t = t;
	for (const Tensor &tensor : tensors)
		hwr_optimizer_update(&cpu, tensor.decay, tensor.count, &values[tensor.offset], &grads[tensor.offset],
							 &m[tensor.offset], &v[tensor.offset]);
	assert_close("values", dev_values.read(), values, 3e-7);
	assert_close("m", dev_m.read(), m, 3e-7);
	assert_close("v", dev_v.read(), v, 3e-7);

	Floats got = dev_values.read();
	Floats got_half = dev_half.read();
	Floats want_half = rounded(HWR_GPU_BFLOAT16, got);

	for (const Tensor &tensor : tensors)
		for (size_t i = tensor.offset; i < tensor.offset + tensor.count; i++)
			assert_true(got_half[i] == (half ? want_half[i] : 3.0f));
	assert_true(got_half[9074] == 3.0f);
}

static void
test_optimizer(void **)
{
	for (HwrOptimizerKind kind : {HWR_SGD, HWR_ADAM, HWR_ADAMW})
		for (double clip : {0.0, 5.0, 1e6})
		{
			check_optimizer(kind, clip, 1, true);
			check_optimizer(kind, clip, 1000, false);
		}
}

/* A gradient or a loss that is not finite: nothing is updated, and the host is told. */
static void
test_diverged(void **)
{
	for (bool bad_loss : {false, true})
	{
		HwrGpuRule rule = {HWR_ADAMW, 0, 0, 5};
		HwrGpuStep step = step_of(0);
		HwrGpuResult result = {};
		HwrGpuUpdate update = {};
		HwrGpuRange range[1];
		Floats values(64, 1.0f), grads(64, 1.0f), m(64, 0.0f), v(64, 0.0f);
		double partial[1];

		step.learning_rate = 0.1;
		result.loss = bad_loss ? NAN : 1;
		grads[7] = bad_loss ? 1 : INFINITY;
		assert_int_equal(hwr_gpu_cut(0, 64, true, range), 1);
		hwr_gpu_grad_norm(STREAM, 1, range, grads.data(), rule, &step, partial, &update, &result);
		hwr_gpu_update(STREAM, 1, range, rule.kind, &update, values.data(), NULL, grads.data(), m.data(), v.data());
		assert_int_equal(result.diverged, 1);
		assert_true(values == Floats(64, 1.0f));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ink),
		cmocka_unit_test(test_point),
		cmocka_unit_test(test_point_large),
		cmocka_unit_test(test_norm_offset),
		cmocka_unit_test(test_norm_kept),
		cmocka_unit_test(test_col_sum),
		cmocka_unit_test(test_swap),
		cmocka_unit_test(test_transpose),
		cmocka_unit_test(test_flat),
		cmocka_unit_test(test_dropout),
		cmocka_unit_test(test_unroll),
		cmocka_unit_test(test_thin),
		cmocka_unit_test(test_lstm),
		cmocka_unit_test(test_softmax),
		cmocka_unit_test(test_ctc),
		cmocka_unit_test(test_ctc_long),
		cmocka_unit_test(test_greedy),
		cmocka_unit_test(test_optimizer),
		cmocka_unit_test(test_diverged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
