/*
 * trim.h
 *	  A picture of a line, as high in relation to its writing as those are that networks learn from.
 *
 * People cut lines out with more or less paper above and below, and boxes of forms are higher than what is written in
 * them; a network reads what is as large on its canvas as what it has learned from.  Writing are the rows between the
 * outermost that have a twentyfifth of the fullest row's ink, frames, rules, dots and shadows taken off (paper.h).  It is
 * given two thirds of the picture's height: more paper is cut off.  Where small letters or capitals, the rows with at
 * least half of the fullest's ink, make up more than three quarters of the writing, it has no ascenders or descenders,
 * and more paper stays for these.  A short piece of writing, which may be dittos, is enlarged less, and a stroke alone not
 * at all.  Nothing is put to a picture that was cut close, and nothing moves sideways.
 */
#ifndef HWR_TRIM_H
#define HWR_TRIM_H

#include "image.h"

/*
 * In place: the picture has fewer rows where it had too many; else it is clean then (image.h), and white where it has
 * no line of text.  Errors: HWR_OUT_OF_MEMORY.
 */
extern bool hwr_image_trim(HwrImage *img, HwrStatus *st);

#endif							/* HWR_TRIM_H */
