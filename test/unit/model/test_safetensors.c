/*
 * test_safetensors.c
 *	  Writing, reading back, every kind of damage, and thousands of random mutations.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "between.h"
#include "core/base/rng.h"
#include "core/model/safetensors.h"

/* A file of this header and data, in memory of exactly its size. */
static uint8_t *
make_file(const char *header, const void *data, size_t size, size_t *len)
{
	size_t		header_len = strlen(header);
	uint8_t    *bytes;

	*len = 8 + header_len + size;
	bytes = malloc(*len);
	for (int i = 0; i < 8; i++)
		bytes[i] = (uint8_t) ((uint64_t) header_len >> (8 * i));
	memcpy(bytes + 8, header, header_len);
	if (size > 0)
		memcpy(bytes + 8 + header_len, data, size);
	return bytes;
}

static void
expect_damage(const char *header, size_t size, const char *detail)
{
	static const uint8_t zeros[64];
	HwrStatus	st = {0};
	HwrSafeTensors *file = NULL;
	size_t		len;
	uint8_t    *bytes = make_file(header, zeros, size, &len);

	if (hwr_safetensors_open(bytes, len, &file, &st))
		fail_msg("accepted: %s", header);
	assert_int_equal(st.code, HWR_BAD_MODEL);
	assert_string_equal(st.message, "model is corrupted");
	if (strncmp(st.detail, detail, strlen(detail)) != 0)
		fail_msg("%s: %s", header, st.detail);
	assert_null(file);
	free(bytes);
}

static void
write_example(uint8_t **bytes, size_t *len)
{
	static const float kernel[6] = {1, -2.5f, 3, 0, 1e-38f, 3e38f};
	static const float bias[3] = {0.5f, -0.0f, 7};
	static const float scalar[1] = {42};
	const HwrSafeTensorOut tensors[] = {
		{"0.conv.kernel", 2, {2, 3}, kernel, false, NULL},
		{"none", 2, {0, 3}, NULL, false, NULL},
		{"0.conv.bias", 1, {3}, bias, false, NULL},
		{"scalar \"quoted\" \xC3\xA9", 0, {0}, scalar, false, NULL},
	};
	const char *const metadata[][2] = {
		{"format", "hwr"},
		{"alphabet", "AB\"\\\n\xC3\xA9\xF0\x9F\x99\x82"},
	};
	HwrStatus	st = {0};

	if (!hwr_safetensors_write(tensors, 4, metadata, 2, bytes, len, &st))
		fail_msg("%s", st.message);
}

static void
test_round_trip(void **state)
{
	HwrStatus	st = {0};
	HwrSafeTensors *file;
	const HwrSafeTensor *t;
	uint8_t    *bytes;
	uint8_t    *again;
	size_t		len;
	size_t		len_again;
	float		values[6];

	(void) state;
	write_example(&bytes, &len);
	assert_int_equal(len % 8, 0);
	assert_int_equal((8 + (size_t) (bytes[0] | bytes[1] << 8)) % 8, 0);
	assert_true(hwr_safetensors_open(bytes, len, &file, &st));
	assert_int_equal(hwr_safetensors_count(file), 4);
	assert_string_equal(hwr_safetensors_metadata(file, "format"), "hwr");
	assert_string_equal(hwr_safetensors_metadata(file, "alphabet"),
						"AB\"\\\n\xC3\xA9\xF0\x9F\x99\x82");
	assert_null(hwr_safetensors_metadata(file, "none"));
	assert_string_equal(hwr_safetensors_get(file, 0)->name, "0.conv.kernel");
	assert_null(hwr_safetensors_get(file, 4));
	assert_null(hwr_safetensors_get(file, -1));
	assert_null(hwr_safetensors_find(file, "__metadata__"));
	assert_null(hwr_safetensors_find(file, "0.conv"));

	t = hwr_safetensors_find(file, "0.conv.kernel");
	assert_non_null(t);
	assert_string_equal(t->dtype, "F32");
	assert_int_equal(t->ndim, 2);
	assert_int_equal(t->shape[0], 2);
	assert_int_equal(t->shape[1], 3);
	assert_int_equal(t->nbytes, 24);
	assert_true(hwr_safetensors_read(t, values, 6, &st));
	assert_true(values[1] == -2.5f && values[4] == 1e-38f && values[5] == 3e38f);
	assert_false(hwr_safetensors_read(t, values, 5, &st));
	assert_int_equal(st.code, HWR_BAD_MODEL);

	assert_true(hwr_safetensors_read(hwr_safetensors_find(file, "0.conv.bias"), values, 3, &st));
	assert_true(values[0] == 0.5f && signbit(values[1]) && values[2] == 7);
	assert_true(hwr_safetensors_read(hwr_safetensors_find(file, "none"), values, 0, &st));
	t = hwr_safetensors_find(file, "scalar \"quoted\" \xC3\xA9");
	assert_int_equal(t->ndim, 0);
	assert_true(hwr_safetensors_read(t, values, 1, &st));
	assert_true(values[0] == 42);
	hwr_safetensors_close(file);

	write_example(&again, &len_again);
	assert_int_equal(len, len_again);
	assert_memory_equal(bytes, again, len);
	free(again);
	free(bytes);
}

