# hwr: handwriting recognition inside PostgreSQL
#
# README.md lists the targets.  Two things differ from an ordinary PGXS module:
#
# - src/core and src/cpu know nothing of PostgreSQL.  They are built apart from
#   it, into build/<variant>/, and linked statically into hwr.so, the unit tests
#   and the tools.
# - "make demo" and "make check" start on a machine that has no compiler and no
#   PostgreSQL yet.  They, and whatever else needs no PGXS, are served by the first
#   half of this file; PGXS is included only for the goals that need it.

PG_CONFIG ?= pg_config

REGRESS = setup models kraken spelling onnx ensemble bundled recognize batch application nbest score search right_to_left lm bind_lm page train_lines form page_xml evaluate errors train train_base job aggregates report stat attach corrections privileges

#
# The core library
#

DEPENDENCIES = libjpeg libpng jansson libutf8proc fribidi libprotobuf-c
DEP_CFLAGS := $(shell pkg-config --cflags $(DEPENDENCIES) 2>/dev/null)
DEP_LIBS := $(shell pkg-config --libs $(DEPENDENCIES) 2>/dev/null || \
	echo -ljpeg -lpng -ljansson -lutf8proc -lfribidi -lprotobuf-c) -lm -lpthread -ldl

# No -ffast-math: CTC computes with infinities.  No -march: the kernels choose at run time.
CORE_CFLAGS = -std=gnu11 -g -O2 -ftree-vectorize -fno-math-errno -fno-trapping-math \
	-fPIC -fvisibility=hidden -Wall -Wextra $(if $(WERROR),-Werror) $(CORE_EXTRA_CFLAGS)
CORE_CPPFLAGS = -Isrc -Ibuild/proto $(DEP_CFLAGS)

CORE_SOURCES := $(sort $(wildcard src/core/*/*.c src/cpu/*.c src/cpu/*/*.c))
SANITIZE = -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer

