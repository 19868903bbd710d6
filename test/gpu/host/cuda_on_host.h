/*
 * cuda_on_host.h
 *	  Enough of CUDA C++ to compile the kernels with a host compiler and run them one block at a time.
 *
 * The threads of a block are fibers, switched at barriers and shuffles only, so a run is deterministic and address and
 * undefined-behaviour sanitizers see every access.  hwr_host_order(seed) sets the order in which
 * blocks, and threads between two barriers, run: a kernel whose results change with it has a race.  Dynamic
 * shared memory is poisoned and has its exact size.
 *
 * Stricter than the device: a barrier that some thread of the block or warp does not reach ends
 * the program.
 */
#ifndef CUDA_ON_HOST_H
#define CUDA_ON_HOST_H

#define HWR_CUDA_ON_HOST

#include <math.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#include <algorithm>
#include <functional>
#include <vector>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#endif

#define __global__ static
#define __device__
#define __host__
#define __forceinline__ inline __attribute__((always_inline))
#define __shared__ static
#define __launch_bounds__(...)

struct uint3
{
	unsigned x, y, z;
};

struct dim3
{
	unsigned x, y, z;

	dim3(unsigned x = 1, unsigned y = 1, unsigned z = 1) : x(x), y(y), z(z)
	{
	}
};

typedef struct CUstream_st *cudaStream_t;
typedef int cudaError_t;

#define cudaSuccess 0
#define cudaFuncAttributeMaxDynamicSharedMemorySize 8

template <typename F> static inline cudaError_t
cudaFuncSetAttribute(F *, int, int)
{
	return cudaSuccess;
}

/* bfloat16: the upper half of a float, rounded to nearest even */

struct __nv_bfloat16
{
	uint16_t bits;
};

static inline float
__bfloat162float(__nv_bfloat16 x)
{
	uint32_t bits = (uint32_t) x.bits << 16;
	float f;

	memcpy(&f, &bits, sizeof(f));
	return f;
}

static inline __nv_bfloat16
__float2bfloat16_rn(float f)
{
	uint32_t bits;

	memcpy(&bits, &f, sizeof(bits));
	if (f != f)
		return {(uint16_t) 0x7fff};
	bits += 0x7fff + ((bits >> 16) & 1);
	return {(uint16_t) (bits >> 16)};
}

static inline int
__popc(unsigned x)
{
	return __builtin_popcount(x);
}

/*
 * Fibers
 */

namespace hwr_host
{

enum State
{
	READY,
	AT_WARP,
	AT_BLOCK,
	DONE
};

struct Fiber
{
	ucontext_t context;
	jmp_buf jump;
	bool started;
	char *stack;
	void *fake;
	State state;
	unsigned shuffles;
	int index;
};

static const size_t STACK = 256 * 1024;
static const unsigned WARP = 32;

struct Machine
{
	std::vector<Fiber *> fibers;
	std::vector<uint64_t> slots; /* [2][threads]: what the lanes offer to a shuffle */
	std::function<void()> body;
	ucontext_t scheduler;
	jmp_buf jump;
	void *fake = NULL;
	const void *scheduler_stack = NULL;
	size_t scheduler_size = 0;
	Fiber *current = NULL;
	unsigned threads = 0;
	unsigned char *dynamic = NULL;
	uint64_t order = 0;
	uint64_t random = 0;

