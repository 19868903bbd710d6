/*
 * test_infer.c
 *	  Inference on every kind of kernel against the layer-by-layer forward pass.
 *
 * The reference is HwrCpuPlan on the plain kernels, which test_layers compares with PyTorch.  Networks
 * have weights by formula; images are random canvases, the sample words and, where it can be had, handwriting.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/image/image.h"
#include "core/image/preprocess.h"
#include "core/options/presets.h"
#include "cpu/layers/cpu_net.h"
#include "cpu/infer/infer.h"
#include "nets.h"
#include "../emulated.h"

/* Largest differences of log posteriors that are at least LOGP_FLOOR. */
#define FLOAT32_BOUND 2e-5
#define BFLOAT16_BOUND 0.06
#define INT8_BOUND 0.03
#define INT16_BOUND 0.005
#define LOGP_FLOOR -12.0

#define CLASSES 40
#define RANDOM_IMAGES 1000
#define SAMPLE_IMAGES 1000
#define BATCH 20

#define WAYS 9

/* A way to compute: kernels and elements, those of LSTM outputs apart. */
typedef struct Way
{
	const char *name;
	const HwrKernels *k;
	const HwrElements *e;
	const HwrElements *winograd;
	const HwrElements *bounded;
	double		bound;
} Way;

static int
ways(Way out[WAYS])
{
	static const char *const names[] = {"plain", "avx2", "avx512"};
	const HwrElements *bf16 = hwr_elements_bfloat16();
	const HwrElements *int8 = hwr_elements_int8();
	const HwrKernels *k;
	int			n = 0;

	for (int i = 0; i < 3; i++)
	{
		setenv("HWR_CPU", names[i], 1);
		k = hwr_kernels();
		if (strcmp(k->name, names[i]) == 0)
		{
			out[n++] = (Way) {names[i], k, k->elements, NULL, k->elements, FLOAT32_BOUND};
			if (hwr_elements_int8() != NULL)
				out[n++] = (Way) {"float32, 16 bits and bytes of that level", k, k->elements, hwr_elements_int16(),
							  hwr_elements_int8(), INT8_BOUND};
		}
	}
	unsetenv("HWR_CPU");
	k = hwr_kernels();
	if (bf16 != NULL)
		out[n++] = (Way) {"bfloat16", k, bf16, NULL, bf16, BFLOAT16_BOUND};
	if (int8 != NULL)
		out[n++] = (Way) {"float32 and int8", k, k->elements, NULL, int8, INT8_BOUND};
	if (hwr_elements_int16() != NULL)
		out[n++] = (Way) {"float32 and 16 bits", k, k->elements, hwr_elements_int16(), k->elements, INT16_BOUND};
	if (bf16 != NULL && int8 != NULL)
		out[n++] = (Way) {"bfloat16 and int8", k, bf16, NULL, int8, INT8_BOUND};
	return n;
}

/* One network on one way of computing, or on the reference. */
typedef struct Fixture
{
	HwrNet		net;
	hwr_real   *values;
	HwrPool    *pool;
	HwrCpuNet  *cpu;
	HwrCpuPlan	plan;
	int			T;
} Fixture;

static void
set_up(Fixture *f, const char *vgsl, int threads)
{
	HwrStatus	st;

	memset(f, 0, sizeof(*f));
	assert_true(hwr_vgsl_parse(vgsl, CLASSES, &f->net, &st));
	assert_true(hwr_pool_create(threads, &f->pool, &st));
	setenv("HWR_CPU", "plain", 1);
	assert_true(hwr_cpu_net_create(&f->net, false, &f->cpu, &st));
	unsetenv("HWR_CPU");
	f->values = f->cpu->values;
	for (int t = 0; t < f->net.ntensors; t++)
		for (size_t i = 0; i < f->net.tensors[t].count; i++)
			f->values[f->net.tensors[t].offset + i] =
				(hwr_real) nets_value(&f->net.tensors[t], (uint32_t) t, (uint32_t) i);
}

