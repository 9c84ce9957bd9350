# zonefs: see README.md. `make demo` and `make test` set up what they need.
#
#   make            build everything into $(B)
#   make test       build and run every test that decides correctness
#   make demo       two hosts, real named, real vi, in front of the reader
#   make bench      figures: how long a change takes, stage by stage
#   make sim        the simulator alone: SEEDS=n, or SEED=s TRACE=1 to replay one
#   make fuzz       every decoder and parser under libFuzzer: TIME=seconds for each, FUZZ=names
#   make tsan       races between threads, under ThreadSanitizer: TESTS="port posix" for these
#   make install    into $(DESTDIR)$(PREFIX)
#
# CRASH=1 builds daemons that die where they are told to (base/crash.h), for tests/system/crash.sh.
# CC=clang, WERROR=1, SAN=address,undefined and B=<folder> change the build.

B          ?= build
PREFIX     ?= /usr
SBINDIR    ?= $(PREFIX)/sbin
LIBEXECDIR ?= $(PREFIX)/libexec/zonefs
MANDIR     ?= $(PREFIX)/share/man
SYSCONFDIR ?= /etc
UNITDIR    ?= $(PREFIX)/lib/systemd/system
DOCDIR     ?= $(PREFIX)/share/doc/zonefs
DESTDIR    ?=

CC         ?= gcc
PKG_CONFIG ?= pkg-config
CFLAGS     ?= -O2 -g
WARNINGS   := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wconversion
STD        := -std=gnu11 -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -I. \
              -DLIBEXECDIR='"$(LIBEXECDIR)"' -DSYSCONFDIR='"$(SYSCONFDIR)"'
ifneq ($(WERROR),)
WARNINGS   += -Werror
endif
# Not in CFLAGS: make ignores what is added to a variable of its command line.
ifneq ($(SAN),)
SANITIZE   := -fsanitize=$(SAN) -fno-omit-frame-pointer -fno-sanitize-recover=undefined
endif
ifneq ($(CRASH),)
STD        += -DCRASH
endif
HARDEN     := -fstack-protector-strong -fPIE
Q          := $(if $(V),,@)

# Which library each layer may see. Includes point downwards only.
pkgs_base       := libconfuse
pkgs_fs         := fuse3
pkgs_replicator := libzmq sqlite3 libzstd libxxhash jansson ldns
pkgs_tools      := jansson ldns libzmq libxxhash
pkgs_tests      := cmocka

cflags_of = $(shell $(PKG_CONFIG) --cflags $(1) 2>/dev/null)
libs_of   = $(shell $(PKG_CONFIG) --libs $(1) 2>/dev/null)

FUSE_DEF  := -DFUSE_USE_VERSION=314

