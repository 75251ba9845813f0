# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# The machine: what QEMU is told in each mode, and one boot of it.

MODES=(baseline remapped posting gappi fallback)
MACHINE_DEVICES=()
MACHINE_IOMMU=''
MACHINE_ARGS=''
MACHINE_ACCEL=(-accel "tcg,thread=multi")
MACHINE_CPUS=3
MACHINE_MEMORY=1024
# With virtual GIF, as every processor with AVIC since Zen: without it KVM emulates CLGI, and AVIC does
# not know of it.
MACHINE_CPU=EPYC-Milan,+svm,+npt,+x2apic,+vgif,+avic,+x2avic,+x2avic-ext,+avic-extlvt,+vmcb-clean

# What the mode adds to the kernel's command line.
mode_kernel_args()
{
	case $1 in
	baseline) echo "kvm_amd.avic=0" ;;
	remapped) echo "kvm_amd.avic=1 amd_iommu_intr=legacy" ;;
	posting) echo "kvm_amd.avic=1" ;;
	gappi) echo "kvm_amd.avic=1 amd_iommu=gappi postern.need=GAPPI" ;;
	fallback) echo "kvm_amd.avic=1 amd_iommu=gappi" ;;
	*) fail "no such mode: $1 (there are: ${MODES[*]})" ;;
	esac
}

# What it adds to the IOMMU's properties, and what the plan changes of them. The baseline's IOMMU is
# the emulator's own.
mode_iommu()
{
	case $1 in
	baseline) echo "intremap=on,xtsup=on,ga=off" ;;
	fallback) echo "intremap=on,xtsup=on,ga=on,gappi=off,poison=on$MACHINE_IOMMU" ;;
	*) echo "intremap=on,xtsup=on,ga=on,gappi=on,poison=on$MACHINE_IOMMU" ;;
	esac
}

# A plan's words "iommu=NAME=VALUE" change a property of the IOMMU, "args=WORD" is added to the
# kernel's command line, both for the whole boot.
machine_plan()
{
	local words
	words=$(grep -v '^#' "$1" | tr -s ' \t' '\n' | grep -E '^(iommu|args)=' | sort -u) || true
	MACHINE_IOMMU=$(sed -n 's/^iommu=/,/p' <<<"$words" | tr -d '\n')
	MACHINE_ARGS=$(sed -n 's/^args=/ /p' <<<"$words" | tr -d '\n')
}

# The emulator and the initramfs of the sources as they are now: boots that follow use these, also
# when somebody edits the sources meanwhile.
machine_find()
{
	MACHINE_QEMU=$(qemu_program)
	MACHINE_INITRAMFS=$(initramfs_path)
	[ -x "$MACHINE_QEMU" ] || fail "the emulator's sources changed while it was built"
	[ -r "$MACHINE_INITRAMFS" ] || fail "the initramfs's sources changed while it was built"
	touch -c "$MACHINE_QEMU" "$MACHINE_INITRAMFS" || true
}

# mode, kernel, archive with the job, folder, further words for the kernel's command line: sets
# MACHINE. CPU 0 is the device's and the harness's, the others are the guests' and have no tick.
machine_command()
{
	local mode=$1 version=$2 archive=$3 out=$4 args dir modules
	args=$(mode_kernel_args "$mode")
	dir=$(linux_dir "$version")
	modules=$dir/modules.gz
	[ -r "$modules" ] || modules=/dev/null
	cat "$MACHINE_INITRAMFS" "$archive" "$modules" >"$out/initrd"
	# shellcheck disable=SC2054 # the commas are the arguments
	MACHINE=("$MACHINE_QEMU" -L "$CACHE/firmware"
		-nodefaults -nographic -no-reboot -M "q35,kernel-irqchip=split"
		"${MACHINE_ACCEL[@]}" -cpu "$MACHINE_CPU" -smp "$MACHINE_CPUS" -m "$MACHINE_MEMORY"
		-device "amd-iommu,$(mode_iommu "$mode")"
		-device amd-fch-smbus,addr=14.0 -device edu "${MACHINE_DEVICES[@]}"
		-device postern-steps,addr=10 -device postern-bells,addr=11 -device edu,addr=12
		-kernel "$dir/bzImage" -initrd "$out/initrd"
		-append "console=ttyS0 panic=-1 no_timer_check tsc=nowatchdog iommu=nopt nohz_full=1-$((MACHINE_CPUS - 1)) $args$MACHINE_ARGS $5")
}

# mode, kernel, archive, seconds, folder, name: one boot. $out/NAME.json has a line for the host,
# what the job says, and one for the end.
machine_boot()
{
	local out=$5 name=${6:-$1-$2} start=$SECONDS status=0
	machine_command "$1" "$2" "$3" "$out" quiet
	: >"$out/$name.log"
	: >"$out/$name.json"
	nice -n 15 timeout --foreground -k 5 "$4" "${MACHINE[@]}" -serial "file:$out/$name.log" \
		-serial "file:$out/$name.json" </dev/null >"$out/$name.err" 2>&1 || status=$?
	say "$1 on Linux $2: $((SECONDS - start)) s"
	if ! grep -q '"done"' "$out/$name.json"; then
		say "it ended with status $status"
		tail -n 15 "$out/$name.log" "$out/$name.err" >&2 || true
	fi
	mkdir -p "$CACHE/last"
	cp "$out/$name".* "$CACHE/last/"
}

machine_version()
{
	echo "$("$MACHINE_QEMU" --version | sed -n '1s/^QEMU emulator version/QEMU/p')," \
		"Postern $(postern_version)"
}

machine_shell()
{
	machine_command "$1" "$2" "$3" "$4" postern.shell
	"${MACHINE[@]}" -serial mon:stdio -serial "file:$4/shell.json"
}
