/*
 * card.h
 *	  The card that a training gives its model: what a person should know of it before using it.
 */
#ifndef HWR_CARD_H
#define HWR_CARD_H

#include "core/model/model.h"
#include "core/options/options.h"

/*
 * A JSON object (malloc'd): description, licence, credits and language from the options, those of the last three
 * that are not given from the base model's card (base NULL: none); data: how many images it learnt from and was
 * validated on; base: which model it began with.
 */
extern bool hwr_card_of_training(const HwrTrainOptions *options, const HwrModel *base,
								 int training_images, int validation_images, char **out, HwrStatus *st);

#endif							/* HWR_CARD_H */
