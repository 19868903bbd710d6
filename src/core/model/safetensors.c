/*
 * safetensors.c
 *	  Reader and writer of the safetensors file format.
 *
 * The reader trusts nothing: it is fed files that users import.  It first reads the JSON header
 * into a list of tensors, then sorts the list by where the data lie and demands
 * that they follow each other without gap or overlap from the first byte to the
 * last.  So every byte of the file is accounted for and no pointer leaves it.
 *
 * Headers are limited to MAX_HEADER, far above what a model needs, since the JSON
 * library takes many times the header's size in memory.
 *
 * Numbers are little-endian in the file, at any address: they are copied, and swapped where the machine's order is another.
 */
#include "safetensors.h"

#include "core/text/text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#define MAX_HEADER ((size_t) 4 << 20)
#define MAX_DIMS ((int) (sizeof(((HwrSafeTensor *) NULL)->shape) / sizeof(int64_t)))

/* Longest name that a message repeats. */
#define QUOTE_SIZE 80

struct HwrSafeTensors
{
	json_t	   *header;			/* owns names and metadata */
	const json_t *metadata;		/* or NULL */
	int			n;
	HwrSafeTensor *tensors;		/* [n], by position in the file */
};

typedef struct DType
{
	const char *name;
	size_t		size;
} DType;

static const DType dtypes[] = {{"F32", 4}, {"F16", 2}, {"BF16", 2}, {"U8", 1}};

#define NDTYPES ((int) (sizeof(dtypes) / sizeof(dtypes[0])))

static bool
fail_file(HwrStatus *st, const char *detail)
{
	hwr_fail(st, HWR_BAD_MODEL, "model is corrupted");
	return hwr_fail_detail(st, "%s", detail);
}

static bool
fail_tensor(HwrStatus *st, const char *name, const char *problem)
{
	char		quoted[QUOTE_SIZE];

	hwr_fail(st, HWR_BAD_MODEL, "model is corrupted");
	return hwr_fail_detail(st, "Tensor \"%s\" %s.",
						   hwr_text_quote(name, quoted, sizeof(quoted)), problem);
}

static const DType *
find_dtype(const char *name)
{
	for (int i = 0; i < NDTYPES; i++)
	{
		if (strcmp(dtypes[i].name, name) == 0)
			return &dtypes[i];
	}
	return NULL;
}

/*
 * Reading
 */

/* The JSON object after the length; *start is where the data begin. */
static bool
read_header(const uint8_t *bytes, size_t len, json_t **header, size_t *start, HwrStatus *st)
{
	uint64_t	length = 0;
	json_error_t error;
	char		reason[QUOTE_SIZE];

	if (len < 8)
		return fail_file(st, "The file is shorter than its header.");
	for (int i = 7; i >= 0; i--)
		length = length << 8 | bytes[i];
	if (length > len - 8)
		return fail_file(st, "The header is longer than the file.");
	if (length > MAX_HEADER)
		return fail_file(st, "The header is too long.");
	if (length == 0 || bytes[8] != '{')
		return fail_file(st, "The header is not a JSON object.");

	*header = json_loadb((const char *) bytes + 8, (size_t) length, JSON_REJECT_DUPLICATES, &error);
	if (*header == NULL)
	{
		if (json_error_code(&error) == json_error_out_of_memory)
			return hwr_fail(st, HWR_OUT_OF_MEMORY, "out of memory");
		hwr_fail(st, HWR_BAD_MODEL, "model is corrupted");
		return hwr_fail_detail(st, "The header is not valid JSON: %s at byte %d.",
							   hwr_text_quote(error.text, reason, sizeof(reason)), error.position);
	}
	*start = 8 + (size_t) length;
	return true;
}

