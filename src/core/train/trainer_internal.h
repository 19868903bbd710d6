/*
 * trainer_internal.h
 *	  The state of a training run, for the files that make it up; private to src/core.
 */
#ifndef HWR_TRAINER_INTERNAL_H
#define HWR_TRAINER_INTERNAL_H

#include "core/base/clock.h"
#include "core/base/real.h"
#include "average.h"
#include "diagnose.h"
#include "trainer.h"

typedef enum HwrTrainPhase
{
	HWR_PHASE_TRAINING,
	HWR_PHASE_VALIDATING,
	HWR_PHASE_EPOCH_DONE		/* the next step begins another or reports the end */
} HwrTrainPhase;

struct HwrTrainer
{
	const HwrTrainOptions *options;
	const HwrDataset *ds;
	const HwrBackend *backend;
	HwrBackendContext *ctx;
	HwrNet		net;

	HwrTrainPhase phase;
	int			epoch;			/* from 1 */
	int			step;			/* within the epoch's phase */
	int			train_steps;	/* an epoch */
	int			steps_done;		/* of them, in the epoch in hand */
	int			valid_steps;
	int			measure_steps;	/* before those: batches that measure the statistics of batch normalisation */
	int			measured;		/* of them */
	int64_t		global_step;
	int		   *order;			/* [training rows] */
	int		   *valid_order;	/* [validation rows] */

	/* one minibatch */
	uint8_t    *ink;
	size_t		ink_size;
	const int **labels;
	int		   *label_lengths;
	float	   *logp;
	size_t		logp_size;		/* values */
	hwr_real   *row_logp;		/* one row's, as hwr_real */
	size_t		row_logp_size;
	void	   *ctc;
	size_t		ctc_size;

	/* running sums of the epoch in hand */
	double		loss_sum;
	int64_t		loss_images;
	double		grad_norm_sum;
	int			clipped;		/* steps whose gradient was cut */
	int			blank;			/* validation rows read as nothing */
	double		train_seconds;
	double		epoch_started;
	double		learning_rate;
	HwrEpoch	current;
	HwrConfusions confusions;

	/* the best epoch */
	bool		have_best;
	HwrEpoch	best;
	float	   *best_values;
	HwrConfusions best_confusions;

	HwrAverage	average;		/* of the last steps' values */
	bool		averaging;		/* it is being validated, or has been */

	double		plateau_factor;
	double		plateau_best;
	int			plateau_bad;	/* epochs since */
	HwrDiagnosis diagnosis;
	HwrTrouble	trouble;		/* found in the last epoch */
	double		started;
	double		step_seconds;	/* smoothed */
	double		valid_step_seconds;
	const char *reason;
	bool		finish;			/* as if the time limit had come */
	uint8_t    *stopped;		/* the state to go on from as it was when the run was ended early; NULL: it was not */
	size_t		stopped_len;
};

/* trainer_order.c: the order of this epoch's training rows, and once that of the validation rows */
extern void hwr_trainer_order(HwrTrainer *t);
extern void hwr_trainer_order_validation(HwrTrainer *t);

/*
 * trainer_step.c: one minibatch; one batch measured; one batch of validation rows; whether
 * max_minutes are over; whether the end is so near that values are averaged
 */
extern bool hwr_trainer_train(HwrTrainer *t, HwrStatus *st);
extern bool hwr_trainer_measure(HwrTrainer *t, HwrStatus *st);
extern bool hwr_trainer_validate(HwrTrainer *t, HwrStatus *st);
extern bool hwr_trainer_out_of_time(const HwrTrainer *t);
extern bool hwr_trainer_is_averaged(const HwrTrainer *t);

/* trainer.c: after the state of an interrupted run was read */
extern bool hwr_trainer_continue(HwrTrainer *t, HwrStatus *st);

/* trainer_state.c: the state as it is, as the bytes of a file */
extern bool hwr_trainer_write_state(const HwrTrainer *t, uint8_t **bytes, size_t *len, HwrStatus *st);

#endif							/* HWR_TRAINER_INTERNAL_H */
