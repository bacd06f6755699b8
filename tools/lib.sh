# shellcheck shell=bash
# lib.sh: what the tools share. Sourced; needs bash, GNU coreutils and perl-base,
# which every Debian has.

set -euo pipefail

TOOLS=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
SRC=$(dirname "$TOOLS")
GO=${GO:-go}
PG_CONFIG=${PG_CONFIG:-pg_config}
STARTED=$(date +%s)

# libpq's variables would send psql and pg_regress to the caller's own server.
for v in $(compgen -e | grep '^PG' | grep -vE '^(PG_CONFIG$|PGWIRE_)' || true); do unset "$v"; done
export LC_ALL=C.UTF-8

# The source tree may sit where only root may look; servers never run there.
SCRATCH=""
SERVERS=()
BESIDE=""

say() { printf '\n== %s  [%ds]\n' "$*" $(($(date +%s) - STARTED)); }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }
is_root() { [ "$(id -u)" = 0 ]; }

# as_postgres CMD...: PostgreSQL refuses to run as root.
as_postgres() {
	if is_root; then runuser -u postgres -- "$@"; else "$@"; fi
}

# scratch: makes $SCRATCH once, a directory that the postgres user can reach.
scratch() {
	[ -n "$SCRATCH" ] && return
	SCRATCH=$(mktemp -d "${TMPDIR:-/tmp}/pgwire.XXXXXX")
	chmod 755 "$SCRATCH"
}

