# gpu.mk: the CUDA backend, included by the Makefile.
#
# Kernels (gpu/kernels/*.cu) are compiled by nvcc, the rest of gpu/ by the host's C++ compiler.  All of it is also compiled
# by the host's compiler alone, against an emulation of the device's threads, with loops in place of cuBLAS: so it is
# tested wherever the core is.

NVCC ?= $(or $(shell command -v nvcc 2>/dev/null),/usr/local/cuda/bin/nvcc)
CUDA_HOME ?= $(patsubst %/bin/nvcc,%,$(realpath $(NVCC)))

# Machine code for what this nvcc knows of these, and PTX of the newest for cards to come.
GPU_KNOWN = $(shell $(NVCC) --list-gpu-code)
GPU_ARCHS = $(filter $(GPU_KNOWN),sm_80 sm_86 sm_89 sm_90 sm_100 sm_120)
GPU_NEWEST = $(lastword $(GPU_ARCHS:sm_%=%))
GPU_CODE = $(foreach a,$(GPU_ARCHS:sm_%=%),-gencode arch=compute_$(a),code=sm_$(a)) \
	-gencode arch=compute_$(GPU_NEWEST),code=compute_$(GPU_NEWEST)

GPU_NVCCFLAGS = -std=c++17 -O3 -lineinfo --threads 0 $(GPU_CODE) $(if $(WERROR),-Werror all-warnings) \
	-Xcompiler -fPIC,-fvisibility=hidden,-Wall,-Wextra

# Nothing here throws or looks types up at run time.
GPU_CXXFLAGS = -std=gnu++17 -g -fPIC -fvisibility=hidden -fno-exceptions -fno-rtti -Wall -Wextra $(if $(WERROR),-Werror)

GPU_KERNELS := $(sort $(wildcard gpu/kernels/*.cu))
GPU_SOURCES := $(sort $(wildcard gpu/*.cpp))
GPU_OBJECTS := $(GPU_KERNELS:%.cu=build/%.o) $(GPU_SOURCES:%.cpp=build/%.o)

build/gpu/hwr_cuda.so: $(GPU_OBJECTS) build/f32/libhwr_core.a
	$(CXX) -shared -Wl,--exclude-libs,ALL -Wl,-z,defs -o $@ $^ -L$(CUDA_HOME)/lib64 -Wl,-rpath,$(CUDA_HOME)/lib64 \
		-lcublas -lcudart_static -lpthread -ldl -lrt -lm
build/gpu/kernels/%.o: gpu/kernels/%.cu Makefile gpu/gpu.mk | need-nvcc
	@mkdir -p $(@D)
	$(NVCC) $(GPU_NVCCFLAGS) -Isrc -MD -MP -MF $(@:.o=.d) -c -o $@ $<
build/gpu/%.o: gpu/%.cpp Makefile gpu/gpu.mk | need-nvcc
	@mkdir -p $(@D)
	$(CXX) $(GPU_CXXFLAGS) -O2 -Isrc -isystem $(CUDA_HOME)/include -MMD -MP -c -o $@ $<

.PHONY: need-nvcc
need-nvcc:
	@command -v $(NVCC) > /dev/null || \
		{ echo 'nvcc not found: install CUDA 13 (doc/gpu.md), or set NVCC' >&2; exit 1; }

#
# On the host
#

GPU_HOST_FLAGS = $(GPU_CXXFLAGS) -O1 -Wno-unknown-pragmas -Itest/gpu/host/include -Itest/gpu/host -Isrc -Igpu
GPU_HOST_NAMES := $(basename $(GPU_KERNELS) $(filter-out gpu/product.cpp,$(GPU_SOURCES))) gpu/product_on_host

comma := ,

# $(1) variant of the core, $(2) its flags
define GPU_HOST
build/$(1)/gpu/kernels/%.o: gpu/kernels/%.cu Makefile gpu/gpu.mk
	@mkdir -p $$(@D)
	$$(CXX) $$(GPU_HOST_FLAGS) $(2) -MMD -MP -x c++ -c -o $$@ $$<
build/$(1)/gpu/%.o: gpu/%.cpp Makefile gpu/gpu.mk
	@mkdir -p $$(@D)
	$$(CXX) $$(GPU_HOST_FLAGS) $(2) -MMD -MP -c -o $$@ $$<
build/$(1)/gpu/%.o: test/gpu/host/%.cpp Makefile gpu/gpu.mk
	@mkdir -p $$(@D)
	$$(CXX) $$(GPU_HOST_FLAGS) $(2) -MMD -MP -c -o $$@ $$<
build/$(1)/gpu/%.o: test/gpu/host/%.c Makefile
	@mkdir -p $$(@D)
	$$(CC) $$(CORE_CFLAGS) $(2) $$(CORE_CPPFLAGS) -MMD -MP -c -o $$@ $$<
build/$(1)/unit/test_gpu_kernels: $(GPU_KERNELS:%.cu=build/$(1)/%.o) $\
		build/$(1)/gpu/test_gpu_kernels.o build/$(1)/gpu/cpu_reference.o build/$(1)/libhwr_core.a
	@mkdir -p $$(@D)
	$$(CXX) $(2) -o $$@ $$^ -lcmocka $$(DEP_LIBS)
build/$(1)/gpu/hwr_cuda.so: $(GPU_HOST_NAMES:%=build/$(1)/%.o) build/$(1)/libhwr_core.a
	$$(CXX) $(2) -shared $(if $(findstring address,$(2)),,-Wl,-z$(comma)defs) -o $$@ $$^ -lm
build/$(1)/gpu/check_gpu: test/gpu/check_gpu.c test/gpu/cases.h build/$(1)/libhwr_core.a build/$(1)/gpu/hwr_cuda.so build/f64/gpu/reference.so
	$$(CC) $$(CORE_CFLAGS) $(2) $$(CORE_CPPFLAGS) -DHWR_VARIANT='"$(1)"' -o $$@ $$< build/$(1)/libhwr_core.a $$(DEP_LIBS)
UNITS_$(1) += build/$(1)/unit/test_gpu_kernels build/$(1)/gpu/check_gpu
-include $(wildcard build/$(1)/gpu/*.d build/$(1)/gpu/kernels/*.d)
endef

$(eval $(call GPU_HOST,f32,))
$(eval $(call GPU_HOST,asan,$(SANITIZE)))

build/f64/gpu/reference.so: test/gpu/reference.c build/f64/libhwr_core.a
	@mkdir -p $(@D)
	$(CC) $(CORE_CFLAGS) -DHWR_REAL_DOUBLE $(CORE_CPPFLAGS) -shared -o $@ $^ $(DEP_LIBS)

build/f32/gpu/bench_gpu: bench/bench_gpu.c build/f32/libhwr_core.a
	@mkdir -p $(@D)
	$(CC) $(CORE_CFLAGS) $(CORE_CPPFLAGS) -o $@ $^ $(DEP_LIBS)

-include $(wildcard build/gpu/*.d build/gpu/kernels/*.d)
