# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# shellcheck disable=SC2034 # words for the callers
# Kernels, unmodified, from Debian's linux-source packages: tinyconfig and linux/fragment.config.
# Words with "-gappi" in them are kernels with the series; series.sh has these. "7.3-fixes" has the
# patches of linux/fixes/7.3: what else was found in that kernel.

KERNELS=(6.12 7.3)
# About as many objects as such a kernel has.
LINUX_OBJECTS=1800
FIXED=7.3-fixes
# Debian's own build of a kernel, unchanged; debian.sh fetches it.
DEBIAN=7.3-debian

linux_suite()
{
	case $1 in
	6.12) echo trixie ;;
	7.3) echo trixie-backports ;;
	*) kernel_suite "$1" ;;
	esac
}

# The version of the source package that is there: "7.3.4-1" of "7.3" or of "7.3-gappi".
linux_version()
{
	local deb
	deb=$(downloaded "linux-source-${1%%-*}_*.deb")
	[ -n "$deb" ] || return 1
	basename "$deb" | sed -E 's/^[^_]*_([^_]*)_.*/\1/'
}

# The cached kernel of a word, "6.12" or "7.3-gappi": its directory, whether it is built or not.
linux_dir()
{
	local version
	case $1 in
	"$DEBIAN") debian_dir; return ;;
	*-tree | *-image) own_kernel_dir "$1"; return ;;
	esac
	version=$(linux_version "$1") || return 1
	case $1 in
	*-gappi*) series_dir "$1" "$version" ;;
	"$FIXED") echo "$CACHE/linux-$version-fixes-$(hash_of "$BOOT/linux/fragment.config" "$BOOT/linux/fixes/${FIXED%-*}"/*)" ;;
	*-share) echo "$CACHE/linux-$version-share-$(linux_options "$1" | hash_of -)" ;;
	*) echo "$CACHE/linux-$version-$(linux_options "$1" | hash_of -)" ;;
	esac
}

# The options of a word, the last one wins.
linux_options()
{
	cat "$BOOT/linux/fragment.config"
	[[ $1 != *-share ]] || cat "$BOOT/linux/share.config"
}

# A tree may have changed since: make knows.
linux_there()
{
	local dir
	[[ $1 != *-tree ]] || return 1
	dir=$(linux_dir "$1") && [ -r "$dir/bzImage" ]
}

# ccache, where there is one, makes a new fragment cheap.
linux_make()
{
	local cc=gcc
	! command -v ccache >/dev/null || cc="ccache gcc"
	gently make CC="$cc" -C "$@"
}

# source, folder of the objects, which may be the same, file with options: the folder is configured with
# these and nothing else.
linux_config()
{
	local source=$1 folder=$2 out=()
	[ "$source" = "$folder" ] || out=(O="$folder")
	linux_make "$source" "${out[@]}" tinyconfig &&
		(cd "$folder" && "$source/scripts/kconfig/merge_config.sh" -m -Q .config "$3") &&
		linux_make "$source" "${out[@]}" olddefconfig
}

# word, folder
linux_configure()
{
	linux_options "$1" >"$2/postern.config"
	linux_config "$2" "$2" postern.config
}

# Configuration, the options that it was made from, the source: an option that this kernel does not
# know, or that its dependencies refuse, is worth a word; the ones that the witnesses need are worth
# stopping for, if this version has them.
linux_config_check()
{
	local config=$1 line missing
	missing=$(sed -nE 's/^(CONFIG_[A-Z0-9_]+)=([ym])$/\1 \2/p; s/^# (CONFIG_[A-Z0-9_]+) is not set$/\1 n/p' "$2" |
		awk '{ want[$1] = $2 } END { for (o in want) if (want[o] != "n") print o "=" want[o] }' | sort |
		grep -vxFf "$config" | tr '\n' ' ') || true
	[ -z "$missing" ] || echo "not in this kernel: $missing"
	for line in KVM_AMD AMD_IOMMU IRQ_REMAP VFIO_PCI VFIO_IOMMU_TYPE1 HIST_TRIGGERS DEBUG_FS \
		INTEL_IOMMU X86_POSTED_MSI BLK_DEV_NVME; do
		grep -qxE "CONFIG_$line=[ym]" "$config" || ! linux_knows "$line" "$3" ||
			fail "kernel without CONFIG_$line: $config"
	done
}

# option, source
linux_knows()
{
	grep -rqsE --include='Kconfig*' "^(menu)?config $1\$" "$2"/{arch/x86,drivers/{iommu,vfio,nvme},kernel,lib}
}

# The source out of its package.
linux_extract()
{
	dpkg-deb --fsys-tarfile "$1" | tar -xO --wildcards './usr/src/linux-source-*.tar.xz' |
		XZ_OPT=-T0 tar -xJ -C "$2" --strip-components=1
}

# The patches of linux/fixes, and a word of them in the kernel's name.
linux_fix()
{
	local p
	for p in "$BOOT/linux/fixes/${FIXED%-*}"/*.patch; do
		patch -s -p1 -d "$1" <"$p" || fail "$(basename "$p") does not apply to this kernel"
	done
	echo -fixes >"$1/localversion-fixes"
}

# version, package, folder. An interrupted build continues.
linux_unpack()
{
	local version=$1 deb=$2 dir=$3
	say "unpacking $(basename "$deb")"
	rm -rf "$dir"
	mkdir -p "$dir/work"
	linux_extract "$deb" "$dir/work"
	[ "$version" != "$FIXED" ] || linux_fix "$dir/work"
	logged "$dir/config.log" "Linux $version configured" \
		linux_configure "$version" "$dir/work"
	linux_config_check "$dir/work/.config" "$dir/work/postern.config" "$dir/work" >&2
	touch "$dir/configured"
}

linux_build()
{
	local version=$1 deb dir
	case $version in
	*-gappi*) series_build "$version"; return ;;
	"$DEBIAN") debian_build; return ;;
	*-tree) tree_build "$version"; return ;;
	*-image) image_build "$version"; return ;;
	esac
	deb=$(downloaded "linux-source-${version%%-*}_*.deb")
	[ -n "$deb" ] || deb=$(fetch_deb "linux-source-${version%%-*}" "$(linux_suite "${version%%-*}")")
	dir=$(linux_dir "$version")
	! linux_there "$version" || return 0
	[ -r "$dir/configured" ] || linux_unpack "$version" "$deb" "$dir"
	say "building Linux $version"
	OBJECTS=$LINUX_OBJECTS logged "$dir/build.log" "Linux $version built" linux_make "$dir/work" -j "$JOBS" bzImage
	cp "$dir/work/.config" "$dir/config"
	cp "$dir/work/arch/x86/boot/bzImage" "$dir/bzImage.new"
	mv "$dir/bzImage.new" "$dir/bzImage"
	rm -rf "$dir/work"
}