src_base  := $(wildcard base/*.c)
src_fs    := $(filter-out fs/main.c,$(wildcard fs/*.c))
src_repl  := $(filter-out replicator/main.c,$(wildcard replicator/*.c replicator/*/*.c))
src_ctl   := $(wildcard tools/zonefsctl/*.c)
src_hooks := $(wildcard tools/hooks/*.c)
src_health := $(wildcard tools/health/*.c)
src_prestart := $(wildcard tools/prestart/*.c)
src_unit  := $(wildcard tests/unit/test_*.c)
src_sim   := $(wildcard tests/sim/*.c)
src_bench := $(wildcard tests/bench/*.c)
src_help  := $(wildcard tests/system/helpers/*.c)
src_fuzz  := $(wildcard tests/fuzz/*.c)
all_src   := $(src_base) $(src_fs) $(src_repl) $(src_ctl) $(src_hooks) $(src_health) $(src_prestart) $(src_unit) $(src_sim) \
             $(src_bench) $(src_help) $(src_fuzz) fs/main.c replicator/main.c

obj = $(patsubst %.c,$(B)/obj/%.o,$(1))

programs := $(B)/zonefs $(B)/zonefs-replicator $(B)/zonefsctl $(B)/zonefs-health $(B)/zonefs-prestart $(B)/hooks/bind
units    := $(patsubst tests/unit/%.c,$(B)/unit/%,$(src_unit))
helpers  := $(patsubst tests/system/helpers/%.c,$(B)/helpers/%,$(src_help))
benches  := $(patsubst tests/bench/%.c,$(B)/bench/%,$(src_bench))
simulator := $(if $(src_sim),$(B)/sim)
replays  := $(patsubst tests/fuzz/fuzz_%.c,$(B)/replay/%,$(filter tests/fuzz/fuzz_%,$(src_fuzz)))
fuzzers  := $(patsubst $(B)/replay/%,$(B)/fuzzer/%,$(replays))

.PHONY: all tests deps test demo bench sim fuzz fuzzers tsan install clean
all: $(programs)
tests: all $(units) $(helpers) $(simulator) $(replays) $(B)/other/zonefs-replicator
	@+$(MAKE) --no-print-directory B=$(B)/crash CRASH=1 all
fuzzers: $(fuzzers)

cflags_layer = $(STD)
$(call obj,$(src_base)): LAYER := $(call cflags_of,$(pkgs_base))
$(call obj,$(src_fs) fs/main.c): LAYER := $(call cflags_of,$(pkgs_fs)) $(FUSE_DEF)
$(call obj,$(src_repl) replicator/main.c): LAYER := $(call cflags_of,$(pkgs_replicator))
$(call obj,$(src_ctl) $(src_hooks) $(src_health) $(src_prestart)): LAYER := $(call cflags_of,$(pkgs_tools))
$(call obj,$(src_unit) $(src_sim) $(src_bench) $(src_help) $(src_fuzz)): LAYER := \
	$(call cflags_of,$(pkgs_fs) $(pkgs_replicator) $(pkgs_tests)) $(FUSE_DEF)

$(B)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(if $(V),,@echo "  CC      $<")
	$(Q)$(CC) $(STD) $(LAYER) $(WARNINGS) $(HARDEN) $(CFLAGS) $(SANITIZE) $(CPPFLAGS) -pthread -MMD -MP -c -o $@ $<

define archive
	@mkdir -p $(@D)
	$(if $(V),,@echo "  AR      $@")
	@rm -f $@
	$(Q)$(AR) rcs $@ $^
endef
define link
	@mkdir -p $(@D)
	$(if $(V),,@echo "  LD      $@")
	$(Q)$(CC) $(CFLAGS) $(SANITIZE) $(LDFLAGS) -pie -Wl,-z,relro,-z,now -Wl,--as-needed -pthread -o $@ $(1) $(LDLIBS)
endef

$(B)/libbase.a: $(call obj,$(src_base)); $(archive)
$(B)/libfs.a: $(call obj,$(src_fs)); $(archive)
$(B)/libreplicator.a: $(call obj,$(src_repl)); $(archive)
$(B)/libctl.a: $(call obj,$(filter-out tools/zonefsctl/main.c,$(src_ctl))); $(archive)
$(B)/libhooks.a: $(call obj,$(filter-out tools/hooks/bind.c,$(src_hooks))); $(archive)
$(B)/libhealth.a: $(call obj,$(filter-out tools/health/main.c,$(src_health))); $(archive)

$(B)/zonefs: $(call obj,fs/main.c) $(B)/libfs.a $(B)/libbase.a
	$(call link,$^ $(call libs_of,$(pkgs_fs) $(pkgs_base)))
$(B)/zonefs-replicator: $(call obj,replicator/main.c) $(B)/libreplicator.a $(B)/libbase.a
	$(call link,$^ $(call libs_of,$(pkgs_replicator) $(pkgs_base)))
# One that speaks another version of the protocol, for tests/system/versions.sh.
other_src := replicator/wire/message.c replicator/peers_in.c
$(B)/other/replicator/wire/message.h: replicator/wire/message.h
	@mkdir -p $(@D)
	$(Q)sed 's/^#define WIRE_VERSION .*/#define WIRE_VERSION 99/' $< >$@
$(B)/other/obj/%.o: %.c $(B)/other/replicator/wire/message.h
	@mkdir -p $(@D)
	$(if $(V),,@echo "  CC      $< (other)")
	$(Q)$(CC) -I$(B)/other $(STD) $(call cflags_of,$(pkgs_replicator)) $(WARNINGS) $(HARDEN) $(CFLAGS) \
		$(SANITIZE) $(CPPFLAGS) -pthread -MMD -MP -c -o $@ $<
$(B)/other/zonefs-replicator: $(patsubst %.c,$(B)/other/obj/%.o,$(other_src)) $(call obj,replicator/main.c) \
		$(B)/libreplicator.a $(B)/libbase.a
	$(call link,$^ $(call libs_of,$(pkgs_replicator) $(pkgs_base)))
$(B)/zonefsctl: $(call obj,tools/zonefsctl/main.c) $(B)/libctl.a $(B)/libreplicator.a $(B)/libbase.a
	$(call link,$^ $(call libs_of,$(pkgs_tools) $(pkgs_base)))
$(B)/zonefs-prestart: $(call obj,$(src_prestart)) $(B)/libctl.a $(B)/libreplicator.a $(B)/libbase.a
	$(call link,$^ $(call libs_of,$(pkgs_tools) $(pkgs_base)))
$(B)/zonefs-health: $(call obj,tools/health/main.c) $(B)/libhealth.a $(B)/libbase.a
	$(call link,$^ $(call libs_of,jansson ldns $(pkgs_base)))
$(B)/hooks/bind: $(call obj,$(filter tools/hooks/bind%,$(src_hooks))) $(B)/libreplicator.a $(B)/libbase.a
	$(call link,$^ $(call libs_of,ldns $(pkgs_base)))
$(B)/unit/%: $(B)/obj/tests/unit/%.o $(B)/libhealth.a $(B)/libctl.a $(B)/libfs.a $(B)/libreplicator.a $(B)/libbase.a
	$(call link,$^ $(call libs_of,$(pkgs_tests) $(pkgs_fs) $(pkgs_replicator) ldns $(pkgs_base)))
$(B)/sim: $(call obj,$(src_sim)) $(B)/libreplicator.a $(B)/libbase.a
	$(call link,$^ $(call libs_of,$(pkgs_replicator) $(pkgs_base)))
fuzz_libs := $(addprefix $(B)/lib,ctl.a health.a hooks.a fs.a replicator.a base.a)
$(B)/replay/%: $(B)/obj/tests/fuzz/fuzz_%.o $(B)/obj/tests/fuzz/replay.o $(fuzz_libs)
	$(call link,$^ $(call libs_of,$(pkgs_tools) $(pkgs_fs) $(pkgs_replicator) $(pkgs_tests) $(pkgs_base)))
$(B)/fuzzer/%: $(B)/obj/tests/fuzz/fuzz_%.o $(fuzz_libs)
	$(call link,-fsanitize=fuzzer $^ $(call libs_of,$(pkgs_tools) $(pkgs_fs) $(pkgs_replicator) $(pkgs_tests) $(pkgs_base)))
$(B)/helpers/%: $(B)/obj/tests/system/helpers/%.o $(B)/libbase.a
	$(call link,$^ $(call libs_of,libzmq libxxhash fuse3 $(pkgs_base)))
$(B)/bench/%: $(B)/obj/tests/bench/%.o $(B)/libbase.a
	$(call link,$^ $(call libs_of,libzmq $(pkgs_base)))

# Set-up: as root on a Debian machine, install what is missing; otherwise say what is.
deps:
	@tools/install-deps

test: deps
	@+$(MAKE) --no-print-directory tests
	@B=$(B) SEEDS=$(SEEDS) tests/run $(TESTS)

demo: deps
	@+$(MAKE) --no-print-directory all
	@B=$(B) tools/demo/demo

bench: deps
	@+$(MAKE) --no-print-directory all $(benches) $(helpers)
	@B=$(B) tests/bench/run
	@B=$(B) tests/bench/served

sim: $(B)/sim
	$(B)/sim $(if $(SEED),--seed $(SEED),--seeds $(or $(SEEDS),20000)) $(if $(TRACE),--trace)

fuzz:
	@tools/install-deps libclang-rt-14-dev clang
	@+$(MAKE) --no-print-directory B=$(B)/fuzz CC=clang SAN=fuzzer-no-link,address,undefined \
		CFLAGS="-O1 -g" fuzzers
	@B=$(B)/fuzz TIME=$(or $(TIME),60) tests/fuzz/run $(FUZZ)

tsan: deps
	@+$(MAKE) --no-print-directory B=$(B)/tsan SAN=thread CFLAGS="-O1 -g" tests
	@B=$(B)/tsan LIMIT=1800 tests/run $(or $(TESTS),test_capture test_inval port posix names races pair)

install: all
	install -d $(DESTDIR)$(SBINDIR) $(DESTDIR)$(LIBEXECDIR)/hooks $(DESTDIR)$(DOCDIR) \
		$(DESTDIR)$(SYSCONFDIR)/zonefs $(DESTDIR)$(UNITDIR)
	install -m 755 $(B)/zonefs $(B)/zonefsctl $(B)/zonefs-health $(B)/zonefs-prestart $(DESTDIR)$(SBINDIR)/
	install -m 755 $(B)/zonefs-replicator $(DESTDIR)$(LIBEXECDIR)/
	install -m 755 $(B)/hooks/bind $(DESTDIR)$(LIBEXECDIR)/hooks/
	install -m 755 tools/health/route-* $(DESTDIR)$(LIBEXECDIR)/
	install -m 644 tools/zonefs.conf.sample $(DESTDIR)$(DOCDIR)/
	install -m 644 tools/zonefs.service tools/zonefs-health.service $(DESTDIR)$(UNITDIR)/
	for u in named named-chroot; do install -d $(DESTDIR)$(UNITDIR)/$$u.service.d && \
		install -m 644 tools/zonefs-prestart.conf $(DESTDIR)$(UNITDIR)/$$u.service.d/ || exit 1; done
	for m in man/*.[1-8]; do s=$${m##*.}; install -d $(DESTDIR)$(MANDIR)/man$$s && \
		install -m 644 $$m $(DESTDIR)$(MANDIR)/man$$s/ || exit 1; done

clean:
	rm -rf $(B)

-include $(patsubst %.c,$(B)/obj/%.d,$(all_src)) $(patsubst %.c,$(B)/other/obj/%.d,$(other_src))