static bool
check_metadata(const json_t *metadata, HwrStatus *st)
{
	const char *key;
	json_t	   *value;

	if (!json_is_object(metadata))
		return fail_file(st, "The metadata are not a JSON object.");
	json_object_foreach((json_t *) metadata, key, value)
	{
		char		quoted[QUOTE_SIZE];

		if (json_is_string(value))
			continue;
		hwr_fail(st, HWR_BAD_MODEL, "model is corrupted");
		return hwr_fail_detail(st, "Metadata \"%s\" is not a string.",
							   hwr_text_quote(key, quoted, sizeof(quoted)));
	}
	return true;
}

/* shape into tensor, and the number of bytes that dtype and shape make. */
static bool
read_shape(const char *name, const json_t *shape, size_t item, HwrSafeTensor *tensor, HwrStatus *st)
{
	size_t		nbytes = item;

	if (!json_is_array(shape))
		return fail_tensor(st, name, "has no shape");
	if (json_array_size(shape) > (size_t) MAX_DIMS)
		return fail_tensor(st, name, "has too many dimensions");
	tensor->ndim = (int) json_array_size(shape);
	for (int i = 0; i < tensor->ndim; i++)
	{
		const json_t *dim = json_array_get(shape, (size_t) i);

		if (!json_is_integer(dim) || json_integer_value(dim) < 0)
			return fail_tensor(st, name, "has a shape that is not made of counts");
		tensor->shape[i] = (int64_t) json_integer_value(dim);
		if (__builtin_mul_overflow(nbytes, (uint64_t) tensor->shape[i], &nbytes))
			return fail_tensor(st, name, "has a shape that is too large");
	}
	tensor->nbytes = nbytes;
	return true;
}

/* One member of the header; data[size] is what follows the header. */
static bool
read_entry(const char *name, const json_t *entry, const uint8_t *data, size_t size,
		   HwrSafeTensor *tensor, HwrStatus *st)
{
	const json_t *dtype = json_object_get(entry, "dtype");
	const json_t *offsets = json_object_get(entry, "data_offsets");
	const json_t *begin = json_array_get(offsets, 0);
	const json_t *end = json_array_get(offsets, 1);
	const DType *type;
	json_int_t	from,
				to;

	if (!json_is_object(entry))
		return fail_tensor(st, name, "is not described by a JSON object");
	if (!json_is_string(dtype))
		return fail_tensor(st, name, "has no data type");
	type = find_dtype(json_string_value(dtype));
	if (type == NULL)
		return fail_tensor(st, name, "has a data type other than F32, F16, BF16 and U8");
	if (!read_shape(name, json_object_get(entry, "shape"), type->size, tensor, st))
		return false;

	if (json_array_size(offsets) != 2 || !json_is_integer(begin) || !json_is_integer(end))
		return fail_tensor(st, name, "has no pair of data offsets");
	from = json_integer_value(begin);
	to = json_integer_value(end);
	if (from < 0 || to < from || (uint64_t) to > size)
		return fail_tensor(st, name, "has data offsets outside the file");
	if ((uint64_t) (to - from) != tensor->nbytes)
		return fail_tensor(st, name, "has data offsets that do not agree with its shape");

	tensor->name = name;
	tensor->dtype = type->name;
	tensor->data = data + from;
	return true;
}

/* Empty tensors come before the one that starts where they are. */
static int
compare_positions(const void *a, const void *b)
{
	const HwrSafeTensor *x = a;
	const HwrSafeTensor *y = b;

	if (x->data != y->data)
		return x->data < y->data ? -1 : 1;
	if (x->nbytes != y->nbytes)
		return x->nbytes < y->nbytes ? -1 : 1;
	return strcmp(x->name, y->name);
}

