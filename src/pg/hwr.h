/*
 * hwr.h
 *	  What the files of the glue share.
 *
 * Include after postgres.h.
 */
#ifndef HWR_H
#define HWR_H

#include "compat.h"
#include "core/image.h"
#include "core/metrics.h"
#include "core/model.h"
#include "core/recognizer.h"
#include "core/status.h"

/* Model that a NULL model argument means. */
#define HWR_DEFAULT_MODEL "default"

/* settings.c: GUC variables */
typedef enum HwrPrecisionSetting
{
	HWR_PRECISION_AUTO,
	HWR_PRECISION_FLOAT32,
	HWR_PRECISION_BFLOAT16,
	HWR_PRECISION_INT8
} HwrPrecisionSetting;

extern int	hwr_max_image_bytes;	/* kB */
extern int	hwr_max_image_pixels;	/* pixels */
extern int	hwr_model_cache_size;	/* kB, this backend */
extern int	hwr_training_memory;	/* kB of canvases in memory */
extern int	hwr_precision;		/* HwrPrecisionSetting */
typedef enum HwrServiceSetting
{
	HWR_SERVICE_AUTO,
	HWR_SERVICE_CPU,
	HWR_SERVICE_CUDA,
	HWR_SERVICE_NONE
} HwrServiceSetting;

/* Upper limits of hwr.max_batch and hwr.max_jobs. */
#define HWR_MAX_BATCH 1024
#define HWR_MAX_MAX_JOBS 1024

extern int	hwr_device;			/* HwrDeviceKind */
extern int	hwr_service_device; /* HwrServiceSetting */
extern int	hwr_service_threads;	/* of the service on the CPU */
extern int	hwr_queue_slots;	/* requests in flight at most */
extern int	hwr_max_batch;		/* canvases the service runs at once */
extern int	hwr_batch_wait;		/* ms, for a batch to fill */
extern int	hwr_max_jobs;		/* trainings at the same time, 0: any number */
extern int	hwr_gpu_memory_limit;	/* kB, 0: none */
extern char *hwr_cuda_library;
extern void hwr_define_settings(void);
extern HwrImageLimits hwr_image_limits(void);

/* error.c: the one place where a core status becomes an ereport */
pg_noreturn extern void hwr_raise(const HwrStatus *st);

/* As hwr_raise, at level elevel (ERROR does not return). */
extern void hwr_report(int elevel, const HwrStatus *st);

/* As hwr_raise, for a stored model: 'model "name" is corrupted' where its bytes are at fault. */
pg_noreturn extern void hwr_raise_for_model(const HwrStatus *st, const char *model);

/* UTF-8 of the core to a palloc'd string in the server's encoding.  Raises what cannot be converted. */
extern char *hwr_from_utf8(const char *utf8);

/*
 * identity.c: whose privileges hold, and catalog writes
 */
typedef struct HwrIdentity
{
	Oid			userid;
	int			sec_context;
	int			guc_nestlevel;
} HwrIdentity;

/* Become the owner of the extension, for catalog writes: search_path is pg_catalog meanwhile. */
extern void hwr_become_owner(HwrIdentity *save);

/* Become userid, in a security-restricted operation. */
extern void hwr_become_user(Oid userid, HwrIdentity *save);

/* Back.  Not needed on errors: the (sub)transaction's end does it. */
extern void hwr_restore_identity(const HwrIdentity *save);

/*
 * Run one statement as the extension's owner with search_path pg_catalog, SPI being connected.  nulls as in SPI
 * ('n' or ' ' each), or NULL.  Returns the rows processed; results are in SPI_tuptable.
 */
extern uint64 hwr_catalog_execute(const char *sql, int nargs, Oid *types, Datum *values,
								  const char *nulls);

/*
 * catalog.c: reading the tables of schema hwr, under the active snapshot.  No
 * privilege checks unless said.
 */
typedef struct HwrVersionInfo
{
	int64		id;				/* hwr.version.id */
	int32		model_id;
	int32		version;
	Oid			weights;		/* large object */
	Oid			owner;			/* of the large object, hence of the version; InvalidOid: it is gone */
	uint8		hash[PG_SHA256_DIGEST_LENGTH];
	NameData	name;
	bool		bundled;		/* a file that comes with the extension: only name and hash are set */
	int32		active;			/* version that is active; 0: none */
} HwrVersionInfo;

/* Model names are 1 .. NAMEDATALEN - 1 bytes. Raises invalid_parameter_value, name_too_long. */
extern void hwr_check_model_name(const char *model);

