# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# The machine: what QEMU is told in each mode, and one boot of it.

MODES=(baseline)

# What the mode adds to the kernel's command line.
mode_kernel_args()
{
	case $1 in
	baseline) echo "kvm_amd.avic=0" ;;
	*) fail "no such mode: $1 (there are: ${MODES[*]})" ;;
	esac
}

# What it adds to the IOMMU's properties.
mode_iommu()
{
	case $1 in
	baseline) echo "intremap=on,xtsup=on" ;;
	esac
}

# mode, kernel, plan, folder, further words for the kernel's command line: sets MACHINE.
machine_command()
{
	local mode=$1 version=$2 plan=$3 out=$4 args dir
	args=$(mode_kernel_args "$mode")
	dir=$(linux_dir "$version")
	{ cat "$(initramfs_path)" && plan_archive "$plan"; } >"$out/initrd"
	# shellcheck disable=SC2054 # the commas are the arguments
	MACHINE=("$(qemu_dir)/build/qemu-system-x86_64" -L "$CACHE/firmware"
		-nodefaults -nographic -no-reboot -M "q35,kernel-irqchip=split"
		-accel "tcg,thread=multi" -cpu "EPYC,+svm,+x2apic,+npt" -smp 3 -m 1024
		-device "amd-iommu,$(mode_iommu "$mode")"
		-device amd-fch-smbus,addr=14.0 -device edu
		-kernel "$dir/bzImage" -initrd "$out/initrd"
		-append "console=ttyS0 panic=-1 no_timer_check iommu=nopt $args $5")
}

# One boot: $out/MODE-KERNEL.json has a line for the host, one for every run, one for the end.
machine_boot()
{
	local name=$1-$2 start=$SECONDS status=0
	machine_command "$1" "$2" "$3" "$5" quiet
	nice -n 15 timeout -k 5 "$4" "${MACHINE[@]}" -serial "file:$5/$name.log" \
		-serial "file:$5/$name.json" </dev/null >"$5/$name.err" 2>&1 || status=$?
	say "$1 on Linux $2: $((SECONDS - start)) s"
	grep -q '"done"' "$5/$name.json" ||
		{ say "it ended with status $status"; tail -n 15 "$5/$name.log" "$5/$name.err" >&2; }
	mkdir -p "$CACHE/last"
	cp "$5/$name".* "$CACHE/last/"
}

machine_shell()
{
	machine_command "$1" "$2" "$3" "$4" postern.shell
	"${MACHINE[@]}" -serial mon:stdio -serial "file:$4/shell.json"
}
