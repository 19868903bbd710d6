/*
 * trainer.h
 *	  A training run as a sequence of short steps.
 *
 * The caller owns the loop:
 *
 *	 hwr_trainer_create(...);
 *	 do { hwr_trainer_step(t, &event, st); ... interrupts, progress ... } while (event != HWR_TRAIN_FINISHED);
 *	 hwr_trainer_model(...);
 *
 * One step is at most one minibatch of work.  After each epoch's training steps come
 * validation steps; the best epoch's values are kept.
 */
#ifndef HWR_TRAINER_H
#define HWR_TRAINER_H

#include "core/model/model.h"
#include "core/network/backend.h"
#include "core/text/metrics.h"
#include "core/dataset/dataset.h"
#include "diagnose.h"

typedef struct HwrTrainer HwrTrainer;

typedef enum HwrTrainEvent
{
	HWR_TRAIN_STEP,				/* a minibatch was trained on */
	HWR_TRAIN_VALIDATED,		/* a batch was validated, or a step done towards that */
	HWR_TRAIN_AVERAGED,			/* the average of the last steps is validated: hwr_trainer_epoch has its figures */
	HWR_TRAIN_EPOCH,			/* an epoch, validation included, is complete: see hwr_trainer_epoch */
	HWR_TRAIN_FINISHED			/* no more to do */
} HwrTrainEvent;

typedef struct HwrTrainProgress
{
	const char *phase;			/* "training", "validating" */
	int			epoch;			/* 1 .. epochs */
	int			epochs;
	int			step;			/* within the epoch */
	int			steps;
	double		loss;			/* mean training loss in this epoch so far */
	double		images_per_second;	/* recent */
	double		whole_seconds;	/* left for all epochs, whatever the time limit */
	double		eta_seconds;	/* rough, to the end of all epochs */
} HwrTrainProgress;

typedef struct HwrEpoch
{
	int			epoch;
	double		learning_rate;	/* at its last step */
	double		train_loss;		/* mean over the epoch, nats an image */
	HwrMetrics	valid;			/* on the validation rows; on no rows: images = 0 */
	double		seconds;
	double		images_per_second;	/* training */
	bool		best;			/* the best so far */
	double		grad_norm;		/* mean before clipping */
	int			averaged;		/* 0, or the snapshots whose average this is, instead of an epoch's values */
} HwrEpoch;

/* CPU threads that a run with these options has. */
extern int	hwr_trainer_threads(const HwrTrainOptions *options);

/*
 * Options and data set outlive the trainer.  memory_limit as in HwrBackendConfig.  version etc. are the caller's.
 * Errors: HWR_BAD_ARCHITECTURE, HWR_OUT_OF_MEMORY, HWR_BAD_DATA.
 */
extern bool hwr_trainer_create(const HwrTrainOptions *options, const HwrDataset *ds,
							   const HwrBackend *backend, size_t memory_limit, HwrTrainer **out, HwrStatus *st);
extern void hwr_trainer_free(HwrTrainer *t);

/*
 * Begin with a trained model's values instead of random ones.  Before the first step.  Errors as
 * hwr_transfer_values.
 */
extern bool hwr_trainer_set_base(HwrTrainer *t, const HwrModel *base, HwrStatus *st);
extern bool hwr_trainer_step(HwrTrainer *t, HwrTrainEvent *event, HwrStatus *st);
extern void hwr_trainer_progress(const HwrTrainer *t, HwrTrainProgress *out);

/*
 * The run's state as the bytes of a file (malloc'd), between two steps; and its continuation from
 * them, by a trainer just created with the same options (but for max_minutes) and rows: on the CPU
 * with equal threads the results are those of a run that was not interrupted, bit for bit.  A run
 * that ended by its time limit is saved as it was when the time was over, and goes on from there,
 * the rest of its epoch included, if the limit is higher now.  Errors: HWR_BAD_MODEL, "checkpoint
 * is corrupted"; HWR_BAD_DATA where the rows are others.
 */
extern bool hwr_trainer_save(const HwrTrainer *t, uint8_t **bytes, size_t *len, HwrStatus *st);
extern bool hwr_trainer_restore(HwrTrainer *t, const uint8_t *bytes, size_t len, HwrStatus *st);

/* The alphabet of such a file, for the data set: it may have characters that no training row has. */
extern bool hwr_checkpoint_alphabet(const uint8_t *bytes, size_t len, HwrAlphabet *out, HwrStatus *st);

/* Epochs that are complete. */
extern int	hwr_trainer_epochs_done(const HwrTrainer *t);

/* End the epoch with the present step, measure it, and finish: between two steps. */
extern void hwr_trainer_finish(HwrTrainer *t);

/* Did it finish by its time limit, or by hwr_trainer_finish, before its epochs were done? */
extern bool hwr_trainer_can_go_on(const HwrTrainer *t);

/* The epoch just completed. */
extern const HwrEpoch *hwr_trainer_epoch(const HwrTrainer *t);

/*
 * The best epoch (by validation loss; training loss without validation rows), its metrics, NULL
 * before the first is complete.
 */
extern const HwrEpoch *hwr_trainer_best(const HwrTrainer *t);

/* What the epoch just completed shows to be wrong, once for each trouble. */
extern HwrTrouble hwr_trainer_trouble(const HwrTrainer *t);

/*
 * Why it finished: "all epochs done", "validation loss stopped improving", "time limit reached",
 * "finished on request".
 */
extern const char *hwr_trainer_reason(const HwrTrainer *t);

/* Confusions of the best epoch on the validation rows. */
extern const HwrConfusions *hwr_trainer_confusions(const HwrTrainer *t);

/* The best epoch's model, owned by the caller (hwr_model_free). */
extern bool hwr_trainer_model(const HwrTrainer *t, HwrModel **out, HwrStatus *st);

#endif							/* HWR_TRAINER_H */
