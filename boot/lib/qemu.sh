# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# The emulator: Debian's source of QEMU 10.0, our patches, our files, the library's models.

QEMU_OPTIONS=(--target-list=x86_64-softmmu --without-default-features --enable-tcg --disable-docs
	--disable-tools --disable-guest-agent --disable-download --disable-install-blobs
	--disable-debug-info --enable-slirp --enable-virtfs --enable-attr --enable-cap-ng
	--enable-capstone --enable-curses --enable-iconv --enable-vnc --enable-pixman)
QEMU_PACKAGES=(libslirp-dev libattr1-dev libcap-ng-dev libcapstone-dev libncurses-dev libpixman-1-dev)

# The cached emulator of this version and patch series: its directory, built or not.
qemu_dir()
{
	local dsc version
	dsc=$(downloaded 'qemu_10.0*.dsc')
	[ -n "$dsc" ] || return 1
	version=$(basename "$dsc" .dsc)
	echo "$CACHE/qemu-${version#qemu_}-$(hash_of "$BOOT"/qemu/patches/*.patch)"
}

# Files of this project that are compiled into it: paths in the checkout, and in the emulator's source.
qemu_ours()
{
	(
		cd "$ROOT" || exit
		printf '%s\n' boot/qemu/meson.build boot/qemu/*.[ch] boot/qemu/{target,system}/*.[ch]
		find include/postern src/seam src/hw -name '*.[ch]' ! -path 'src/hw/intel/apicv*'
	) | LC_ALL=C sort
}

qemu_ours_there()
{
	sed 's|^boot/qemu/target/|target/i386/tcg/system/|; t
		s|^boot/qemu/system/\(.*\.h\)$|include/system/\1|; t
		s|^boot/qemu/system/|system/|; t
		s|^boot/qemu/|hw/i386/postern/|; t
		s|^|hw/i386/postern/lib/|'
}

postern_version()
{
	sed -nE "s/^ *version: '([^']+)'.*/\1/p" "$ROOT/meson.build" | head -n 1
}

# A hash of all that we put into the emulator: checkouts share the tree that it is built in, and
# each has its own program.
qemu_key()
{
	(
		cd "$ROOT" || exit
		{ qemu_ours && printf '%s\n' boot/qemu/patches/*.patch; } | xargs sha256sum
		echo "${QEMU_OPTIONS[*]}"
		postern_version
	) | sha256sum | cut -c1-12
}

# The program, built or not; "sanitized" is the same built with AddressSanitizer and UBSan.
qemu_program()
{
	local dir
	[ -z "$INSTALLED" ] || { echo "$INSTALLED/qemu-system-x86_64" && return; }
	dir=$(qemu_dir) || return 1
	dir=$(basename "$dir")
	echo "$CACHE/programs/${dir%-*}-$(qemu_key)${1:+-$1}"
}

qemu_there()
{
	local program
	program=$(qemu_program "$@") && [ -x "$program" ]
}

qemu_unpack()
{
	local dsc=$1 dir=$2 p
	say "unpacking $(basename "$dsc")"
	rm -rf "$dir"
	mkdir -p "$dir"
	logged "$dir/unpack.log" "QEMU unpacked" \
		dpkg-source --no-copy -x "$dsc" "$dir/src"
	for p in "$BOOT"/qemu/patches/*.patch; do
		patch -d "$dir/src" -p1 -s -N --fuzz=1 -r - <"$p" >>"$dir/unpack.log" 2>&1 ||
			skip "$(basename "$p") does not apply to $(basename "$dsc" .dsc)"
	done
}

# Our files and the library's models, into the emulator's tree. A file that is gone here must not
# stay there.
qemu_copy_ours()
{
	local to=$1/src new f
	new=$(work_dir)
	mkdir -p "$to/hw/i386/postern/lib"
	qemu_ours | while read -r f; do
		copy_if_changed "$ROOT/$f" "$to/$(qemu_ours_there <<<"$f")"
	done
	qemu_ours | qemu_ours_there | LC_ALL=C sort >"$new/ours"
	[ ! -e "$1/ours" ] || LC_ALL=C comm -23 "$1/ours" "$new/ours" | while read -r f; do rm -f "$to/$f"; done
	cp "$new/ours" "$1/ours"
	sed -nE 's|^hw/i386/postern/(lib/src/hw/.*\.c)$|\1|p' "$new/ours" >"$new/sources"
	postern_version >"$new/version"
	for f in sources version; do copy_if_changed "$new/$f" "$to/hw/i386/postern/lib/$f"; done
	rm -rf "$new"
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
	rm -rf "$to"
	mkdir -p "$to"
	(cd "$to" && ../src/configure --cc="$cc" --python=/usr/bin/python3 "${QEMU_OPTIONS[@]}" "$@") &&
		echo "${QEMU_OPTIONS[*]}" >"$to/options"
}

# Is the folder configured, with the options of this checkout?
qemu_configured()
{
	[ -r "$1/build.ninja" ] && [ "$(cat "$1/options" 2>/dev/null)" = "${QEMU_OPTIONS[*]}" ]
}

# folder of the emulator, firmware: QEMU finds its firmware here without being told where it is.
qemu_bundle()
{
	mkdir -p "$1/qemu-bundle/usr/local/share"
	ln -sfn "$2" "$1/qemu-bundle/usr/local/share/qemu"
}

# folder: the emulator, its firmware, the initramfs of the prompt, and these scripts, as they are after
# boot/build machine.
qemu_install()
{
	local to=$1/lib/postern
	mkdir -p "$to/emulator/firmware"
	cp "$(qemu_program)" "$to/emulator/qemu-system-x86_64"
	cp -r "$FIRMWARE"/. "$to/emulator/firmware"
	qemu_bundle "$to/emulator" ../../../../firmware
	cp "$(initramfs_path)" "$to/emulator/initramfs.gz"
	cp -r "$BOOT" "$ROOT/meson.build" "$to"
	touch "$to/installed"
}

# Nothing, or "sanitized".
qemu_build()
{
	local dsc dir meson program='' variant=${1:-} name=build${1:+-$1} options=()
	! qemu_there "$variant" || return 0
	dsc=$(fetch_source qemu 10.0)
	meson=$(fetch_deb meson bookworm-backports)
	meson=$(qemu_meson "$meson")
	dir=$(qemu_dir)
	[ -z "$variant" ] || options=(--enable-asan --enable-ubsan)
	export PATH=$meson/usr/bin:$PATH PYTHONPATH=$meson/usr/lib/python3/dist-packages
	export CCACHE_NOHASHDIR=1 CCACHE_BASEDIR=$dir
	[ -r "$dir/patched" ] || { qemu_unpack "$dsc" "$dir" && touch "$dir/patched"; }
	until [ "$program" = "$(qemu_program "$variant")" ]; do # the sources were not edited meanwhile
		program=$(qemu_program "$variant")
		qemu_copy_ours "$dir"
	done
	need_packages "${QEMU_PACKAGES[@]}"
	qemu_configured "$dir/$name" || logged "$dir/configure.log" "QEMU configured" \
		qemu_configure "$dir/$name" "${options[@]}"
	logged "$dir/$name.log" "QEMU built${variant:+, $variant}" \
		gently ninja -C "$dir/$name" -j "$JOBS" qemu-system-x86_64
	mkdir -p "$CACHE/programs"
	qemu_bundle "$CACHE/programs" "$CACHE/firmware"
	cp "$dir/$name/qemu-system-x86_64" "$program.new"
	mv "$program.new" "$program"
}

# The firmware that the machine and its cards need, and the keymaps of VNC, out of packages.
FIRMWARE_PACKAGES=(seabios qemu-system-data ipxe-qemu)
FIRMWARE=${INSTALLED:-$CACHE}/firmware

firmware_there()
{
	[ -z "$INSTALLED" ] || return 0
	[ "$(cat "$CACHE/firmware/done" 2>/dev/null)" = "${FIRMWARE_PACKAGES[*]}" ]
}

firmware_build()
{
	local dir=$CACHE/firmware name deb
	! firmware_there || return 0
	for name in "${FIRMWARE_PACKAGES[@]}"; do
		deb=$(fetch_deb "$name" trixie)
		rm -rf "$dir/deb"
		mkdir -p "$dir/deb"
		dpkg-deb -x "$deb" "$dir/deb"
		find "$dir/deb" \( -name '*.bin' -o -name '*.rom' \) -type f -exec cp -t "$dir" {} +
		find "$dir/deb" -name keymaps -type d -exec cp -r -t "$dir" {} +
	done
	rm -rf "$dir/deb"
	echo "${FIRMWARE_PACKAGES[*]}" >"$dir/done"
}