static bool
read_entries(HwrSafeTensors *file, const uint8_t *data, size_t size, HwrStatus *st)
{
	const char *key;
	json_t	   *value;
	const uint8_t *reached = data;

	file->tensors = hwr_alloc(json_object_size(file->header), sizeof(HwrSafeTensor), st);
	if (file->tensors == NULL)
		return false;
	json_object_foreach(file->header, key, value)
	{
		if (strcmp(key, "__metadata__") == 0)
		{
			if (!check_metadata(value, st))
				return false;
			file->metadata = value;
		}
		else if (read_entry(key, value, data, size, &file->tensors[file->n], st))
			file->n++;
		else
			return false;
	}

	qsort(file->tensors, (size_t) file->n, sizeof(HwrSafeTensor), compare_positions);
	for (int i = 0; i < file->n; i++)
	{
		const HwrSafeTensor *t = &file->tensors[i];

		if (t->data < reached)
			return fail_tensor(st, t->name, "overlaps another tensor");
		if (t->data > reached)
			return fail_tensor(st, t->name, "leaves a hole in the data before it");
		reached += t->nbytes;
	}
	if (reached != data + size)
		return fail_file(st, "There are data after the last tensor.");
	return true;
}

bool
hwr_safetensors_open(const uint8_t *bytes, size_t len, HwrSafeTensors **out, HwrStatus *st)
{
	HwrSafeTensors *file = hwr_alloc_zero(1, sizeof(HwrSafeTensors), st);
	size_t		start = 0;

	if (file == NULL)
		return false;
	if (!read_header(bytes, len, &file->header, &start, st) ||
		!read_entries(file, bytes + start, len - start, st))
	{
		hwr_safetensors_close(file);
		return false;
	}
	*out = file;
	return true;
}

void
hwr_safetensors_close(HwrSafeTensors *file)
{
	if (file == NULL)
		return;
	free(file->tensors);
	json_decref(file->header);
	free(file);
}

int
hwr_safetensors_count(const HwrSafeTensors *file)
{
	return file->n;
}

const HwrSafeTensor *
hwr_safetensors_get(const HwrSafeTensors *file, int i)
{
	return i >= 0 && i < file->n ? &file->tensors[i] : NULL;
}

const HwrSafeTensor *
hwr_safetensors_find(const HwrSafeTensors *file, const char *name)
{
	for (int i = 0; i < file->n; i++)
	{
		if (strcmp(file->tensors[i].name, name) == 0)
			return &file->tensors[i];
	}
	return NULL;
}

const char *
hwr_safetensors_metadata(const HwrSafeTensors *file, const char *key)
{
	return json_string_value(json_object_get(file->metadata, key));
}

static float
float_of_bits(uint32_t bits)
{
	float		value;

	memcpy(&value, &bits, sizeof(value));
	return value;
}

#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define OF_LITTLE_ENDIAN(bits, width) __builtin_bswap##width(bits)
#else
#define OF_LITTLE_ENDIAN(bits, width) (bits)
#endif

static uint32_t
bits16(const uint8_t *data)
{
	uint16_t	bits;

	memcpy(&bits, data, sizeof(bits));
	return OF_LITTLE_ENDIAN(bits, 16);
}

static uint32_t
bits32(const uint8_t *data)
{
	uint32_t	bits;

	memcpy(&bits, data, sizeof(bits));
	return OF_LITTLE_ENDIAN(bits, 32);
}

/*
 * The readers of one type each return whether all values are finite: what has all bits of the exponent set is not, and
 * one added to the exponent carries out of it.  There are no branches in their loops; a session's first reading waits for them.
 */
static bool
read_f32(const uint8_t *restrict data, float *restrict out, size_t count)
{
	uint32_t	carry = 0;

	for (size_t i = 0; i < count; i++)
	{
		uint32_t	bits = bits32(data + 4 * i);

		out[i] = float_of_bits(bits);
		carry |= (bits & 0x7F800000) + 0x00800000;
	}
	return carry >> 31 == 0;
}

static bool
read_bf16(const uint8_t *restrict data, float *restrict out, size_t count)
{
	uint32_t	carry = 0;

	for (size_t i = 0; i < count; i++)
	{
		uint32_t	bits = bits16(data + 2 * i);

		out[i] = float_of_bits(bits << 16);
		carry |= (bits & 0x7F80) + 0x0080;
	}
	return carry >> 15 == 0;
}

