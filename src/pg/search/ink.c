/*
 * ink.c
 *	  Kept posteriors at call sites.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "core/text/spelling.h"
#include "ink.h"
#include "pg/base/error.h"

static void
release_sparse(void *sparse)
{
	hwr_sparse_free(sparse);
}

HwrInk *
hwr_ink_create(MemoryContext context)
{
	HwrInk	   *ink = MemoryContextAllocZero(context, sizeof(HwrInk));
	HwrSparse  *sparse;
	HwrStatus	st;

	ink->context = context;
	ink->sparse = hwr_hold_create(context, release_sparse);
	if (!hwr_sparse_create(&sparse, &st))
		hwr_raise(&st);
	hwr_hold_replace(ink->sparse, sparse);
	return ink;
}

HwrInk *
hwr_ink_of(FunctionCallInfo fcinfo)
{
	if (fcinfo->flinfo->fn_extra == NULL)
		fcinfo->flinfo->fn_extra = hwr_ink_create(fcinfo->flinfo->fn_mcxt);
	return fcinfo->flinfo->fn_extra;
}

/* A stored value that cannot be read is damaged, not wrongly typed in. */
static void
raise_damaged(const HwrStatus *st)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("kept posterior is damaged"),
			 errdetail_internal("%s", st->detail)));
}

HwrSparse *
hwr_ink_read(HwrInk *ink, Datum value)
{
	HwrSparse  *sparse = ink->sparse->object;
	struct varlena *packed = PG_DETOAST_DATUM_PACKED(value);
	Size		len = VARSIZE_ANY_EXHDR(packed);
	HwrStatus	st;

	if (ink->known && ink->len == len && memcmp(ink->bytes, VARDATA_ANY(packed), len) == 0)
		return sparse;
	ink->known = false;
	ink->dense = false;
	if (len > ink->room)
	{
		if (ink->bytes != NULL)
			pfree(ink->bytes);
		ink->bytes = NULL;
		ink->room = 0;
		ink->bytes = MemoryContextAlloc(ink->context, len + len / 2);
		ink->room = len + len / 2;
	}
	if (!hwr_sparse_read(sparse, (const uint8 *) VARDATA_ANY(packed), len, &st))
	{
		if (st.code == HWR_BAD_POSTERIOR)
			raise_damaged(&st);
		hwr_raise(&st);
	}
	memcpy(ink->bytes, VARDATA_ANY(packed), len);
	ink->len = len;
	ink->known = true;
	if ((Pointer) packed != DatumGetPointer(value))
		pfree(packed);
	return sparse;
}

HwrSparse *
hwr_ink_read_plain(HwrInk *ink, Datum value, const char *what)
{
	HwrSparse  *sparse = hwr_ink_read(ink, value);
	HwrStatus	st;

	if (!hwr_refuse_spelt(&sparse->alphabet, what, &st))
		hwr_raise(&st);
	return sparse;
}

const float *
hwr_ink_dense_over(HwrInk *ink, const HwrAlphabet *alphabet)
{
	HwrSparse  *sparse = ink->sparse->object;
	size_t		cells;
	HwrStatus	st;

	ink->dense = false;
	if (!hwr_sparse_cells(sparse, alphabet, &cells, &st))
		hwr_raise(&st);
	if (cells > ink->cells_room)
	{
		if (ink->logp != NULL)
			pfree(ink->logp);
		ink->logp = NULL;
		ink->cells_room = 0;
		ink->logp = MemoryContextAlloc(ink->context, cells * sizeof(float));
		ink->cells_room = cells;
	}
	hwr_sparse_dense(sparse, alphabet, ink->logp);
	return ink->logp;
}

const float *
hwr_ink_dense(HwrInk *ink)
{
	HwrSparse  *sparse = ink->sparse->object;

	if (!ink->dense)
		hwr_ink_dense_over(ink, &sparse->alphabet);
	ink->dense = true;
	return ink->logp;
}

HwrReading *
hwr_ink_greedy(HwrInk *ink, HwrHold *hold)
{
	HwrSparse  *sparse = ink->sparse->object;
	const float *logp = hwr_ink_dense(ink);
	HwrReading *reading = palloc0(sizeof(HwrReading));
	HwrStatus	st;

	if (!hwr_decode_greedy(logp, sparse->steps, sparse->alphabet.n + 1, &sparse->alphabet, reading, &st))
		hwr_raise(&st);
	hwr_hold_replace(hold, reading);
	return reading;
}
