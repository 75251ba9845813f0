#!/bin/bash
# SPDX-License-Identifier: MIT
# explore_linux_refuses.sh POSTERN SOURCE: trees and compilers that `postern explore --linux` cannot
# use: each is refused by name, with exit status 3. What needs Linux's source takes that of the cache,
# with one change.
set -u
# shellcheck source=tests/e2e/explore_linux_frame.sh
. "$(dirname "$0")/explore_linux_frame.sh"
theirs=${XDG_CACHE_HOME:-$HOME/.cache}
export XDG_CACHE_HOME=$dir/cache

# what, text that standard error must have, command...
refuses()
{
	local what=$1 text=$2
	shift 2
	expect "$what" 3 "$text" "$@"
}

# A tree with the files that are looked for, and nothing in them.
hollow()
{
	local f
	mkdir -p "$1"
	echo 'VERSION = 7' >"$1/Makefile"
	for f in Kbuild arch/x86/kvm/{vmx/{posted_intr.c,vmx.c,common.h},svm/{avic,svm}.{c,h},{x86,lapic,irq}.c} virt/kvm/kvm_main.c kernel/{exit,rcu/update}.c \
		arch/x86/include/asm/posted_intr.h drivers/iommu/amd/{iommu.c,init.c,amd_iommu_types.h} \
		arch/x86/kernel/{irq,apic/vector}.c drivers/iommu/intel/{irq_remapping.c,dmar.c,iommu.h} \
		kernel/irq/{chip,handle,manage,migration,cpuhotplug}.c; do
		mkdir -p "$(dirname "$1/$f")"
		touch "$1/$f"
	done
}

hollow "$dir/hollow"
mkdir "$dir/bin"
cat >"$dir/bin/gcc" <<'END'
#!/bin/bash
case " $* " in
*" -fsanitize=thread "*) echo 'gcc: error: unrecognized argument' >&2 && exit 1 ;;
esac
exec /usr/bin/gcc "$@"
END
chmod +x "$dir/bin/gcc"
refuses "a compiler without KCSAN" "gcc cannot place the hooks of KCSAN" \
	env PATH="$dir/bin:$PATH" "$postern" explore --linux "$dir/hollow"
touch "$dir/hollow/.config"
refuses "a tree that was configured in place" "was configured or built in place" \
	"$postern" explore --linux "$dir/hollow"
rm "$dir/hollow/.config" "$dir/hollow/kernel/irq/chip.c"
refuses "a file that is missing" "has no kernel/irq/chip.c" "$postern" explore --linux "$dir/hollow"

XDG_CACHE_HOME=$theirs cached --source 7.3 || skip_rest
kbuild=$(cat "$dir/folder")/kbuild
base=$(cat "$kbuild/prepared")

# name, file...: a tree by links to the cached one, in which these files are copies.
tree()
{
	local to=$dir/$1 file at part
	mkdir "$to"
	ln -s "$base"/* "$to"
	shift
	for file in "$@"; do
		at=.
		while IFS= read -r part; do
			at=$at/$part
			if [ -L "$to/$at" ]; then
				rm "$to/$at"
				if [ -d "$base/$at" ]; then
					mkdir "$to/$at"
					ln -s "$base/$at"/* "$to/$at"
				else
					cp "$base/$at" "$to/$at"
				fi
			fi
		done < <(tr '/' '\n' <<<"$file")
	done
}

# name, what, text: AMD's half, as the tree is, with Linux's folder of the cache.
tried()
{
	local name=$1 folder
	shift
	folder=$XDG_CACHE_HOME/postern/linux-explore-$(echo "$dir/$name" | sha256sum | cut -c1-12)
	mkdir -p "$folder"
	ln -s "${kbuild_of:-$kbuild}" "$folder/kbuild"
	refuses "$@" env VENDORS=amd CHANGES='' BASE="$base" "$postern" explore --linux "$dir/$name" avic-block --variant fixed
}

avic=arch/x86/kvm/svm/avic.c
svm=arch/x86/kvm/svm/svm.h
tree field $avic $svm
sed -i 's/\bir_list_lock\b/ir_lock/g' "$dir/field/$avic" "$dir/field/$svm"
tried field "a structure that lost a field" "ir_list_lock"

tree symbol drivers/iommu/amd/init.c
sed -i 's/\benable_iommus_vapic\b/enable_vapic/g' "$dir/symbol/drivers/iommu/amd/init.c"
tried symbol "a symbol that is missing" "this tree, which has no enable_iommus_vapic"

tree kept arch/x86/kvm/svm/svm.c $avic $svm
sed -i 's/\bsvm_complete_interrupt_delivery\b/svm_interrupt_delivered/g' "$dir"/kept/{arch/x86/kvm/svm/svm.c,$avic,$svm}
tried kept "a function of a large file that is missing" "svm.c has no svm_complete_interrupt_delivery()"

tree stub $avic
sed -i 's/^static void __avic_vcpu_load(/void not_here(void);\n&/; s/^\traw_spin_lock_irqsave(&svm->ir_list_lock, flags);/\tnot_here();\n&/' "$dir/stub/$avic"
tried stub "a function that is not there" "Linux reached not_here, which is a stub"

tree data $avic
sed -i 's/^static void __avic_vcpu_load(/extern int not_here;\n&/; s/^\traw_spin_lock_irqsave(&svm->ir_list_lock, flags);/\tflags = READ_ONCE(not_here);\n&/' "$dir/data/$avic"
tried data "data of a file that is not built" "reads data of a file of Linux that is not built here"

tree hooks
mkdir "$dir/kbuild"
cp -a "$kbuild/." "$dir/kbuild"
sed -i 's/ -fsanitize=thread//' "$dir/kbuild/arch/x86/kvm/svm/.avic.o.cmd"
kbuild_of=$dir/kbuild
tried hooks "an object without hooks" "avic.c: the compiler placed no hooks"
exit $failed