static void
tear_down(Fixture *f)
{
	hwr_cpu_plan_free(&f->plan);
	hwr_cpu_net_free(f->cpu);
	hwr_pool_free(f->pool);
}

static void
reference(Fixture *f, int n, int width, const uint8_t *ink, float *logp)
{
	HwrStatus	st;
	size_t		size = (size_t) n * (size_t) f->net.height * (size_t) width;
	size_t		rows;
	hwr_real   *out;

	assert_true(hwr_cpu_plan_prepare(&f->plan, f->cpu, f->pool, 0, f->net.nlayers, false, false, n, width, &st));
	for (size_t i = 0; i < size; i++)
		f->plan.input[i] = (hwr_real) ink[i] / 255;
	hwr_cpu_plan_forward(&f->plan, 0);
	rows = (size_t) n * (size_t) hwr_net_steps(&f->net, width);
	out = malloc(rows * CLASSES * sizeof(hwr_real));
	hwr_kernels_plain.log_softmax(rows, CLASSES, f->plan.output, out);
	for (size_t i = 0; i < rows * CLASSES; i++)
		logp[i] = (float) out[i];
	free(out);
}

static void
run_one_width(HwrInfer *inf, int n, int width, const uint8_t *ink, float *logp)
{
	int			widths[BATCH + 1];
	HwrStatus	st;

	for (int i = 0; i < n; i++)
		widths[i] = width;
	assert_true(hwr_infer_run(inf, n, widths, ink, logp, &st));
}

static double
largest_difference(const float *a, const float *b, size_t n)
{
	double		largest = 0;

	for (size_t i = 0; i < n; i++)
		if (a[i] >= LOGP_FLOOR || b[i] >= LOGP_FLOOR)
		{
			double		d = fabs((double) a[i] - (double) b[i]);

			if (!(d <= largest))
				largest = d;	/* a NaN too */
		}
	return largest;
}

/* Compare images [count] of one width in batches on every way; ink is [count][H][width]. */
static void
compare(const char *vgsl, int threads, int count, int width, const uint8_t *ink)
{
	Way			way[WAYS];
	int			nways = ways(way);
	Fixture		f;
	HwrInfer   *inf[WAYS];
	HwrStatus	st;
	size_t		size;
	float	   *expected;
	float	   *got;

	set_up(&f, vgsl, threads);
	size = (size_t) BATCH * (size_t) hwr_net_steps(&f.net, width) * CLASSES;
	expected = malloc(size * sizeof(float));
	got = malloc(size * sizeof(float));
	for (int w = 0; w < nways; w++)
	{
		assert_true(hwr_infer_create(&f.net, way[w].k, way[w].e, way[w].winograd, way[w].bounded, f.pool, &inf[w], &st));
		assert_non_null(inf[w]);
		hwr_infer_set_values(inf[w], f.values);
	}
	for (int first = 0; first < count; first += BATCH)
	{
		int			n = count - first < BATCH ? count - first : BATCH;
		const uint8_t *batch = ink + (size_t) first * (size_t) f.net.height * (size_t) width;
		size_t		values = (size_t) n * (size_t) hwr_net_steps(&f.net, width) * CLASSES;

		reference(&f, n, width, batch, expected);
		for (int w = 0; w < nways; w++)
		{
			double		d;

			memset(got, 0xff, values * sizeof(float));	/* NaN: what is not written shows */
			run_one_width(inf[w], n, width, batch, got);
			d = largest_difference(expected, got, values);
			if (!(d <= way[w].bound))
				fail_msg("%s on %s: log posteriors differ by %g", vgsl, way[w].name, d);
		}
	}
	for (int w = 0; w < nways; w++)
		hwr_infer_free(inf[w]);
	free(expected);
	free(got);
	tear_down(&f);
}

/* Strokes of random ink on paper. */
static uint8_t *
random_ink(int count, int height, int width)
{
	size_t		n = (size_t) count * (size_t) height * (size_t) width;
	uint8_t    *ink = malloc(n);

	for (size_t i = 0; i < n; i++)
	{
		uint32_t	run = reference_bits(77, (uint32_t) (i / 5));

		ink[i] = run % 5 == 0 ? (uint8_t) reference_bits(78, (uint32_t) i) : 0;
	}
	return ink;
}

