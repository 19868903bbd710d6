# Fuzzing of the core's readers, with clang's libFuzzer.

FUZZ_TARGETS = image model codec kraken lm vgsl options label posterior query pattern page form

# The kernels choose their instructions in a way that only gcc understands; no foreign bytes reach them.
FUZZ_CC = clang -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
build/fuzz/%: CC = $(FUZZ_CC)
build/fuzz/cpu/%: CC = gcc
$(eval $(call VARIANT,fuzz,,))

# FUZZ_SECONDS a target, FUZZ_TARGETS: some of them
fuzz: deps $(addprefix build/fuzz/fuzz_,$(FUZZ_TARGETS))
	@FUZZ_TARGETS='$(FUZZ_TARGETS)' test/fuzz/run

build/fuzz/fuzz_%: test/fuzz/fuzz.c test/fuzz/targets.c test/fuzz/targets.h build/fuzz/libhwr_core.a Makefile
	$(CC) $(CORE_CFLAGS) -fsanitize=fuzzer $(CORE_CPPFLAGS) -DHWR_FUZZ_TARGET=fuzz_$* -o $@ \
		test/fuzz/fuzz.c test/fuzz/targets.c build/fuzz/libhwr_core.a $(DEP_LIBS)

# The first inputs, in test/fuzz/corpus.
build/make-corpus: test/fuzz/make_corpus.c build/f32/libhwr_core.a Makefile
	$(CC) $(CORE_CFLAGS) $(CORE_CPPFLAGS) -Itest/unit -o $@ $< build/f32/libhwr_core.a -lcmocka $(DEP_LIBS)
