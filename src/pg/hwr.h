/*
 * hwr.h
 *	  What the files of the glue share.
 *
 * Include after postgres.h.
 */
#ifndef HWR_H
#define HWR_H

#include "core/image.h"
#include "core/metrics.h"
#include "core/model.h"
#include "core/recognizer.h"
#include "core/status.h"

/* settings.c: GUC variables */
extern int	hwr_max_image_bytes;	/* kB */
extern int	hwr_max_image_pixels;	/* pixels */
extern int	hwr_model_cache_size;	/* kB, this backend */
extern int	hwr_training_memory;	/* kB of canvases in memory */
extern void hwr_define_settings(void);
extern HwrImageLimits hwr_image_limits(void);

/* error.c: the one place where a core status becomes an ereport */
extern void hwr_raise(const HwrStatus *st) pg_attribute_noreturn();

/* As hwr_raise, at level elevel (ERROR does not return), with context such as: model "x" */
extern void hwr_report(int elevel, const HwrStatus *st);

/*
 * catalog.c: tables of schema hwr.  They read under the active snapshot and do no
 * privilege checks unless said.
 */
typedef struct HwrVersionInfo
{
	int64		id;				/* hwr.version.id */
	int32		model_id;
	int32		version;
	Oid			weights;		/* large object */
	Oid			owner;
	uint8		hash[32];
	NameData	name;
} HwrVersionInfo;

/* Model names are 1 .. NAMEDATALEN - 1 bytes. Raises undefined_object. version 0: the active one. */
extern void hwr_catalog_find(const char *model, int version, HwrVersionInfo *out);

/*
 * Store bytes (a model file, already validated by hwr_model_load, whose
 * result is meta) as the next version of a model, creating the model if it does not exist. The large object belongs to owner;
 * an existing model of another owner raises insufficient_privilege.  activate: make it the active version.
 * job: 0 for an import.  Runs in the current transaction.  Returns the version.
 */
extern void hwr_catalog_store(const char *model, Oid owner, const uint8 *bytes, Size len,
							  const HwrModel *meta, int64 job, bool activate,
							  HwrVersionInfo *out);

/* Insert a hwr.metric row and its confusions; returns its id. */
extern int64 hwr_catalog_add_metric(int64 version_id, const char *split, const char *data, int64 skipped,
									const HwrMetrics *metrics, const HwrConfusions *confusions);

/* Switch to the extension owner's identity for catalog writes, and back. */
typedef struct HwrIdentity
{
	Oid			userid;
	int			sec_context;
} HwrIdentity;
extern void hwr_become_owner(HwrIdentity *save);
extern void hwr_become_user(Oid userid, HwrIdentity *save); /* security-restricted */
extern void hwr_restore_identity(const HwrIdentity *save);

/* columns.c: the image and label columns of a table (names given, or the only bytea and the only text-like column) */
typedef struct HwrColumns
{
	char	   *relation;		/* qualified and quoted */
	char	   *image;			/* quoted */
	char	   *label;			/* quoted */
} HwrColumns;
extern void hwr_find_columns(Oid relid, const char *image_column, const char *label_column,
							 HwrColumns *out);

/* cache.c: models loaded in this process, keyed by content hash */
extern HwrRecognizer *hwr_cache_get(const HwrVersionInfo *version); /* checks the large object's ACL */

#endif							/* HWR_H */
