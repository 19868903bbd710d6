/*
 * make_corpus.c
 *	  Write the first inputs of every fuzz target: small, valid, of all kinds.
 *
 * usage: make_corpus DIRECTORY
 *
 * Makes DIRECTORY/TARGET/NAME.  What a fuzzer finds beyond them is kept by "make fuzz" in build/fuzz; an input
 * that broke something belongs here for good.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "core/text/lm.h"
#include "core/text/spelling.h"
#include "core/posterior/posterior.h"
#include "core/model/model.h"
#include "image_cases.h"
#include "nets.h"

static const char *directory;

static void
die(const char *what)
{
	perror(what);
	exit(1);
}

static void
die_of(const HwrStatus *st)
{
	fprintf(stderr, "%s: %s\n", st->message, st->detail);
	exit(1);
}

static void
put(const char *target, const char *name, const void *bytes, size_t len)
{
	char		path[4096];
	FILE	   *f;

	snprintf(path, sizeof(path), "%s/%s", directory, target);
	mkdir(path, 0777);
	snprintf(path, sizeof(path), "%s/%s/%s", directory, target, name);
	f = fopen(path, "wb");
	if (f == NULL || fwrite(bytes, 1, len, f) != len || fclose(f) != 0)
		die(path);
}

static void
put_text(const char *target, const char *name, const char *text)
{
	put(target, name, text, strlen(text));
}

static void
put_file(const char *name, File file)
{
	put("image", name, file.bytes, file.len);
	free(file.bytes);
}

static void
images(void)
{
	JpegKind	jpeg = grey_jpeg;
	PngKind		png = grey_png;

	put_file("grey.jpg", blocks_jpeg(jpeg));
	jpeg.progressive = true;
	jpeg.orientation = 6;
	put_file("progressive.jpg", blocks_jpeg(jpeg));
	put_file("colour.jpg", blocks_jpeg((JpegKind) {.in = JCS_RGB,.stored = JCS_YCbCr}));
	put_file("grey.png", blocks_png(png));
	png.interlaced = true;
	png.orientation = 3;
	put_file("interlaced.png", blocks_png(png));
	put_file("palette.png", blocks_png((PngKind) {.bit_depth = 8,.color_type = PNG_COLOR_TYPE_PALETTE}));
	put_file("alpha.png", blocks_png((PngKind) {.bit_depth = 8,.color_type = PNG_COLOR_TYPE_RGB_ALPHA}));
	put_file("deep.png", blocks_png((PngKind) {.bit_depth = 16,.color_type = PNG_COLOR_TYPE_RGB}));
}

/* With seven classes some of them are not single characters. */
static void
put_model(const char *name, const char *spec, bool half)
{
	static HwrModel model;
	static const char letters[] = "-ABC\xf3\xb0\x80\x80\xf3\xb0\x80\x81";
	HwrStatus	st = {0};
	uint8_t    *bytes;
	size_t		len;

	memset(&model, 0, sizeof(model));
	if (!hwr_vgsl_parse(spec, 0, &model.net, &st) ||
		!hwr_alphabet_from_utf8(letters, model.net.classes == 7 ? strlen(letters) : (size_t) model.net.classes - 1,
								&model.alphabet, &st))
		die_of(&st);
	if (model.net.classes == 7 &&
		!hwr_spellings_from_json("{\"plane\": 15, \"texts\": {\"ch\": [5], \"x\": [6, 5, 1]}}", &model.alphabet, &st))
		die_of(&st);
	model.values = malloc(model.net.nvalues * sizeof(float));
	for (int i = 0; i < model.net.ntensors; i++)
		for (size_t j = 0; j < model.net.tensors[i].count; j++)
			model.values[model.net.tensors[i].offset + j] =
				(float) nets_value(&model.net.tensors[i], (uint32_t) i, (uint32_t) j);
	if (!(half ? hwr_model_save_half(&model, &bytes, &len, &st) : hwr_model_save(&model, &bytes, &len, &st)))
		die_of(&st);
	put("model", name, bytes, len);
	free(bytes);
	free(model.values);
	hwr_alphabet_free(&model.alphabet);
}

