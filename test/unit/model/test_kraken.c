/*
 * test_kraken.c
 *	  Models of kraken's: the same logits as there, and what is said of those that are damaged or not for here.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bytes_of.h"
#include "core/model/kraken.h"
#include "core/network/recognizer.h"
#include "data/kraken_values.h"
#include "reference.h"

static uint8_t *
read_file(const char *name, size_t *len)
{
	char		path[256];

	snprintf(path, sizeof(path), "test/data/kraken/%s.safetensors", name);
	return bytes_of(path, len);
}

/* The canvas that kraken's network was given. */
static HwrCanvas
canvas_of(int model, int height)
{
	HwrCanvas	canvas = {.width = KRAKEN_WIDTH,.content_width = KRAKEN_WIDTH,.source_width = KRAKEN_WIDTH};

	canvas.ink = malloc((size_t) height * KRAKEN_WIDTH);
	for (int i = 0; i < height * KRAKEN_WIDTH; i++)
		canvas.ink[i] = (uint8_t) (reference_bits(6000 + (uint32_t) model, (uint32_t) i) >> 24);
	return canvas;
}

/* kraken's label of a class: the codecs give the labels in reverse order of the characters. */
static int
label_of(int class, int classes)
{
	return class == 0 ? 0 : classes - class;
}

static void
check_logits(const char *name, const HwrPosterior *p, const float *logits)
{
	for (int t = 0; t < p->steps; t++, logits += p->classes)
	{
		double		sum = 0;

		for (int k = 0; k < p->classes; k++)
			sum += exp(logits[k]);
		for (int k = 0; k < p->classes; k++)
		{
			double		expected = logits[label_of(k, p->classes)] - log(sum);
			double		got = p->logp[t * p->classes + k];

			if (!(fabs(got - expected) <= 1e-5 * (1 + fabs(expected))))
				fail_msg("%s: log posterior of class %d at step %d is %.9g instead of %.9g", name, k, t, got, expected);
		}
	}
}

static void
test_logits(void **state)
{
	(void) state;
	for (int i = 0; i < KRAKEN_MODELS; i++)
	{
		const int  *size = kraken_sizes[i];
		HwrCanvas	canvas = canvas_of(i, size[0]);
		size_t		len;
		uint8_t    *bytes = read_file(kraken_names[i], &len);
		HwrModel   *model;
		HwrRecognizer *rec;
		HwrPosterior p;
		HwrStatus	st = {0};

		assert_true(hwr_is_kraken(bytes, len));
		if (!hwr_kraken_load(bytes, len, &model, &st))
			fail_msg("%s: %s: %s", kraken_names[i], st.message, st.detail);
		assert_int_equal(model->fit, HWR_FIT_KRAKEN);
		assert_int_equal(model->net.height, size[0]);
		assert_int_equal(model->net.classes, size[2]);
		for (int k = 0; k < model->alphabet.n; k++)
			assert_int_equal(model->alphabet.codepoints[k], 'a' + 3 * k);
		assert_true(hwr_recognizer_create(&model->net, model->values, model->fit, hwr_cpu_backend(), 1, HWR_FLOAT32, &rec, &st));
		assert_true(hwr_recognizer_run(rec, 1, &canvas, &p, &st));
		assert_int_equal(p.steps, size[1]);
		check_logits(kraken_names[i], &p, kraken_logits + size[3]);
		hwr_posterior_free(&p);
		hwr_recognizer_free(rec);
		hwr_model_free(model);
		hwr_canvas_free(&canvas);
		free(bytes);
	}
}

