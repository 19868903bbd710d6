/*
 * test_heads.c
 *	  Auxiliary heads: there while training, nowhere afterwards.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "words.h"

#define RUN TINY ", \"epochs\": 2, \"threads\": 2, \"validation_fraction\": 0.2"

/* The head's tensors come last, and go without a trace. */
static void
test_layout(void **state)
{
	static HwrNet net,
				bare;
	const HwrTensor *kernel;
	float	   *values;
	float	   *without;
	HwrStatus	st;

	(void) state;
	assert_true(hwr_vgsl_parse("[1,32,96,1 Cr3,3,8 Mp4,4 Bn Mp8,1 Lfy3 Lbx12 Lbx5 Do O1c7]", 0, &bare, &st));
	net = bare;
	assert_true(hwr_net_add_shortcut(&net, 0.25, &st));
	assert_int_equal(net.nheads, 1);
	assert_int_equal(net.heads[0].reads, 5);
	assert_true(net.heads[0].weight == 0.25);
	assert_int_equal(net.ntensors, bare.ntensors + 2);
	kernel = &net.tensors[bare.ntensors];
	assert_string_equal(kernel[0].name, "shortcut.output.kernel");
	assert_int_equal(kernel[0].offset, bare.nvalues);
	assert_int_equal(kernel[0].shape[0], 3);
	assert_int_equal(kernel[0].shape[1], 7);
	assert_true(kernel[0].trainable && kernel[0].decay);
	assert_string_equal(kernel[1].name, "shortcut.output.bias");
	assert_true(kernel[1].trainable && !kernel[1].decay);
	assert_int_equal(net.nvalues, bare.nvalues + 3 * 7 + 7);
	assert_string_equal(net.vgsl, bare.vgsl);
	assert_int_equal(hwr_net_steps(&net, 96), hwr_net_steps(&bare, 96));

	/* the network begins with the values that it has without */
	values = malloc(net.nvalues * sizeof(float));
	without = malloc(bare.nvalues * sizeof(float));
	assert_true(hwr_net_init(&net, 9, values, &st));
	assert_true(hwr_net_init(&bare, 9, without, &st));
	assert_memory_equal(values, without, bare.nvalues * sizeof(float));
	for (size_t i = 0; i < kernel[0].count; i++)
		assert_true(values[kernel[0].offset + i] != 0);
	free(values);
	free(without);

	hwr_net_remove_heads(&net);
	assert_int_equal(net.nheads, 0);
	assert_int_equal(net.ntensors, bare.ntensors);
	assert_int_equal(net.nvalues, bare.nvalues);
	hwr_net_remove_heads(&net);
	assert_int_equal(net.ntensors, bare.ntensors);
}

/* Without an LSTM along x, with one over a map of two rows, on the image itself */
static void
test_no_place(void **state)
{
	static const char *const specs[] = {
		"[1,32,96,1 Cr3,3,8 Mp32,4", "[1,32,96,1 Cr3,3,8 Mp4,4 Lby5 Mp8,1", "[1,32,96,1 Cr3,3,8 Mp16,4 Lbx5 S1(1x2)1,3",
	};

	(void) state;
	for (size_t i = 0; i < sizeof(specs) / sizeof(specs[0]); i++)
	{
		HwrTrainOptions o;
		HwrStatus	st = {0};
		char		json[200];

		snprintf(json, sizeof(json), "{\"architecture\": \"%s\", \"shortcut\": 0.1}", specs[i]);
		assert_false(hwr_options_parse(json, strlen(json), &o, &st));
		assert_int_equal(st.code, HWR_BAD_OPTION);
		assert_string_equal(st.message, "training option \"shortcut\" does not suit the network architecture");
		assert_string_equal(st.detail, "It needs an LSTM along x behind other layers, on a map of height 1.");
		snprintf(json, sizeof(json), "{\"architecture\": \"%s\", \"shortcut\": 0}", specs[i]);
		assert_true(hwr_options_parse(json, strlen(json), &o, &st));
	}
}

typedef struct End
{
	double		first_loss;		/* of the first step */
	HwrModel   *model;
} End;

static End
train(const char *json, const HwrModel *base)
{
	HwrTrainOptions o = options(json);
	HwrDataset *ds = all_words(&o, 1 << 30);
	HwrTrainer *t;
	HwrTrainEvent event;
	HwrTrainProgress progress;
	HwrStatus	st;
	End			end = {0};

	assert_true(hwr_trainer_create(&o, ds, hwr_cpu_backend(), 0, &t, &st));
	if (base != NULL)
		assert_true(hwr_trainer_set_base(t, base, &st));
	do
	{
		if (!hwr_trainer_step(t, &event, &st))
			fail_msg("%s: %s", st.message, st.detail);
		hwr_trainer_progress(t, &progress);
		if (end.first_loss == 0)
			end.first_loss = progress.loss;
	} while (event != HWR_TRAIN_FINISHED);
	assert_true(hwr_trainer_model(t, &end.model, &st));
	hwr_trainer_free(t);
	hwr_dataset_free(ds);
	return end;
}

static bool
same_values(const HwrModel *a, const HwrModel *b)
{
	assert_int_equal(a->net.nvalues, b->net.nvalues);
	return memcmp(a->values, b->values, a->net.nvalues * sizeof(float)) == 0;
}

/* The same tensors in the file, other values in them; the loss that is told is the network's. */
static void
test_training(void **state)
{
	End			without = train("{" RUN "}", NULL);
	End			with = train("{" RUN ", \"shortcut\": 0.5}", NULL);
	End			again = train("{" RUN ", \"shortcut\": 0.5}", NULL);
	End			weaker = train("{" RUN ", \"shortcut\": 0.1}", NULL);
	End			next;
	HwrModel   *read;
	uint8_t    *bytes;
	size_t		len;
	HwrStatus	st;

	(void) state;
	assert_true(without.first_loss > 0);
	assert_true(with.first_loss == without.first_loss);
	assert_false(same_values(with.model, without.model));
	assert_false(same_values(with.model, weaker.model));
	assert_true(same_values(with.model, again.model));
	assert_int_equal(with.model->net.ntensors, without.model->net.ntensors);
	assert_int_equal(with.model->net.nheads, 0);
	assert_true(hwr_model_save(with.model, &bytes, &len, &st));
	if (!hwr_model_load(bytes, len, &read, &st))
		fail_msg("%s: %s", st.message, st.detail);
	assert_true(same_values(read, with.model));
	free(bytes);

	/* and a training that begins with it, with a head of its own */
	next = train("{" RUN ", \"shortcut\": 0.5}", read);
	assert_true(next.first_loss < with.first_loss);
	hwr_model_free(read);
	hwr_model_free(next.model);
	hwr_model_free(without.model);
	hwr_model_free(with.model);
	hwr_model_free(again.model);
	hwr_model_free(weaker.model);
}

/* The head has twice the output's steps, and canvases of many widths. */
static void
test_other_steps(void **state)
{
	End			end;

	(void) state;
	end = train("{\"architecture\": \"[1,32,0,1 Cr3,3,8 Mp32,2 Lbx12 Mp1,2\", \"batch_size\": 16, \"epochs\": 1, \"threads\": "
				"2, \"shortcut\": 1}", NULL);
	assert_int_equal(end.model->net.ntensors, 2 + 6 + 2);
	hwr_model_free(end.model);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_layout),
		cmocka_unit_test(test_no_place),
		cmocka_unit_test(test_training),
		cmocka_unit_test(test_other_steps),
	};

	return cmocka_run_group_tests(tests, load_words, free_words);
}
