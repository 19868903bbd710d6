/*
 * targets.h
 *	  One function for each reader of foreign bytes: it must survive any bytes, and what it accepts must keep its promises.
 *
 * A broken promise ends the program.  fuzz.c hands them to libFuzzer, test/unit/test_fuzz_corpus.c runs them on
 * the files of corpus/ and on damaged copies of these.
 */
#ifndef HWR_FUZZ_TARGETS_H
#define HWR_FUZZ_TARGETS_H

#include <stddef.h>
#include <stdint.h>

extern int	fuzz_image(const uint8_t *bytes, size_t len);	/* JPEG and PNG */
extern int	fuzz_model(const uint8_t *bytes, size_t len);	/* safetensors file */
extern int	fuzz_codec(const uint8_t *bytes, size_t len);	/* kraken's codec, or spellings as JSON */
extern int	fuzz_kraken(const uint8_t *bytes, size_t len);	/* kraken's safetensors file */
extern int	fuzz_lm(const uint8_t *bytes, size_t len);		/* language model */
extern int	fuzz_vgsl(const uint8_t *bytes, size_t len);	/* architecture string */
extern int	fuzz_options(const uint8_t *bytes, size_t len);	/* training options, JSON */
extern int	fuzz_page(const uint8_t *bytes, size_t len);	/* pixels of a page: width - 1, turn, then grey values */
extern int	fuzz_form(const uint8_t *bytes, size_t len);	/* a blank form and a page: widths - 1 and grey values */
extern int	fuzz_posterior(const uint8_t *bytes, size_t len);	/* kept posterior */
extern int	fuzz_query(const uint8_t *bytes, size_t len);	/* search query */
extern int	fuzz_pattern(const uint8_t *bytes, size_t len);	/* pattern of a text */
extern int	fuzz_label(const uint8_t *bytes, size_t len);	/* text */

#endif							/* HWR_FUZZ_TARGETS_H */