/* The bytes of the format's own description, so that reader and writer cannot err together. */
static void
test_layout(void **state)
{
	static const float values[2] = {1, -2};
	static const uint8_t data[8] = {0, 0, 0x80, 0x3F, 0, 0, 0, 0xC0};
	const HwrSafeTensorOut tensor = {"a", 1, {2}, values, false, NULL};
	const char *const metadata[][2] = {{"k", "v"}};
	const char *header = "{\"__metadata__\":{\"k\":\"v\"},\"a\":{\"dtype\":\"F32\",\"shape\":[2],"
		"\"data_offsets\":[0,8]}} ";
	HwrStatus	st = {0};
	uint8_t    *bytes;
	uint8_t    *expected;
	size_t		len;
	size_t		expected_len;

	(void) state;
	assert_true(hwr_safetensors_write(&tensor, 1, metadata, 1, &bytes, &len, &st));
	assert_int_equal(strlen(header) % 8, 0);
	expected = make_file(header, data, sizeof(data), &expected_len);
	assert_int_equal(len, expected_len);
	assert_memory_equal(bytes, expected, len);
	free(bytes);
	free(expected);
}

static void
test_half_types(void **state)
{
	static const uint8_t data[] = {
		/* F16: 1, -2, largest 65504, smallest normal 2^-14, smallest 2^-24, -0 */
		0x00, 0x3C, 0x00, 0xC0, 0xFF, 0x7B, 0x00, 0x04, 0x01, 0x00, 0x00, 0x80,
		/* BF16: 1, -2, 3.140625 */
		0x80, 0x3F, 0x00, 0xC0, 0x49, 0x40,
		/* F16 infinity, BF16 NaN, F32 infinity */
		0x00, 0x7C, 0xC0, 0x7F, 0x00, 0x00, 0x80, 0x7F
	};
	HwrStatus	st = {0};
	HwrSafeTensors *file;
	size_t		len;
	float		v[6];
	uint8_t    *bytes = make_file(
		"{\"h\":{\"dtype\":\"F16\",\"shape\":[2,3],\"data_offsets\":[0,12]},"
		"\"b\":{\"dtype\":\"BF16\",\"shape\":[3],\"data_offsets\":[12,18]},"
		"\"hi\":{\"dtype\":\"F16\",\"shape\":[1],\"data_offsets\":[18,20]},"
		"\"bn\":{\"dtype\":\"BF16\",\"shape\":[1],\"data_offsets\":[20,22]},"
		"\"fi\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[22,26]}}",
		data, sizeof(data), &len);

	(void) state;
	if (!hwr_safetensors_open(bytes, len, &file, &st))
		fail_msg("%s", st.detail);
	assert_true(hwr_safetensors_read(hwr_safetensors_find(file, "h"), v, 6, &st));
	assert_true(v[0] == 1 && v[1] == -2 && v[2] == 65504 && v[3] == 0x1p-14f && v[4] == 0x1p-24f);
	assert_true(v[5] == 0 && signbit(v[5]));
	assert_true(hwr_safetensors_read(hwr_safetensors_find(file, "b"), v, 3, &st));
	assert_true(v[0] == 1 && v[1] == -2 && v[2] == 3.140625f);
	for (int i = 0; i < 3; i++)
	{
		const char *names[] = {"hi", "bn", "fi"};

		assert_false(hwr_safetensors_read(hwr_safetensors_find(file, names[i]), v, 1, &st));
		assert_int_equal(st.code, HWR_BAD_MODEL);
		assert_non_null(strstr(st.detail, "not finite"));
	}
	hwr_safetensors_close(file);
	free(bytes);
}