/* A copy of a file whose header has other text where from stands first. */
static uint8_t *
edited(const uint8_t *bytes, size_t len, const char *from, const char *to, size_t *out_len)
{
	size_t		old = strlen(from);
	size_t		new = strlen(to);
	uint64_t	header = 0;
	uint8_t    *out = malloc(len + new + 1);
	const uint8_t *found = NULL;
	size_t		before;

	for (int i = 7; i >= 0; i--)
		header = header << 8 | bytes[i];
	for (size_t i = 8; found == NULL && i + old <= 8 + header; i++)
		if (memcmp(bytes + i, from, old) == 0)
			found = bytes + i;
	if (found == NULL)
		fail_msg("there is no \"%s\" in the file", from);
	before = (size_t) (found - bytes);
	memcpy(out, bytes, before);
	memcpy(out + before, to, new);
	memcpy(out + before + new, found + old, len - before - old);
	header += new - old;
	for (int i = 0; i < 8; i++)
		out[i] = (uint8_t) (header >> (8 * i));
	*out_len = len - old + new;
	return out;
}

typedef struct Edit
{
	const char *model;
	const char *from;
	const char *to;
	HwrCode		code;
	const char *detail;			/* begins so */
} Edit;

/* Every field: missing, of another type, out of range, of another size, or for what there is nothing for here. */
static const Edit edits[] = {
	{"default", "\"kraken_meta\":\"{", "\"kraken_meta\":\"[", HWR_BAD_MODEL, "Metadata \"kraken_meta\" cannot be read as JSON: "},
	{"default", "\"kraken_meta\":\"{", "\"kraken_meta\":\"[]\", \"was\":\"{", HWR_BAD_MODEL,
	 "Metadata \"kraken_meta\" is not a JSON object."},
	{"default", "\\\"a\\\": [8]", "\\\"\\\\u0000\\\": [8]", HWR_BAD_MODEL,
	 "Metadata \"kraken_meta\" cannot be read as JSON: NUL byte in object key "},
	{"default", "\\\"a\\\": [8]", "\\\"d\\\": [8]", HWR_BAD_MODEL,
	 "Metadata \"kraken_meta\" cannot be read as JSON: duplicate object key"},
	{"default", "\\\"_model\\\": \\\"TorchVGSLModel\\\"", "\\\"_model\\\": 1", HWR_BAD_MODEL, "Model \""},
	{"default", "TorchVGSLModel", "ROMLP", HWR_UNSUPPORTED,
	"There is no model for recognition in it that is described in VGSL, only one of kind \"ROMLP\"."},
	{"default", "recognition", "segmentation", HWR_UNSUPPORTED,
	"There is no model for recognition in it that is described in VGSL, only one of kind \"TorchVGSLModel\"."},
	{"default", "\\\"_tasks\\\": [\\\"recognition\\\"]", "\\\"_tasks\\\": 1", HWR_BAD_MODEL,
	 "Its tasks (\"_tasks\") are no list."},
	{"default", "\\\"5.0.0\\\"", "5", HWR_BAD_MODEL, "The version of kraken that it needs (\"_kraken_min_version\") is no text."},
	{"default", "5.0.0", "x", HWR_BAD_MODEL, "The version of kraken that it needs, \"x\", is none."},
	{"default", "5.0.0", "8.0.0", HWR_UNSUPPORTED, "It needs kraken 8.0.0, and hwr knows 7 and before."},
	{"default", "5.0.0", "99999999999999999999", HWR_UNSUPPORTED,
	 "It needs kraken 99999999999999999999, and hwr knows 7 and before."},
	{"default", "baselines", "polygons", HWR_BAD_MODEL,
	 "Its lines (\"seg_type\") are of kind \"polygons\", neither \"baselines\" nor \"bbox\"."},
	{"default", "\\\"baselines\\\"", "[]", HWR_BAD_MODEL, "Its kind of lines (\"seg_type\") is no text."},
	{"default", "\\\"L\\\"", "\\\"RGB\\\"", HWR_BAD_MODEL,
	 "Its images (\"one_channel_mode\") are of kind \"RGB\", neither \"L\" nor \"1\"."},
	{"default", "\\\"L\\\"", "1", HWR_BAD_MODEL, "Its kind of images (\"one_channel_mode\") is no text."},
	{"default", "\\\"vgsl\\\"", "\\\"spec\\\"", HWR_BAD_MODEL, "It has no description of its network (\"vgsl\")."},
	{"default", "\\\"vgsl\\\": \\\"", "\\\"vgsl\\\": 1, \\\"was\\\": \\\"", HWR_BAD_MODEL,
	 "It has no description of its network (\"vgsl\")."},

	{"default", "[1,24,0,1 ", "1,24,0,1 ", HWR_BAD_MODEL, "Its network is not in brackets."},
	{"default", "[1,24,0,1 ", "[1,24,0 ", HWR_BAD_MODEL, "Item \"1,24,0\" of its network lacks a number."},
	{"default", "[1,24,0,1 ", "[1,24,0,3 ", HWR_UNSUPPORTED, "Item \"1,24,0,3\" of its network is an input of several channels "
	 "(colour)"},
	{"default", "[1,24,0,1 ", "[1,0,0,1 ", HWR_UNSUPPORTED, "Item \"1,0,0,1\" of its network is an input of any height"},
	{"default", "[1,24,0,1 ", "[1,24,99,1 ", HWR_UNSUPPORTED, "Item \"1,24,99,1\" of its network is an input of a fixed width"},
	{"default", "[1,24,0,1 ", "[1,4,0,1 ", HWR_UNSUPPORTED, "Its network, here \"[1,4,0,1 "},
	{"default", "Cr{C_0}3,13,4", "Cr{C_0}3,13", HWR_BAD_MODEL, "Item \"Cr{C_0}3,13\" of its network lacks a number."},
	{"default", "Cr{C_0}3,13,4", "Cr{C_03,13,4", HWR_BAD_MODEL, "Item \"Cr{C_03,13,4\" of its network has no name that ends."},
	{"default", "Cr{C_0}3,13,4", "Cx{C_0}3,13,4", HWR_BAD_MODEL, "Item \"Cx{C_0}3,13,4\" of its network has no activation that "
	 "kraken knows."},
	{"default", "Cr{C_0}3,13,4", "Cr{C_0}3,13,4x", HWR_BAD_MODEL, "Item \"Cr{C_0}3,13,4x\" of its network goes on where it "
	 "should end."},
	{"default", "Cr{C_0}3,13,4", "CTr{C_0}3,13,4", HWR_UNSUPPORTED, "Item \"CTr{C_0}3,13,4\" of its network is a transposed "
	 "convolution"},
	{"default", "Cr{C_0}3,13,4", "Xr{C_0}3,13,4", HWR_BAD_MODEL, "Item \"Xr{C_0}3,13,4\" of its network is none that kraken "
	 "knows."},
	{"default", "Cr{C_0}3,13,4", "([Cr{C_0}3,13,4", HWR_BAD_MODEL, "A block of its network is not closed."},
	{"default", "Cr{C_0}3,13,4", "Cr{C_0}3,13,4])", HWR_BAD_MODEL, "Item \"Cr{C_0}3,13,4\" of its network closes a block that "
	 "is not open."},
	{"default", "Cr{C_0}3,13,4", "([Cr{C_0}3,13,4)]", HWR_BAD_MODEL, "Item \"Cr{C_0}3,13,4\" of its network closes a block that "
	 "is not open."},
	{"default", "Cr{C_0}3,13,4", "()", HWR_BAD_MODEL, "Item \"\" of its network is none that kraken knows."},
	{"default", "Cr{C_0}3,13,4", "(((((Cr{C_0}3,13,4)))))", HWR_UNSUPPORTED, "Its network, here \"[1,24,0,1 ( ( ( ( ( Cr3,13,4"},
	{"default", "Cr{C_0}3,13,4", "(((((((((((((((((Cr{C_0}3,13,4", HWR_UNSUPPORTED, "Its network has more than 32 blocks, or "
	 "more than 16 within each other."},
	{"default", "Cr{C_0}3,13,4", "(Cr{C_0}3,13,4 Mp2,2)", HWR_UNSUPPORTED, "Its network, here \"[1,24,0,1 ( Cr3,13,4"},
	{"default", "Cr{C_0}3,13,4", "(Cr{C_0}3,13,2 Cr{C_0}3,13,2)", HWR_BAD_MODEL, "Tensor \"nn.C_0 C_0.C_0.co.weight\" has the "
	 "wrong shape."},
	{"default", "Cr{C_0}3,13,4", "A2,2", HWR_UNSUPPORTED, "Item \"A2,2\" of its network is an addition along another axis"},
	{"default", "Cr{C_0}3,13,4", "A3,2", HWR_UNSUPPORTED, "Its network, here \"[1,24,0,1 A3,2"},
	{"default", "Cr{C_0}3,13,4", "I", HWR_BAD_MODEL, "Tensor \"nn.C_3.co.weight\" has the wrong shape."},
	{"default", "Cr{C_0}3,13,4", "W{w}1,2,0.5,3", HWR_UNSUPPORTED, "Item \"W{w}1,2,0.5,3\" of its network is the mask of a "
	 "pretraining"},
	{"default", "Cr{C_0}3,13,4", "Cr{C_0}99999999999,13,4", HWR_UNSUPPORTED, "Its network, here \"[1,24,0,1 Cr"},
	{"default", "Do{Do_1}0.1,2", "Do{Do_1}0.1,3", HWR_BAD_MODEL, "Item \"Do{Do_1}0.1,3\" of its network drops neither"},
	{"default", "Mp{Mp_2}2,2", "Mp{Mp_2}2", HWR_BAD_MODEL, "Item \"Mp{Mp_2}2\" of its network lacks a number."},
	{"default", "1(1x0)1,3", "1(1x)1,3", HWR_BAD_MODEL, "Item \"S{S_8}1(1x)1,3\" of its network lacks the parts of its split."},
	{"default", "1(1x0)1,3", "11,3", HWR_BAD_MODEL, "Item \"S{S_8}11,3\" of its network lacks the parts of its split."},
	{"default", "1(1x0)1,3", "3(1x0)3,1", HWR_UNSUPPORTED, "Item \"S{S_8}3(1x0)3,1\" of its network is a reshape of other axes"},
	{"default", "Lbx{L_9}6", "Lqx{L_9}6", HWR_BAD_MODEL, "Item \"Lqx{L_9}6\" of its network has no direction and axis"},
	{"default", "Lbx{L_9}6", "Lbxo{L_9}6", HWR_UNSUPPORTED, "Item \"Lbxo{L_9}6\" of its network is an LSTM with peepholes"},
	{"default", "Lbx{L_9}6", "Lbx{L_9}7", HWR_BAD_MODEL, "Tensor \"nn.L_9.layer.weight_ih_l0\" has the wrong shape."},
	{"default", "Lbx{L_9}6", "Lbx{other}6", HWR_BAD_MODEL, "Tensor \"nn.other.layer.weight_ih_l0\" is missing."},
	{"default", "Lbx{L_9}6", "Lfx{L_9}12", HWR_BAD_MODEL, "Tensor \"nn.L_9.layer.weight_ih_l0\" has the wrong shape."},
	{"default", "Lbx{L_9}6", "Lbx{L_9}4000", HWR_BAD_MODEL, "Its network has "},
	{"default", "O{O_13}1c9", "O{O_13}2l9", HWR_UNSUPPORTED, "Item \"O{O_13}2l9\" of its network is the output of a "
	 "segmentation"},
	{"default", "O{O_13}1c9", "O{O_13}1x9", HWR_BAD_MODEL, "Item \"O{O_13}1x9\" of its network has no kind"},
	{"default", "O{O_13}1c9", "O{O_13}0c9", HWR_BAD_MODEL, "Item \"O{O_13}0c9\" of its network has no dimensions"},
	{"default", "O{O_13}1c9", "O{O_13}1c8", HWR_BAD_MODEL, "A label of \"a\" in its codec is not between 1 and 7."},
	{"default", "O{O_13}1c9", "O{O_13}1c11", HWR_BAD_MODEL, "Tensor \"nn.O_13.lin.weight\" has the wrong shape."},
	{"default", " O{O_13}1c9", "", HWR_BAD_MODEL, "Its network does not end in an output layer."},
	{"group", "Gn{Gn_1}4", "Gn{Gn_1}3", HWR_UNSUPPORTED, "Its network, here \"[1,24,0,1 Cr3,3,8,2,2,1,1 Gn3 "},
	{"group", "Gn{Gn_1}4", "Bn", HWR_BAD_MODEL, "Item \"Bn\" of its network is none that kraken knows."},

	{"default", "\\\"codec\\\"", "\\\"coder\\\"", HWR_BAD_MODEL, "It has no codec."},
	{"default", "\\\"a\\\": [8]", "\\\"a\\\": 8", HWR_BAD_MODEL, "The labels of \"a\" in its codec are no numbers in brackets."},
	{"default", "\\\"a\\\": [8]", "\\\"a\\\": [9]", HWR_BAD_MODEL, "A label of \"a\" in its codec is not between 1 and 8."},
	{"default", "\\\"a\\\": [8]", "\\\"a\\\": [0]", HWR_BAD_MODEL, "A label of \"a\" in its codec is not between 1 and 8."},
	{"default", "\\\"a\\\": [8]", "\\\"a\\\": [-1]", HWR_BAD_MODEL, "A label of \"a\" in its codec is not between 1 and 8."},
	{"default", "\\\"a\\\": [8]", "\\\"a\\\": [4294967297]", HWR_BAD_MODEL,
	 "A label of \"a\" in its codec is not between 1 and 8."},
	{"default", "\\\"a\\\": [8]", "\\\"a\\\": []", HWR_BAD_MODEL, "The labels of \"a\" in its codec are no numbers in brackets."},
	{"default", "\\\"codec\\\": {", "\\\"codec\\\": {}, \\\"was\\\": {", HWR_BAD_MODEL, "Its codec is empty."},
	{"default", "\\\"codec\\\": {", "\\\"codec\\\": \\\"{\\\", \\\"was\\\": {", HWR_BAD_MODEL,
	 "Its codec (\"codec\") cannot be read as JSON: "},
	{"default", "\\\"codec\\\": {", "\\\"codec\\\": [], \\\"was\\\": {", HWR_BAD_MODEL,
	 "Its codec (\"codec\") is not a JSON object."},
	{"default", "\\\"a\\\": [8]", "\\\"a\\\": [7]", HWR_BAD_MODEL, "Label 7 of its codec has two texts."},
	{"default", "\\\"a\\\": [8]", "\\\"a\\\": [8, 8], \\\"ch\\\": [8]", HWR_BAD_MODEL,
	"Its codec cannot be read back: The classes of \"a\" begin with those of \"ch\"."},
	{"default", "\\\"a\\\": [8]", "\\\"a\\\": [8], \\\"ch\\\": [8]", HWR_BAD_MODEL,
	"Its codec cannot be read back: The classes of \"ch\" begin with that of a character."},
	{"default", "\\\"a\\\": [8]", "\\\"\\\": [8]", HWR_BAD_MODEL, "A text of its codec is empty."},

	{"default", ".nn.O_13.lin.bias\"", ".nn.O_13.lin.bias2\"", HWR_BAD_MODEL, "Tensor \"nn.O_13.lin.bias\" is missing."},
	{"default", ".nn.L_11.layer.bias_hh_l0\"", ".nn.L_11.layer.bias_hh\"", HWR_BAD_MODEL,
	"Tensor \"nn.L_11.layer.bias_hh_l0\" is missing."},
	{"default", ".nn.C_3.co.weight\"", ".nn.C_3.weight\"", HWR_BAD_MODEL, "Tensor \"nn.C_3.co.weight\" is missing."},
	{"columns", "Lbxc{L_0}5", "Lbx{L_0}5", HWR_BAD_MODEL, "Tensor \"nn.L_0.layer.weight_ih_l0\" has the wrong shape."},
	{"stacked", "1ca8", "1c8", HWR_BAD_MODEL, "Tensor \"nn.O_5.lin.weight\" has the wrong shape."},
	{"summary", "Lfys{L_2}6 ", "Lbys{L_2}3 ", HWR_BAD_MODEL, "Tensor \"nn.L_2.layer.weight_ih_l0\" has the wrong shape."},
	{"summary_both", "Lbys{down}5", "Lfys{down}5", HWR_BAD_MODEL, "Tensor \"nn.across.layer.weight_ih_l0\" has the wrong shape."},
};

