/*
 * schedule.c
 *	  The learning rate over a run.
 */
#include "schedule.h"

#include <math.h>

#define PI 3.14159265358979323846

double
hwr_schedule_rate(const HwrTrainOptions *options, int64_t step, int64_t total,
				  double plateau_factor)
{
	double		rate = options->learning_rate;
	double		rise = options->warmup * (double) total;	/* steps of the warm-up */
	double		done;

	if (options->schedule == HWR_SCHEDULE_PLATEAU)
		rate *= plateau_factor;
	if ((double) step < rise)
		return rate * fmin(1, (double) (step + 1) / rise);
	if (options->schedule == HWR_SCHEDULE_COSINE || options->schedule == HWR_SCHEDULE_ONE_CYCLE)
	{
		done = (double) total > rise ? ((double) step - rise) / ((double) total - rise) : 1;
		rate *= 0.5 * (1 + cos(PI * fmin(1, done)));
	}
	return rate;
}
