# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# The emulator out of the exported series, built as anybody would, and what shows that it is the one of
# boot/build.

# What is not in Debian's source of QEMU: packages, firmware, and meson, whose folder is printed.
qemu_series_needs()
{
	lock_cache
	{ need_build_packages && need_packages "${QEMU_PACKAGES[@]}" && firmware_build; } >&2
	qemu_meson "$(fetch_deb meson bookworm-backports)"
	unlock_cache
}

# folder: QEMU's tests start it without -L, and with the network card that it has by default.
qemu_series_firmware()
{
	local to=$1/qemu-bundle/usr/local/share/qemu
	mkdir -p "$to"
	cp "$FIRMWARE"/*.bin "$FIRMWARE"/*.rom "$to"
}

# folder with src, at the end of both series: the emulator and QEMU's test of amd-iommu, in build; the
# test passes, and so do interrupts through the IOMMU, one at a time.
qemu_series_build()
{
	local dir=$1 meson name=qtest-x86_64/amd-iommu-test
	meson=$(qemu_series_needs)
	export PATH=$meson/usr/bin:$PATH PYTHONPATH=$meson/usr/lib/python3/dist-packages
	export CCACHE_NOHASHDIR=1 CCACHE_BASEDIR=$dir
	logged "$dir/configure.log" "QEMU configured" qemu_configure "$dir/build"
	logged "$dir/make.log" "QEMU built" gently make -C "$dir/build" -j "$JOBS" \
		qemu-system-x86_64 tests/qtest/amd-iommu-test
	qemu_series_firmware "$dir/build"
	logged "$dir/test.log" "QEMU's $name" \
		"$dir/build/pyvenv/bin/meson" test -C "$dir/build" --no-rebuild --print-errorlogs "$name"
	grep -E '^Ok: +1 *$' "$dir/test.log" >/dev/null || fail "$name did not run"
	logged "$dir/posting.log" "interrupts through the IOMMU, one at a time" \
		python3 "$BOOT/qemu/qtest/posting.py" "$dir/build/qemu-system-x86_64" "$FIRMWARE"
}