static void
test_random_images(void **state)
{
	const char *vgsl = hwr_preset_find("small")->architecture;
	uint8_t    *ink = random_ink(RANDOM_IMAGES, 32, 160);

	(void) state;
	compare(vgsl, 1, emulated_rounds(RANDOM_IMAGES, BATCH + 1), 160, ink);
	free(ink);
}

static uint8_t *
read_file(const char *path, size_t *len)
{
	FILE	   *file = fopen(path, "rb");
	uint8_t    *bytes = malloc(1 << 20);

	if (file == NULL)
	{
		free(bytes);
		return NULL;
	}
	*len = fread(bytes, 1, 1 << 20, file);
	fclose(file);
	return bytes;
}

/* An encoded image as the small preset's canvas, the next of ink[SAMPLE_IMAGES][32][160]. */
static void
add_canvas(const uint8_t *bytes, size_t len, uint8_t *ink, int *count)
{
	const HwrImageLimits limits = {1 << 20, 1 << 24};
	HwrImage	img;
	HwrStatus	st;

	assert_true(hwr_image_decode(bytes, len, &limits, 32, 160, &img, &st));
	assert_true(hwr_preprocess(&img, HWR_FIT_PAD, 32, 160, ink + (size_t) *count * 32 * 160, NULL, &st));
	hwr_image_free(&img);
	(*count)++;
}

static void
test_sample_images(void **state)
{
	uint8_t    *ink = malloc((size_t) SAMPLE_IMAGES * 32 * 160);
	int			count = 0;

	(void) state;
	while (count < SAMPLE_IMAGES)
	{
		char		path[64];
		size_t		len = 0;
		uint8_t    *bytes;

		snprintf(path, sizeof(path), "test/data/words/%05d.jpg", count);
		bytes = read_file(path, &len);
		assert_non_null(bytes);
		add_canvas(bytes, len, ink, &count);
		free(bytes);
	}
	compare(hwr_preset_find("small")->architecture, 1, emulated_rounds(count, BATCH), 160, ink);
	free(ink);
}

/*
 * The same with handwriting, which is not part of the tree: the archive train.tar in the folder that HWR_NAMES names.  A
 * member of a tar file is a block of 512 bytes, with its size in octal digits at 124, and its bytes padded to whole blocks.
 */
static void
test_handwriting(void **state)
{
	const char *folder = getenv("HWR_NAMES");
	char		path[1024];
	char		header[512];
	uint8_t    *ink;
	uint8_t    *bytes;
	FILE	   *tar;
	int			count = 0;

	(void) state;
	snprintf(path, sizeof(path), "%s/train.tar", folder != NULL ? folder : "../shared/data/names");
	tar = fopen(path, "rb");
	if (tar == NULL)
	{
		print_message("there is no %s\n", path);
		skip();
	}
	ink = malloc((size_t) SAMPLE_IMAGES * 32 * 160);
	bytes = malloc(1 << 20);
	while (count < SAMPLE_IMAGES && fread(header, 1, sizeof(header), tar) == sizeof(header) && header[0] != '\0')
	{
		size_t		len = strtoul(header + 124, NULL, 8);

		assert_true(len < (1 << 20) - 512);
		assert_int_equal(fread(bytes, 512, (len + 511) / 512, tar), (len + 511) / 512);
		if (strstr(header, ".jpg") != NULL)
			add_canvas(bytes, len, ink, &count);
	}
	fclose(tar);
	assert_int_equal(count, SAMPLE_IMAGES);
	compare(hwr_preset_find("small")->architecture, 1, emulated_rounds(count, BATCH), 160, ink);
	free(bytes);
	free(ink);
}