static void
test_header_length(void **state)
{
	HwrStatus	st = {0};
	HwrSafeTensors *file = NULL;
	uint8_t    *bytes;
	size_t		len;

	(void) state;
	write_example(&bytes, &len);
	for (size_t cut = 0; cut < len; cut++)
	{
		uint8_t    *part = malloc(cut > 0 ? cut : 1);

		memcpy(part, bytes, cut);
		assert_false(hwr_safetensors_open(part, cut, &file, &st));
		assert_int_equal(st.code, HWR_BAD_MODEL);
		free(part);
	}
	memset(bytes, 0xFF, 8);
	assert_false(hwr_safetensors_open(bytes, len, &file, &st));
	assert_string_equal(st.detail, "The header is longer than the file.");
	memset(bytes, 0, 8);
	assert_false(hwr_safetensors_open(bytes, len, &file, &st));
	assert_string_equal(st.detail, "The header is not a JSON object.");
	free(bytes);

	/* five megabytes of blanks before the end of the object */
	len = 8 + (5 << 20);
	bytes = malloc(len);
	memset(bytes, ' ', len);
	for (int i = 0; i < 8; i++)
		bytes[i] = (uint8_t) ((uint64_t) (len - 8) >> (8 * i));
	bytes[8] = '{';
	bytes[len - 1] = '}';
	assert_false(hwr_safetensors_open(bytes, len, &file, &st));
	assert_string_equal(st.detail, "The header is too long.");
	free(bytes);

	/* nested as deep as it goes */
	len = 8 + (1 << 20);
	bytes = malloc(len);
	memset(bytes, '[', len);
	for (int i = 0; i < 8; i++)
		bytes[i] = (uint8_t) ((uint64_t) (len - 8) >> (8 * i));
	memcpy(bytes + 8, "{\"a\":", 5);
	assert_false(hwr_safetensors_open(bytes, len, &file, &st));
	assert_int_equal(st.code, HWR_BAD_MODEL);
	free(bytes);
}

#define T(dtype, shape, offsets) \
	"{\"dtype\":" dtype ",\"shape\":" shape ",\"data_offsets\":" offsets "}"