/*
 * IEEE half precision: 1 sign, 5 exponent (bias 15), 10 fraction bits.  Put where float32 has its exponent and fraction,
 * they are the number but for the bias, which is 112 less; a product with 2 to the 112th is exact, of subnormal numbers too.
 */
static bool
read_f16(const uint8_t *restrict data, float *restrict out, size_t count)
{
	uint32_t	carry = 0;

	for (size_t i = 0; i < count; i++)
	{
		uint32_t	bits = bits16(data + 2 * i);

		out[i] = float_of_bits((bits & 0x7FFF) << 13 | (bits & 0x8000) << 16) * 0x1p112f;
		carry |= (bits & 0x7C00) + 0x0400;
	}
	return carry >> 15 == 0;
}

bool
hwr_safetensors_read(const HwrSafeTensor *tensor, float *out, size_t count, HwrStatus *st)
{
	const DType *type = find_dtype(tensor->dtype);
	bool		half = strcmp(tensor->dtype, "F16") == 0;
	bool		finite;

	if (type == NULL || type->size == 1)
		return fail_tensor(st, tensor->name, "has a data type other than F32, F16 and BF16");
	if (tensor->nbytes % type->size != 0 || tensor->nbytes / type->size != count)
		return fail_tensor(st, tensor->name, "has the wrong number of values");
	finite = type->size == 4 ? read_f32(tensor->data, out, count) :
		half ? read_f16(tensor->data, out, count) : read_bf16(tensor->data, out, count);
	return finite ? true : fail_tensor(st, tensor->name, "has a value that is not finite");
}

/*
 * Writing
 */

/*
 * A new empty object.  Not json_object(): inside a PostgreSQL server that name is a function of
 * the server's own, which the dynamic linker finds first.
 */
static json_t *
new_object(void)
{
	return json_pack("{}");
}

static bool
add_metadata(json_t *header, const char *const (*metadata)[2], int nmeta)
{
	json_t	   *object = new_object();

	for (int i = 0; i < nmeta; i++)
	{
		if (json_object_set_new(object, metadata[i][0], json_string(metadata[i][1])) != 0)
		{
			json_decref(object);
			return false;
		}
	}
	return json_object_set_new(header, "__metadata__", object) == 0;
}

static const DType *
written_as(const HwrSafeTensorOut *tensor)
{
	return find_dtype(tensor->bytes != NULL ? "U8" : tensor->half ? "F16" : "F32");
}

/* Describe one tensor whose data start at offset; *nbytes is their length. */
static bool
add_tensor(json_t *header, const HwrSafeTensorOut *tensor, size_t offset, size_t *nbytes)
{
	json_t	   *shape = json_array();
	json_t	   *entry;

	*nbytes = written_as(tensor)->size;
	for (int i = 0; i < tensor->ndim; i++)
	{
		if (tensor->shape[i] < 0 ||
			__builtin_mul_overflow(*nbytes, (size_t) tensor->shape[i], nbytes) ||
			json_array_append_new(shape, json_integer(tensor->shape[i])) != 0)
		{
			json_decref(shape);
			return false;
		}
	}
	entry = json_pack("{s:s, s:o, s:[I, I]}", "dtype", written_as(tensor)->name, "shape", shape, "data_offsets",
					  (json_int_t) offset, (json_int_t) (offset + *nbytes));
	return entry != NULL && json_object_set_new(header, tensor->name, entry) == 0;
}

/* The header's text, its members in the order given (malloc'd by jansson with malloc). */
static char *
write_header(const HwrSafeTensorOut *tensors, int n, const char *const (*metadata)[2], int nmeta,
			 size_t *data_size)
{
	json_t	   *header = new_object();
	bool		ok = header != NULL && add_metadata(header, metadata, nmeta);
	char	   *text = NULL;

	*data_size = 0;
	for (int i = 0; i < n && ok; i++)
	{
		size_t		nbytes;

		ok = json_object_get(header, tensors[i].name) == NULL &&
			add_tensor(header, &tensors[i], *data_size, &nbytes) &&
			!__builtin_add_overflow(*data_size, nbytes, data_size);
	}
	if (ok)
		text = json_dumps(header, JSON_COMPACT | JSON_PRESERVE_ORDER);
	json_decref(header);
	return text;
}