/* Other sizes, threads and items: odd channels, every activation, one direction, overlaps in the width. */
static void
test_shapes(void **state)
{
	static const char *const nets[] = {
		"[1,16,40,1 Cr3,3,5 Mp2,2 Bn Ct3,3,7 Bn Mp2,1 S1(1x0)1,3 Fs9 Lbx6 Do Lfx5 Lrx7",
		"[1,12,0,1 Cl5,2,18 Bn Mp3,2 Do0.1 Cs1,3,33 Bn Mp4,1 Bn Lbx17 Ft20",
		"[1,9,33,1 Cr3,3,16 Mp3,2,3,1 S1(3x1)2,3 Lbx16",
		"[1,8,24,1 Cr2,4,40 Mp8,3 Fl3",
		"[1,8,24,1 Cr2,4,9 Mp8,2 Lbx3 Fr7 Lfx13 Lrx5 Fl11 Fr2",
		"[1,21,43,1 Cr3,3,20 Mp2,2,2,1 Bn Ct3,3,37 Bn Mp2,2 Cr3,3,66 Mp5,1 Bn Lbx9",
		"[1,11,0,1 Cl3,3,16 Bn Cr3,3,130 Bn Mp3,3,4,2 S1(1x0)1,3 Fl30 Lfx8",
		"[1,14,0,1 Cr3,3,24 Bn Mp2,1 Bn Cr5,2,11 Mp2,2 Bn Cl3,3,18 Mp2,1 Lbx9",
		"[1,26,0,1 Cr3,13,18 Mp2,2 Cr3,13,32 Bn Mp2,2 Cr3,9,20 Ct3,4,17 Mp6,1 Lbx9",
	};

	(void) state;
	for (size_t i = 0; i < sizeof(nets) / sizeof(nets[0]); i++)
		for (int threads = 1; threads <= emulated_rounds(5, 1); threads += 2)
		{
			int			heights[] = {16, 12, 9, 8, 8, 21, 11, 14, 26};
			int			widths[] = {40, 50, 33, 24, 24, 43, 230, 71, 150};
			uint8_t    *ink = random_ink(BATCH + 1, heights[i], widths[i]);

			compare(nets[i], threads, BATCH + 1, widths[i], ink);
			free(ink);
		}
}

/* The log posteriors are the same to the last bit with any number of threads, more of them than images or fewer. */
static void
test_threads(void **state)
{
	static const char vgsl[] = "[1,24,70,1 Cr3,3,17 Mp2,2 Bn Cr3,3,33 Bn Mp2,1 Cr3,7,20 Mp6,1 Lbx16 Fr12";
	uint8_t    *ink = random_ink(4, 24, 70);
	float		one[4 * 35 * CLASSES];
	float		more[4 * 35 * CLASSES];
	Way			way[WAYS];
	int			nways = ways(way);

	(void) state;
	for (int i = 0; i < nways * 4; i++)
	{
		int			n = i % 4 + 1;
		size_t		size = (size_t) n * 35 * CLASSES * sizeof(float);

		for (int threads = 1; threads <= emulated_rounds(5, 2); threads++)
		{
			Fixture		f;
			HwrInfer   *inf;
			HwrStatus	st;

			set_up(&f, vgsl, threads);
			assert_true(hwr_infer_create(&f.net, way[i / 4].k, way[i / 4].e, way[i / 4].winograd, way[i / 4].bounded, f.pool,
										 &inf, &st));
			hwr_infer_set_values(inf, f.values);
			run_one_width(inf, n, 70, ink, threads == 1 ? one : more);
			if (threads > 1 && memcmp(one, more, size) != 0)
				fail_msg("%s: %d images differ with %d threads", way[i / 4].name, n, threads);
			hwr_infer_free(inf);
			tear_down(&f);
		}
	}
	free(ink);
}

/*
 * Canvases of several widths together give what each gives alone, to the last bit: where all end at once, where the
 * last one stays alone, with more threads than images of a width.
 */