static void
test_damage(void **state)
{
	(void) state;
	expect_damage("[]", 0, "The header is not a JSON object.");
	expect_damage(" {}", 0, "The header is not a JSON object.");
	expect_damage("{", 0, "The header is not valid JSON: ");
	expect_damage("{\"a\":1,\"a\":2}", 0, "The header is not valid JSON: duplicate object key");
	expect_damage("{\"a\xFF\":1}", 0, "The header is not valid JSON: ");
	expect_damage("{\"a\\u0000\":1}", 0, "The header is not valid JSON: ");
	expect_damage("{}", 1, "There are data after the last tensor.");
	expect_damage("{\"__metadata__\":1}", 0, "The metadata are not a JSON object.");
	expect_damage("{\"__metadata__\":{\"a\":1}}", 0, "Metadata \"a\" is not a string.");
	expect_damage("{\"a\":1}", 0, "Tensor \"a\" is not described by a JSON object.");
	expect_damage("{\"a\":[]}", 0, "Tensor \"a\" is not described by a JSON object.");
	expect_damage("{\"a\":{}}", 0, "Tensor \"a\" has no data type.");
	expect_damage("{\"a\":" T("4", "[1]", "[0,4]") "}", 4, "Tensor \"a\" has no data type.");
	expect_damage("{\"a\":" T("\"F64\"", "[1]", "[0,8]") "}", 8,
				  "Tensor \"a\" has a data type other than F32, F16, BF16 and U8.");
	expect_damage("{\"a\":" T("\"F32\"", "4", "[0,4]") "}", 4, "Tensor \"a\" has no shape.");
	expect_damage("{\"a\":{\"dtype\":\"F32\",\"data_offsets\":[0,4]}}", 4,
				  "Tensor \"a\" has no shape.");
	expect_damage("{\"a\":" T("\"F32\"", "[1,1,1,1,1,1,1,1,1]", "[0,4]") "}", 4,
				  "Tensor \"a\" has too many dimensions.");
	expect_damage("{\"a\":" T("\"F32\"", "[-1]", "[0,4]") "}", 4,
				  "Tensor \"a\" has a shape that is not made of counts.");
	expect_damage("{\"a\":" T("\"F32\"", "[1.0]", "[0,4]") "}", 4,
				  "Tensor \"a\" has a shape that is not made of counts.");
	expect_damage("{\"a\":" T("\"F32\"", "[\"1\"]", "[0,4]") "}", 4,
				  "Tensor \"a\" has a shape that is not made of counts.");
	/* 2^32 x 2^32 x 4 bytes would come out as 0 */
	expect_damage("{\"a\":" T("\"F32\"", "[4294967296,4294967296]", "[0,0]") "}", 0,
				  "Tensor \"a\" has a shape that is too large.");
	expect_damage("{\"a\":" T("\"F32\"", "[1]", "4") "}", 4,
				  "Tensor \"a\" has no pair of data offsets.");
	expect_damage("{\"a\":" T("\"F32\"", "[1]", "[0]") "}", 4,
				  "Tensor \"a\" has no pair of data offsets.");
	expect_damage("{\"a\":" T("\"F32\"", "[1]", "[0,4,8]") "}", 4,
				  "Tensor \"a\" has no pair of data offsets.");
	expect_damage("{\"a\":" T("\"F32\"", "[1]", "[0,4.0]") "}", 4,
				  "Tensor \"a\" has no pair of data offsets.");
	expect_damage("{\"a\":" T("\"F32\"", "[1]", "[-4,0]") "}", 4,
				  "Tensor \"a\" has data offsets outside the file.");
	expect_damage("{\"a\":" T("\"F32\"", "[1]", "[4,0]") "}", 4,
				  "Tensor \"a\" has data offsets outside the file.");
	expect_damage("{\"a\":" T("\"F32\"", "[1]", "[0,4]") "}", 3,
				  "Tensor \"a\" has data offsets outside the file.");
	expect_damage("{\"a\":" T("\"F32\"", "[1]", "[9223372036854775804,9223372036854775807]") "}", 4,
				  "Tensor \"a\" has data offsets outside the file.");
	expect_damage("{\"a\":" T("\"F32\"", "[2]", "[0,4]") "}", 4,
				  "Tensor \"a\" has data offsets that do not agree with its shape.");
	expect_damage("{\"a\":" T("\"F16\"", "[1]", "[0,4]") "}", 4,
				  "Tensor \"a\" has data offsets that do not agree with its shape.");
	expect_damage("{\"a\":" T("\"F32\"", "[1]", "[0,4]") "}", 5,
				  "There are data after the last tensor.");
	expect_damage("{\"a\":" T("\"F32\"", "[1]", "[4,8]") "}", 8,
				  "Tensor \"a\" leaves a hole in the data before it.");
	expect_damage("{\"a\":" T("\"F32\"", "[1]", "[0,4]") ",\"b\":" T("\"F32\"", "[1]", "[8,12]") "}",
				  12, "Tensor \"b\" leaves a hole in the data before it.");
	expect_damage("{\"a\":" T("\"F32\"", "[2]", "[0,8]") ",\"b\":" T("\"F32\"", "[1]", "[4,8]") "}",
				  8, "Tensor \"b\" overlaps another tensor.");
	expect_damage("{\"a\":" T("\"F32\"", "[1]", "[0,4]") ",\"b\":" T("\"F32\"", "[1]", "[0,4]") "}",
				  4, "Tensor \"b\" overlaps another tensor.");
	expect_damage("{\"a\":" T("\"F32\"", "[2]", "[0,8]") ",\"b\":" T("\"F32\"", "[0]", "[4,4]") "}",
				  8, "Tensor \"b\" overlaps another tensor.");
}

