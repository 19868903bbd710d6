/*
 * process_lock.c
 *	  Locks that say that a process lives, and locks on names, which SQL can neither take nor release.
 *
 * The obvious locks, advisory ones at session level, are not enough: a training's process runs the
 * views and functions of its user, and pg_advisory_unlock_all() there would release them.  Ordinary
 * locks have no such function, but PostgreSQL releases those of the session too when a transaction
 * fails.  A lock of a job is both kinds: it is held as long as either is, and whoever lost one
 * takes it again.  For the others the ordinary kind will do: of a transaction that fails, nothing
 * needs them any more.
 *
 * The ordinary lock is of the type that is reserved for what once was contrib/userlock, and nobody
 * else's.  Advisory locks taken from SQL have 1 or 2 in the tag's last field; ours the space, so
 * that no user's lock can be mistaken for one.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/lock.h"

#include "compat.h"
#include "process_lock.h"

/* Another process that only looks has the lock for a moment: so often, a millisecond apart, it is tried. */
#define TRIES 50

static void
make_tag(HwrLockSpace space, uint64 number, bool advisory, LOCKTAG *tag)
{
	SET_LOCKTAG_ADVISORY(*tag, space == HWR_LOCK_PLACE ? InvalidOid : MyDatabaseId,
						 (uint32) (number >> 32), (uint32) number, space);
	if (!advisory)
	{
		tag->locktag_type = LOCKTAG_USERLOCK;
		tag->locktag_lockmethodid = DEFAULT_LOCKMETHOD;
	}
}

static bool
try_lock(HwrLockSpace space, uint64 number, bool advisory)
{
	LOCKTAG		tag;

	make_tag(space, number, advisory, &tag);
	for (int i = 0; i < TRIES; i++)
	{
		if (LockAcquire(&tag, ExclusiveLock, true, true) != LOCKACQUIRE_NOT_AVAIL)
			return true;
		if (space == HWR_LOCK_PLACE)	/* nobody looks at these */
			return false;
		pg_usleep(1000L);
	}
	return false;
}

static void
unlock(HwrLockSpace space, uint64 number, bool advisory)
{
	LOCKTAG		tag;

	make_tag(space, number, advisory, &tag);
	(void) LockRelease(&tag, ExclusiveLock, true);
}

bool
hwr_process_lock(HwrLockSpace space, uint64 number)
{
	if (!try_lock(space, number, false))
		return false;
	if (space != HWR_LOCK_JOB || try_lock(space, number, true))
		return true;
	unlock(space, number, false);
	return false;
}

void
hwr_process_unlock(HwrLockSpace space, uint64 number)
{
	unlock(space, number, false);
	if (space == HWR_LOCK_JOB)
		unlock(space, number, true);
}

/* A share lock is tried, not waited for: two who look at the same time do not hinder each other. */
static bool
is_held(HwrLockSpace space, uint64 number, bool advisory)
{
	LOCKTAG		tag;

	make_tag(space, number, advisory, &tag);
	if (LockAcquire(&tag, ShareLock, false, true) == LOCKACQUIRE_NOT_AVAIL)
		return true;
	LockRelease(&tag, ShareLock, false);
	return false;
}

bool
hwr_process_lock_is_held(HwrLockSpace space, uint64 number)
{
	return is_held(space, number, false) || (space == HWR_LOCK_JOB && is_held(space, number, true));
}

void
hwr_process_unlock_all(void)
{
	LockReleaseAll(DEFAULT_LOCKMETHOD, true);
	LockReleaseAll(USER_LOCKMETHOD, true);
}

bool
hwr_transaction_lock(HwrLockSpace space, uint64 number, bool wait)
{
	LOCKTAG		tag;

	make_tag(space, number, false, &tag);
	return LockAcquire(&tag, ExclusiveLock, false, !wait) != LOCKACQUIRE_NOT_AVAIL;
}

void
hwr_transaction_unlock(HwrLockSpace space, uint64 number)
{
	LOCKTAG		tag;

	make_tag(space, number, false, &tag);
	(void) LockRelease(&tag, ExclusiveLock, false);
}