static void
test_edits(void **state)
{
	(void) state;
	for (size_t i = 0; i < sizeof(edits) / sizeof(edits[0]); i++)
	{
		const Edit *e = &edits[i];
		size_t		len;
		size_t		edited_len;
		uint8_t    *bytes = read_file(e->model, &len);
		uint8_t    *other = edited(bytes, len, e->from, e->to, &edited_len);
		HwrModel   *model;
		HwrStatus	st = {0};

		if (hwr_kraken_load(other, edited_len, &model, &st))
			fail_msg("\"%s\" instead of \"%s\" was taken", e->to, e->from);
		if (st.code != e->code || strncmp(st.detail, e->detail, strlen(e->detail)) != 0)
			fail_msg("\"%s\" instead of \"%s\": %d %s", e->to, e->from, st.code, st.detail);
		assert_string_equal(st.message, e->code == HWR_BAD_MODEL ? "kraken model is corrupted" :
							"kraken model cannot be "
							"imported");
		free(bytes);
		free(other);
	}
}

/* Values that are of another type, or no numbers. */
static void
test_tensors(void **state)
{
	size_t		len;
	size_t		edited_len;
	uint8_t    *bytes = read_file("default", &len);
	uint8_t    *other = edited(bytes, len, ".nn.C_0.co.bias\":{\"dtype\":\"F32\"", ".nn.C_0.co.bias\":{\"dtype\":\"I32\"",
							   &edited_len);
	HwrModel   *model;
	HwrStatus	st = {0};

	(void) state;
	assert_false(hwr_kraken_load(other, edited_len, &model, &st));
	assert_int_equal(st.code, HWR_BAD_MODEL);
	assert_non_null(strstr(st.detail, ".nn.C_0.co.bias\" has a data type other than F32"));
	memset(bytes + len - 4, 0xff, 4);
	assert_false(hwr_kraken_load(bytes, len, &model, &st));
	assert_int_equal(st.code, HWR_BAD_MODEL);
	assert_non_null(strstr(st.detail, ".nn.O_13.lin.weight\" has a value that is not finite."));
	free(other);
	free(bytes);
}

