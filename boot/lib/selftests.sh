# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# The kernel's own tests of KVM, tools/testing/selftests/kvm, built unchanged from the source
# package that the kernel is built from; those of 7.3-gappi with what the series changes in them.

# Those that touch the local APIC, interrupts, SVM, or VMX, with their options; irqfd_test is left out,
# which is long and has no interrupt. CARD is the address of the network card that irq_test drives
# through VFIO; only one of the machines has it. The verdict of one after "time:" depends on the speed
# of the machine; one after "amd:" or "intel:" is for that vendor, one after "gappi:" needs what the
# series adds to the tests.
SELFTESTS=(
	"time:apic_bus_clock_test -d 200"
	"recalc_apic_map_test"
	"set_boot_cpu_id"
	"max_vcpuid_cap_test"
	"kvm_create_max_vcpus"
	"xapic_ipi_test -d 2"
	"xapic_state_test"
	"xapic_tpr_test"
	"nested_x2apic_test"
	"hyperv_ipi"
	"irq_test"
	"irq_test -x -n -e"
	"amd:irq_test -d CARD"
	"amd:irq_test -d CARD -v 2 -n -e"
	"amd:irq_test -d CARD -v 2 -x -a -m -i 200"
	"gappi:irq_test -d CARD -b"
	"gappi:irq_test -d CARD -v 2 -b -x -a -m -i 200"
	"state_test"
	"smm_test"
	"userspace_msr_exit_test"
	"fix_hypercall_test"
	"triple_fault_event_test"
	"amd:hyperv_svm_test"
	"amd:svm_int_ctl_test"
	"amd:svm_vmcall_test"
	"amd:svm_nested_shutdown_test"
	"amd:svm_nested_soft_inject_test"
	"amd:svm_nested_clear_efer_svme"
	"amd:svm_nested_vmcb12_gpa"
	"amd:svm_nested_pat_test"
	"amd:svm_lbr_nested_state"
	"amd:svm_pmu_host_guest_test"
	"nested_close_kvm_test"
	"nested_dirty_log_test"
	"nested_emulation_test"
	"nested_exceptions_test"
	"nested_invalid_cr3_test"
	"nested_set_state_test"
	"nested_tdp_fault_test"
	"time:nested_tsc_adjust_test"
	"nested_tsc_scaling_test"
	"amd:nested_vmsave_vmload_test"
	"intel:hyperv_evmcs"
	"intel:vmx_apic_access_test"
	"intel:vmx_apicv_updates_test"
	"intel:vmx_exception_with_invalid_guest_state"
	"intel:vmx_invalid_nested_guest_state"
	"intel:vmx_msrs_test"
	"intel:vmx_pmu_caps_test"
	"intel:vmx_preemption_timer_test"
	"intel:vmx_close_while_nested_test"
	"intel:vmx_dirty_log_test"
	"intel:vmx_nested_tsc_scaling_test"
	"intel:vmx_set_nested_state_test"
	"intel:vmx_tsc_adjust_test"
)

# What building them needs of the kernel's source: the headers, the tools' own headers, and those
# of the devices that irq_test can drive.
SELFTESTS_SOURCE=(Makefile arch/x86 include scripts tools usr/include drivers/dma/ioat
	drivers/dma/idxd drivers/net/ethernet/intel/igb)

# The patches that change the tests of a kernel.
selftests_patches()
{
	[[ $1 != *-gappi* ]] || series_numbered | xargs -r grep -l '^+++ b/tools/testing/selftests/'
}

# With the kernel; those of the series apart, since a change to its kernel need not be one of them.
selftests_dir()
{
	local dir version patches
	if [[ $1 != *-gappi* ]]; then
		dir=$(linux_dir "$1") && echo "$dir/selftests"
		return
	fi
	version=$(linux_version "$1") || return
	mapfile -t patches < <(selftests_patches "$1")
	echo "$CACHE/selftests-$version-gappi-$(series_diffs "${patches[@]}" | hash_of -)"
}

