/*
 * bundled.c
 *	  Models that come with the extension.
 *
 * They are files NAME.safetensors in the folder hwr of the share directory.  A model of the same name in the database
 * takes a file's place; the name default means HWR_BUNDLED_DEFAULT where the database has no model of that
 * name.  Anyone may use them, and they have no version, owner or measurements.
 */
#include "postgres.h"

#include <dirent.h>
#include <sys/stat.h>
#include <time.h>

#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "port.h"
#include "storage/fd.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"

#include "core/base/status.h"
#include "core/model/model.h"
#include "core/text/text.h"
#include "pg/base/compat.h"
#include "pg/base/error.h"
#include "catalog.h"

PG_FUNCTION_INFO_V1(hwr_bundled_models);

#define BUNDLED_SUFFIX ".safetensors"

/* Far above what is installed: no more than this is read into memory. */
#define BUNDLED_LIMIT (64 * 1024 * 1024)

/* What is known of a file, so that a statement need not read it to know its hash, and reading it need not compute that again. */
typedef struct KnownFile
{
	struct KnownFile *next;
	char		name[NAMEDATALEN];
	struct stat st;
	uint8		hash[PG_SHA256_DIGEST_LENGTH];
} KnownFile;

static KnownFile *known_files = NULL;

/* Only plain names: a model's name comes from the user and must not lead out of the folder. */
static bool
is_file_name(const char *name)
{
	size_t		n = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-");

	return n > 0 && name[n] == '\0' && n < NAMEDATALEN;
}

static void
folder_path(char *path)
{
	char		share[MAXPGPATH];

	get_share_path(my_exec_path, share);
	snprintf(path, MAXPGPATH, "%s/hwr", share);
}

/* Where the file for a model's name would be; the buffer is MAXPGPATH long. */
static void
file_path(const char *name, char *path)
{
	char		folder[MAXPGPATH];

	folder_path(folder);
	if (snprintf(path, MAXPGPATH, "%s/%s%s", folder, name, BUNDLED_SUFFIX) >= MAXPGPATH)
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("path of the share directory is too long")));
}

/* What was read; reports at this level what is the matter, and returns NULL then if the level is below ERROR. */
static bytea *
read_file(const char *path, int elevel, struct stat *st)
{
	FILE	   *file = AllocateFile(path, PG_BINARY_R);
	bytea	   *bytes = NULL;

	if (file == NULL || fstat(fileno(file), st) != 0)
		ereport(elevel,
				(errcode_for_file_access(),
				 errmsg("could not open file \"%s\": %m", path)));
	else if (st->st_size > BUNDLED_LIMIT)
		ereport(elevel,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("file \"%s\" is too large", path)));
	else
	{
		bytes = palloc(VARHDRSZ + st->st_size);
		SET_VARSIZE(bytes, VARHDRSZ + st->st_size);
		errno = 0;
		if (fread(VARDATA(bytes), 1, st->st_size, file) != (size_t) st->st_size)
		{
			ereport(elevel,
					(errcode_for_file_access(),
					 errmsg("could not read file \"%s\": %m", path)));
			pfree(bytes);
			bytes = NULL;
		}
	}
	if (file != NULL)
		FreeFile(file);
	return bytes;
}

static void
hash_bytes(const bytea *bytes, uint8 *hash)
{
	if (!hwr_sha256((const uint8 *) VARDATA(bytes), VARSIZE(bytes) - VARHDRSZ, hash))
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not compute SHA-256 hash")));
}

/* Whether a file has not been written or replaced since: within a second too, if it has another size or place. */
static bool
is_same_file(const struct stat *a, const struct stat *b)
{
	return a->st_size == b->st_size && a->st_mtime == b->st_mtime && a->st_ctime == b->st_ctime && a->st_ino == b->st_ino &&
		a->st_dev == b->st_dev;
}

static KnownFile *
find_known(const char *name)
{
	KnownFile  *known = known_files;

	while (known != NULL && strcmp(known->name, name) != 0)
		known = known->next;
	if (known == NULL)
	{
		known = MemoryContextAllocZero(TopMemoryContext, sizeof(KnownFile));
		strlcpy(known->name, name, sizeof(known->name));
		known->st.st_size = -1;
		known->next = known_files;
		known_files = known;
	}
	return known;
}

static const char *
name_of_file(const char *model)
{
	return strcmp(model, HWR_DEFAULT_MODEL) == 0 ? HWR_BUNDLED_DEFAULT : model;
}

bool
hwr_bundled_find(const char *model, HwrVersionInfo *out)
{
	const char *name = name_of_file(model);
	char		path[MAXPGPATH];
	struct stat st;
	KnownFile  *known;

	if (!is_file_name(name))
		return false;
	file_path(name, path);
	if (stat(path, &st) != 0)
	{
		if (errno == ENOENT)
			return false;
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not stat file \"%s\": %m", path)));
	}
	known = find_known(name);
	if (!is_same_file(&known->st, &st))
	{
		bytea	   *bytes = read_file(path, ERROR, &st);

		known->st.st_size = -1;
		hash_bytes(bytes, known->hash);
		pfree(bytes);
		/* what was written within this second may be written again, and look the same */
		if (st.st_ctime < time(NULL))
			known->st = st;
	}
	memset(out, 0, sizeof(*out));
	out->bundled = true;
	namestrcpy(&out->name, model);
	memcpy(out->hash, known->hash, sizeof(out->hash));
	return true;
}