static HwrModel *
load_edited(const char *from, const char *to)
{
	size_t		len;
	size_t		edited_len;
	uint8_t    *bytes = read_file("default", &len);
	uint8_t    *other = edited(bytes, len, from, to, &edited_len);
	HwrModel   *model;
	HwrStatus	st = {0};

	if (!hwr_kraken_load(other, edited_len, &model, &st))
		fail_msg("%s: %s", st.message, st.detail);
	free(bytes);
	free(other);
	return model;
}

/* Lines cut out as boxes are prepared otherwise. */
static void
test_boxes(void **state)
{
	HwrModel   *model = load_edited("baselines", "bbox");

	(void) state;
	assert_int_equal(model->fit, HWR_FIT_KRAKEN_BOX);
	hwr_model_free(model);
}

/* A label without a text is no class: the others' probabilities are what they are without it. */
static void
test_unnamed(void **state)
{
	HwrModel   *model = load_edited(", \\\"v\\\": [1]", "");
	HwrCanvas	canvas = canvas_of(0, kraken_sizes[0][0]);
	const float *logits = kraken_logits + kraken_sizes[0][3];
	HwrRecognizer *rec;
	HwrPosterior p;
	HwrStatus	st;

	(void) state;
	assert_int_equal(model->alphabet.n, 7);
	assert_int_equal(model->net.classes, 8);
	assert_true(hwr_recognizer_create(&model->net, model->values, model->fit, hwr_cpu_backend(), 1, HWR_FLOAT32, &rec, &st));
	assert_true(hwr_recognizer_run(rec, 1, &canvas, &p, &st));
	assert_int_equal(p.steps, kraken_sizes[0][1]);
	for (int t = 0; t < p.steps; t++, logits += 9)
	{
		double		sum = 0;

		for (int label = 0; label < 9; label++)
			sum += label != 1 ? exp(logits[label]) : 0;
		for (int k = 0; k < 8; k++)
			assert_true(fabs(p.logp[t * 8 + k] - (logits[label_of(k, 9)] - log(sum))) <= 1e-5 * (1 + log(sum)));
	}
	hwr_posterior_free(&p);
	hwr_recognizer_free(rec);
	hwr_model_free(model);
	hwr_canvas_free(&canvas);
}

