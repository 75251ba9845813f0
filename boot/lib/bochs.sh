# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# The other emulator, for Intel's virtualization: Debian's source of Bochs 3.0, our patches, our
# files, the library's models.

# The models of processors that have posted interrupts are compiled in with AVX only.
BOCHS_OPTIONS=(--enable-smp --enable-x86-64 --enable-vmx=2 --enable-avx --enable-handlers-chaining
	--enable-repeat-speedups --enable-fast-function-calls --disable-show-ips --with-nogui
	--disable-docbook --disable-xpm --disable-gameport --disable-shared)

# The cached emulator of this version and patch series: its directory, built or not. "stock" is
# Bochs without the patches and models, to show its errors.
bochs_dir()
{
	local orig version
	orig=$(downloaded 'bochs_3.0*.orig.tar.xz')
	[ -n "$orig" ] || return 1
	version=$(basename "$orig" .orig.tar.xz)
	[ "${1:-}" != stock ] || { echo "$CACHE/bochs-${version#bochs_}-stock" && return; }
	echo "$CACHE/bochs-${version#bochs_}-$({
		cat "$BOOT"/bochs/patches/*.patch
		echo "${BOCHS_OPTIONS[*]}"
	} | sha256sum | cut -c1-12)"
}

# Files of this project that are compiled into it: paths in the checkout, and in Bochs's tree.
bochs_ours()
{
	(
		cd "$ROOT" || exit
		printf '%s\n' boot/bochs/Makefile boot/bochs/*.cc boot/bochs/*.h
		find include/postern src/seam src/hw/x86 src/hw/intel -name '*.[ch]'
	) | LC_ALL=C sort
}

bochs_ours_there()
{
	sed 's|^boot/bochs/vapic|cpu/vapic|; t; s|^boot/bochs/Makefile|postern/Makefile|; t
		s|^boot/bochs/|iodev/|; t; s|^|postern/|'
}

# The objects that are not of Bochs's own list.
bochs_objects()
{
	bochs_ours | bochs_ours_there | sed -n 's|^iodev/\(.*\)\.cc$|\1.o|p' | tr '\n' ' '
}

# A hash of all that we put into the emulator, as for QEMU.
bochs_key()
{
	(
		cd "$ROOT" || exit
		{ bochs_ours && printf '%s\n' boot/bochs/patches/*.patch; } |
			xargs sha256sum
		postern_version
	) | sha256sum | cut -c1-12
}

# The program, built or not; "sanitized" is the same with what is ours
# in it built with AddressSanitizer and UBSan.
bochs_program()
{
	local dir
	dir=$(bochs_dir "$@") || return 1
	dir=$(basename "$dir")
	[ "${1:-}" != stock ] || { echo "$CACHE/programs/$dir" && return; }
	echo "$CACHE/programs/${dir%-*}-$(bochs_key)${1:+-$1}"
}

bochs_there()
{
	local program
	program=$(bochs_program "$@") && [ -x "$program" ]
}

bochs_unpack()
{
	local orig=$1 dir=$2 p patches=()
	say "unpacking $(basename "$orig")"
	rm -rf "$dir"
	mkdir -p "$dir/src"
	[[ $dir == *-stock ]] || patches=("$BOOT"/bochs/patches/*.patch)
	logged "$dir/unpack.log" "Bochs unpacked" \
		tar -xJf "$orig" -C "$dir/src" --strip-components=1 --no-same-owner
	for p in "${patches[@]}"; do
		patch -d "$dir/src" -p1 -s -N --fuzz=1 -r - <"$p" >>"$dir/unpack.log" 2>&1 ||
			skip "$(basename "$p") does not apply to $(basename "$orig" .orig.tar.xz)"
	done
}

# Bochs's makefiles do not know what our files include: all that depends on them is compiled anew
# when one of them has changed.
bochs_copy_ours()
{
	local src=$1/src build=$2 new f
	new=$(work_dir)
	bochs_ours | while read -r f; do
		copy_if_changed "$ROOT/$f" "$src/$(bochs_ours_there <<<"$f")"
	done
	bochs_ours | bochs_ours_there | LC_ALL=C sort >"$new/ours"
	(cd "$src" && find postern -name '*.[ch]') | LC_ALL=C sort |
		LC_ALL=C comm -13 "$new/ours" - | while read -r f; do rm "$src/$f"; done
	(cd "$src" && xargs sha256sum) <"$new/ours" >"$new/hashes"
	cmp -s "$new/hashes" "$build/hashes" ||
		(cd "$build" && rm -f cpu/vapic.o iodev/devices.o iodev/ioapic.o &&
			cd iodev && xargs rm -f <<<"$(bochs_objects)")
	cp "$new/hashes" "$build/hashes"
	rm -rf "$new"
}

# folder, flags of the compilers
bochs_configure()
{
	local to=$1 flags=$2 cc=gcc cxx=g++ options=("${BOCHS_OPTIONS[@]}")
	! command -v ccache >/dev/null || { cc="ccache gcc" && cxx="ccache g++"; }
	# Without our patches AVX does not compile by itself.
	[[ $to != *-stock/build ]] || options+=(--enable-evex)
	mkdir -p "$to"
	(cd "$to" && ../src/configure "${options[@]}" CC="$cc" CXX="$cxx" CFLAGS="$flags" \
		CXXFLAGS="$flags -I../src/postern/include -I../../src/postern/include")
}

# folder, flags
bochs_make()
{
	local to=$1 flags=$2 cc=gcc
	if [[ $to = *-stock/build ]]; then
		gently make -C "$to" -j "$JOBS" bochs
		return
	fi
	! command -v ccache >/dev/null || cc="ccache gcc"
	mkdir -p "$to/postern"
	gently make -C "$to/postern" -f ../../src/postern/Makefile -j "$JOBS" CC="$cc" \
		CFLAGS="$flags" SOURCES=../../src/postern VERSION="$(postern_version)" &&
		rm -f "$to/bochs" &&
		gently make -C "$to" -j "$JOBS" bochs MCH_OBJS="$(bochs_objects)" \
			MCH_LINK_FLAGS="postern/libpostern.a $flags"
}

# folder of the build, folder for what is sanitized: our files and the library. Bochs itself has
# accesses that the sanitizers stop at, before a machine starts.
bochs_make_sanitized()
{
	local build=$1 to=$2 src=../src f
	local flags="-O1 -g -fsanitize=address,undefined -fno-sanitize-recover=undefined"
	mkdir -p "$to/postern"
	gently make -C "$to/postern" -f ../../src/postern/Makefile -j "$JOBS" CC=gcc \
		CFLAGS="$flags" SOURCES=../../src/postern VERSION="$(postern_version)" || return
	cp "$build/iodev/libiodev.a" "$build/cpu/libcpu.a" "$to"
	cd "$build" || return
	for f in $(bochs_ours | bochs_ours_there | grep '\.cc$'); do
		# shellcheck disable=SC2086 # words
		gently g++ -c $flags -D_FILE_OFFSET_BITS=64 -D_LARGE_FILES -I. -I"$src" \
			-I"$src/$(dirname "$f")" -Iinstrument/stubs -I"$src/instrument/stubs" \
			-I"$src/postern/include" "$src/$f" -o "$to/$(basename "$f" .cc).o" &&
			ar r "$to/lib$(dirname "$f").a" "$to/$(basename "$f" .cc).o" || return
	done
	# shellcheck disable=SC2086 # words
	g++ -o "$to/bochs" $flags ./*.o -Wl,--export-dynamic -Wl,--start-group "$to"/*.a iodev/*/*.a \
		cpu/*/*.a memory/libmemory.a gui/libgui.a "$to/postern/libpostern.a" -Wl,--end-group
}

# Nothing, or "sanitized", or "stock".
# shellcheck disable=SC2120 # or nothing
bochs_build()
{
	local orig dir program='' variant=${1:-} name=build flags=-O2
	! bochs_there "$@" || return 0
	if [ "$variant" = sanitized ]; then
		rm -f "$(bochs_program)"
		bochs_build
		dir=$(bochs_dir)
		program=$(bochs_program sanitized)
		logged "$dir/sanitized.log" "Bochs built, sanitized" \
			bochs_make_sanitized "$dir/build" "$dir/sanitized"
		cp "$dir/sanitized/bochs" "$program.new"
		mv "$program.new" "$program"
		return
	fi
	orig=$(fetch_orig bochs 3.0)
	dir=$(bochs_dir "$@")
	need_packages g++
	export CCACHE_NOHASHDIR=1 CCACHE_BASEDIR=$dir
	[ -r "$dir/patched" ] || { bochs_unpack "$orig" "$dir" && touch "$dir/patched"; }
	[ -r "$dir/$name/config.h" ] || logged "$dir/configure.log" "Bochs configured" \
		bochs_configure "$dir/$name" "$flags"
	until [ "$program" = "$(bochs_program "$@")" ]; do # the sources were not edited meanwhile
		program=$(bochs_program "$@")
		[ "$variant" = stock ] || bochs_copy_ours "$dir" "$dir/$name"
	done
	logged "$dir/$name.log" "Bochs built${variant:+, $variant}" bochs_make "$dir/$name" "$flags"
	mkdir -p "$CACHE/programs"
	cp "$dir/$name/bochs" "$program.new"
	mv "$program.new" "$program"
}

# Firmware and boot loader, out of four packages.
BOCHS_FIRMWARE=$CACHE/firmware-bochs

bochs_firmware_there()
{
	[ -r "$BOCHS_FIRMWARE/mboot.c32" ] && [ -r "$BOCHS_FIRMWARE/done" ] && command -v xorriso >/dev/null
}

bochs_firmware_build()
{
	local dir=$BOCHS_FIRMWARE name deb
	! bochs_firmware_there || return 0
	need_packages xorriso # for the medium that it boots from
	for name in bochsbios vgabios isolinux syslinux-common; do
		deb=$(fetch_deb "$name" trixie)
		rm -rf "$dir/deb"
		mkdir -p "$dir/deb"
		dpkg-deb -x "$deb" "$dir/deb"
		find "$dir/deb" -type f \( -name 'BIOS-bochs-l*' -o -name vgabios.bin -o \
			-name isolinux.bin -o -path '*/bios/ldlinux.c32' -o -path '*/bios/libcom32.c32' \
			-o -path '*/bios/mboot.c32' \) -exec cp -t "$dir" {} +
	done
	rm -rf "$dir/deb"
	touch "$dir/done"
}