/* IEEE half precision of a number, to nearest, ties to even; false where it is too large. */
static bool
float_to_half(float value, uint16_t *half)
{
	float		size = fabsf(value);
	uint16_t	sign = signbit(value) ? 0x8000 : 0;
	int			exponent;
	float		steps;

	if (!(size < 65520.0f))
		return false;			/* rounds to infinity, or is not a number */
	frexpf(size, &exponent);
	if (size == 0 || exponent < -13)
		exponent = -13;			/* below 2^-14 the spacing stays */
	/* whole steps of this binade's spacing; the default rounding of nearbyintf is to even */
	steps = nearbyintf(ldexpf(size, 11 - exponent));
	*half = (uint16_t) (sign + (uint16_t) ((exponent + 13) << 10) + (uint16_t) steps);
	return true;
}

bool
hwr_put_halves(uint8_t *to, const float *values, size_t count)
{
	for (size_t i = 0; i < count; i++)
	{
		uint16_t	half;

		if (!float_to_half(values[i], &half))
			return false;
		to[2 * i] = (uint8_t) half;
		to[2 * i + 1] = (uint8_t) (half >> 8);
	}
	return true;
}

void
hwr_put_floats(uint8_t *to, const float *values, size_t count)
{
	for (size_t i = 0; i < count; i++)
	{
		uint32_t	bits;

		memcpy(&bits, &values[i], sizeof(bits));
		for (int b = 0; b < 4; b++)
			to[4 * i + (size_t) b] = (uint8_t) (bits >> (8 * b));
	}
}

bool
hwr_safetensors_write(const HwrSafeTensorOut *tensors, int n, const char *const (*metadata)[2],
					  int nmeta, uint8_t **out, size_t *len, HwrStatus *st)
{
	size_t		data_size;
	size_t		text_len;
	size_t		header_len;
	char	   *header = write_header(tensors, n, metadata, nmeta, &data_size);
	uint8_t    *bytes;
	uint8_t    *data;

	if (header == NULL)
		return hwr_fail(st, HWR_INTERNAL, "could not describe the tensors of a model file");
	text_len = strlen(header);
	header_len = (text_len + 7) & ~(size_t) 7;
	if (header_len > MAX_HEADER || data_size > SIZE_MAX - 8 - header_len)
	{
		free(header);
		return hwr_fail(st, HWR_INTERNAL, "header of a model file is too long");
	}

	bytes = hwr_alloc(8 + header_len + data_size, 1, st);
	if (bytes == NULL)
	{
		free(header);
		return false;
	}
	for (int i = 0; i < 8; i++)
		bytes[i] = (uint8_t) ((uint64_t) header_len >> (8 * i));
	memcpy(bytes + 8, header, text_len);
	memset(bytes + 8 + text_len, ' ', header_len - text_len);
	free(header);

	data = bytes + 8 + header_len;
	for (int i = 0; i < n; i++)
	{
		size_t		count = 1;

		for (int d = 0; d < tensors[i].ndim; d++)
			count *= (size_t) tensors[i].shape[d];
		if (tensors[i].bytes != NULL)
			memcpy(data, tensors[i].bytes, count);
		else if (!tensors[i].half)
			hwr_put_floats(data, tensors[i].data, count);
		else if (!hwr_put_halves(data, tensors[i].data, count))
		{
			free(bytes);
			hwr_fail(st, HWR_BAD_MODEL, "model has values that 16 bits cannot hold");
			return hwr_fail_detail(st, "Tensor \"%.64s\".", tensors[i].name);
		}
		data += written_as(&tensors[i])->size * count;
	}
	*out = bytes;
	*len = 8 + header_len + data_size;
	return true;
}
