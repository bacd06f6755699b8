# shellcheck shell=bash
# roots.sh: Debian roots made by debootstrap from the mirror that apt uses here,
# kept pristine in MATRIX_CACHE, and entered as throw-away copies. Sourced after
# lib.sh; needs root.

CACHE=${MATRIX_CACHE:-/var/cache/pgwire_fdw}

need_roots() {
	is_root || die "$(basename "$0") needs root: it makes Debian roots and changes into them"
	need_packages 'command -v debootstrap::debootstrap' 'command -v unshare::util-linux'
}

# The mirror is whatever this machine's own apt uses for Debian.
# shellcheck disable=SC2016 # the names are apt's
mirror() {
	apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 'Origin: Debian' 'Label: Debian' |
		sort | uniq -c | sort -rn | awk 'NR == 1 { print $2 }'
}

# make_root SUITE DIR PACKAGE,...: a minimal root with those packages. It appears
# under its own name only when it is whole.
make_root() {
	local suite=$1 dir=$2 packages=$3 script=/usr/share/debootstrap/scripts/$1 url log
	scratch
	log=$SCRATCH/debootstrap.$(basename "$dir")
	url=$(mirror)
	[ -n "$url" ] || die "apt knows no Debian mirror here"
	# A release younger than this debootstrap is made like unstable.
	[ -e "$script" ] || script=/usr/share/debootstrap/scripts/sid
	rm -rf "$dir.new"
	mkdir -p "$CACHE"
	if ! debootstrap --variant=minbase --include="$packages" "$suite" "$dir.new" "$url" "$script" >"$log" 2>&1; then
		tail -20 "$log"
		rm -rf "$dir.new"
		return 1
	fi
	rm -rf "$dir.new/var/cache/apt/archives" "$dir.new/var/lib/apt/lists"
	mv "$dir.new" "$dir"
}

# in_root DIR SOURCE SHOWN CMD...: runs CMD in a copy of the root that is gone
# afterwards, in namespaces of its own, so that its mounts and whatever it starts
# end with it. SOURCE becomes /build. SHOWN are directories of this machine,
# separated by blanks, that are seen there too, as they are now; what is written
# to them is gone with the copy. The copy is in memory.
in_root() {
	local dir=$1 source=$2 shown=$3
	shift 3
	scratch
	mkdir -p "$SCRATCH/root"
	# shellcheck disable=SC2016 # the inner shell's own arguments
	unshare --mount --pid --ipc --fork --kill-child bash -c '
		set -e
		dir=$1 source=$2 shown=$3 at=$4 n=0
		shift 4
		# layer LOWER TARGET: LOWER as it is, and a layer of ours above it
		layer() {
			n=$((n + 1))
			mkdir -p "$at/upper.$n" "$at/work.$n" "$2"
			mount -t overlay overlay -o "lowerdir=$1,upperdir=$at/upper.$n,workdir=$at/work.$n" "$2" 2>/dev/null ||
				cp -a "$1/." "$2/"
		}
		mount --make-rprivate /
		mount -t tmpfs tmpfs "$at"
		layer "$dir" "$at/root"
		for d in $shown; do layer "$d" "$at/root$d"; done
		mount -t proc proc "$at/root/proc"
		mount -t tmpfs tmpfs "$at/root/dev/shm"
		mkdir -p "$at/root/build"
		cp -a "$source/." "$at/root/build/"
		cp -L /etc/resolv.conf /etc/hosts "$at/root/etc/"
		exec chroot "$at/root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root "$@"
	' - "$dir" "$source" "$shown" "$SCRATCH/root" "$@" </dev/null
}