static void
put_lm(void)
{
	static const char *const texts[] = {"ANNA", "HANNA", "\xc3\x89LISE", "ANNE-LISE"};
	HwrLmBuilder *builder;
	HwrStatus	st = {0};
	HwrLm	   *lm;
	uint8_t    *bytes;
	size_t		len;

	if (!hwr_lm_builder_create(3, HWR_CASE_UPPER, &builder, &st))
		die_of(&st);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (!hwr_lm_builder_add(builder, texts[i], strlen(texts[i]), &st))
			die_of(&st);
	if (!hwr_lm_builder_finish(builder, &lm, &st) || !hwr_lm_save(lm, &bytes, &len, &st))
		die_of(&st);
	put("lm", "names", bytes, len);
	free(bytes);
	hwr_lm_free(lm);
	hwr_lm_builder_free(builder);
}

/* A coded value of n characters from first on, by step; sure: how far the most probable class is above the others. */
static void
put_coded(const char *name, int T, uint32_t first, int n, float sure, double bound)
{
	HwrAlphabet alphabet = {n, calloc((size_t) n, sizeof(uint32_t)), NULL};
	const HwrPosteriorOrigin origin = {{8, 7, 6, 5, 4, 3, 2, 1}, HWR_CASE_LOWER, n + 1, 4 * T + 8, 8, 4 * T, 9 * T};
	float	   *logp = calloc((size_t) T * (size_t) (n + 1), sizeof(float));
	uint8_t    *bytes;
	size_t		len;
	HwrStatus	st = {0};

	for (int i = 0; i < n; i++)
		alphabet.codepoints[i] = first + (uint32_t) (i + i / 3);
	for (int t = 0; t < T; t++)
	{
		float	   *y = logp + t * (n + 1);
		double		sum = 0;

		for (int k = 0; k <= n; k++)
			sum += exp(y[k] = k == t * t % (2 * n) || (k == 0 && t % 3 > 0) ? sure : (float) ((k * 7 + t * 5) % 11) / 2);
		for (int k = 0; k <= n; k++)
			y[k] -= (float) log(sum);
	}
	if (!hwr_posterior_pack(logp, T, &alphabet, &origin, bound, &bytes, &len, &st))
		die_of(&st);
	put("posterior", name, bytes, len);
	free(bytes);
	free(logp);
	free(alphabet.codepoints);
}

static void
put_posterior(void)
{
	enum
	{
		T = 24, K = 6
	};
	uint32_t	codepoints[K - 1] = {' ', 'A', 'N', 'a', 0xE9};
	HwrAlphabet alphabet = {K - 1, codepoints, NULL};
	const HwrPosteriorOrigin origin = {{1, 2, 3, 4, 5, 6, 7, 8}, HWR_CASE_KEEP, K, 96, 0, 80, 200};
	float		logp[T * K];
	uint8_t    *bytes;
	size_t		len;
	HwrStatus	st = {0};

	for (int t = 0; t < T; t++)
		for (int k = 0; k < K; k++)
			logp[t * K + k] = t % 3 == 0 ? (k == 1 + t / 3 % (K - 1) ? -0.5f : -2.5f) : k == 0 ? -1e-4f : -12;
	if (!hwr_posterior_pack(logp, T, &alphabet, &origin, 0.001, &bytes, &len, &st))
		die_of(&st);
	put("posterior", "line", bytes, len);
	free(bytes);
	codepoints[3] = 0xF0000;
	codepoints[4] = 0xF0001;
	if (!hwr_spellings_from_json("{\"plane\": 15, \"texts\": {\"ch\": [4], \"x\": [5, 4, 2]}}", &alphabet, &st) ||
		!hwr_posterior_pack(logp, T, &alphabet, &origin, 0.001, &bytes, &len, &st))
		die_of(&st);
	put("posterior", "spelt", bytes, len);
	free(bytes);
	hwr_alphabet_drop_spellings(&alphabet);
	put_coded("coded", 30, 'a', 12, 9, 0.001);
	put_coded("coded_one_step", 1, '0', 3, 3, 0.001);
	put_coded("coded_other_letters", 30, 0x3B1, 12, 8, 0.001);
	put_coded("coded_few_bounds", 12, 'A', 20, 6, 0);
	put_coded("coded_vague", 6, 0x4E00, 60, 5, 0);
	put_coded("coded_long", 400, ' ', 40, 14, 0.0004);
}

