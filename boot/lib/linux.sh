# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Kernels, unmodified, from Debian's linux-source packages: tinyconfig and linux/fragment.config.

KERNELS=(6.12 7.3)

linux_suite()
{
	case $1 in
	6.12) echo trixie ;;
	7.3) echo trixie-backports ;;
	*) fail "no such kernel: $1 (there are: ${KERNELS[*]})" ;;
	esac
}

# The cached kernel of a version, "6.12": its directory, whether it is built or not.
linux_dir()
{
	local deb version
	deb=$(downloaded "linux-source-$1_*.deb")
	[ -n "$deb" ] || return 1
	version=$(basename "$deb" | sed -E 's/^[^_]*_([^_]*)_.*/\1/')
	echo "$CACHE/linux-$version-$(hash_of "$BOOT/linux/fragment.config")"
}

linux_there()
{
	local dir
	dir=$(linux_dir "$1") && [ -r "$dir/bzImage" ]
}

# ccache, where there is one, makes a new fragment cheap.
linux_make()
{
	local cc=gcc
	! command -v ccache >/dev/null || cc="ccache gcc"
	nice -n 15 make -s CC="$cc" -C "$@"
}

linux_configure()
{
	linux_make "$1" tinyconfig
	(cd "$1" && ./scripts/kconfig/merge_config.sh -m -Q .config "$BOOT/linux/fragment.config")
	linux_make "$1" olddefconfig
}

# An option that this kernel does not know, or that its dependencies refuse, is worth a word; the
# ones that the witnesses need are worth stopping for.
linux_config_check()
{
	local config=$1 line missing=()
	while read -r line; do
		case $line in
		CONFIG_*=y) grep -qx "$line" "$config" || missing+=("${line%=y}") ;;
		esac
	done <"$BOOT/linux/fragment.config"
	[ ${#missing[@]} -eq 0 ] || echo "not in this kernel: ${missing[*]}"
	for line in KVM_AMD AMD_IOMMU IRQ_REMAP VFIO_PCI VFIO_IOMMU_TYPE1 HIST_TRIGGERS DEBUG_FS; do
		grep -qx "CONFIG_$line=y" "$config" || fail "kernel without CONFIG_$line: $config"
	done
}

# version, package, folder. A build that was interrupted goes on where it was.
linux_unpack()
{
	local version=$1 deb=$2 dir=$3
	say "unpacking $(basename "$deb")"
	rm -rf "$dir"
	mkdir -p "$dir/work"
	dpkg-deb --fsys-tarfile "$deb" | tar -xO --wildcards './usr/src/linux-source-*.tar.xz' |
		tar -xJ -C "$dir/work" --strip-components=1
	logged "$dir/config.log" "Linux $version configured" linux_configure "$dir/work"
	linux_config_check "$dir/work/.config" >&2
	touch "$dir/configured"
}

linux_build()
{
	local version=$1 deb dir
	deb=$(fetch_deb "linux-source-$version" "$(linux_suite "$version")")
	dir=$(linux_dir "$version")
	! linux_there "$version" || return 0
	[ -r "$dir/configured" ] || linux_unpack "$version" "$deb" "$dir"
	say "building Linux $version"
	logged "$dir/build.log" "Linux $version built" linux_make "$dir/work" -j "$JOBS" bzImage
	cp "$dir/work/.config" "$dir/config"
	cp "$dir/work/arch/x86/boot/bzImage" "$dir/bzImage.new"
	mv "$dir/bzImage.new" "$dir/bzImage"
	rm -rf "$dir/work"
}