bochs_version()
{
	local dir
	dir=$(basename "$(bochs_dir)")
	dir=${dir#bochs-}
	echo "Bochs ${dir%%+*}"
}

# The DMAR table, for the kernel to take from the initrd: one unit, with all devices below it, and
# the I/O APIC. Bochs gives the I/O APIC the ID after those of the processors.
bochs_dmar()
{
	python3 - "$1" "$MACHINE_CPUS" <<-'END'
		import struct, sys

		IOAPIC, IOAPIC_BUS, IOAPIC_PATH = 3, 0xf0, (0x1f, 0)
		UNIT, INCLUDE_PCI_ALL, BASE, WIDTH, INTR_REMAP = 0, 1, 0xfed90000, 46, 1
		scope = struct.pack("<BBHBBBB", IOAPIC, 8, 0, int(sys.argv[2]), IOAPIC_BUS, *IOAPIC_PATH)
		unit = struct.pack("<HHBBHQ", UNIT, 16 + len(scope), INCLUDE_PCI_ALL, 0, 0, BASE) + scope
		body = struct.pack("<BB10x", WIDTH - 1, INTR_REMAP) + unit
		table = bytearray(struct.pack("<4sIBB6s8sI4sI", b"DMAR", 36 + len(body), 1, 0, b"PSTERN",
		                              b"POSTERN ", 1, b"PSTN", 1) + body)
		table[9] = -sum(table) & 0xff
		open(sys.argv[1], "wb").write(table)
	END
}

# The archive that has to be the first, and not compressed.
bochs_tables()
{
	local dir=$1/tables
	mkdir -p "$dir/kernel/firmware/acpi"
	bochs_dmar "$dir/kernel/firmware/acpi/dmar.aml"
	(cd "$dir" && find kernel | cpio --quiet -o -H newc -R 0:0)
}

# folder with the files and a line of isolinux.cfg for each further argument: FOLDER.iso, that Bochs
# boots.
bochs_iso()
{
	local dir=$1
	shift
	cp "$BOCHS_FIRMWARE/isolinux.bin" "$BOCHS_FIRMWARE/ldlinux.c32" "$dir"
	printf '%s\n' 'default l' 'prompt 0' 'label l' "$@" >"$dir/isolinux.cfg"
	xorriso -as mkisofs -quiet -o "$dir.iso" -b isolinux.bin -c boot.cat -no-emul-boot \
		-boot-load-size 4 -boot-info-table "$dir" 2>"$dir.err" || { cat "$dir.err" >&2 && return 1; }
	rm -rf "$dir"
}

# kernel, initrd, command line, folder: the medium with a kernel.
bochs_medium()
{
	local dir=$4/medium
	mkdir -p "$dir"
	cp "$1" "$dir/kernel"
	{ bochs_tables "$4" && cat "$2"; } >"$dir/initrd"
	rm -rf "$4/tables"
	bochs_iso "$dir" 'kernel kernel' 'initrd initrd' "append $3"
}

# A serial port, as QEMU names it, for Bochs.
bochs_serial()
{
	case $2 in
	file:*) echo "com$1: enabled=1, mode=file, dev=${2#file:}" ;;
	*) echo "com$1: enabled=1, mode=term, dev=$(tty)" ;;
	esac
}