/* What is unusual but right: no tensors, header order unlike data order, unknown fields. */
static void
test_unusual(void **state)
{
	static const uint8_t data[8] = {0, 0, 0x80, 0x3F, 0, 0, 0, 0xC0};
	HwrStatus	st = {0};
	HwrSafeTensors *file;
	uint8_t    *bytes;
	size_t		len;
	float		value;

	(void) state;
	bytes = make_file("{}", NULL, 0, &len);
	assert_true(hwr_safetensors_open(bytes, len, &file, &st));
	assert_int_equal(hwr_safetensors_count(file), 0);
	assert_null(hwr_safetensors_metadata(file, "format"));
	hwr_safetensors_close(file);
	free(bytes);

	bytes = make_file("{\"b\":" T("\"F32\"", "[1]", "[4,8]") ",\"__metadata__\":{},\"a\":"
					  "{\"shape\":[1,1],\"x\":null,\"data_offsets\":[0,4],\"dtype\":\"F32\"}} \n",
					  data, sizeof(data), &len);
	assert_true(hwr_safetensors_open(bytes, len, &file, &st));
	assert_string_equal(hwr_safetensors_get(file, 0)->name, "a");
	assert_true(hwr_safetensors_read(hwr_safetensors_find(file, "b"), &value, 1, &st));
	assert_true(value == -2);
	hwr_safetensors_close(file);
	free(bytes);
	hwr_safetensors_close(NULL);
}

/* Every half there is comes back as itself, and what lies between two goes to the nearer, ties to even. */
static void
test_halves(void **state)
{
	static float all[0x10000];
	static float back[0x10000];
	HwrSafeTensorOut tensor = {.name = "a",.ndim = 1,.shape = {0},.data = all,.half = true};
	HwrStatus	st = {0};
	HwrSafeTensors *file;
	uint8_t    *bytes;
	size_t		len;
	int			n = 0;

	(void) state;
	for (int bits = 0; bits < 0x10000; bits++)
	{
		int			exponent = bits >> 10 & 0x1F;
		float		size = exponent == 0 ? ldexpf((float) (bits & 0x3FF), -24) :
			ldexpf((float) (0x400 + (bits & 0x3FF)), exponent - 25);

		if (exponent < 0x1F)
			all[n++] = bits & 0x8000 ? -size : size;
	}
	tensor.shape[0] = n;
	assert_true(hwr_safetensors_write(&tensor, 1, NULL, 0, &bytes, &len, &st));
	assert_true(hwr_safetensors_open(bytes, len, &file, &st));
	assert_string_equal(hwr_safetensors_get(file, 0)->dtype, "F16");
	assert_true(hwr_safetensors_read(hwr_safetensors_get(file, 0), back, (size_t) n, &st));
	assert_memory_equal(all, back, (size_t) n * sizeof(float));
	hwr_safetensors_close(file);
	free(bytes);

	{
		const float given[] = {1 + 0x1p-11f, 1 + 0x3p-11f, 1 + 0x1.1p-11f, 0x1p-25f, 0x1.1p-25f, 65519.0f};
		const float expected[] = {1, 1 + 0x1p-9f, 1 + 0x1p-10f, 0, 0x1p-24f, 65504.0f};

		tensor.data = given;
		tensor.shape[0] = 6;
		assert_true(hwr_safetensors_write(&tensor, 1, NULL, 0, &bytes, &len, &st));
		assert_true(hwr_safetensors_open(bytes, len, &file, &st));
		assert_true(hwr_safetensors_read(hwr_safetensors_get(file, 0), back, 6, &st));
		for (int i = 0; i < 6; i++)
			assert_true(back[i] == expected[i]);
		hwr_safetensors_close(file);
		free(bytes);
	}

	all[0] = 65520.0f;
	tensor.data = all;
	tensor.shape[0] = 1;
	assert_false(hwr_safetensors_write(&tensor, 1, NULL, 0, &bytes, &len, &st));
	assert_int_equal(st.code, HWR_BAD_MODEL);
}