/* Characters written as letter and accent, and letters from right to left. */
static void
test_characters(void **state)
{
	HwrModel   *model = load_edited("\\\"a\\\": [8]", "\\\"e\xcc\x81\\\": [8]");

	(void) state;
	assert_int_equal(model->alphabet.codepoints[7], 0xE9);
	hwr_model_free(model);
	model = load_edited("\\\"a\\\": [8]", "\\\"\xd7\x90\\\": [8]");
	assert_int_equal(model->alphabet.codepoints[7], 0x5D0);
	hwr_model_free(model);
}

/* Numbers that Python writes and JSON does not know; in a text they stay. */
static void
test_nonfinite(void **state)
{
	size_t		len;
	size_t		edited_len;
	uint8_t    *bytes = read_file("default", &len);
	uint8_t    *other = edited(bytes, len, "\\\"accuracy\\\": []", "\\\"accuracy\\\": [NaN, -Infinity, [Infinity], \\\"a "
							   "\\\\\\\" NaN\\\"]", &edited_len);
	HwrModel   *model;
	HwrStatus	st = {0};

	(void) state;
	if (!hwr_kraken_load(other, edited_len, &model, &st))
		fail_msg("%s: %s", st.message, st.detail);
	assert_non_null(strstr(model->card, "\"accuracy\": [null, null, [null], \"a \\\" NaN\"]"));
	hwr_model_free(model);
	free(bytes);
	free(other);
}