/* Raises undefined_object, or insufficient_privilege if the current user may see no version of the model. */
extern void hwr_catalog_check_see(const char *model);

/*
 * Raises undefined_object. version 0: the active one, or the bundled model of that name where the database has
 * none.  To whom may see no version, all versions are forbidden.
 */
extern void hwr_catalog_find(const char *model, int version, HwrVersionInfo *out);
pg_noreturn extern void hwr_raise_no_version(const char *model, int version);

/* The active version; false where the model does not exist or none of its versions is active. */
extern bool hwr_catalog_find_active(const char *model, HwrVersionInfo *out);

/*
 * Raise insufficient_privilege if the model exists and role is not (a member of) its
 * owner, the owner of its newest version's large object.  Returns whether the model exists.
 */
extern bool hwr_catalog_check_owner(const char *model, Oid role);

/* Whether the current user may use a version with these weights, and see that it exists. */
extern bool hwr_may_read(Oid weights);
extern bool hwr_may_see(Oid weights);

/* Raises insufficient_privilege unless the current user may use the version, data_corrupted if its weights are gone. */
extern void hwr_catalog_check_read(const HwrVersionInfo *version);

/* The stored file (palloc'd), after that check and one of its hash. */
extern bytea *hwr_catalog_read_weights(const HwrVersionInfo *version);

/*
 * bundled.c: models that come with the extension, for anyone to use
 */
extern bool hwr_bundled_find(const char *model, HwrVersionInfo *out);
extern bytea *hwr_bundled_read(const HwrVersionInfo *version);

/*
 * catalog_write.c
 *
 * Store bytes (a model file, already validated by hwr_model_load, whose result is meta) as the next version of a
 * model, creating the model if it does not exist.  The large object belongs to owner, or to the
 * owner of the existing model, whose role owner must be a member of (else insufficient_privilege); whoever could
 * read the active version can read the new one.
 * job: 0 for an import.  Runs in the current transaction, and locks the model until its end.  Fills *out.
 */
extern void hwr_catalog_store(const char *model, Oid owner, const uint8 *bytes, Size len,
							  const HwrModel *meta, int64 job, HwrVersionInfo *out);

/* Make a version just stored the active one. */
extern void hwr_catalog_activate(const HwrVersionInfo *version);

/* Insert a hwr.metric row and its confusions (or NULL); returns its id. */
extern int64 hwr_catalog_add_metric(int64 version_id, const char *split, const char *data, int64 skipped,
									const HwrMetrics *metrics, const HwrConfusions *confusions);

/*
 * columns.c: labelled tables
 */

/* The image and label columns: as named, or the only bytea and the only text-like column (name NULL). */
typedef struct HwrColumns
{
	char	   *relation;		/* qualified and quoted */
	char	   *image;			/* quoted */
	char	   *label;			/* quoted */
	char	   *key;			/* expression for the row's identity as text; NULL: not wanted */
	char	   *by;				/* quoted column that the caller asked for; NULL: none */
} HwrColumns;
extern void hwr_find_columns(Oid relid, const char *image_column, const char *label_column,
							 HwrColumns *out);

/* As hwr_find_columns, with key and by; the label is NULL::text in a relation without text. */
extern void hwr_find_columns_to_read(Oid relid, const char *image_column, const char *label_column,
									 const char *by_column, HwrColumns *out);

/* The label column alone, quoted, as hwr_find_columns finds it. */
extern char *hwr_find_label_column(Oid relid, const char *label_column);

/*
 * Rows of a labelled table, through an SPI cursor, as the current user.  SPI must be connected, and stay so.  A row's
 * memory is valid until the next call.  Images are as from hwr_image_bytes.
 */
typedef struct HwrRow
{
	int64		number;			/* from 1 */
	const uint8 *image;			/* NULL: SQL NULL */
	Size		image_len;
	const char *label;			/* UTF-8, NULL: SQL NULL */
	Size		label_len;
	char	   *key;			/* server encoding, NULL: unknown */
	char	   *by;				/* likewise, NULL: SQL NULL or not asked for */
} HwrRow;
typedef struct HwrRows HwrRows;

extern HwrRows *hwr_rows_open(const HwrColumns *columns);

/* Every so-many-th row only, numbered from 1 all the same; image and label, no key. */
extern HwrRows *hwr_rows_open_spread(const HwrColumns *columns, int64 every);
extern bool hwr_rows_next(HwrRows *rows, HwrRow *row);