static void
test_write_errors(void **state)
{
	static const float values[1] = {0};
	const HwrSafeTensorOut twice[] = {{"a", 1, {1}, values, false, NULL}, {"a", 1, {1}, values, false, NULL}};
	const HwrSafeTensorOut huge = {"a", 4, {0x7FFFFFFF, 0x7FFFFFFF, 0x7FFFFFFF, 2}, values, false, NULL};
	const HwrSafeTensorOut broken = {"a\xFF", 1, {1}, values, false, NULL};
	const char *const metadata[][2] = {{"k", "\xFF"}};
	HwrStatus	st = {0};
	uint8_t    *bytes;
	size_t		len;

	(void) state;
	assert_false(hwr_safetensors_write(twice, 2, NULL, 0, &bytes, &len, &st));
	assert_int_equal(st.code, HWR_INTERNAL);
	assert_false(hwr_safetensors_write(&huge, 1, NULL, 0, &bytes, &len, &st));
	assert_false(hwr_safetensors_write(&broken, 1, NULL, 0, &bytes, &len, &st));
	assert_false(hwr_safetensors_write(twice, 1, metadata, 1, &bytes, &len, &st));
}

/* Open, and if that works touch all that the result points to. */
static bool
exercise(const uint8_t *bytes, size_t len)
{
	HwrStatus	st = {0};
	HwrSafeTensors *file;
	size_t		covered = 0;

	if (!hwr_safetensors_open(bytes, len, &file, &st))
	{
		assert_int_equal(st.code, HWR_BAD_MODEL);
		assert_true(st.message[0] != '\0' && st.detail[0] != '\0');
		return false;
	}
	for (int i = 0; i < hwr_safetensors_count(file); i++)
	{
		const HwrSafeTensor *t = hwr_safetensors_get(file, i);
		size_t		count = t->nbytes / (t->dtype[1] == '3' ? 4 : 2);
		float	   *values = malloc(count * sizeof(float) + 1);

		assert_true(t->data >= bytes && t->data + t->nbytes <= bytes + len);
		assert_ptr_equal(hwr_safetensors_find(file, t->name), t);
		hwr_safetensors_read(t, values, count, &st);
		covered += t->nbytes;
		free(values);
	}
	assert_true(covered <= len - 8);
	hwr_safetensors_metadata(file, "alphabet");
	hwr_safetensors_close(file);
	return true;
}

static void
test_mutations(void **state)
{
	static const char interesting[] = "{}[]\",:0123456789-.eF\\u\xFF\x00";
	uint8_t    *bytes;
	size_t		len;
	size_t		header;
	HwrRng		rng;
	int			opened = 0;

	(void) state;
	write_example(&bytes, &len);
	header = 8 + (size_t) (bytes[0] | bytes[1] << 8);
	assert_true(exercise(bytes, len));
	hwr_rng_seed(&rng, 11, 0);
	for (int round = 0; round < 20000; round++)
	{
		size_t		size = len;
		uint8_t    *mutant = malloc(len + 16);
		uint8_t    *exact;

		memcpy(mutant, bytes, len);
		for (uint64_t k = 0, n = 1 + hwr_rng_below(&rng, 4); k < n && size > 1; k++)
		{
			size_t		at = hwr_rng_below(&rng, hwr_rng_below(&rng, 4) && size > header ? header : size);
			uint8_t		c = (uint8_t) interesting[hwr_rng_below(&rng, sizeof(interesting))];

			switch (hwr_rng_below(&rng, 5))
			{
				case 0:			/* flip a bit */
					mutant[at] ^= (uint8_t) (1 << hwr_rng_below(&rng, 8));
					break;
				case 1:			/* set a byte */
				case 2:
					mutant[at] = c;
					break;
				case 3:			/* take a byte out */
					memmove(mutant + at, mutant + at + 1, size - at - 1);
					size--;
					break;
				default:		/* put a byte in */
					memmove(mutant + at + 1, mutant + at, size - at);
					mutant[at] = c;
					size++;
					break;
			}
		}
		exact = malloc(size);
		memcpy(exact, mutant, size);
		opened += exercise(exact, size);
		free(exact);
		free(mutant);
	}
	/* both sides of the reader have been walked */
	assert_between(opened, 100, 15000);
	free(bytes);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_layout),
		cmocka_unit_test(test_half_types),
		cmocka_unit_test(test_header_length),
		cmocka_unit_test(test_damage),
		cmocka_unit_test(test_unusual),
		cmocka_unit_test(test_halves),
		cmocka_unit_test(test_write_errors),
		cmocka_unit_test(test_mutations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