UNIT_SOURCES := $(sort $(wildcard test/unit/test_*.c test/unit/*/test_*.c))
UNIT_F64_SOURCES := $(filter %_f64.c,$(UNIT_SOURCES))
UNIT_F32_SOURCES := $(filter-out %_f64.c,$(UNIT_SOURCES))

# Tests gain nothing by it, and GCC 12 for Arm fails on a loop of test_network.c.
UNIT_CFLAGS = -fno-tree-vectorize

# Decoding is of float posteriors always; no test of the double build needs it.
DECODING_SOURCES = $(addprefix src/core/decode/,score.c nbest.c beam.c mix.c)

# Backends for test_device to open.
DEVICE_LIBRARIES = $(patsubst %,build/unit/library_%.so,good old empty no_device)
$(DEVICE_LIBRARIES): build/unit/library_%.so: test/unit/device_library.c src/core/network/backend.h Makefile
	@mkdir -p $(@D)
	$(CC) $(CORE_CFLAGS) $(CORE_CPPFLAGS) -shared -DLIBRARY_$(shell echo $* | tr a-z A-Z) -o $@ $<

# And one that computes, in the place of hwr_cuda.so in the TAP tests.
build/unit/library_cpu.so: test/unit/device_cpu.c build/f32/libhwr_core.a Makefile
	@mkdir -p $(@D)
	$(CC) $(CORE_CFLAGS) $(CORE_CPPFLAGS) -shared -o $@ $< build/f32/libhwr_core.a $(DEP_LIBS)

# Which PostgreSQL the objects with its headers are for: they are built again for another PG_CONFIG.
build/postgres-version: always
	@mkdir -p $(@D)
	@new=$@.$$$$; { $(PG_CONFIG) --version; $(PG_CONFIG) --includedir-server; } > $$new; \
		if cmp -s $$new $@; then rm $$new; else mv $$new $@; fi
.PHONY: always

# Faults for the TAP tests to inject into a server.
build/unit/library_fault.so: test/fault/fault.c build/postgres-version Makefile
	@mkdir -p $(@D)
	$(CC) -std=gnu11 -g -O2 -fPIC -Wall -Wextra -Wno-unused-parameter $(if $(WERROR),-Werror) \
		-I$$($(PG_CONFIG) --includedir-server) -shared -o $@ $<

# The extension's script, from the rooms' pieces in this order: what a piece names when it runs stands in an earlier one.
SQL_PIECES = base/schema \
	catalog/tables catalog/models catalog/ensemble catalog/bundled catalog/orphans catalog/ship \
	service/device monitor/stat \
	recognize/recognize recognize/nbest recognize/score lm/lm lm/bind_lm recognize/weigh_lm \
	page/page page/formats_in page/formats_out page/plot_page page/form \
	train/job train/train train/resume train/train_lines \
	report/evaluate report/metrics report/aggregates report/readings report/parts report/plot report/report \
	report/compare report/review \
	search/posterior search/nbest search/column search/relevance search/index search/words search/match \
	pipeline/attach pipeline/trial pipeline/drift pipeline/work pipeline/corrections pipeline/trial_compare pipeline/improve
SQL_SOURCES = $(SQL_PIECES:%=src/pg/%.sql)

hwr--1.0.sql: $(SQL_SOURCES) Makefile
	cat $(SQL_SOURCES) > $@

# Messages of file formats, as C by protobuf-c's compiler.
build/proto/%.pb-c.c build/proto/%.pb-c.h &: src/core/model/%.proto
	@mkdir -p build/proto
	protoc-c --proto_path=$(<D) --c_out=build/proto $<
.SECONDARY: build/proto/onnx.pb-c.c build/proto/onnx.pb-c.h

# $(1) variant, $(2) its flags, $(3) the unit test sources linked against it, $(4) sources left out
define VARIANT
build/$(1)/libhwr_core.a: $(patsubst src/%.c,build/$(1)/%.o,$(filter-out $(4),$(CORE_SOURCES))) build/$(1)/proto/onnx.pb-c.o
	rm -f $$@
	$$(AR) rcs $$@ $$^
build/$(1)/proto/%.pb-c.o: build/proto/%.pb-c.c
	@mkdir -p $$(@D)
	$$(CC) $$(CORE_CFLAGS) $(2) $$(CORE_CPPFLAGS) -c -o $$@ $$<
build/$(1)/core/model/onnx.o build/$(1)/core/model/onnx_graph.o build/$(1)/core/model/onnx_layers.o build/$(1)/unit/model/test_onnx: | build/proto/onnx.pb-c.h
build/$(1)/%.o: src/%.c Makefile
	@mkdir -p $$(@D)
	$$(CC) $$(CORE_CFLAGS) $(2) $$(CORE_CPPFLAGS) -MMD -MP -c -o $$@ $$<
build/$(1)/unit/%: test/unit/%.c build/$(1)/libhwr_core.a
	@mkdir -p $$(@D)
	$$(CC) $$(CORE_CFLAGS) $$(UNIT_CFLAGS) $(2) $$(CORE_CPPFLAGS) -Itest/unit -MMD -MP -MF $$@.d -MT $$@ -o $$@ $$< build/$(1)/libhwr_core.a -lcmocka $$(DEP_LIBS)
UNITS_$(1) := $(patsubst test/unit/%.c,build/$(1)/unit/%,$(3))
build/$(1)/unit/network/test_device: $(DEVICE_LIBRARIES)
-include $(wildcard build/$(1)/*/*.d build/$(1)/*/*/*.d)
endef

$(eval $(call VARIANT,f32,,$(UNIT_F32_SOURCES)))
$(eval $(call VARIANT,f64,-DHWR_REAL_DOUBLE,$(UNIT_F64_SOURCES),$(DECODING_SOURCES)))
$(eval $(call VARIANT,asan,$(SANITIZE),$(UNIT_F32_SOURCES)))
$(eval $(call VARIANT,asan_f64,$(SANITIZE) -DHWR_REAL_DOUBLE,$(UNIT_F64_SOURCES),$(DECODING_SOURCES)))

include gpu/gpu.mk
include test/fuzz/fuzz.mk

#
# Goals that need no PGXS
#

PLAIN_GOALS = check check-long check-asan demo desk bench gpu check-gpu bench-gpu deps dist lib unit unit-build program-build library-build \
	unit-asan unit-valgrind format lint samples fuzz

ifneq (,$(filter $(PLAIN_GOALS) build/%,$(MAKECMDGOALS)))

.PHONY: $(PLAIN_GOALS)

# Whatever else is named beside them gets a make of its own.
OTHER_GOALS := $(filter-out $(PLAIN_GOALS) build/%,$(MAKECMDGOALS))
.PHONY: $(OTHER_GOALS)
# What both makes need is built by this one, lest they write the same file at the same time.
$(filter all install,$(OTHER_GOALS)): | build/f32/libhwr_core.a
$(OTHER_GOALS):
	@$(MAKE) --no-print-directory $@

check: deps
	@REGRESS='$(REGRESS)' TAP='$(TAP)' PG_CONFIG='$(PG_CONFIG)' WERROR='$(WERROR)' MAKE='$(MAKE)' tools/check

# The same with longer forms of some tests, and from more starting states: test/states.
check-long: export HWR_LONG = yes
check-long: check

# PostgreSQL and hwr with AddressSanitizer.  SOURCE: PostgreSQL's; else Debian's is downloaded.
check-asan: deps
	@REGRESS='$(REGRESS)' PG_CONFIG='$(PG_CONFIG)' SOURCE='$(SOURCE)' tools/check-asan

demo: deps
	@PG_CONFIG='$(PG_CONFIG)' MAKE='$(MAKE)' tools/demo $(DEMO_FLAGS)

# The web application, on a private server with the sample data, or on the one that DESK_DSN or PGHOST names: tools/desk.
desk: deps
	@PG_CONFIG='$(PG_CONFIG)' MAKE='$(MAKE)' tools/desk

bench: deps
	@PG_CONFIG='$(PG_CONFIG)' WERROR='$(WERROR)' MAKE='$(MAKE)' bench/run

deps:
	@PG_CONFIG='$(PG_CONFIG)' tools/install-deps build $(filter check fuzz,$(MAKECMDGOALS)) $(if $(filter check desk,$(MAKECMDGOALS)),desk)

# The archive for PGXN
dist:
	@MAKE='$(MAKE)' tools/dist

lib: build/f32/libhwr_core.a

gpu: build/gpu/hwr_cuda.so

check-gpu: build/gpu/hwr_cuda.so build/f32/gpu/check_gpu
	build/f32/gpu/check_gpu build/gpu/hwr_cuda.so build/f64/gpu/reference.so

bench-gpu: build/gpu/hwr_cuda.so build/f32/gpu/bench_gpu
	bench/gpu.py $(BENCH_FLAGS)

unit-build: $(UNITS_f32) $(UNITS_f64)

# Programs of tools and bench, which no test runs: "make check" builds them, lest a change leaves them behind.
PROGRAMS = $(addprefix build/,bench_core search-lines search-extract posterior-odds stages posteriors conditions worsen to-onnx pack train-pack random-model describe find-lines train-lines fit-form)
program-build: $(PROGRAMS) $(if $(shell pkg-config --exists pangocairo fontconfig libjpeg && echo yes),build/generate-words build/generate-forms build/generate-pages)

# What the TAP tests load
library-build: $(DEVICE_LIBRARIES) build/unit/library_cpu.so build/unit/library_fault.so

unit: unit-build
	@tools/run-unit $(UNITS_f32) $(UNITS_f64)

unit-asan: $(UNITS_asan) $(UNITS_asan_f64)
	@tools/run-unit $(UNITS_asan) $(UNITS_asan_f64)

# Those that read foreign bytes or search with maps of indices.  Valgrind knows no AVX-512.
VALGRIND_UNITS = image/test_image model/test_model text/test_lm decode/test_beam

unit-valgrind: $(VALGRIND_UNITS:%=build/f32/unit/%)
	@HWR_CPU=avx2 RUN_UNIT_WITH='valgrind -q --error-exitcode=9 --leak-check=full' \
		tools/run-unit $^

C_FILES = $(wildcard src/*/*.[ch] src/*/*/*.[ch] test/unit/*.[ch] test/unit/*/*.[ch] test/fuzz/*.[ch] test/gpu/*.[ch] bench/*.[ch] tools/*.[ch] tools/*/*.[ch])

format:
	clang-format -i $(C_FILES)

# Without the analyser's null and zero checks: it cannot see across files what a parsed network guarantees.
LINT_CHECKS = -*,clang-analyzer-deadcode.*,clang-analyzer-unix.*,clang-analyzer-core.uninitialized.*,$\
	bugprone-*,misc-redundant-expression,-bugprone-easily-swappable-parameters,$\
	-bugprone-narrowing-conversions,-bugprone-implicit-widening-of-multiplication-result,$\
	-bugprone-misplaced-widening-cast,-bugprone-reserved-identifier,-bugprone-macro-parentheses

lint: build/proto/onnx.pb-c.h
	tools/check-includes
	tools/check-columns
	tools/list-rooms --check
	cppcheck --quiet --std=c11 --enable=warning,portability,performance --inline-suppr \
		--suppress=missingIncludeSystem --suppress=invalidPointerCast --suppress=invalidFunctionArg \
		--error-exitcode=1 -j 2 -Isrc src/core src/cpu
	clang-tidy --quiet --warnings-as-errors='*' --checks='$(LINT_CHECKS)' $(CORE_SOURCES) -- \
		-std=gnu11 $(CORE_CPPFLAGS) 2>/dev/null

# The generator's libraries are in tools/install-deps' list "samples".
GENERATOR = $(wildcard tools/generate-words/*.[ch])
build/generate-words: $(GENERATOR) Makefile
	@mkdir -p $(@D)
	$(CC) -std=gnu11 -g -O2 -Wall -Wextra $(if $(WERROR),-Werror) $$(pkg-config --cflags pangocairo fontconfig libjpeg) -o $@ \
		$(filter %.c,$(GENERATOR)) $$(pkg-config --libs pangocairo fontconfig libjpeg) -lm

FORM_GENERATOR = $(wildcard tools/generate-forms/*.[ch]) $(addprefix tools/generate-words/,common.c hand.c paper.c output.c generate.h)
build/generate-forms: $(FORM_GENERATOR) Makefile
	@mkdir -p $(@D)
	$(CC) -std=gnu11 -g -O2 -Wall -Wextra $(if $(WERROR),-Werror) $$(pkg-config --cflags pangocairo fontconfig libjpeg) -o $@ \
		$(filter %.c,$(FORM_GENERATOR)) $$(pkg-config --libs pangocairo fontconfig libjpeg) -lm

PAGE_GENERATOR = $(wildcard tools/generate-pages/*.[ch]) $(addprefix tools/generate-words/,common.c hand.c paper.c output.c generate.h)
build/generate-pages: $(PAGE_GENERATOR) Makefile
	@mkdir -p $(@D)
	$(CC) -std=gnu11 -g -O2 -Wall -Wextra $(if $(WERROR),-Werror) $$(pkg-config --cflags pangocairo fontconfig libjpeg) -o $@ \
		$(filter %.c,$(PAGE_GENERATOR)) $$(pkg-config --libs pangocairo fontconfig libjpeg) -lm

# Posteriors of a model file as NumPy arrays, for comparing with other software.
build/posteriors build/to-onnx: build/%: tools/%.c tools/read_file.h tools/read_model.h build/f32/libhwr_core.a Makefile
	$(CC) $(CORE_CFLAGS) $(CORE_CPPFLAGS) -o $@ $< build/f32/libhwr_core.a $(DEP_LIBS)

# How well a model reads under other conditions of scanning: see doc/results.md.
# Images worsened so, to learn from: see doc/training.md.
CONDITIONS = $(addprefix tools/conditions/,draw.c rows.c conditions.h) tools/read_file.h
build/conditions build/worsen: build/%: tools/conditions/%.c $(CONDITIONS) build/f32/libhwr_core.a Makefile
	$(CC) $(CORE_CFLAGS) $(CORE_CPPFLAGS) -o $@ $(filter %.c,$^) build/f32/libhwr_core.a $(DEP_LIBS)

# Labelled images in one file, and training on it without a database: see tools/gpu-train.
PACK_HEADERS = tools/pack/pack.h tools/read_file.h
build/pack: tools/pack/pack.c tools/pack/coder.c $(PACK_HEADERS) build/f32/libhwr_core.a Makefile
	$(CC) $(CORE_CFLAGS) $(CORE_CPPFLAGS) -o $@ tools/pack/pack.c tools/pack/coder.c build/f32/libhwr_core.a $(DEP_LIBS)
build/train-pack: tools/pack/train.c tools/pack/coder.c $(PACK_HEADERS) build/f32/libhwr_core.a Makefile
	$(CC) $(CORE_CFLAGS) $(CORE_CPPFLAGS) -o $@ tools/pack/train.c tools/pack/coder.c build/f32/libhwr_core.a $(DEP_LIBS)

# A model file with random values, for the same purpose: see test/reference/check_export.py.
build/random-model: test/reference/random_model.c build/f32/libhwr_core.a Makefile
	$(CC) $(CORE_CFLAGS) $(CORE_CPPFLAGS) -Itest/unit -o $@ $< build/f32/libhwr_core.a $(DEP_LIBS)

# The tables of networks in doc/architecture.md.
build/describe: tools/describe.c build/f32/libhwr_core.a Makefile
	$(CC) $(CORE_CFLAGS) $(CORE_CPPFLAGS) -o $@ $< build/f32/libhwr_core.a $(DEP_LIBS)

# Lines of pages: see tools/pages-eval.
build/find-lines: tools/find-lines.c tools/read_file.h build/f32/libhwr_core.a Makefile
	$(CC) $(CORE_CFLAGS) $(CORE_CPPFLAGS) -o $@ $< build/f32/libhwr_core.a $(DEP_LIBS)

# Training of the network that finds them, without a database: see doc/results.md.
build/train-lines: tools/train-lines.c tools/true_lines.h tools/read_file.h build/f32/libhwr_core.a Makefile
	$(CC) $(CORE_CFLAGS) $(CORE_CPPFLAGS) -o $@ $< build/f32/libhwr_core.a $(DEP_LIBS)

# Filled forms laid over blank ones: see tools/forms-eval.
build/fit-form: tools/fit-form.c tools/read_file.h build/f32/libhwr_core.a Makefile
	$(CC) $(CORE_CFLAGS) $(CORE_CPPFLAGS) -o $@ $< build/f32/libhwr_core.a $(DEP_LIBS)

# Our side of "make bench".
build/bench_core: bench/bench_core.c tools/read_file.h build/f32/libhwr_core.a Makefile
	$(CC) $(CORE_CFLAGS) $(CORE_CPPFLAGS) -o $@ $< build/f32/libhwr_core.a $(DEP_LIBS)

# Many lines of kept posteriors: see bench/search.
build/search-lines build/search-extract: build/search-%: bench/search/%.c build/f32/libhwr_core.a Makefile
	$(CC) $(CORE_CFLAGS) $(CORE_CPPFLAGS) -o $@ $< build/f32/libhwr_core.a $(DEP_LIBS)

# The probabilities that kept posteriors are packed with.
build/posterior-odds: tools/posterior-odds.c build/f32/libhwr_core.a Makefile
	$(CC) $(CORE_CFLAGS) $(CORE_CPPFLAGS) -o $@ $< build/f32/libhwr_core.a $(DEP_LIBS)

# The stages of a training step: see doc/performance.md.
build/stages: bench/stages.c build/f32/libhwr_core.a Makefile
	$(CC) $(CORE_CFLAGS) $(CORE_CPPFLAGS) -o $@ $< build/f32/libhwr_core.a $(DEP_LIBS)

samples: build/generate-words build/generate-forms
	tools/make-samples

else

#
# PGXS
#

ifeq (,$(shell command -v $(PG_CONFIG) 2>/dev/null))
$(error $(PG_CONFIG) not found: run "make deps" as root, or set PG_CONFIG)
endif

MODULE_big = hwr
EXTENSION = hwr
DATA = $(sort $(wildcard hwr--*.sql) hwr--1.0.sql)
PGFILEDESC = "hwr - handwriting recognition"
OBJS = $(patsubst %.c,%.o,$(sort $(wildcard src/pg/*.c src/pg/*/*.c)))