/* At most this many rows, and few more than this many bytes of images, make a batch. */
#define HWR_ROWS_BATCH 256
#define HWR_ROWS_BATCH_BYTES (16 * 1024 * 1024)

/* The next rows, at least one and at most limit; 0: there are no more. */
extern int	hwr_rows_next_batch(HwrRows *rows, int limit, HwrRow *batch);
extern void hwr_rows_close(HwrRows *rows);

/*
 * Bytes of an image value, in the current memory context.  One that is longer than hwr.max_image_bytes is not read into
 * memory: *len is its length, by which hwr_image_decode refuses it before it looks at any byte.
 */
extern const uint8 *hwr_image_bytes(Datum image, Size *len);

/*
 * cache.c: models loaded in this process, keyed by content hash.  The result is valid until the next
 * call: use it without letting any other SQL run in between, and ask again.
 */
typedef struct HwrLoaded
{
	const HwrModel *model;
	HwrRecognizer *recognizer;
	const uint8 *hash;			/* of its file, SHA-256 */
	HwrPrecision precision;
	const HwrVersionInfo *version;	/* the caller's */
} HwrLoaded;
extern HwrLoaded hwr_cache_get(const HwrVersionInfo *version);	/* checks the privilege to use it */
extern HwrLoaded hwr_cache_get_again(const HwrVersionInfo *version);	/* after a hwr_cache_get in this statement */

/*
 * reader.c: a batch of images on its way from bytes to posteriors to text.  What the core allocates for
 * it goes when the memory context it was created in does, or by hwr_batch_free.
 */
typedef struct HwrBatchReader
{
	MemoryContext context;		/* the batch itself, and for the caller's use */
	int			n;				/* images, at most HWR_RECOGNIZE_BATCH */
	HwrCanvas	canvases[HWR_RECOGNIZE_BATCH];
	HwrPosterior posteriors[HWR_RECOGNIZE_BATCH];
	HwrReading	readings[HWR_RECOGNIZE_BATCH];
	double		queue_time;		/* ms that it waited for the service */
} HwrBatchReader;
extern HwrBatchReader *hwr_batch_create(void);
extern bool hwr_batch_add(HwrBatchReader *batch, HwrLoaded loaded, const uint8 *bytes, Size len, HwrStatus *st);

/* Fill posteriors and readings of all images added. */
extern void hwr_batch_run(HwrBatchReader *batch, HwrLoaded loaded);
extern void hwr_batch_free(HwrBatchReader *batch);

/*
 * device.c: which device computes
 */

/* Whether recognition goes to the service.  Raises object_not_in_prerequisite_state where hwr.device asks for a GPU and there is none. */
extern bool hwr_use_service(void);

/*
 * The backend for training on that device, auto: as hwr.device says.  May initialise a driver: the process must be a
 * training worker.  Raises object_not_in_prerequisite_state for cuda without a GPU; auto without one logs why.
 */
extern const HwrBackend *hwr_training_backend(HwrDeviceKind wanted);

/* hwr.cuda_library with $libdir put in, palloc'd. */
extern char *hwr_cuda_path(void);

/* drop.c: from _PG_init */
extern void hwr_drop_install(void);

/* wait.c: what a process waits for */
typedef enum HwrWait
{
	HWR_WAIT_MAIN,				/* the service worker: for requests, or for more to fill a batch */
	HWR_WAIT_SLOT,				/* a session: for a free slot of the service's */
	HWR_WAIT_ANSWER,			/* a session: for the service's answer */
	HWR_WAIT_PLACE,				/* a training worker, the next in the queue: for a place among hwr.max_jobs */
	HWR_WAIT_TRAINING			/* a session: for its training */
} HwrWait;
extern uint32 hwr_wait_event(HwrWait wait);

/*
 * label.c: a row's label as a model reads it
 */
typedef struct HwrLabel
{
	char	   *text;			/* UTF-8, normalised */
	int			len;
	int		   *classes;
	int			nclasses;
	bool		writable;		/* all characters are in the alphabet */
} HwrLabel;

/* Fill *out in the context.  HWR_BAD_LABEL where the label cannot be used. */
extern bool hwr_label_make(const HwrRow *row, const HwrModel *model, MemoryContext context,
						   HwrLabel *out, HwrStatus *st);

/* -log P(text | image) in nats; infinite where the network cannot write it. */
extern double hwr_label_loss(const HwrLabel *label, const HwrPosterior *p, MemoryContext context);
extern double hwr_classes_loss(const int *classes, int n, const HwrPosterior *p, MemoryContext context);

#endif							/* HWR_H */
