# pgwire_fdw: a PGXS extension of two shared objects.
#
#   pgwire_fdw.so     extension/, built against one server major by PGXS
#   pgwire_fdw_go.so  cgo/ and handler/, one `go build` for all majors
#
#   make && make install && make installcheck     with PG_CONFIG=... if need be
#   make check          everything, with servers of its own; needs none running
#   make check-matrix   what needs a server, on PostgreSQL 17 and 18
#   make check-setup    check and demo on machines that lack what they need
#   make demo           a tour on two throw-away servers
#   make bench          the measurements of docs/bench.md
#   make lint cwarn     what compilers and the laws of the house say
#   make dist clean

# Goals that install what they need, PostgreSQL itself included: they must not
# depend on a pg_config being there when make reads this file.
TOOL_GOALS := check check-matrix check-setup demo bench lint cwarn dist
TOOLS_ASKED := $(filter $(TOOL_GOALS),$(MAKECMDGOALS))
PGXS_ASKED := $(filter-out $(TOOL_GOALS),$(or $(MAKECMDGOALS),all))

GO ?= go
PG_CONFIG ?= pg_config

ifneq (,$(TOOLS_ASKED))
export GO PG_CONFIG
.PHONY: $(TOOLS_ASKED)
# The tools run make themselves; the jobs of this one are not theirs.
$(TOOLS_ASKED): %:
	@+MAKEFLAGS= tools/$@
endif

ifneq (,$(PGXS_ASKED))

EXTENSION = extension/pgwire_fdw
EXTVERSION := $(shell sed -n "s/^default_version *= *'\(.*\)'/\1/p" extension/pgwire_fdw.control)
DATA = $(wildcard sql/pgwire_fdw--*.sql)
MODULE_big = pgwire_fdw
OBJS = $(patsubst %.c,%.o,$(sort $(wildcard extension/*.c extension/*/*.c)))
PGFILEDESC = "pgwire_fdw - foreign-data wrapper speaking the PostgreSQL wire protocol"

# Both objects carry the checksum of the contract between them and compare at
# load. Go's build cache does not look at headers, but it does at CGO_CFLAGS.
BRIDGE_HDRS := cgo/bridge.h cgo/bridge_modify.h cgo/bridge_feed.h
BRIDGE_SUM := $(firstword $(shell cat $(BRIDGE_HDRS) | cksum))
PG_CPPFLAGS = -Icgo $(addprefix -iquote ,extension $(sort $(dir $(wildcard extension/*/)))) -DPGWIRE_BRIDGE_SUM=$(BRIDGE_SUM)

# Tests: every file found is run. `setup` goes first, it makes what others use.
REGRESS_FOUND := $(sort $(patsubst regress/sql/%.sql,%,$(wildcard regress/sql/*.sql)))
REGRESS := $(filter setup,$(REGRESS_FOUND)) $(filter-out setup,$(REGRESS_FOUND))
ISOLATION := $(sort $(patsubst regress/specs/%.spec,%,$(wildcard regress/specs/*.spec)))
# Both runners read regress/expected, so a stem may be a spec or a script, not both.
ifneq (,$(filter $(REGRESS_FOUND),$(ISOLATION)))
$(error regress/sql and regress/specs share the name $(filter $(REGRESS_FOUND),$(ISOLATION)))
endif
REGRESS_OUTPUT ?= output_regress
ISOLATION_OUTPUT ?= output_iso
REGRESS_OPTS = --inputdir=regress --outputdir=$(REGRESS_OUTPUT)
ISOLATION_OPTS = --inputdir=regress --outputdir=$(ISOLATION_OUTPUT)

EXTRA_CLEAN = .built-for pgwire_fdw_go.so pgwire_fdw_go.h output_regress pgwire_fdw-*.zip

# LLVM bitcode is for functions that JIT may inline; there are none here, and
# it would need a clang of the server's own version.
override with_llvm := no

PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

$(OBJS): $(BRIDGE_HDRS) $(wildcard extension/*.h extension/*/*.h) .built-for

# What was compiled for one server is compiled anew for another: the file is
# written only when it would change.
BUILT_FOR := $(shell $(PG_CONFIG) --version --includedir-server)
.built-for: FORCE
	@echo '$(BUILT_FOR)' | cmp -s - $@ || echo '$(BUILT_FOR)' >$@
.PHONY: FORCE
FORCE:

# asyncpreemptoff keeps Go from unblocking SIGURG, by which PostgreSQL wakes a
# backend. The link flag replaces the list that the toolchain would set from
# go.mod, so that list is put in again behind it.
GO_SRCS := go.mod go.sum $(BRIDGE_HDRS) \
	$(shell find cgo handler -name '*.go' ! -name '*_test.go' ! -path '*/testdata/*')
pgwire_fdw_go.so: $(GO_SRCS)
ifdef GO_PREBUILT
	cp '$(GO_PREBUILT)' $@
else
	CGO_ENABLED=1 CGO_CFLAGS='-O2 -g -DPGWIRE_BRIDGE_SUM=$(BRIDGE_SUM)' \
	$(GO) build -buildmode=c-shared -buildvcs=false -trimpath -tags netgo,osusergo \
	-ldflags "-s -w -X=runtime.godebugDefault=asyncpreemptoff=1$$($(GO) list -f '{{with .DefaultGODEBUG}},{{.}}{{end}}' ./cgo)" \
	-o $@ ./cgo
endif

all: pgwire_fdw_go.so

install: install-go
uninstall: uninstall-go
.PHONY: install-go uninstall-go
install-go: pgwire_fdw_go.so installdirs
	$(INSTALL_SHLIB) pgwire_fdw_go.so '$(DESTDIR)$(pkglibdir)/'
uninstall-go:
	rm -f '$(DESTDIR)$(pkglibdir)/pgwire_fdw_go.so'

installcheck: installcheck-outputdirs
.PHONY: installcheck-outputdirs
installcheck-outputdirs:
	mkdir -p '$(REGRESS_OUTPUT)' '$(ISOLATION_OUTPUT)'

endif
