/*
 * catalog.h
 *	  The tables of schema hwr: models and their versions, bundled ones too.
 *
 * Include after postgres.h.
 */
#ifndef HWR_CATALOG_H
#define HWR_CATALOG_H

#include "common/sha2.h"

#include "core/model/model.h"
#include "core/text/metrics.h"
#include "pg/base/compat.h"

/* Model that a NULL model argument means. */
#define HWR_DEFAULT_MODEL "default"

/*
 * The bundled model that the default one is where the database has none, and the other one that
 * comes with hwr.
 */
#define HWR_BUNDLED_DEFAULT "latin"
#define HWR_BUNDLED_OTHER "names"

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
	int64		bytes;			/* of the file */
	NameData	name;
	bool		bundled;		/* a file that comes with the extension: only name and hash are set */
	int32		active;			/* version that is active; 0: none, or the bundled model */
	bool		chosen;			/* by a person, with hwr_activate_model; set by hwr_catalog_store only */
} HwrVersionInfo;

/* Model names are 1 .. NAMEDATALEN - 1 bytes. Raises invalid_parameter_value, name_too_long. */
extern void hwr_check_model_name(const char *model);

/* Raises undefined_object, or insufficient_privilege if the current user may see no version of the model. */
extern void hwr_catalog_check_see(const char *model);

/*
 * Raises undefined_object. version 0: the active one, or the bundled model of that name where none
 * is active.  To whom may see no version, all versions are forbidden.
 */
extern void hwr_catalog_find(const char *model, int version, HwrVersionInfo *out);
/* undefined_object, with the nearest name as a hint. */
pg_noreturn extern void hwr_raise_no_model(const char *model);
pg_noreturn extern void hwr_raise_no_version(const char *model, int version);

/* The active version or the bundled model: what readers get; false where there is neither. */
extern bool hwr_catalog_find_active(const char *model, HwrVersionInfo *out);

/* The row of hwr.model; false if there is none.  *active: 0 where no version is active. */
extern bool hwr_catalog_model(const char *model, int32 *id, int32 *active);

/*
 * A version of a model by its number, or the newest for 0; false if there is none.  Fills all of
 * *out but name and active.
 */
extern bool hwr_catalog_version(int32 model_id, int32 version, HwrVersionInfo *out);

/* Whether the current user may use a version with these weights, and see that it exists. */
extern bool hwr_may_read(Oid weights);
extern bool hwr_may_see(Oid weights);

/*
 * Raises insufficient_privilege unless the current user may use the version, data_corrupted if its
 * weights are gone.
 */
extern void hwr_catalog_check_read(const HwrVersionInfo *version);

/* The stored file (palloc'd), after that check and one of its hash. */
extern bytea *hwr_catalog_read_weights(const HwrVersionInfo *version);

/*
 * owner.c: whose a model is, with a snapshot of this moment
 *
 * check_owner is for before the work: it raises insufficient_privilege if the model exists and role
 * is not (a member of) its owner, and object_in_use if the name is reserved for a training of
 * another role; job: one's own, or 0.  Returns whether the model exists.
 */
extern bool hwr_catalog_check_owner(const char *model, Oid role, int64 job);

/*
 * Lock the row of a model that is the current user's, until the transaction's end; its id, active version, 0 for
 * none, and owner, as hwr_catalog_owner.  SPI is connected.
 */
extern int32 hwr_catalog_lock_own(const char *model, int32 *active, Oid *owner);

/*
 * The owner of a model whose row is locked, or an error as check_owner's; role where a superuser
 * takes over; InvalidOid: no versions.
 */
extern Oid	hwr_catalog_owner(const char *model, int32 model_id, Oid role);

/* hwr_catalog_version at this moment, whatever the active snapshot. */
extern bool hwr_catalog_version_now(int32 model_id, int32 version, HwrVersionInfo *out);

/* Are the bytes of a version's large object those that its row tells? */
extern bool hwr_catalog_is_intact(const HwrVersionInfo *version);

/*
 * A name that is to be taken, until the transaction's end; and that error of check_owner where it
 * has no model.
 */
extern void hwr_catalog_lock_name(const char *model);
extern void hwr_catalog_check_reserved(const char *model, Oid role, int64 job);

/*
 * bundled.c: models that come with the extension, for anyone to use
 */
extern bool hwr_bundled_find(const char *model, HwrVersionInfo *out);
extern bytea *hwr_bundled_read(const HwrVersionInfo *version);

/* The file of another suffix that comes with it; NULL: there is none. */
extern bytea *hwr_bundled_read_beside(const char *model, const char *suffix);

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

/*
 * The same of bytes that are a large object already, which keeps its owner and its grants; the number it had if that is
 * free.  An existing model must have the same owner.
 */
extern void hwr_catalog_adopt(const char *model, Oid weights, int32 version, const uint8 *bytes, Size len,
							  const HwrModel *meta, HwrVersionInfo *out);

/*
 * What large objects are described as, \dl+ shows it, and regular expressions for the model's name
 * and the number in it.
 */
#define HWR_DESCRIPTION "hwr: version %d of model \"%s\""
#define HWR_DESCRIPTION_NAME "^hwr: .* of model \"(.*)\"$"
#define HWR_DESCRIPTION_NUMBER "^hwr: version ([0-9]{1,9}) of"

/* Make a version just stored the active one; no person's choice any more. */
extern void hwr_catalog_activate(const HwrVersionInfo *version);

/* The same, or not, and what becomes of a person's choice is said. */
extern void hwr_catalog_settle_active(const HwrVersionInfo *version, bool activate);

/*
 * Insert a hwr.metric row of this role's, and its confusions (or NULL); returns its id.  overlap:
 * -1 where it is unknown.
 */
extern int64 hwr_catalog_add_metric(int64 version_id, Oid owner, const char *split, const char *data, int64 skipped,
									int64 overlap,
									const HwrMetrics *metrics, const HwrConfusions *confusions);

/* drop.c: from _PG_init */
extern void hwr_drop_install(void);

#endif							/* HWR_CATALOG_H */
