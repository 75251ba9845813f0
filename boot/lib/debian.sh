# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Debian's own build of a kernel, unchanged, with those of its modules that the host needs.

DEBIAN_SUITE=trixie-backports
DEBIAN_MODULES=(vfio-pci vfio_iommu_type1 kvm-intel)

debian_deb()
{
	downloaded "linux-image-${DEBIAN%-debian}*-amd64_*.deb"
}

debian_dir()
{
	local deb
	deb=$(debian_deb)
	[ -n "$deb" ] || return 1
	deb=$(basename "$deb" .deb)
	echo "$CACHE/linux-$(cut -d_ -f2 <<<"$deb")-debian-$(hash_of "$BOOT/lib/debian.sh")"
}

# The other packages that a kernel's package is only the name for.
debian_parts()
{
	dpkg-deb -f "$(debian_deb)" Depends | tr ',' '\n' |
		sed -nE 's/^ *(linux-(binary|modules)-[^ ]+).*/\1/p'
}

# The package's name has the version in it: what the archive has is looked up.
debian_fetch()
{
	local name
	[ -n "$(debian_deb)" ] || debian_fetch_image
	for name in $(debian_parts); do fetch_deb "$name" "$DEBIAN_SUITE" >/dev/null; done
}

debian_fetch_image()
{
	local name
	apt_setup
	name=$(apt_private apt-cache search --names-only \
		"^linux-image-${DEBIAN%-debian}"'[.0-9]*(\+[a-z0-9]+)?-amd64$' |
		cut -d' ' -f1 | sort -V | tail -n 1) || true
	[ -n "$name" ] || skip "no linux-image of ${DEBIAN%-debian} in $DEBIAN_SUITE"
	fetch_deb "$name" "$DEBIAN_SUITE" >/dev/null
}

# The modules and those that they need, each after those, as an archive for the initramfs: the list
# is in lib/modules/list.
debian_modules()
{
	local root=$1 work version path to
	work=$(work_dir)
	to=$work/lib/modules
	mkdir -p "$to"
	[ -d "$root/lib" ] || ln -s usr/lib "$root/lib"
	version=$(basename "$root"/lib/modules/*)
	/sbin/depmod -b "$root" "$version" 2>/dev/null
	for path in "${DEBIAN_MODULES[@]}"; do
		/sbin/modprobe -d "$root" -S "$version" --show-depends "$path"
	done | sed -n 's/^insmod \([^ ]*\).*/\1/p' | awk '!seen[$0]++' >"$work/paths"
	while read -r path; do
		cp "$path" "$to"
		basename "$path" | sed 's/\.ko.*//' >>"$to/list"
	done <"$work/paths"
	rm "$work/paths"
	find "$to" -name '*.xz' -exec xz -d {} +
	cpio_of "$work"
	rm -rf "$work"
}

debian_build()
{
	local dir root name
	debian_fetch
	dir=$(debian_dir)
	! linux_there "$DEBIAN" || return 0
	need_packages kmod
	root=$(work_dir)
	say "unpacking $(basename "$(debian_deb)")"
	dpkg-deb -x "$(debian_deb)" "$root"
	for name in $(debian_parts); do dpkg-deb -x "$(downloaded "${name}_*.deb")" "$root"; done
	mkdir -p "$dir"
	debian_modules "$root" >"$dir/modules.gz"
	find "$root" -name 'vmlinuz*' -type f -exec cp {} "$dir/bzImage.new" \;
	mv "$dir/bzImage.new" "$dir/bzImage"
	rm -rf "$root"
}