/* What is saved of it is a model of ours, with the same values. */
static void
test_saving(void **state)
{
	size_t		len;
	uint8_t    *bytes = read_file("default", &len);
	uint8_t    *saved;
	size_t		saved_len;
	HwrModel   *model;
	HwrModel   *again;
	HwrStatus	st;

	(void) state;
	assert_true(hwr_kraken_load(bytes, len, &model, &st));
	assert_true(hwr_model_save(model, &saved, &saved_len, &st));
	assert_false(hwr_is_kraken(saved, saved_len));
	assert_false(hwr_kraken_load(saved, saved_len, &again, &st));
	assert_true(hwr_model_load(saved, saved_len, &again, &st));
	assert_int_equal(again->fit, HWR_FIT_KRAKEN);
	assert_string_equal(again->net.vgsl, model->net.vgsl);
	assert_memory_equal(again->values, model->values, model->net.nvalues * sizeof(float));
	hwr_model_free(again);
	hwr_model_free(model);
	free(saved);
	free(bytes);
	assert_false(hwr_is_kraken((const uint8_t *) "x", 1));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_logits),
		cmocka_unit_test(test_edits),
		cmocka_unit_test(test_tensors),
		cmocka_unit_test(test_boxes),
		cmocka_unit_test(test_unnamed),
		cmocka_unit_test(test_characters),
		cmocka_unit_test(test_nonfinite),
		cmocka_unit_test(test_saving),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
