/*
 * threads.c
 *	  Fork-join thread pool.
 *
 * Work is published by raising "generation" under the mutex; each thread runs its part of that
 * generation and counts itself off "pending".  The parts are fixed by the number of
 * threads, so that results do not depend on scheduling.
 *
 * Whoever waits first watches for a short time, because waking a sleeper takes longer than many a
 * part of a network with one image does.
 */
#include "threads.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>

/* Looks before going to sleep: about 40 microseconds, what sleeping and waking cost. */
#define WATCH 2000

struct HwrPool
{
	int			threads;
	int			started;		/* threads that exist besides the caller */
	pthread_t  *handles;
	pthread_mutex_t mutex;
	pthread_cond_t work;		/* generation or quit changed */
	pthread_cond_t done;		/* pending fell to zero */
	atomic_uint generation;		/* these three change under the mutex, but are watched without it */
	atomic_int	pending;
	atomic_bool quit;
	HwrPoolFn	fn;
	void	   *arg;
};

typedef struct Starter
{
	HwrPool    *pool;
	int			part;
} Starter;

/* Let the processor rest between two looks. */
static inline void
rest(void)
{
#if defined(__x86_64__)
	__builtin_ia32_pause();
#endif
}

static void *
pool_thread(void *raw)
{
	Starter		self = *(Starter *) raw;
	HwrPool    *pool = self.pool;
	unsigned	seen = 0;

	free(raw);
	for (;;)
	{
		for (int i = 0; i < WATCH && !pool->quit && pool->generation == seen; i++)
			rest();
		pthread_mutex_lock(&pool->mutex);
		while (!pool->quit && pool->generation == seen)
			pthread_cond_wait(&pool->work, &pool->mutex);
		if (pool->quit)
			break;
		seen = pool->generation;
		pthread_mutex_unlock(&pool->mutex);
		pool->fn(pool->arg, self.part, pool->threads);
		pthread_mutex_lock(&pool->mutex);
		if (--pool->pending == 0)
			pthread_cond_signal(&pool->done);
		pthread_mutex_unlock(&pool->mutex);
	}
	pthread_mutex_unlock(&pool->mutex);
	return NULL;
}

static bool
start_thread(HwrPool *pool, int part, HwrStatus *st)
{
	Starter    *starter = hwr_alloc(1, sizeof(Starter), st);

	if (starter == NULL)
		return false;
	starter->pool = pool;
	starter->part = part;
	if (pthread_create(&pool->handles[part - 1], NULL, pool_thread, starter) != 0)
	{
		free(starter);
		return hwr_fail(st, HWR_OUT_OF_MEMORY, "could not start thread %d of %d", part + 1, pool->threads);
	}
	pool->started++;
	return true;
}

bool
hwr_pool_create(int threads, HwrPool **out, HwrStatus *st)
{
	HwrPool    *pool = hwr_alloc_zero(1, sizeof(HwrPool), st);
	sigset_t	all;
	sigset_t	saved;
	bool		ok = true;

	if (pool == NULL)
		return false;
	pool->threads = threads;
	pool->handles = hwr_alloc((size_t) threads, sizeof(pthread_t), st);
	if (pool->handles == NULL)
	{
		free(pool);
		return false;
	}
	pthread_mutex_init(&pool->mutex, NULL);
	pthread_cond_init(&pool->work, NULL);
	pthread_cond_init(&pool->done, NULL);

	/* new threads inherit the mask: they must never run a signal handler */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &saved);
	for (int part = 1; part < threads && ok; part++)
		ok = start_thread(pool, part, st);
	pthread_sigmask(SIG_SETMASK, &saved, NULL);

	if (!ok)
	{
		hwr_pool_free(pool);
		return false;
	}
	*out = pool;
	return true;
}

void
hwr_pool_free(HwrPool *pool)
{
	if (pool == NULL)
		return;
	pthread_mutex_lock(&pool->mutex);
	pool->quit = true;
	pthread_cond_broadcast(&pool->work);
	pthread_mutex_unlock(&pool->mutex);
	for (int i = 0; i < pool->started; i++)
		pthread_join(pool->handles[i], NULL);
	pthread_cond_destroy(&pool->done);
	pthread_cond_destroy(&pool->work);
	pthread_mutex_destroy(&pool->mutex);
	free(pool->handles);
	free(pool);
}

int
hwr_pool_threads(const HwrPool *pool)
{
	return pool->threads;
}

void
hwr_pool_run(HwrPool *pool, HwrPoolFn fn, void *arg)
{
	if (pool->threads == 1)
	{
		fn(arg, 0, 1);
		return;
	}
	pthread_mutex_lock(&pool->mutex);
	pool->fn = fn;
	pool->arg = arg;
	pool->pending = pool->threads - 1;
	pool->generation++;
	pthread_cond_broadcast(&pool->work);
	pthread_mutex_unlock(&pool->mutex);

	fn(arg, 0, pool->threads);

	for (int i = 0; i < WATCH && pool->pending > 0; i++)
		rest();
	pthread_mutex_lock(&pool->mutex);
	while (pool->pending > 0)
		pthread_cond_wait(&pool->done, &pool->mutex);
	pthread_mutex_unlock(&pool->mutex);
}
