# Makefile - the whole build. `make` leaves the program at build/clearline; see CONTRIBUTING.md.
# SPDX-License-Identifier: Apache-2.0
#
# A variant is a folder build/<V>: release (default), debug, asan, tsan, cov, clang.

V ?= release
# OLD_RULES=1 makes a program of an earlier release, which knows no rules above 1 (decision A11), in a folder of its own.
OLD_RULES ?=
B := build/$(V)$(OLD_RULES:%=-rules%)
CC := gcc
CXX := g++
PKGS := libmicrohttpd sqlite3 libcurl libcrypto simdjson zlib
PKG_CFLAGS := $(shell pkg-config --cflags $(PKGS) 2>/dev/null)
LIBS := $(shell pkg-config --libs $(PKGS) 2>/dev/null) -lpthread -lm

WARN := -Wall -Wextra -Wpedantic -Wshadow -Wvla -Wconversion -Wno-sign-conversion \
        -Wimplicit-fallthrough -Wundef $(WERROR)
CWARN := -Wstrict-prototypes -Wmissing-prototypes
OPT.release := -O2 -g
OPT.debug := -O0 -g
OPT.o3 := -O3 -g
OPT.clang := -O2 -g
OPT.asan := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=undefined
OPT.tsan := -O1 -g -fsanitize=thread
OPT.cov := -O0 -g --coverage
OPT.fuzz := -O1 -g -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined
ifneq ($(filter $(V),clang fuzz),)
CC := clang
CXX := clang++
endif
OPT := $(OPT.$(V))
CFLAGS := -std=c17 -D_GNU_SOURCE -ffp-contract=off -Isrc $(OPT) $(WARN) $(CWARN) $(PKG_CFLAGS) $(OLD_RULES:%=-DRULES_NEWEST=%)
CXXFLAGS := -std=c++17 -D_GNU_SOURCE -ffp-contract=off -Isrc $(OPT) $(WARN) $(PKG_CFLAGS)
LDFLAGS := $(filter -fsanitize=% --coverage -g,$(OPT:-fsanitize=fuzzer-no-link%=-fsanitize=address,undefined))