	~Machine()
	{
		for (Fiber *f : fibers)
		{
			free(f->stack);
			delete f;
		}
	}
};

/* One for the program: inline functions' statics are shared by all files. */
inline Machine &
machine()
{
	static Machine m;

	return m;
}

inline uint3 thread_index, block_index;
inline dim3 block_size, grid_size;

inline void
stop_with(const char *what)
{
	fprintf(stderr, "cuda_on_host: %s\n", what);
	abort();
}

/*
 * Switches.  A context is needed to begin on a new stack; from then on the jumps do the same without a system call, but
 * the address sanitizer wants to be told of each switch and does not follow jumps.
 */

#if defined(__SANITIZE_ADDRESS__)

inline void
to_scheduler(Fiber *f)
{
	Machine &m = machine();

	__sanitizer_start_switch_fiber(&f->fake, m.scheduler_stack, m.scheduler_size);
	swapcontext(&f->context, &m.scheduler);
	__sanitizer_finish_switch_fiber(f->fake, &m.scheduler_stack, &m.scheduler_size);
}

inline void
to_fiber(Fiber *f)
{
	Machine &m = machine();

	__sanitizer_start_switch_fiber(&m.fake, f->stack, STACK);
	swapcontext(&m.scheduler, &f->context);
	__sanitizer_finish_switch_fiber(m.fake, NULL, NULL);
}

#else

inline void
to_scheduler(Fiber *f)
{
	if (_setjmp(f->jump) == 0)
		_longjmp(machine().jump, 1);
}

inline void
to_fiber(Fiber *f)
{
	Machine &m = machine();

	if (_setjmp(m.jump) != 0)
		return;
	if (f->started)
		_longjmp(f->jump, 1);
	f->started = true;
	setcontext(&f->context);
}

#endif

/* A fiber runs one thread after another, for the life of the program. */
inline void
fiber_main()
{
	Machine &m = machine();

#if defined(__SANITIZE_ADDRESS__)
	__sanitizer_finish_switch_fiber(NULL, &m.scheduler_stack, &m.scheduler_size);
#endif
	for (;;)
	{
		Fiber *f = m.current;

		m.body();
		f->state = DONE;
		to_scheduler(f);
	}
}

inline void
resume(Fiber *f)
{
	Machine &m = machine();
	unsigned i = (unsigned) f->index;

	m.current = f;
	thread_index.x = i % block_size.x;
	thread_index.y = i / block_size.x % block_size.y;
	thread_index.z = i / block_size.x / block_size.y;
	to_fiber(f);
}

inline void
wait_at(State state)
{
	Fiber *f = machine().current;

	f->state = state;
	to_scheduler(f);
}

inline uint64_t
next_random()
{
	uint64_t &x = machine().random;

	x = x * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return x >> 33;
}

/* 0 .. n-1, in turn or permuted */
inline std::vector<unsigned>
sequence(unsigned n)
{
	std::vector<unsigned> s(n);

	for (unsigned i = 0; i < n; i++)
		s[i] = i;
	if (machine().order != 0)
		for (unsigned i = n; i > 1; i--)
			std::swap(s[i - 1], s[next_random() % i]);
	return s;
}

inline unsigned
count(unsigned from, unsigned to, State state)
{
	unsigned found = 0;

	for (unsigned i = from; i < to; i++)
		found += machine().fibers[i]->state == state;
	return found;
}

inline void
release(unsigned from, unsigned to)
{
	for (unsigned i = from; i < to; i++)
		machine().fibers[i]->state = READY;
}

/* Let the threads that all wait at one barrier go on.  Returns whether any did. */
inline bool
release_barriers()
{
	unsigned n = machine().threads;
	bool any = false;

	for (unsigned from = 0; from < n; from += WARP)
	{
		unsigned to = std::min(from + WARP, n);

		if (count(from, to, AT_WARP) == to - from)
		{
			release(from, to);
			any = true;
		}
	}
	if (count(0, n, AT_BLOCK) == n)
	{
		release(0, n);
		any = true;
	}
	return any;
}

inline void
run_block()
{
	Machine &m = machine();
	std::vector<unsigned> order = sequence(m.threads);

	for (unsigned i = 0; i < m.threads; i++)
	{
		m.fibers[i]->state = READY;
		m.fibers[i]->shuffles = 0;
	}
	for (;;)
	{
		for (unsigned i : order)
			if (m.fibers[i]->state == READY)
				resume(m.fibers[i]);
		if (count(0, m.threads, DONE) == m.threads)
			return;
		if (!release_barriers())
			stop_with("a barrier is not reached by all threads of its block or warp");
	}
}

inline Fiber *
new_fiber(int index)
{
	Fiber *f = new Fiber();

	f->index = index;
	f->stack = (char *) malloc(STACK);
	getcontext(&f->context);
	f->context.uc_stack.ss_sp = f->stack;
	f->context.uc_stack.ss_size = STACK;
	f->context.uc_link = NULL;
	makecontext(&f->context, fiber_main, 0);
	return f;
}

template <typename Body> static inline void
launch(dim3 grid, dim3 block, size_t shared, Body body)
{
	Machine &m = machine();
	unsigned blocks = grid.x * grid.y * grid.z;

	m.threads = block.x * block.y * block.z;
	if (m.threads == 0 || m.threads > 1024 || blocks == 0 || grid.y > 65535 || grid.z > 65535)
		stop_with("a launch is too large, or empty");
	if (shared > 227 * 1024)
		stop_with("a launch asks for more shared memory than a multiprocessor has");
	while (m.fibers.size() < m.threads)
		m.fibers.push_back(new_fiber((int) m.fibers.size()));
	m.slots.assign(2 * (size_t) m.threads, 0);
	m.body = body;
	grid_size = grid;
	block_size = block;
	for (unsigned i : sequence(blocks))
	{
		block_index.x = i % grid.x;
		block_index.y = i / grid.x % grid.y;
		block_index.z = i / grid.x / grid.y;
		m.dynamic = (unsigned char *) malloc(shared);
		memset(m.dynamic, 0xA5, shared);
		run_block();
		free(m.dynamic);
	}
	m.dynamic = NULL;
}

/* What the lane from offered to this shuffle. */
template <typename T> static inline T
shuffle(T value, unsigned from)
{
	Machine &m = machine();
	Fiber *f = m.current;
	uint64_t *slots = m.slots.data() + (f->shuffles++ & 1) * m.threads;
	unsigned warp = (unsigned) f->index / WARP * WARP;
	T out;

	static_assert(sizeof(T) <= sizeof(uint64_t), "shuffled types are at most 8 bytes");
	memcpy(&slots[f->index], &value, sizeof(T));
	wait_at(AT_WARP);
	if (warp + from >= m.threads)
		stop_with("a shuffle reads from a lane that is not there");
	memcpy(&out, &slots[warp + from], sizeof(T));
	return out;
}

inline unsigned
lane()
{
	return (unsigned) machine().current->index % WARP;
}

}								/* namespace hwr_host */

