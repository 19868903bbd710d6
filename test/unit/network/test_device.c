/*
 * test_device.c
 *	  Opening backend libraries: what is refused, and with which reason.
 *
 * The libraries are built by the Makefile from device_library.c; hwr_cuda.so is opened where it was built.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/network/device.h"

#define LIBRARIES "build/unit/"

static void
expect_refusal(const char *path, const char *reason)
{
	HwrStatus	st = {0};
	const HwrBackend *backend = NULL;

	if (hwr_device_load(path, &backend, &st))
		fail_msg("%s was accepted", path);
	assert_null(backend);
	assert_int_equal(st.code, HWR_DEVICE);
	assert_string_equal(st.message, "GPU is not available");
	if (strstr(st.detail, reason) == NULL)
		fail_msg("%s: detail is \"%s\"", path, st.detail);
}

static void
opens_a_backend(void **state)
{
	HwrStatus	st = {0};
	const HwrBackend *backend;
	HwrDeviceInfo info;

	(void) state;
	if (!hwr_device_load(LIBRARIES "library_good.so", &backend, &st))
		fail_msg("%s: %s", st.message, st.detail);
	assert_string_equal(backend->name, "test");
	assert_true(backend->describe(&info, &st));
}

static void
refuses_what_is_no_backend(void **state)
{
	(void) state;
	expect_refusal(LIBRARIES "missing.so", "No such file or directory");
	expect_refusal("test/unit/data", "not a complete shared library");
	expect_refusal("Makefile", "not a complete shared library");
	expect_refusal(LIBRARIES "library_empty.so", "is not a backend of hwr");
}

static void
refuses_another_abi(void **state)
{
	char		reason[80];

	(void) state;
	snprintf(reason, sizeof(reason), "has backend interface %d, but this hwr needs %d.",
			 HWR_BACKEND_ABI - 1, HWR_BACKEND_ABI);
	expect_refusal(LIBRARIES "library_old.so", reason);
}

static void
passes_on_why_there_is_no_device(void **state)
{
	(void) state;
	expect_refusal(LIBRARIES "library_no_device.so", "There is no device.");
}

/* Cut the good library off at many places: never accepted, and no signal. */
static void
refuses_a_truncated_library(void **state)
{
	char		path[] = "/tmp/hwr-device-XXXXXX";
	FILE	   *in = fopen(LIBRARIES "library_good.so", "rb");
	static char bytes[1 << 20];
	size_t		size;
	int			fd = mkstemp(path);

	(void) state;
	assert_non_null(in);
	size = fread(bytes, 1, sizeof(bytes), in);
	fclose(in);
	assert_true(size > 1000 && size < sizeof(bytes));
	assert_int_equal(write(fd, bytes, size), (ssize_t) size);
	for (size_t keep = size - 1; keep > 0; keep = keep * 9 / 10)
	{
		assert_int_equal(ftruncate(fd, (off_t) keep), 0);
		expect_refusal(path, "not a complete shared library");
	}
	close(fd);
	unlink(path);
}

/* The real one, where it was built: it works, or says why not. */
static void
opens_cuda_or_says_why_not(void **state)
{
	HwrStatus	st = {0};
	const HwrBackend *backend;

	(void) state;
	if (access("build/gpu/" HWR_CUDA_LIBRARY, R_OK) != 0)
		skip();
	if (hwr_device_load("build/gpu/" HWR_CUDA_LIBRARY, &backend, &st))
		assert_string_equal(backend->name, "cuda");
	else
	{
		assert_int_equal(st.code, HWR_DEVICE);
		assert_string_equal(st.message, "GPU is not available");
		assert_true(st.detail[0] != '\0');
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(opens_a_backend),
		cmocka_unit_test(refuses_what_is_no_backend),
		cmocka_unit_test(refuses_another_abi),
		cmocka_unit_test(passes_on_why_there_is_no_device),
		cmocka_unit_test(refuses_a_truncated_library),
		cmocka_unit_test(opens_cuda_or_says_why_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
