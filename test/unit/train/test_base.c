/*
 * test_base.c
 *	  Training that begins with a model: its options, its alphabet, its values.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "core/train/transfer.h"
#include "words.h"

#define ARCHITECTURE "[1,32,96,1 Cr3,3,4 Bn Mp4,4 Mp8,1 Lfx6 Do0.5"

/* A model of random values with this alphabet. */
static HwrModel *
model(const char *alphabet)
{
	HwrModel   *m = calloc(1, sizeof(HwrModel));
	HwrStatus	st;

	assert_true(hwr_alphabet_from_utf8(alphabet, strlen(alphabet), &m->alphabet, &st));
	assert_true(hwr_vgsl_parse(ARCHITECTURE, m->alphabet.n + 1, &m->net, &st));
	m->values = calloc(m->net.nvalues, sizeof(float));
	for (size_t i = 0; i < m->net.nvalues; i++)
		m->values[i] = (float) (i % 97 + 1);
	m->fit = HWR_FIT_STRETCH;
	m->mapping = HWR_CASE_UPPER;
	return m;
}

static const HwrTensor *
output_tensor(const HwrNet *net, int i)
{
	return &net->tensors[net->layers[net->nlayers - 1].first_tensor + i];
}

static void
test_transfer(void **state)
{
	HwrModel   *base = model("ACE");
	HwrModel   *next = model("ABCD");
	const int	classes[] = {0, 1, -1, 2, -1};	/* of the base: blank, A, none, C, none */
	const HwrTensor *from = output_tensor(&base->net, 0);
	const HwrTensor *to = output_tensor(&next->net, 0);
	HwrStatus	st;

	(void) state;
	for (size_t i = 0; i < next->net.nvalues; i++)
		next->values[i] = -1;
	assert_true(hwr_transfer_values(base, &next->net, &next->alphabet, next->values, &st));
	assert_memory_equal(next->values, base->values, from->offset * sizeof(float));
	for (int k = 0; k < 5; k++)
		for (int row = 0; row < 6; row++)
			assert_true(next->values[to->offset + (size_t) (row * 5 + k)] ==
						(classes[k] < 0 ? -1 : base->values[from->offset + (size_t) (row * 4 + classes[k])]));
	from = output_tensor(&base->net, 1);
	to = output_tensor(&next->net, 1);
	for (int k = 0; k < 5; k++)
	{
		const float *bias = base->values + from->offset;

		assert_true(next->values[to->offset + (size_t) k] ==
					(classes[k] < 0 ? (bias[1] + bias[2] + bias[3]) / 3 : bias[classes[k]]));
	}

	/* another network */
	assert_true(hwr_vgsl_parse("[1,32,96,1 Cr3,3,5 Bn Mp4,4 Mp8,1 Lfx6 Do0.5", 5, &next->net, &st));
	assert_false(hwr_transfer_values(base, &next->net, &next->alphabet, next->values, &st));
	assert_int_equal(st.code, HWR_INTERNAL);
	hwr_model_free(base);
	hwr_model_free(next);
}

static void
expect_conflict(const char *json, const HwrModel *base, const char *message, const char *detail)
{
	HwrTrainOptions o;
	HwrStatus	st = {0};

	assert_false(hwr_options_parse_with_base(json, strlen(json), base, &o, &st));
	assert_int_equal(st.code, HWR_BAD_OPTION);
	assert_string_equal(st.message, message);
	assert_string_equal(st.detail, detail);
}