# Bochs's virtual time counts instructions, so many a second, so that a boot is the same every time.
BOCHS_IPS=100000000

# processors, MiB, folder with medium.iso and for bochsrc, lines for the serial ports.
# Guests that enter with page tables of five levels (those of the kernel's tests) would end it in a
# panic: the processor does not offer them.
bochs_rc()
{
	local cpus=$1 memory=$2 out=$3
	shift 3
	{
		cat <<-END
			cpu: model=sapphire_rapids, count=$cpus:1:1, ips=$BOCHS_IPS, quantum=16, reset_on_triple_fault=0, exclude_features="la57"
			memory: guest=$memory, host=$memory
			romimage: file=$BOCHS_FIRMWARE/BIOS-bochs-latest, options=fastboot
			vgaromimage: file=$BOCHS_FIRMWARE/vgabios.bin
			ata0: enabled=1, ioaddr1=0x1f0, ioaddr2=0x3f0, irq=14
			ata0-master: type=cdrom, path=$out/medium.iso, status=inserted
			boot: cdrom
			display_library: nogui
			clock: sync=none, time0=946684800
			pci: enabled=1, chipset=i440fx
			log: /dev/stderr
			panic: action=fatal
			error: action=report
			info: action=ignore
			debug: action=ignore
		END
		printf '%s\n' "$@"
	} >"$out/bochsrc"
}