# A longer list builds them anew.
selftests_there()
{
	local dir
	dir=$(selftests_dir "$1") && [ "$(cat "$dir/built" 2>/dev/null)" = "$(selftests_names)" ]
}

selftests_unpack()
{
	local deb=$1 to=$2 top
	top=$(basename "$deb" | cut -d_ -f1)
	rm -rf "$to"
	mkdir -p "$to"
	dpkg-deb --fsys-tarfile "$deb" | tar -xO --wildcards './usr/src/linux-source-*.tar.xz' |
		XZ_OPT=-T0 tar -xJ -C "$to" --strip-components=1 "${SELFTESTS_SOURCE[@]/#/$top/}"
}

# The folder of this architecture's tests is called x86_64 in one version, x86 in another.
selftests_make()
{
	local src=$1 out=$2 kvm=$1/tools/testing/selftests/kvm targets=() name dir
	linux_make "$src" -j "$JOBS" headers || return
	for name in $(selftests_names); do
		for dir in '' x86/ x86_64/; do
			[ ! -r "$kvm/$dir$name.c" ] || targets+=("$out/$dir$name")
		done
	done
	mkdir -p "$out"
	linux_make "$kvm" -j "$JOBS" ARCH=x86 OUTPUT="$out" EXTRA_CFLAGS=-static "${targets[@]}" &&
		strip "${targets[@]}"
}

selftests_names()
{
	printf '%s\n' "${SELFTESTS[@]%% *}" | sed 's/^[a-z]*://; s/^time://' | sort -u
}

# The tests in a source tree become what the series makes of them.
selftests_patch()
{
	local patches f stage
	series_source
	stage=$SERIES_TREE/stage-selftests
	mapfile -t patches < <(series_numbered)
	series_staged "$SERIES_VERSION" "$SERIES_TREE" "$stage" "${patches[@]}"
	for f in $(series_files "${patches[@]}" | grep '^tools/'); do
		[ ! -e "$stage/$f" ] || copy_if_changed "$stage/$f" "$1/$f"
	done
}

# The tests of one kernel, from the cache or built into it.
selftests_build()
{
	local version=$1 deb dir work
	! selftests_there "$version" || return 0
	need_packages uuid-dev
	deb=$(fetch_deb "linux-source-${version%%-*}" "$(linux_suite "${version%%-*}")")
	dir=$(selftests_dir "$version")
	work=$dir.work
	say "building the tests of Linux $version"
	selftests_unpack "$deb" "$work/src"
	[[ $version != *-gappi* ]] || selftests_patch "$work/src"
	logged "$dir.log" "tests of Linux $version built" selftests_make "$work/src" "$work/out"
	rm -rf "$dir"
	mkdir -p "$dir"
	find "$work/out" -type f -perm -u+x ! -name '*.o' -exec cp -t "$dir" {} +
	selftests_names >"$dir/built"
	rm -rf "$work"
}

# kernel, vendor: the tests, with their options.
selftests_list()
{
	local also='^'
	[[ $1 != *-gappi* ]] || also='^gappi:'
	printf '%s\n' "${SELFTESTS[@]}" | sed "s/^$2://; s/$also//" | grep -v -E '^(amd|intel|gappi):'
}

# What is added to the initramfs: the tests of one kernel, the vendor's list, the script that runs
# them.
selftests_archive()
{
	local dir
	dir=$(work_dir)
	mkdir "$dir/selftests"
	cp -t "$dir/selftests" "$(selftests_dir "$1")"/*
	selftests_list "$1" "$2" >"$dir/selftests/list"
	job_archive "$BOOT/l1/job-selftests" "$dir/selftests"
	rm -rf "$dir"
}

# kernel, vendor: the modes, first that in which APIC virtualization is off.
selftests_modes()
{
	case $2,$1 in
	amd,*-gappi*) echo "baseline posting gappi" ;;
	amd,*) echo "baseline posting" ;;
	intel,*) echo "vmx-baseline ipiv" ;;
	esac
}

# The network card that irq_test can drive.
# shellcheck disable=SC2034,SC2054 # for machine_command; the comma is the argument
MACHINE_DEVICES=(-device igb,addr=5)
