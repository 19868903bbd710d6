/*
 * device.c
 *	  Opening a backend that lives in a shared library of its own.
 */
#include "device.h"

#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#if UINTPTR_MAX > UINT32_MAX
typedef Elf64_Ehdr ElfHeader;
typedef Elf64_Phdr ElfSegment;
#else
typedef Elf32_Ehdr ElfHeader;
typedef Elf32_Phdr ElfSegment;
#endif

typedef const HwrBackend *(*BackendEntry) (void);

static bool
read_at(FILE *f, uint64_t offset, void *out, size_t size)
{
	return fseek(f, (long) offset, SEEK_SET) == 0 && fread(out, size, 1, f) == 1;
}

/* Whether the file has all that its ELF header promises. */
static bool
is_complete(FILE *f)
{
	ElfHeader	header;
	uint64_t	end;
	long		size;

	if (fseek(f, 0, SEEK_END) != 0 || (size = ftell(f)) < 0)
		return false;
	if (!read_at(f, 0, &header, sizeof(header)) || memcmp(header.e_ident, ELFMAG, SELFMAG) != 0)
		return false;
	end = header.e_shoff + (uint64_t) header.e_shnum * header.e_shentsize;
	for (int i = 0; i < header.e_phnum; i++)
	{
		ElfSegment	segment;

		if (!read_at(f, header.e_phoff + (uint64_t) i * header.e_phentsize, &segment, sizeof(segment)))
			return false;
		if (segment.p_offset + segment.p_filesz > end)
			end = segment.p_offset + segment.p_filesz;
	}
	return end <= (uint64_t) size;
}

static bool
unavailable(HwrStatus *st)
{
	return hwr_fail(st, HWR_DEVICE, "GPU is not available");
}

/* dlopen maps a truncated library without complaint, and its first use of what is missing is a SIGBUS. */
static bool
check_file(const char *path, HwrStatus *st)
{
	FILE	   *f = fopen(path, "rb");
	bool		complete;

	if (f == NULL)
	{
		unavailable(st);
		return hwr_fail_detail(st, "Could not open \"%s\": %s.", path, strerror(errno));
	}
	complete = is_complete(f);
	fclose(f);
	if (!complete)
	{
		unavailable(st);
		return hwr_fail_detail(st, "File \"%s\" is not a complete shared library.", path);
	}
	return true;
}

bool
hwr_device_load(const char *path, const HwrBackend **out, HwrStatus *st)
{
	const HwrBackend *backend = NULL;
	BackendEntry entry = NULL;
	HwrDeviceInfo info;
	const int  *abi;
	void	   *library;

	if (!check_file(path, st))
		return false;
	library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (library == NULL)
	{
		unavailable(st);
		return hwr_fail_detail(st, "Could not load the library: %s.", dlerror());
	}
	abi = dlsym(library, "hwr_backend_abi");
	if (abi == NULL)
	{
		unavailable(st);
		return hwr_fail_detail(st, "File \"%s\" is not a backend of hwr.", path);
	}
	if (*abi != HWR_BACKEND_ABI)
	{
		unavailable(st);
		return hwr_fail_detail(st, "File \"%s\" has backend interface %d, but this hwr needs %d.",
							   path, *abi, HWR_BACKEND_ABI);
	}
	*(void **) &entry = dlsym(library, "hwr_backend");
	if (entry != NULL)
		backend = entry();
	if (backend == NULL || backend->abi != HWR_BACKEND_ABI)
	{
		unavailable(st);
		return hwr_fail_detail(st, "File \"%s\" is not a backend of hwr.", path);
	}
	if (!backend->describe(&info, st))
		return false;
	*out = backend;
	return true;
}

bool
hwr_infer_each_width(const HwrBackend *backend, HwrBackendContext *ctx, const HwrNet *net,
					 int n, const int *widths, const uint8_t *ink, float *logp, HwrStatus *st)
{
	for (int from = 0, count; from < n; from += count)
	{
		size_t		steps = (size_t) hwr_net_steps(net, widths[from]);

		for (count = 1; from + count < n && widths[from + count] == widths[from];)
			count++;
		if (!backend->infer(ctx, count, widths[from], ink, logp, st))
			return false;
		ink += (size_t) count * (size_t) net->height * (size_t) widths[from];
		logp += (size_t) count * steps * (size_t) net->classes;
	}
	return true;
}
