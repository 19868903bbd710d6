/*
 * service_models.c
 *	  The service worker's models.
 *
 * Keyed by the model file's SHA-256 and the precision, so an entry is never stale.  A context grows
 * with the batches that it runs.  The least recently used go when the sum passes the limit, and
 * when the device's memory does not suffice for a new one or for a batch.  The session that asks
 * for a model has read it with its own privileges; it need not be asked again, because it sends the
 * key only after it has.
 */
#include "postgres.h"

#include "core/base/status.h"
#include "core/network/backend.h"
#include "core/network/vgsl.h"
#include "pg/base/compat.h"
#include "pg/base/settings.h"
#include "service.h"

/* Most recently used first. */
static dlist_head models = DLIST_STATIC_INIT(models);

static Size
memory_limit(const HwrBackend *backend)
{
	if (backend == hwr_cpu_backend())
		return (Size) hwr_model_cache_size * 1024;
	return hwr_gpu_memory_limit > 0 ? (Size) hwr_gpu_memory_limit * 1024 : SIZE_MAX;
}

static void
free_model(const HwrBackend *backend, HwrServiceContext *model)
{
	if (model->context != NULL)
		backend->destroy(model->context);
	free(model);
}

HwrServiceContext *
hwr_service_find_model(const HwrModelKey *key)
{
	dlist_iter	iter;

	dlist_foreach(iter, &models)
	{
		HwrServiceContext *model = dlist_container(HwrServiceContext, node, iter.cur);

		if (memcmp(&model->key, key, sizeof(*key)) == 0)
		{
			dlist_move_head(&models, &model->node);
			return model;
		}
	}
	return NULL;
}

bool
hwr_service_drop_model(const HwrBackend *backend, const HwrServiceContext *keep)
{
	HwrServiceContext *last;

	if (dlist_is_empty(&models))
		return false;
	last = dlist_tail_element(HwrServiceContext, node, &models);
	if (last == keep)
		return false;
	dlist_delete(&last->node);
	free_model(backend, last);
	return true;
}

static bool
create_context(const HwrBackend *backend, HwrServiceContext *model, const float *values, HwrStatus *st)
{
	HwrBackendConfig config = {
		.net = &model->net,
		.threads = hwr_service_threads,
		.precision = model->key.precision,
		.memory_limit = (size_t) hwr_gpu_memory_limit * 1024,
	};

	if (!backend->create(&config, &model->context, st))
		return false;
	if (backend->set_values(model->context, values, st))
		return true;
	backend->destroy(model->context);
	model->context = NULL;
	return false;
}

HwrServiceContext *
hwr_service_load_model(const HwrBackend *backend, const HwrModelKey *key, const HwrServiceModel *source, HwrStatus *st)
{
	HwrServiceContext *model = hwr_alloc_zero(1, sizeof(HwrServiceContext), st);

	if (model == NULL)
		return NULL;
	model->key = *key;
	if (!hwr_vgsl_parse(source->vgsl, source->classes, &model->net, st) ||
		(model->net.nvalues != source->nvalues && !hwr_fail(st, HWR_INTERNAL, "unexpected length of a model's values")))
	{
		free_model(backend, model);
		return NULL;
	}
	while (!create_context(backend, model, source->values, st))
	{
		if (st->code != HWR_OUT_OF_MEMORY || !hwr_service_drop_model(backend, NULL))
		{
			free_model(backend, model);
			return NULL;
		}
	}
	dlist_push_head(&models, &model->node);
	return model;
}

static void
measure(const HwrBackend *backend, int *count, Size *bytes)
{
	dlist_iter	iter;

	*count = 0;
	*bytes = 0;
	dlist_foreach(iter, &models)
	{
		(*count)++;
		*bytes += backend->memory(dlist_container(HwrServiceContext, node, iter.cur)->context);
	}
}

void
hwr_service_fit_models(const HwrBackend *backend, const HwrServiceContext *keep, int *count, Size *bytes)
{
	do
	{
		measure(backend, count, bytes);
	} while (*bytes > memory_limit(backend) && hwr_service_drop_model(backend, keep));
}