static void
test_options(void **state)
{
	HwrModel   *base = model("ACE");
	HwrTrainOptions o;
	HwrTrainOptions again;
	HwrStatus	st;
	char	   *json;
	const char *given = "{\"base\": \"b\", \"preset\": \"small\", \"case\": \"keep\"}";

	(void) state;
	assert_true(hwr_options_parse_with_base(given, strlen(given), base, &o, &st));
	assert_string_equal(o.architecture, ARCHITECTURE);
	assert_int_equal(o.fit, HWR_FIT_STRETCH);
	assert_int_equal(o.mapping, HWR_CASE_KEEP);
	assert_true(o.learning_rate == 4e-3 * HWR_FINE_TUNE_RATE);

	/* what the job's row says is accepted again, and means the same */
	assert_true(hwr_options_to_json(&o, &json, &st));
	assert_true(hwr_options_parse_with_base(json, strlen(json), base, &again, &st));
	assert_memory_equal(&o, &again, sizeof(o));
	free(json);

	/* another width is no other network */
	given = "{\"base\": \"b\", \"architecture\": \"[1,32,0,1 Cr3,3,4 Bn Mp4,4 Mp8,1 Lfx6 Do0.5\"}";
	assert_true(hwr_options_parse_with_base(given, strlen(given), base, &o, &st));
	assert_string_equal(o.architecture, "[1,32,0,1 Cr3,3,4 Bn Mp4,4 Mp8,1 Lfx6 Do0.5");
	expect_conflict("{\"base\": \"b\", \"architecture\": \"[1,48,96,1 Cr3,3,4 Bn Mp4,4 Mp12,1 Lfx6 Do0.5\"}", base,
					"training option \"architecture\" does not agree with the base model",
					"The base model's is \"[1,32,96,1 Cr3,3,4 Bn Mp4,4 Mp8,1 Lfx6 Do0.5 O1c4]\".");
	expect_conflict("{\"base\": \"b\", \"architecture\": \"small\"}", base,
					"training option \"architecture\" does not agree with the base model",
					"The base model's is \"[1,32,96,1 Cr3,3,4 Bn Mp4,4 Mp8,1 Lfx6 Do0.5 O1c4]\".");
	expect_conflict("{\"base\": \"b\", \"fit\": \"pad\"}", base,
					"training option \"fit\" does not agree with the base model", "The base model's is \"stretch\".");
	expect_conflict("{\"alphabet\": \"keep\"}", NULL, "training option \"alphabet\" needs option \"base\"", "");
	expect_conflict("{\"language_model\": \"both\"}", NULL, "training option \"language_model\" needs option \"base\"", "");
	expect_conflict("{\"base_version\": 2}", NULL, "training option \"base_version\" needs option \"base\"", "");
	hwr_model_free(base);
}

static int
alphabet_size(const char *base, bool fixed, int64_t *skipped)
{
	HwrTrainOptions o = options("{" TINY "}");
	HwrDataset *ds = dataset(&o, 1 << 30);
	HwrAlphabet alphabet;
	HwrStatus	st;
	int			n;

	assert_true(hwr_alphabet_from_utf8(base, strlen(base), &alphabet, &st));
	assert_true(hwr_dataset_set_alphabet(ds, &alphabet, fixed, &st));
	hwr_alphabet_free(&alphabet);
	for (int i = 0; i < 20; i++)
		add(ds, HWR_SPLIT_TRAIN, i, i == 7 ? "CX" : "AB");
	add(ds, HWR_SPLIT_VALIDATION, 20, "Z");
	assert_true(hwr_dataset_finish(ds, &st));
	n = hwr_dataset_alphabet(ds)->n;
	*skipped = hwr_dataset_skipped(ds, HWR_SKIP_LABEL);
	if (fixed)
		assert_string_equal(hwr_dataset_skipped_text(ds), "row 8: character U+0058 is not in the alphabet of the base model");
	hwr_dataset_free(ds);
	return n;
}

static void
test_alphabet(void **state)
{
	int64_t		skipped;

	(void) state;
	assert_int_equal(alphabet_size("ABCÉ", false, &skipped), 5);
	assert_int_equal(skipped, 0);
	assert_int_equal(alphabet_size("ABCÉ", true, &skipped), 4);
	assert_int_equal(skipped, 1);
}

/* A training that begins with a model that knows the words is ahead of one that does not. */
static void
test_head_start(void **state)
{
	HwrTrainOptions o = options("{\"architecture\": \"[1,32,96,1 Cr3,3,8 Bn Mp4,4 Cr3,3,16 Bn Mp8,1 Lbx16\", \"augment\": 0,"
								" \"batch_size\": 4, \"epochs\": 12, \"learning_rate\": 0.02, \"validation_fraction\": 0.2}");
	HwrDataset *ds = all_words(&o, 1 << 30);
	HwrTrainer *t;
	HwrTrainEvent event;
	HwrModel   *base;
	HwrStatus	st;
	double		loss[2];

	(void) state;
	for (int run = 0; run < 2; run++)
	{
		assert_true(hwr_trainer_create(&o, ds, hwr_cpu_backend(), 0, &t, &st));
		if (run == 1)
			assert_true(hwr_trainer_set_base(t, base, &st));
		do
		{
			assert_true(hwr_trainer_step(t, &event, &st));
			if (event == HWR_TRAIN_EPOCH && hwr_trainer_epoch(t)->epoch == 1)
				loss[run] = hwr_trainer_epoch(t)->train_loss;
		} while (event != HWR_TRAIN_FINISHED && (run == 0 || event != HWR_TRAIN_EPOCH));
		if (run == 0)
			assert_true(hwr_trainer_model(t, &base, &st));
		hwr_trainer_free(t);
	}
	assert_true(loss[1] < 0.75 * loss[0]);
	hwr_model_free(base);
	hwr_dataset_free(ds);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_transfer),
		cmocka_unit_test(test_options),
		cmocka_unit_test(test_alphabet),
		cmocka_unit_test(test_head_start),
	};

	return cmocka_run_group_tests(tests, load_words, free_words);
}