int
main(int argc, char **argv)
{
	if (argc != 2)
	{
		fprintf(stderr, "usage: make_corpus DIRECTORY\n");
		return 2;
	}
	directory = argv[1];
	mkdir(directory, 0777);
	images();
	put_model("dense.safetensors", "[1,8,16,1 Mp8,2 S1(1x0)1,3 O1c4]", false);
	put_model("lstm.safetensors", "[1,8,0,1 Cr3,3,2 Bn Mp2,2 S1(1x0)1,3 Lbx3 Do0.5 O1c4]", false);
	put_model("half.safetensors", "[1,8,0,1 Ct3,3,2,2,2 S1(2x2)2,3 Lfx2 Fs3 O1c4]", true);
	put_model("spelt.safetensors", "[1,8,16,1 Mp8,2 S1(1x0)1,3 O1c7]", false);
	put_lm();
	put_posterior();
	put_text("codec", "kraken", "\x06{\"a\": [1], \"ch\": [2], \"sch\": [3, 1], "
			 "\"x\\u0304\": [3, 4], \"\xc3\xa9\": [5], \"e\\u0301\": [6]}");
	put_text("codec", "spellings", "\xff{\"plane\": 15, \"texts\": {\"ch\": [4], \"sch\": [5, 1], \"x\\u0304\": [5, 5, 6]}}");
	put_text("pattern", "date", "(\\d{2}\\.){2}(19|20)\\d{2}");
	put_text("pattern", "classes", "(?i)[a-z]+([^ 0-9]|\\w){1,3}x?");
	put_text("pattern", "states", "(a|b)*a(a|b){11}");
	put_text("pattern", "nothing", "(((((){100}){100}){100}){100})");
	put_text("query", "words", "anna & (mar?e | \"de la\") !otto*");
	put_text("query", "escapes", "a\\&b \\\"c \xc3\x89t\xc3\xa9");
	put_text("vgsl", "default", "[1,48,320,1 Cr3,3,16 Bn Mp2,2 Cr3,3,32 Bn Mp6,1 Lbx192 Do0.25 Lbx192 Do0.25 O1c32]");
	put_text("vgsl", "keras", "[1,64,256,1 Cr3,3,32 Mp2,2 Bn Cr3,3,64 Mp2,2 Bn S1(2x4)2,3 Fr64 Lbx256 O1c79]");
	put_text("vgsl", "others", "[1,16,0,1 Cl3,5,4,2,1 Ct1,1,3 Lby3 Lfys2 Lrx5 Fm7 Do");
	put_text("vgsl", "kraken", "[1,48,0,1 Clr{C_0}3,5,8,2,2,1,3 Gn{Gn_1}4 Do{Do_2}0.1,2 S{S_3}1(2x0)1,3 Lbye{L_4}4 "
							   "Cm2,2,5,1,1,1,1 O{O_6}1c5]");
	put_text("options", "empty", "{}");
	put_text("options", "some", "{\"preset\": \"small\", \"epochs\": 3, \"learning_rate\": 1e-3, \"schedule\": \"cosine\", "
								"\"seed\": 7}");
	put_text("options", "network", "{\"architecture\": \"[1,32,0,1 Cr3,3,8 Mp4,4 Lbx12\", \"case\": \"upper\", \"dropout\": "
								   "null}");
	put_text("vgsl", "blocks", "[1,16,0,1 Cr3,3,4 ([Cr3,3,4 Gn2 Cl3,3,4] I) A3,4 (Cl1,1,2 [Mp1,1 (Ct1,3,3 I)]) S1(1x0)1,3 (Lbx3 "
							   "[Fl2]) O1c5]");
	put_text("label", "right_to_left", "\xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d (abc) 12,5% \xd8\xa7\xd9\x84[\xd8\xb3] "
									   "\xe2\x81\xa7x\xe2\x81\xa9");
	put_text("label", "plain", "Anna  Maria\t\n");
	put_text("label", "combining", "E\xcc\x81lise \xc3\x9f \xef\xac\x81 \xe2\x84\xab");
	put_text("label", "planes", "\xf0\x9f\x98\x80 \xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d \xe1\x84\x92\xe1\x85\xa1\xe1\x86\xab "
								"\xf0\x9d\x94\xb8");
	return 0;
}