# cleanup: the EXIT trap of every tool. KEEP=1 leaves the files, never the servers.
cleanup() {
	local rc=$? d
	trap - EXIT INT TERM HUP
	[ -z "$BESIDE" ] || kill -- "-$BESIDE" 2>/dev/null || true
	for d in "${SERVERS[@]}"; do
		[ -f "$d/postmaster.pid" ] || continue
		as_postgres "$BINDIR/pg_ctl" -D "$d" -m immediate -w -t 20 stop >/dev/null 2>&1 ||
			kill -9 "$(head -1 "$d/postmaster.pid")" 2>/dev/null || true
	done
	if [ -n "$SCRATCH" ]; then
		if [ -n "${KEEP:-}" ]; then echo "kept: $SCRATCH"; else rm -rf "$SCRATCH"; fi
	fi
	exit "$rc"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# need_packages TEST:PACKAGE...: each TEST is a shell command that succeeds when
# PACKAGE is not needed. Root installs what is missing; others are told.
need_packages() {
	local pair missing=()
	for pair in "$@"; do
		eval "${pair%%::*}" >/dev/null 2>&1 || missing+=("${pair##*::}")
	done
	[ ${#missing[@]} -gt 0 ] || return 0
	is_root || die "missing Debian packages: ${missing[*]}
       (apt-get install ${missing[*]}, or run this as root)"
	command -v apt-get >/dev/null || die "missing: ${missing[*]}, and there is no apt-get to install them"
	say "installing ${missing[*]}"
	[ -n "$(find /var/lib/apt/lists -maxdepth 1 -name '*Packages*' -mtime -1 2>/dev/null | head -1)" ] ||
		apt-get update -qq
	# RUNLEVEL=1 keeps Debian from starting a cluster that nobody asked for.
	RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive \
		apt-get install -y -qq --no-install-recommends "${missing[@]}" </dev/null >/dev/null ||
		die "apt-get could not install ${missing[*]}"
}

# has_headers: what compiling for PG_CONFIG's server needs. Debian has pgxs.mk in
# the package of the client programs, so that alone says nothing.
has_headers() {
	[ -f "$("$PG_CONFIG" --pgxs)" ] && [ -f "$("$PG_CONFIG" --includedir-server)/postgres.h" ]
}

# need_toolchain: a server with its headers and postgres_fdw, a C compiler, Go.
need_toolchain() {
	local major=""
	if command -v "$PG_CONFIG" >/dev/null; then
		major=$("$PG_CONFIG" --version | sed 's/[^0-9]*\([0-9]*\).*/\1/')
	elif command -v apt-cache >/dev/null; then
		if is_root; then apt-get update -qq; fi
		major=$(apt-cache depends postgresql 2>/dev/null |
			sed -n 's/.*Depends: postgresql-\([0-9][0-9]*\)$/\1/p' | head -1)
	fi
	major=${major:-15}
	# shellcheck disable=SC2016
	need_packages \
		'command -v gcc::gcc' \
		'command -v make::make' \
		'[ -f /usr/include/stdlib.h ]::libc6-dev' \
		'test -x "$("$PG_CONFIG" --bindir)/postgres"'"::postgresql-$major" \
		'test -f "$("$PG_CONFIG" --sharedir)/extension/postgres_fdw.control"::postgresql-contrib' \
		"has_headers::postgresql-server-dev-$major"
	has_headers || die "PG_CONFIG=$PG_CONFIG is no pg_config of a PostgreSQL with its headers"
	if is_root; then
		getent passwd postgres >/dev/null || die "no system user postgres to run servers as"
	fi
	if [ -z "${GO_PREBUILT:-}" ]; then
		command -v "$GO" >/dev/null || die "Go is missing: install Go $(sed -n 's/^go //p' "$SRC/go.mod") or later, or set GO="
	fi
}

# bridge_sum: the checksum of the contract, as the Makefile has it.
bridge_sum() {
	local headers
	headers=$(sed -n 's/^BRIDGE_HDRS := //p' "$SRC/Makefile")
	# shellcheck disable=SC2086 # names of files
	(cd "$SRC" && cat $headers) | cksum | cut -d' ' -f1
}

# build: both objects, with the server's own PGXS.
build() {
	make -s -C "$SRC" -j"$(nproc)" PG_CONFIG="$PG_CONFIG" GO="$GO" all
}

# private_install: copies the server's programs into $SCRATCH, links all else,
# and installs pgwire_fdw there, so that a test neither needs the right to
# change the system's PostgreSQL nor leaves anything in it. PostgreSQL finds its
# other directories relative to its own program. Sets BINDIR and PG_CONFIG.
private_install() {
	scratch
	local root=$SCRATCH/inst dir
	for dir in "$("$PG_CONFIG" --pkglibdir)" "$("$PG_CONFIG" --sharedir)" "$("$PG_CONFIG" --bindir)"; do
		mkdir -p "$root$dir"
		cp -rsf "$dir/." "$root$dir/"
	done
	dir=$root$("$PG_CONFIG" --bindir)
	find "$dir" -mindepth 1 -delete
	cp -rL "$("$PG_CONFIG" --bindir)/." "$dir/"
	find "$root" -name 'pgwire_fdw*' -delete
	dir=$("$PG_CONFIG" --includedir-server)
	mkdir -p "$root${dir%/*}"
	ln -s "$dir" "$root$dir"
	make -s -C "$SRC" PG_CONFIG="$PG_CONFIG" GO="$GO" DESTDIR="$root" install >"$SCRATCH/install.log" 2>&1 ||
		{ cat "$SCRATCH/install.log"; die "make install failed"; }
	BINDIR=$root$("$PG_CONFIG" --bindir)
	PG_CONFIG=$BINDIR/pg_config
	export PG_CONFIG
}

# free_port: one that is free now on the loopback, found by binding to port 0.
free_port() {
	perl -MIO::Socket::INET -e 'print IO::Socket::INET->new(Listen => 1,
		LocalAddr => "127.0.0.1", LocalPort => 0)->sockport, "\n"'
}

# start_server NAME [SETTING=VALUE...]: a new cluster in $SCRATCH/NAME. Trust on
# its socket (in $SCRATCH/NAME.sock), passwords by SCRAM over TCP; superuser
# postgres, password "postgres". Sets PORT.
start_server() {
	local name=$1 setting
	shift
	scratch
	local data=$SCRATCH/$name sock=$SCRATCH/$name.sock
	mkdir "$data" "$sock"
	printf 'postgres\n' >"$SCRATCH/$name.pw"
	if is_root; then chown postgres: "$data" "$sock" "$SCRATCH/$name.pw"; fi
	as_postgres "$BINDIR/initdb" -D "$data" -U postgres --pwfile="$SCRATCH/$name.pw" \
		-A scram-sha-256 --encoding=UTF8 --locale=C.UTF-8 --no-sync --no-instructions \
		>"$SCRATCH/$name.initdb" 2>&1 || { cat "$SCRATCH/$name.initdb"; die "initdb failed"; }
	PORT=$(free_port)
	as_postgres tee "$data/pg_hba.conf" >/dev/null <<-EOF
		local all         all               trust
		host  all         all 127.0.0.1/32  scram-sha-256
		host  all         all ::1/128       scram-sha-256
		host  replication all 127.0.0.1/32  scram-sha-256
	EOF
	{
		printf "listen_addresses = '127.0.0.1'\nport = %d\nunix_socket_directories = '%s'\n" "$PORT" "$sock"
		printf "fsync = off\nfull_page_writes = off\nlog_line_prefix = '%%m [%%p] %%q%%a '\n"
		for setting in "$@"; do printf '%s\n' "$setting"; done
	} | as_postgres tee -a "$data/postgresql.conf" >/dev/null
	SERVERS+=("$data")
	as_postgres "$BINDIR/pg_ctl" -D "$data" -l "$data/log" -w -t 60 start >"$SCRATCH/$name.start" 2>&1 </dev/null || {
		cat "$SCRATCH/$name.start" "$data/log"
		die "server $name did not start"
	}
}

# copy_source DIR: the files of the working tree that git would keep, or all of
# them where there is no git.
copy_source() {
	mkdir -p "$1"
	if git -C "$SRC" rev-parse --git-dir >/dev/null 2>&1; then
		(cd "$SRC" && git -c safe.directory='*' ls-files -z -co --exclude-standard |
			while IFS= read -r -d '' f; do if [ -e "$f" ]; then printf '%s\0' "$f"; fi; done |
			tar -c --null -T - -f -) | tar -x -C "$1" -f -
	else
		cp -r "$SRC/." "$1/"
	fi
}

# installcheck SOCKETDIR PORT: `make installcheck` as the postgres user, in a
# copy of the tree, against a running server. Adds to PASSED and FAILED and
# shows the differences.
installcheck() {
	local src=$SCRATCH/src log=$SCRATCH/installcheck.log ok=0 bad=0 rc=0 only d
	rm -rf "$src"
	copy_source "$src"
	if is_root; then chown -R postgres: "$src"; fi
	# One at a time: make would not start the second runner after a failure of the first.
	for only in ISOLATION= REGRESS=; do
		as_postgres env PGHOST="$1" PGPORT="$2" PGUSER=postgres \
			make -C "$src" PG_CONFIG="$PG_CONFIG" GO=false --no-print-directory "$only" installcheck \
			>>"$log" 2>&1 </dev/null || rc=$?
	done
	grep -vE '^(mkdir|echo |SET|(DROP|CREATE|ALTER) (DATABASE|EXTENSION)|make.*Error|$)' "$log" || true
	# "test x ... ok" until 15, TAP's "ok 1 - x" from 16 on; a test that only
	# runs in parallel has neither word in column 1 before 16.
	ok=$(grep -cE '^(test .*\.\.\. ok|     [^ ].*\.\.\. ok|ok [0-9]+ )' "$log" || true)
	bad=$(grep -cE '^(test .*\.\.\. FAILED|     [^ ].*\.\.\. FAILED|not ok [0-9]+ )' "$log" || true)
	if [ "$rc" != 0 ]; then
		[ "$bad" -gt 0 ] || bad=1
		for d in "$src"/output_*/regression.diffs; do
			[ -s "$d" ] || continue
			printf -- '---- %s\n' "${d#"$src"/}"
			head -400 "$d"
		done
	fi
	PASSED=$((PASSED + ok))
	FAILED=$((FAILED + bad))
	[ "$ok" -gt 0 ] || [ "$bad" -gt 0 ] || { echo "no pg_regress test was run"; FAILED=$((FAILED + 1)); }
}

# start_main: the server that pg_regress runs on. JIT compiles for seconds what
# runs for a millisecond; a test of its own has it on.
start_main() {
	start_server main 'max_connections = 60' 'max_prepared_transactions = 20' 'wal_level = logical' 'jit = off'
}

# regress NAME PORT: installcheck on a server of start_server, which must survive it.
regress() {
	installcheck "$SCRATCH/$1.sock" "$2"
	if grep -E 'PANIC|was terminated by signal' "$SCRATCH/$1/log"; then
		echo "FAILED: the server crashed during the tests"
		tail -50 "$SCRATCH/$1/log"
		FAILED=$((FAILED + 1))
	fi
}

PASSED=0
FAILED=0

# beside FUNCTION: runs it at the same time as what follows, as a process group
# of its own; join_beside waits for it, shows what it printed and adds its counts.
beside() {
	set -m
	# shellcheck disable=SC2030 # the counts come back in a file
	(
		trap - EXIT INT TERM HUP
		PASSED=0 FAILED=0
		"$@"
		echo "$PASSED $FAILED" >"$SCRATCH/beside"
	) >"$SCRATCH/beside.out" 2>&1 </dev/null &
	BESIDE=$!
	set +m
}

# shellcheck disable=SC2031 # as above
join_beside() {
	local p=0 f=1 # one that did not come to its end has failed
	wait "$BESIDE" || true
	BESIDE=""
	cat "$SCRATCH/beside.out"
	[ ! -s "$SCRATCH/beside" ] || read -r p f <"$SCRATCH/beside"
	PASSED=$((PASSED + p))
	FAILED=$((FAILED + f))
}

# step NAME CMD...: runs one check whose only result is good or bad.
step() {
	local name=$1
	shift
	say "$name"
	if "$@"; then PASSED=$((PASSED + 1)); else
		FAILED=$((FAILED + 1))
		printf 'FAILED: %s\n' "$name"
	fi
}

# go_tests NAME ENV... -- ARGS...: go test, its closing lines shown, its tests counted.
go_tests() {
	local name=$1 vars=()
	shift
	while [ "$1" != -- ]; do vars+=("$1") && shift; done
	shift
	say "$name"
	local tally p=0 f=0 rc=0
	tally=$(mktemp "$SCRATCH/tally.XXXXXX")
	(
		cd "$SRC" || exit 1
		set +e
		env "${vars[@]}" "$GO" test -json "$@" 2>&1 | "$SCRATCH/gotally" -o "$tally"
		exit "${PIPESTATUS[0]}"
	) || rc=1
	[ ! -s "$tally" ] || read -r p f <"$tally"
	# A run that fails without naming a test (no package, no toolchain) counts too.
	[ "$rc" = 0 ] || [ "$f" -gt 0 ] || f=1
	PASSED=$((PASSED + p))
	FAILED=$((FAILED + f))
}

# verdict: the closing line, and the exit code that goes with it.
verdict() {
	printf '\n%d passed, %d failed\n' "$PASSED" "$FAILED"
	[ "$FAILED" = 0 ] && [ "$PASSED" -gt 0 ]
}