bytea *
hwr_bundled_read(const HwrVersionInfo *version)
{
	const char *name = name_of_file(NameStr(version->name));
	const KnownFile *known = find_known(name);
	char		path[MAXPGPATH];
	uint8		hash[PG_SHA256_DIGEST_LENGTH];
	struct stat st;
	bytea	   *bytes;

	file_path(name, path);
	bytes = read_file(path, ERROR, &st);
	if (is_same_file(&known->st, &st))
		memcpy(hash, known->hash, sizeof(hash));
	else
		hash_bytes(bytes, hash);
	if (memcmp(hash, version->hash, sizeof(hash)) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("file \"%s\" was replaced while it was in use", path),
				 errhint("Try again.")));
	return bytes;
}

bytea *
hwr_bundled_read_beside(const char *model, const char *suffix)
{
	const char *name = name_of_file(model);
	char		folder[MAXPGPATH];
	char	   *path;
	struct stat st;

	if (!is_file_name(name))
		return NULL;
	folder_path(folder);
	path = psprintf("%s/%s%s", folder, name, suffix);
	return stat(path, &st) == 0 ? read_file(path, NOTICE, &st) : NULL;
}

static Datum
text_datum(const char *utf8)
{
	return CStringGetTextDatum(hwr_from_utf8(utf8));
}

static Datum
jsonb_datum(const char *utf8)
{
	return DirectFunctionCall1(jsonb_in, CStringGetDatum(hwr_from_utf8(utf8 != NULL ? utf8 : "{}")));
}

/* A row; without a model, of a file that is none: its name and size alone. */
static void
put_row(ReturnSetInfo *rsinfo, const char *name, const bytea *bytes, const HwrModel *model, const char *alphabet)
{
	Datum		values[8];
	bool		nulls[8];

	memset(nulls, model == NULL, sizeof(nulls));
	values[0] = CStringGetTextDatum(name);
	values[2] = Int64GetDatum(bytes != NULL ? VARSIZE(bytes) - VARHDRSZ : 0);
	nulls[0] = false;
	nulls[2] = bytes == NULL;
	if (model != NULL)
	{
		bytea	   *card = hwr_bundled_read_beside(name, ".json");

		values[1] = Int64GetDatum(model->net.nvalues);
		values[3] = text_datum(model->net.vgsl);
		values[4] = text_datum(alphabet);
		values[5] = jsonb_datum(model->options);
		values[6] = jsonb_datum(model->result);
		values[7] = jsonb_datum(card != NULL ? pnstrdup(VARDATA(card), VARSIZE(card) - VARHDRSZ) : NULL);
	}
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

/* The rows of a file: under its own name, and as default if it is that. */
static void
put_rows(ReturnSetInfo *rsinfo, const char *name, const bytea *bytes, const HwrModel *model, const char *alphabet)
{
	put_row(rsinfo, name, bytes, model, alphabet);
	if (strcmp(name, HWR_BUNDLED_DEFAULT) == 0)
		put_row(rsinfo, HWR_DEFAULT_MODEL, bytes, model, alphabet);
}

/*
 * A file that cannot be read, of a newer hwr than the server has loaded, say, must keep nobody from seeing
 * the other models and their figures: its rows are there, and empty.
 */
static void
list_file(ReturnSetInfo *rsinfo, const char *name)
{
	char		path[MAXPGPATH];
	bytea	   *bytes;
	HwrModel   *model = NULL;
	char	   *alphabet = NULL;
	struct stat file;
	HwrStatus	st;

	file_path(name, path);
	bytes = read_file(path, NOTICE, &file);
	if (bytes == NULL)
	{
		put_rows(rsinfo, name, NULL, NULL, NULL);
		return;
	}
	if (!hwr_model_load((const uint8 *) VARDATA(bytes), VARSIZE(bytes) - VARHDRSZ, &model, &st) ||
		!hwr_alphabet_to_utf8(&model->alphabet, &alphabet, &st))
	{
		hwr_model_free(model);
		if (st.code == HWR_OUT_OF_MEMORY)
			hwr_raise(&st);
		ereport(NOTICE,
				(errmsg("bundled model \"%s\" cannot be used: %s", name, hwr_status_text(&st)),
				 st.code == HWR_MODEL_TOO_NEW ?
				 errhint("If a newer hwr has been installed, sessions that begin now have it; where it is preloaded, restart "
						 "the server.") : 0));
		put_rows(rsinfo, name, bytes, NULL, NULL);
		return;
	}
	PG_TRY();
	{
		put_rows(rsinfo, name, bytes, model, alphabet);
	}
	PG_FINALLY();
	{
		free(alphabet);
		hwr_model_free(model);
	}
	PG_END_TRY();
	pfree(bytes);
}

/*
 * hwr.bundled_models() returns table (model text, parameters bigint, bytes bigint, architecture
 * text, alphabet text,
 *		options jsonb, result jsonb, card jsonb)
 */
Datum
hwr_bundled_models(PG_FUNCTION_ARGS)
{
	char		folder[MAXPGPATH];
	DIR		   *dir;
	struct dirent *entry;

	InitMaterializedSRF(fcinfo, 0);
	folder_path(folder);
	dir = AllocateDir(folder);
	if (dir == NULL && errno == ENOENT)
		return (Datum) 0;
	while ((entry = ReadDir(dir, folder)) != NULL)
	{
		size_t		length = strlen(entry->d_name);
		char	   *name = pnstrdup(entry->d_name, Max(length, strlen(BUNDLED_SUFFIX)) - strlen(BUNDLED_SUFFIX));

		if (is_file_name(name) && strcmp(entry->d_name + strlen(name), BUNDLED_SUFFIX) == 0)
			list_file((ReturnSetInfo *) fcinfo->resultinfo, name);
	}
	FreeDir(dir);
	return (Datum) 0;
}