/* The order of blocks and threads from now on; 0: ascending. */
static inline void
hwr_host_order(uint64_t seed)
{
	hwr_host::machine().order = seed;
	hwr_host::machine().random = seed;
}

#define threadIdx hwr_host::thread_index
#define blockIdx hwr_host::block_index
#define blockDim hwr_host::block_size
#define gridDim hwr_host::grid_size

static inline void
__syncthreads()
{
	hwr_host::wait_at(hwr_host::AT_BLOCK);
}

static inline void
hwr_host_full(unsigned mask)
{
	if (mask != 0xffffffffu)
		hwr_host::stop_with("only whole warps shuffle");
}

static inline void
__syncwarp(unsigned mask = 0xffffffffu)
{
	hwr_host_full(mask);
	hwr_host::wait_at(hwr_host::AT_WARP);
}

template <typename T> static inline T
__shfl_sync(unsigned mask, T value, int from)
{
	hwr_host_full(mask);
	return hwr_host::shuffle(value, (unsigned) from & 31);
}

template <typename T> static inline T
__shfl_xor_sync(unsigned mask, T value, int flip)
{
	hwr_host_full(mask);
	return hwr_host::shuffle(value, hwr_host::lane() ^ (unsigned) flip);
}

template <typename T> static inline T
__shfl_up_sync(unsigned mask, T value, unsigned delta)
{
	unsigned lane = hwr_host::lane();

	hwr_host_full(mask);
	return hwr_host::shuffle(value, lane >= delta ? lane - delta : lane);
}

template <typename T> static inline T
__shfl_down_sync(unsigned mask, T value, unsigned delta)
{
	unsigned lane = hwr_host::lane();

	hwr_host_full(mask);
	return hwr_host::shuffle(value, lane + delta < 32 ? lane + delta : lane);
}

static inline unsigned
__ballot_sync(unsigned mask, int predicate)
{
	unsigned bits = predicate ? 1u << hwr_host::lane() : 0;

	for (int flip = 16; flip > 0; flip /= 2)
		bits |= __shfl_xor_sync(mask, bits, flip);
	return bits;
}

#define HWR_LAUNCH(kernel, grid, block, shared, stream, ...) \
	do \
	{ \
		(void) (stream); \
		hwr_host::launch((grid), (block), (shared), [=]() { (kernel)(__VA_ARGS__); }); \
	} while (0)

#define HWR_DYNAMIC_SHARED(type, name) type *name = (type *) hwr_host::machine().dynamic

#endif							/* CUDA_ON_HOST_H */
