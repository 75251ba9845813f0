# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# The host kernel's user space: busybox, the harness with the guest's program inside, the init script.

# shellcheck disable=SC2054 # the commas are the arguments
L2_FLAGS=(-m32 -std=gnu17 -Os -Wall -Wextra -Werror -Wcast-qual -ffreestanding -nostdlib -static
	-fno-pic -no-pie -fno-stack-protector -fno-asynchronous-unwind-tables -mgeneral-regs-only
	-fcf-protection=none -Wl,--build-id=none -Wl,-z,noexecstack -Wl,--no-warn-rwx-segments)
L1_FLAGS=(-D_GNU_SOURCE -std=gnu17 -O2 -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes
	-Wmissing-prototypes -Wvla -Wundef -Wwrite-strings -Wcast-qual -static -pthread)

initramfs_path()
{
	[ -z "$INSTALLED" ] || { echo "$INSTALLED/initramfs.gz" && return; }
	echo "$CACHE/initramfs-$(hash_of "$BOOT"/l1/* "$BOOT"/l2/* "$BOOT"/lib/initramfs.sh).gz"
}

harness_build()
{
	local to=$1
	gcc "${L2_FLAGS[@]}" -Wl,-T,"$BOOT/l2/l2.ld" "$BOOT/l2/start.S" "$BOOT"/l2/*.c \
		-o "$to/l2.elf" &&
		objcopy -O binary "$to/l2.elf" "$to/l2.bin" &&
		gcc "${L1_FLAGS[@]}" -Wa,-I"$to" "$BOOT"/l1/*.c "$BOOT/l1/image.S" -o "$to/harness"
}

initramfs_there()
{
	[ -r "$(initramfs_path)" ]
}

# A folder, as an archive that the kernel unpacks.
cpio_of()
{
	(cd "$1" && find . | cpio --quiet -o -H newc -R 0:0) | gzip -1
}

initramfs_build()
{
	local out work applet deb
	! initramfs_there || return 0
	out=$(initramfs_path)
	deb=$(fetch_deb busybox-static trixie)
	work=$(work_dir)
	mkdir -p "$work/deb" "$work/root"/{bin,dev,proc,sys,tmp}
	logged "$work/harness.log" "harness built" harness_build "$work"
	dpkg-deb -x "$deb" "$work/deb"
	cp "$work/deb/usr/bin/busybox" "$work/harness" "$work/root/bin/"
	cp "$BOOT/l1/init" "$work/root/init"
	cp "$BOOT/l1/kvm-load" "$BOOT/l1/says" "$BOOT/l1/acts" "$BOOT/l1/sleep-mem" \
		"$work/root/bin/"
	for applet in $("$work/root/bin/busybox" --list); do
		[ "$applet" = busybox ] || ln -s busybox "$work/root/bin/$applet"
	done
	cpio_of "$work/root" >"$out.$$"
	mv "$out.$$" "$out"
	rm -rf "$work"
}

# A second archive behind the first one: the job of one boot. The first file becomes /job, which
# init runs; the others, files or folders, keep their names.
job_archive()
{
	local dir
	dir=$(work_dir)
	cp "$1" "$dir/job"
	shift
	[ $# -eq 0 ] || cp -r "$@" "$dir"
	cpio_of "$dir"
	rm -rf "$dir"
}

# The runs of a plan, and the kernel for one that boots it anew.
plan_archive()
{
	local dir kernel=()
	dir=$(work_dir)
	cp "$1" "$dir/plan"
	if grep -q '^do=kexec' "$1"; then
		cp "$2" "$dir/kernel"
		kernel=("$dir/kernel")
	fi
	job_archive "$BOOT/l1/job-plan" "$dir/plan" "${kernel[@]}"
	rm -rf "$dir"
}
