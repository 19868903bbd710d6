/*
 * test_status.c
 *	  A failure as one phrase.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/status.h"

static void
assert_phrase(const char *detail, const char *expected)
{
	HwrStatus	st;
	char		phrase[sizeof(st.message) + sizeof(st.detail) + 4];

	hwr_fail(&st, HWR_BAD_IMAGE, "could not decode image");
	if (detail != NULL)
		hwr_fail_detail(&st, "%s", detail);
	hwr_status_phrase(&st, phrase, sizeof(phrase));
	assert_string_equal(phrase, expected);
}

static void
test_phrase(void **state)
{
	(void) state;
	assert_phrase(NULL, "could not decode image");
	assert_phrase("The image is empty.", "could not decode image: the image is empty");
	assert_phrase("JPEG files have an end.", "could not decode image: JPEG files have an end");
	assert_phrase("It is a TIFF file. Convert it.", "could not decode image: it is a TIFF file");
	assert_phrase("no sentence", "could not decode image: no sentence");
	assert_phrase(".", "could not decode image: .");
	assert_phrase("A", "could not decode image: A");
}

/* A short buffer cuts, and stays within itself. */
static void
test_cut(void **state)
{
	HwrStatus	st;
	char		buf[16];

	(void) state;
	memset(buf, 'x', sizeof(buf));
	hwr_fail(&st, HWR_BAD_IMAGE, "could not decode image");
	hwr_fail_detail(&st, "The image is empty.");
	hwr_status_phrase(&st, buf, 8);
	assert_string_equal(buf, "could n");
	assert_int_equal(buf[8], 'x');
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_phrase),
		cmocka_unit_test(test_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
