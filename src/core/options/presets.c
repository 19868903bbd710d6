/*
 * presets.c
 *	  The presets: which network, and how it is trained unless options say otherwise.
 *
 * The architectures leave the output layer out: its width is the alphabet of the training rows.
 */
#include "presets.h"

#include <string.h>

/* What all presets share. */
#define COMMON \
	.step.momentum = 0.9, \
	.step.clip_norm = 5, \
	.dropout = -1, \
	.patience = 0, \
	.validation_fraction = 0.1, \
	.validation = "", \
	.seed = 1, \
	.threads = 0, \
	.device = HWR_USE_AUTO, \
	.step.precision = HWR_TRAIN_AUTO, \
	.mapping = HWR_CASE_KEEP, \
	.empty_labels = HWR_EMPTY_SKIP, \
	.base = "", \
	.base_version = 0, \
	.alphabet = HWR_ALPHABET_UNION, \
	.language_model = HWR_OWN_LM_BASE, \
	.shortcut = 0, \
	.average = 0, \
	.checkpoint_minutes = 10, \
	.max_minutes = 0, \
	.description = "", \
	.licence = "", \
	.credits = "", \
	.language = ""

static const HwrTrainOptions presets[] = {
	{
		/* words; chosen by measuring, see the page of experiments */
		.preset = "default",
		.architecture = "[1,48,320,1 Cr3,3,16 Bn Mp2,2 Cr3,3,32 Bn Mp2,2 Cr3,3,64 Bn"
		" Cr3,3,64 Bn Mp2,1 Cr3,3,128 Bn Mp6,1 Lbx192 Do0.25",
		.epochs = 16,
		.batch_size = 32,
		.step.optimizer = HWR_ADAMW,
		.learning_rate = 1.5e-3,
		.step.weight_decay = 0.01,
		.schedule = HWR_SCHEDULE_ONE_CYCLE,
		.warmup = HWR_ONE_CYCLE_WARMUP,
		.fit = HWR_FIT_PAD,
		.step.augment = {.affine = 1},
		COMMON
	},
	{
		/* lines of text: as the default, a convolution deeper, any width */
		.preset = "lines",
		.architecture = "[1,48,0,1 Cr3,3,16 Bn Mp2,2 Cr3,3,32 Bn Mp2,2 Cr3,3,64 Bn"
		" Cr3,3,64 Bn Mp2,1 Cr3,3,128 Bn Cr3,3,128 Bn Mp6,1 Lbx192 Do0.25 Lbx192 Do0.25",
		.epochs = 30,
		.batch_size = 32,
		.step.optimizer = HWR_ADAMW,
		.learning_rate = 1.5e-3,
		.step.weight_decay = 0.01,
		.schedule = HWR_SCHEDULE_ONE_CYCLE,
		.warmup = 0.15,
		.fit = HWR_FIT_LINE,
		.step.augment = {.affine = 1},
		COMMON
	},
	{
		/* quick trials and demonstrations */
		.preset = "small",
		.architecture = "[1,32,160,1 Cr3,3,16 Bn Mp2,2 Cr3,3,32 Bn Mp2,2 Cr3,3,48 Bn Mp8,1"
		" Lbx64 Do0.1",
		.epochs = 20,
		.batch_size = 16,
		.step.optimizer = HWR_ADAMW,
		.learning_rate = 4e-3,
		.step.weight_decay = 0.01,
		.schedule = HWR_SCHEDULE_ONE_CYCLE,
		.warmup = HWR_ONE_CYCLE_WARMUP,
		.fit = HWR_FIT_PAD,
		.step.augment = {.affine = 0.5},
		COMMON
	},
	{
		/* the network and recipe of the Keras system that this extension follows */
		.preset = "keras",
		.architecture = "[1,64,256,1 Cr3,3,32 Mp2,2 Bn Cr3,3,64 Mp2,2 Bn Cr3,3,128 Mp2,2 Bn"
		" S1(2x4)2,3 Fr64 Lbx256 Do0.25 Lbx256 Do0.25",
		.epochs = 6,
		.batch_size = 32,
		.step.optimizer = HWR_SGD,
		.learning_rate = 0.002,
		.step.weight_decay = 0,
		.schedule = HWR_SCHEDULE_CONSTANT,
		.warmup = 0,
		.fit = HWR_FIT_STRETCH,
		.step.augment = {0},
		COMMON
	},
	{
		/* the usual first recipe for such networks in PyTorch */
		.preset = "pytorch",
		.architecture = "[1,48,320,1 Cr3,3,32 Bn Mp2,2 Cr3,3,64 Bn Mp2,2 Cr3,3,128 Bn Mp2,1"
		" S1(1x0)1,3 Lbx256 Do0.25 Lbx256 Do0.25",
		.epochs = 30,
		.batch_size = 32,
		.step.optimizer = HWR_ADAM,
		.learning_rate = 1e-3,
		.step.weight_decay = 0,
		.schedule = HWR_SCHEDULE_CONSTANT,
		.warmup = 0,
		.fit = HWR_FIT_PAD,
		.step.augment = {0},
		COMMON
	},
};

const HwrTrainOptions *
hwr_preset(int i)
{
	if (i < 0 || i >= (int) (sizeof(presets) / sizeof(presets[0])))
		return NULL;
	return &presets[i];
}

const HwrTrainOptions *
hwr_preset_find(const char *name)
{
	const HwrTrainOptions *p;

	for (int i = 0; (p = hwr_preset(i)) != NULL; i++)
	{
		if (strcmp(p->preset, name) == 0)
			return p;
	}
	return NULL;
}