static void
test_widths(void **state)
{
	static const char *const nets[] = {
		"[1,8,0,1 Cr3,3,16 Mp2,2 Cr3,5,20 Mp4,2 Lbx9 Fr12 Lrx5 Lbx8",
		"[1,8,0,1 Cr3,3,9 Mp4,1 S1(2x0)2,3 Lfx7",
	};
	static const int widths[][7] = {{150, 97, 97, 96, 33, 8, 4}, {40, 40, 40, 12, 12, 12, 12}, {900, 60, 59, 58, 57, 56, 4}};
	uint8_t    *ink = random_ink(1, 8, 2000);
	float	   *together = malloc(sizeof(float) * 4000 * CLASSES);
	float	   *alone = malloc(sizeof(float) * 4000 * CLASSES);
	Way			way[WAYS];
	int			nways = ways(way);

	(void) state;
	for (int i = 0; i < nways * 2 * 3 * 3; i++)
	{
		const int  *wide = widths[i % 3];
		const Way  *w = &way[i / 18];
		Fixture		f;
		HwrInfer   *inf;
		HwrStatus	st;
		size_t		ink_at = 0;
		size_t		logp_at = 0;

		set_up(&f, nets[i / 9 % 2], i / 3 % 3 + 1);
		assert_true(hwr_infer_create(&f.net, w->k, w->e, w->winograd, w->bounded, f.pool, &inf, &st));
		hwr_infer_set_values(inf, f.values);
		assert_true(hwr_infer_run(inf, 7, wide, ink, together, &st));
		for (int n = 0; n < 7; n++)
		{
			size_t		values = (size_t) hwr_net_steps(&f.net, wide[n]) * CLASSES;

			run_one_width(inf, 1, wide[n], ink + ink_at, alone);
			if (memcmp(alone, together + logp_at, values * sizeof(float)) != 0)
				fail_msg("%s on %s: image %d of width %d differs with %d threads", nets[i / 9 % 2], w->name, n, wide[n],
						 i / 3 % 3 + 1);
			ink_at += (size_t) (8 * wide[n]);
			logp_at += values;
		}
		hwr_infer_free(inf);
		tear_down(&f);
	}
	free(ink);
	free(together);
	free(alone);
}

/* Of a canvas where the preset takes any width */
#define ANY_WIDTH 352

static void
test_presets(void **state)
{
	(void) state;
	for (int i = 0; hwr_preset(i) != NULL; i++)
	{
		HwrNet		net;
		HwrStatus	st;
		uint8_t    *ink;
		int			width;

		assert_true(hwr_vgsl_parse(hwr_preset(i)->architecture, CLASSES, &net, &st));
		width = net.width > 0 ? net.width : ANY_WIDTH;
		ink = random_ink(5, net.height, width);
		compare(hwr_preset(i)->architecture, 2, emulated_rounds(5, 1), width, ink);
		free(ink);
	}
}

/* Networks of another shape are left to HwrCpuPlan. */
static void
test_others(void **state)
{
	static const char *const nets[] = {
		"[1,8,24,1 Cr3,3,4,2,2 Mp4,1 Lbx4",
		"[1,8,24,1 Lfys4 Lbx4",
		"[1,8,24,1 Cr3,3,4 Mp2,2,1,2 Mp7,1 Lbx4",
		"[1,8,24,1 S1(1x0)1,3 Lbx4",
	};

	(void) state;
	for (size_t i = 0; i < sizeof(nets) / sizeof(nets[0]); i++)
	{
		HwrNet		net;
		HwrPool    *pool;
		HwrInfer   *inf;
		HwrStatus	st;

		assert_true(hwr_vgsl_parse(nets[i], CLASSES, &net, &st));
		assert_true(hwr_pool_create(1, &pool, &st));
		assert_true(hwr_infer_create(&net, hwr_kernels(), hwr_kernels()->elements, NULL, hwr_kernels()->elements, pool,
									 &inf, &st));
		assert_null(inf);
		hwr_pool_free(pool);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_images),
		cmocka_unit_test(test_sample_images),
		cmocka_unit_test(test_handwriting),
		cmocka_unit_test(test_shapes),
		cmocka_unit_test(test_threads),
		cmocka_unit_test(test_widths),
		cmocka_unit_test(test_presets),
		cmocka_unit_test(test_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