PG_CPPFLAGS = -Isrc
PG_CFLAGS = -Wall -Wextra -Wno-unused-parameter -Wno-missing-field-initializers -Wno-sign-compare \
	-Wno-declaration-after-statement $(if $(WERROR),-Werror)
SHLIB_LINK = build/f32/libhwr_core.a $(DEP_LIBS)
EXTRA_CLEAN = build hwr--1.0.sql

# Bitcode for JIT inlining is of no use here: no function of hwr is worth inlining.
override with_llvm = no

PGXS := $(shell $(PG_CONFIG) --pgxs)
.DEFAULT_GOAL := all
include $(PGXS)

# Models that come with the extension, their figures and what they were trained on: src/pg/catalog/bundled.c reads them there.
MODEL_FILES = $(foreach suffix,safetensors json images,$(wildcard $(srcdir)/models/*.$(suffix)))
install: install-models
uninstall: uninstall-models
.PHONY: install-models uninstall-models
install-models: installdirs
	$(MKDIR_P) '$(DESTDIR)$(datadir)/hwr'
	$(INSTALL_DATA) $(MODEL_FILES) '$(DESTDIR)$(datadir)/hwr/'
uninstall-models:
	rm -f $(addprefix '$(DESTDIR)$(datadir)/hwr'/,$(notdir $(MODEL_FILES)))

# The CUDA backend, where "make gpu" built it.
install: install-gpu
uninstall: uninstall-gpu
.PHONY: install-gpu uninstall-gpu
install-gpu: installdirs
	$(if $(wildcard build/gpu/hwr_cuda.so),$(INSTALL_SHLIB) build/gpu/hwr_cuda.so '$(DESTDIR)$(pkglibdir)/')
uninstall-gpu:
	rm -f '$(DESTDIR)$(pkglibdir)/hwr_cuda.so'

hwr.so: build/f32/libhwr_core.a
all: hwr--1.0.sql
$(OBJS): $(wildcard src/pg/*/*.h src/core/*/*.h) build/postgres-version Makefile

endif