CORE := base cell proof entry airspace state
LAYERS := $(CORE) geo journal http node api cli
SRC := $(foreach l,$(LAYERS),$(wildcard src/$(l)/*.c))
SRC_CXX := $(wildcard src/http/*.cc)
OBJ := $(SRC:%.c=$(B)/%.o) $(SRC_CXX:%.cc=$(B)/%.o)
LIB_OBJ := $(filter-out $(B)/src/cli/main.o,$(OBJ))
CORE_OBJ := $(filter $(CORE:%=$(B)/src/%/%),$(OBJ))

TEST_SRC := $(wildcard test/unit/*/test_*.c test/prop/prop_*.c)
TEST_LIB := $(patsubst %.c,$(B)/%.o,$(wildcard test/lib/*.c))
TESTS := $(TEST_SRC:%.c=$(B)/%) $(B)/test/foreign/write_log $(B)/test/tools/relay $(B)/test/tools/two_faced
FUZZ_SRC := $(wildcard test/fuzz/fuzz_*.c)
REPLAYS := $(FUZZ_SRC:%.c=$(B)/%)
ORACLE_SRC := $(if $(and $(wildcard /usr/include/s2/s2loop.h),$(wildcard /usr/include/geodesic.h)),$(wildcard test/oracle/oracle_*.c))
ORACLES := $(ORACLE_SRC:%.c=$(B)/%)
# The simulation stands in for the system's calls and for the client of etcd (test/sim/posix.c, etcd_model.c).
SIM_OBJ := $(patsubst %.c,$(B)/%.o,$(wildcard test/sim/*.c))
SIM_WRAPPED := clock_gettime nanosleep entropy_fill open fcntl close read write pread pwrite fsync fdatasync ftruncate fstat stat \
               rename link unlink remove fopen mkdir mmap \
               opendir readdir closedir store_open key_verify heads_swap must_failed catchup_run \
               http_client_new http_client_free http_client_call
BENCHES := $(patsubst bench/%.c,$(B)/bench/%,$(wildcard bench/*.c))
SLOW := $(B)/bench/slow/clearline $(B)/bench/slow/floor
BENCH_LIB := $(patsubst %.c,$(B)/%.o,$(wildcard bench/lib/*.c))

.DELETE_ON_ERROR:
.SECONDARY:
.PHONY: all check check-all objects tests replays sim lint bench bench-pack bench-line fuzz install clean FORCE

all: $(if $(OLD_RULES),$(B)/clearline,build/clearline)

build/clearline: $(B)/clearline
	cp -f $< $@.new && mv -f $@.new $@

$(B)/clearline: $(OBJ) $(B)/objects.list
	$(CXX) $(LDFLAGS) -o $@ $(OBJ) $(LIBS)

$(B)/libclearline.a: $(LIB_OBJ) $(B)/objects.list
	rm -f $@ && ar rcs $@ $(LIB_OBJ)

# Stamps: a change of flags or of the list of files rebuilds what depends on it.
$(B)/flags: FORCE
	@mkdir -p $(@D) && echo '$(CC) $(CFLAGS) $(CXXFLAGS)' | cmp -s - $@ || echo '$(CC) $(CFLAGS) $(CXXFLAGS)' > $@
$(B)/objects.list: FORCE
	@mkdir -p $(@D) && echo '$(OBJ)' | cmp -s - $@ || echo '$(OBJ)' > $@

$(B)/src/%.o: src/%.c $(B)/flags
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -MMD -MP -c -o $@ $<
$(B)/src/%.o: src/%.cc $(B)/flags
	@mkdir -p $(@D)
	$(CXX) $(CXXFLAGS) -MMD -MP -c -o $@ $<
$(B)/test/%.o: test/%.c $(B)/flags
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -Itest/lib -MMD -MP -c -o $@ $<
$(B)/bench/%.o: bench/%.c $(B)/flags
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -Itest/lib -MMD -MP -c -o $@ $<

$(TESTS): $(B)/%: $(B)/%.o $(TEST_LIB) $(B)/libclearline.a
	$(CXX) $(LDFLAGS) -o $@ $< $(TEST_LIB) $(B)/libclearline.a $(LIBS)
$(B)/bench/load: $(BENCH_LIB)
$(BENCHES): $(B)/bench/%: $(B)/bench/%.o $(TEST_LIB) $(B)/libclearline.a
	$(CXX) $(LDFLAGS) -o $@ $(filter %.o,$^) $(B)/libclearline.a $(LIBS)
# The same programs on a disk whose syncs take 2 ms longer.
$(B)/bench/slow/clearline: $(OBJ)
$(B)/bench/slow/floor: $(B)/bench/floor.o $(B)/libclearline.a
$(SLOW): $(B)/bench/slow/sync.o
	$(CXX) $(LDFLAGS) -o $@ $^ $(LIBS)

# Comparisons with libs2 and libproj (libs2-dev, libproj-dev), where installed; run by `make check-all` alone.
$(B)/test/oracle/%.o: test/oracle/%.cc $(B)/flags
	@mkdir -p $(@D)
	$(CXX) $(CXXFLAGS) -MMD -MP -c -o $@ $<
$(ORACLES): $(B)/%: $(B)/%.o $(B)/test/oracle/oracle_s2.o $(TEST_LIB) $(B)/libclearline.a
	$(CXX) $(LDFLAGS) -o $@ $^ -ls2 -labsl_base -lproj $(LIBS)

# A fuzz target with a main of its own that replays test/fuzz/corpus/<target>, for `make check`.
$(REPLAYS): $(B)/%: $(B)/%.o $(B)/test/fuzz/replay.o $(TEST_LIB) $(B)/libclearline.a
	$(CXX) $(LDFLAGS) -o $@ $< $(B)/test/fuzz/replay.o $(TEST_LIB) $(B)/libclearline.a $(LIBS)

$(B)/test/sim/sim: $(SIM_OBJ) $(B)/libclearline.a
	$(CXX) $(LDFLAGS) $(SIM_WRAPPED:%=-Wl,--wrap=%) -o $@ $(SIM_OBJ) $(B)/libclearline.a $(LIBS)

# The same with one file broken on purpose (test/sim/broken.sh).
$(B)/test/sim/broken/%.o: $(B)/test/sim/broken/%.c $(B)/flags
	$(CC) $(CFLAGS) -c -o $@ $<
$(B)/test/sim/broken/%: $(B)/test/sim/broken/%.o $(SIM_OBJ) $(B)/libclearline.a
	$(CXX) $(LDFLAGS) $(SIM_WRAPPED:%=-Wl,--wrap=%) -o $@ $^ $(LIBS)

objects: $(OBJ) $(TEST_LIB) $(SIM_OBJ) $(TESTS:=.o) $(REPLAYS:=.o)
tests: $(TESTS) $(B)/test/sim/sim
replays: $(REPLAYS)

# make check ONLY="proof merkle" runs the tests whose path contains one of the words.
check: tests $(REPLAYS) build/clearline
	@B=$(B) tools/check.sh $(ONLY)

check-all: tests $(REPLAYS) $(ORACLES) build/clearline
	@B=$(B) tools/check.sh --all $(ONLY)

# Seeds of a whole network: make sim SEEDS=1000
SEEDS ?= 200
sim: $(B)/test/sim/sim
	@B=$(B) SIM_SEEDS=$(SEEDS) test/sim/sim.sh

lint: $(CORE_OBJ)
	B=$(B) tools/check-layers.sh
	tools/check-style.sh

# One fuzz target for SECS seconds: make fuzz T=fuzz_entry SECS=60
SECS ?= 60
build/fuzz/fuzz_%: test/fuzz/fuzz_%.c FORCE
	$(MAKE) V=fuzz build/fuzz/libclearline.a $(TEST_LIB:$(B)/%=build/fuzz/%)
	clang $(subst fuzzer-no-link,fuzzer,$(CFLAGS)) -Itest/lib -c -o $@.o $<
	clang++ -fsanitize=fuzzer,address,undefined -o $@ $@.o $(TEST_LIB:$(B)/%=build/fuzz/%) build/fuzz/libclearline.a $(LIBS)
fuzz: build/fuzz/$(T)
	mkdir -p build/corpus/$(T)
	build/fuzz/$(T) -max_total_time=$(SECS) -timeout=5 -rss_limit_mb=2048 build/corpus/$(T) $(wildcard test/fuzz/corpus/$(T))

bench: $(BENCHES) $(SLOW) build/clearline
	B=$(B) bench/run.sh $(ROWS)

# The same for a machine without a compiler: unpack and run bench/run.sh with B=built.
bench-pack: $(BENCHES) $(SLOW) build/clearline
	rm -rf $(B)/pack && mkdir -p $(B)/pack/built/bench/slow $(B)/pack/bench
	cp bench/run.sh $(B)/pack/bench/
	cp $(B)/clearline $(B)/pack/built/
	cp $(addprefix $(B)/bench/,load floor store bench_apply) $(B)/pack/built/bench/
	cp $(SLOW) $(B)/pack/built/bench/slow/
	git describe --always --dirty >$(B)/pack/built/bench/commit
	strip $$(find $(B)/pack/built -type f ! -name commit)
	tar -C $(B)/pack -czf build/clearline-bench.tar.gz bench built

# Several members on etcd (etcd-server).
bench-line: $(BENCHES) $(B)/test/tools/relay build/clearline
	bench/line.sh $(ROWS)

PREFIX ?= /usr/local
install: build/clearline
	install -D -m 755 build/clearline $(DESTDIR)$(PREFIX)/bin/clearline

clean:
	rm -rf build

-include $(OBJ:.o=.d) $(TEST_LIB:.o=.d) $(TESTS:=.d) $(REPLAYS:=.d) $(BENCHES:=.d) $(BENCH_LIB:.o=.d) $(ORACLES:=.d) $(SIM_OBJ:.o=.d)
