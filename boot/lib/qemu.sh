# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# The emulator: Debian's source of QEMU 10.0, our patches, our files, the library's models.

QEMU_OPTIONS=(--target-list=x86_64-softmmu --without-default-features --enable-tcg --disable-docs
	--disable-tools --disable-guest-agent --disable-download --disable-install-blobs
	--disable-debug-info)

# The cached emulator of this version and patch series: its directory, built or not.
qemu_dir()
{
	local dsc version
	dsc=$(downloaded 'qemu_10.0*.dsc')
	[ -n "$dsc" ] || return 1
	version=$(basename "$dsc" .dsc)
	echo "$CACHE/qemu-${version#qemu_}-$(hash_of "$BOOT"/qemu/patches/*.patch)"
}

# The program; "sanitized" is the same built with AddressSanitizer and UBSan.
qemu_program()
{
	echo "$(qemu_dir)/build${1:+-$1}/qemu-system-x86_64"
}

qemu_unpack()
{
	local dsc=$1 dir=$2 p
	say "unpacking $(basename "$dsc")"
	rm -rf "$dir"
	mkdir -p "$dir"
	logged "$dir/unpack.log" "QEMU unpacked" \
		dpkg-source --no-check --no-copy -x "$dsc" "$dir/src"
	for p in "$BOOT"/qemu/patches/*.patch; do
		patch -d "$dir/src" -p1 -s -N --fuzz=1 -r - <"$p" >>"$dir/unpack.log" 2>&1 ||
			skip "$(basename "$p") does not apply to $(basename "$dsc" .dsc)"
	done
}

# Our files and the library's models, into the emulator's tree. A file that is gone here must not
# stay there.
qemu_copy_ours()
{
	local to=$1/src/hw/i386/postern lib f
	lib=$to/lib
	for f in "$BOOT"/qemu/meson.build "$BOOT"/qemu/*.[ch]; do
		copy_if_changed "$f" "$to/$(basename "$f")"
	done
	(cd "$ROOT" && find include/postern src/seam src/hw/x86 src/hw/amd -name '*.[ch]') | sort |
		while read -r f; do copy_if_changed "$ROOT/$f" "$lib/$f"; done
	(cd "$ROOT" && find src/hw/x86 src/hw/amd -name '*.c' | sort | sed 's|^|lib/|') \
		>"$to/sources.new"
	sed -nE "s/^ *version: '([^']+)'.*/\1/p" "$ROOT/meson.build" | head -n 1 >"$to/version.new"
	copy_if_changed "$to/sources.new" "$lib/sources"
	copy_if_changed "$to/version.new" "$lib/version"
	rm -f "$to/sources.new" "$to/version.new"
}

qemu_meson()
{
	local deb=$1 to
	to=$CACHE/tools/$(basename "$deb" .deb)
	[ -x "$to/usr/bin/meson" ] || { mkdir -p "$to" && dpkg-deb -x "$deb" "$to"; }
	echo "$to"
}

# folder, more options. ccache, where there is one, makes a new patch series cheap.
qemu_configure()
{
	local to=$1 cc=gcc
	shift
	! command -v ccache >/dev/null || cc="ccache gcc"
	mkdir -p "$to"
	(cd "$to" && ../src/configure --cc="$cc" --python=/usr/bin/python3 "${QEMU_OPTIONS[@]}" "$@")
}

# Nothing, or "sanitized".
qemu_build()
{
	local dsc dir meson variant=${1:-} name=build${1:+-$1} options=()
	dsc=$(fetch_source qemu 10.0)
	meson=$(fetch_deb meson bookworm-backports)
	meson=$(qemu_meson "$meson")
	dir=$(qemu_dir)
	[ -z "$variant" ] || options=(--enable-asan --enable-ubsan)
	export PATH=$meson/usr/bin:$PATH PYTHONPATH=$meson/usr/lib/python3/dist-packages
	export CCACHE_NOHASHDIR=1 CCACHE_BASEDIR=$dir
	[ -r "$dir/patched" ] || { qemu_unpack "$dsc" "$dir" && touch "$dir/patched"; }
	qemu_copy_ours "$dir"
	[ -r "$dir/$name/build.ninja" ] || logged "$dir/configure.log" "QEMU configured" \
		qemu_configure "$dir/$name" "${options[@]}"
	logged "$dir/$name.log" "QEMU built${variant:+, $variant}" \
		nice -n 15 ninja -C "$dir/$name" -j "$JOBS" qemu-system-x86_64
}

# The firmware that the machine needs, out of two packages.
firmware_build()
{
	local dir=$CACHE/firmware name deb
	[ ! -r "$dir/done" ] || return 0
	for name in seabios qemu-system-data; do
		deb=$(fetch_deb "$name" trixie)
		rm -rf "$dir/deb"
		mkdir -p "$dir/deb"
		dpkg-deb -x "$deb" "$dir/deb"
		find "$dir/deb" -name '*.bin' -type f -exec cp -t "$dir" {} +
	done
	rm -rf "$dir/deb"
	touch "$dir/done"
}