# kernel, folder with the initrd, command line, serial ports: sets MACHINE. Bochs has no page tables of
# five levels to offer to a kernel that uses them. Its TSC counts instructions, too, but CPUID says 2.2
# GHz whatever they are: a kernel that believes it takes 22 of the machine's seconds for one. The kernel
# idles by HLT: a store through a translation that the other processor has cached does not end an MWAIT,
# and without MWAIT KVM does not load.
bochs_command()
{
	local out=$2
	bochs_medium "$1" "$out/initrd" \
		"$3 intel_iommu=on no5lvl idle=halt tsc_early_khz=$((BOCHS_IPS / 1000))" "$out"
	bochs_rc "$MACHINE_CPUS" "$MACHINE_MEMORY" "$out" "$(bochs_serial 1 "$4")" "$(bochs_serial 2 "$5")"
	# shellcheck disable=SC2034 # for machine.sh
	MACHINE=("$MACHINE_BOCHS" -q -f "$out/bochsrc")
}

# The machine of bochs_command on the terminal: what Bochs itself says goes to last/shell.err, and
# its end by power-off is no failure.
bochs_shell()
{
	local log=$CACHE/last/shell.err status=0
	mkdir -p "$CACHE/last"
	sed -i "s|^log: .*|log: $log|" "$1/bochsrc"
	: >"$log"
	"${MACHINE[@]}" 2>>"$log" || status=$?
	grep -q 'ACPI control: soft power off' "$log" || return $status
}
