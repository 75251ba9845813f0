# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# The options of the machine and of its kernel that boot/run and boot/vm share.
# shellcheck disable=SC2034 # variables for kernels.sh and for the callers

TREE=''
IMAGE=''
CONFIG=''
OWN_KERNELS=()
SHIFT=0
SHARE=''
OWN_DRIVES=0

machine_usage()
{
	cat <<END
  --tree DIR      your Linux tree: built outside of it with the options that the machine needs, and anew
                  only what changed; nothing is written into it
  --config FILE   more options for the tree's configuration
  --bzimage FILE  a kernel that is built
  --append WORDS  more for the kernel's command line
  --smp N         processors, 3 to 16 (default $MACHINE_CPUS)
  --memory MIB    memory (default $MACHINE_MEMORY)
  --device D      one more device, as QEMU names it (may be repeated)
  --drive FILE    an NVMe drive with this image, raw or qcow2 (may be repeated)
  --share DIR     a folder that the host sees as /share (9p)
END
}

# "$@" from an option on: sets SHIFT to the words that it takes; 0 if it is not one of these.
machine_option()
{
	SHIFT=2
	case $1 in
	--tree) argument "$@" && take_tree "$2" ;;
	--config) argument "$@" && readable "$2" && export CONFIG && CONFIG=$(realpath "$2") ;;
	--bzimage) argument "$@" && take_image "$2" ;;
	--append) argument "$@" && MACHINE_APPEND+=" $2" ;;
	--smp) number "$@" && take_cpus "$2" ;;
	--memory) number "$@" && take_memory "$2" ;;
	--device) argument "$@" && MACHINE_DEVICES+=(-device "$2") ;;
	--drive) argument "$@" && readable "$2" && take_drive "$2" ;;
	--share) argument "$@" && take_share "$2" ;;
	*) SHIFT=0 ;;
	esac
}

readable()
{
	{ [ -f "$1" ] && [ -r "$1" ]; } || unusable "cannot read $1"
}

take_tree()
{
	local fault
	[ -d "$1" ] || unusable "$1 is no folder"
	TREE=$(realpath "$1")
	fault=$(tree_fault "$TREE")
	[ -z "$fault" ] || unusable "$fault"
	OWN_KERNELS+=("$(tree_version "$TREE")-tree")
	export TREE
}

take_image()
{
	local version
	readable "$1"
	IMAGE=$(realpath "$1")
	version=$(image_version "$IMAGE")
	[ -n "$version" ] || unusable "$1 is not a bzImage for 64-bit x86"
	OWN_KERNELS+=("$version-image")
	export IMAGE
}

take_cpus()
{
	{ [ "$1" -ge 3 ] && [ "$1" -le 16 ]; } ||
		misused "--smp wants 3 to 16: one for the devices, two for guests; the kernel has room for 16"
	MACHINE_CPUS=$1
}

take_memory()
{
	local most
	most=$(awk '/^MemAvailable/ { print int($2 / 1024) }' /proc/meminfo)
	[ "$1" -ge 512 ] || misused "--memory wants 512 MiB at least"
	[ "$1" -le "$most" ] || unusable "--memory $1: this machine has $most MiB free"
	MACHINE_MEMORY=$1
}

take_drive()
{
	OWN_DRIVES=$((OWN_DRIVES + 1))
	MACHINE_DEVICES+=(-drive "$(image_drive "$1"),id=own$OWN_DRIVES"
		-device "nvme,drive=own$OWN_DRIVES,serial=own$OWN_DRIVES")
}

# An image, raw or qcow2, as -drive names it: QEMU's -snapshot does not see a -blockdev.
image_drive()
{
	local format=raw
	[ "$(head -c 3 "$1" | tr -d '\0')" != QFI ] || format=qcow2
	echo "if=none,format=$format,file=${1//,/,,}"
}

take_share()
{
	[ -d "$1" ] || unusable "$1 is no folder"
	SHARE=$(realpath "$1")
	MACHINE_DEVICES+=(-virtfs "local,path=${SHARE//,/,,},mount_tag=share,security_model=none")
}

# The devices that were asked for are ones that the emulator knows: else one line, before the boot.
machine_devices_known()
{
	local i name
	[ -n "${MACHINE_QEMU:-}" ] || return 0
	for ((i = 0; i + 1 < ${#MACHINE_DEVICES[@]}; i++)); do
		[ "${MACHINE_DEVICES[i]}" = -device ] || continue
		name=${MACHINE_DEVICES[i + 1]%%,*}
		"$MACHINE_QEMU" -device help 2>/dev/null | grep -qF "name \"$name\"" ||
			unusable "the emulator has no device '$name' ($MACHINE_QEMU -device help lists them)"
	done
}
