# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# A disk with Debian 13 as its packages install it: a boot loader, Debian's kernel, Debian's QEMU.

DISTRO_SUITE=trixie
DISTRO_PACKAGES=(init udev dbus kmod iproute2 iputils-ping pciutils procps login passwd
	e2fsprogs linux-image-amd64 initramfs-tools zstd grub-common grub-pc-bin qemu-system-x86)
DISTRO_MIB=4096
# What a machine without hardware virtualization under load needs of the kernel: README.md.
DISTRO_ARGS="console=ttyS0 no_timer_check tsc=nowatchdog"

# Apart, with a lock of its own: it needs nothing of the other builds.
DISTRO_DIR=$CACHE/distro

# The recipe is the name; the packages are those that the archive had when it was built.
distro_path()
{
	local recipe
	recipe=$({ distro_customize && echo "${DISTRO_PACKAGES[*]} $DISTRO_MIB $DISTRO_FSTAB"; } | hash_of -)
	echo "$DISTRO_DIR/$DISTRO_SUITE-$recipe.img"
}

distro_there()
{
	[ -r "$(distro_path)" ] && { touch -c "$(distro_path)" || true; }
}

# What makes the initramfs of the kernel's package contain fsck.
DISTRO_FSTAB='/dev/vda1 / ext4 defaults 0 1'

# What runs in the new system, as its root, after the packages.
distro_customize()
{
	cat <<END
set -e
passwd -q -d root
echo debian >/etc/hostname
systemd-machine-id-setup >/dev/null 2>&1
touch /etc/.updated /var/.updated
echo 'nameserver 10.0.2.3' >/etc/resolv.conf
printf '[Match]\nType=ether\n[Network]\nDHCP=yes\n' >/etc/systemd/network/80-dhcp.network
systemctl -q enable systemd-networkd serial-getty@ttyS0
mkdir -p /boot/grub
cat >/boot/grub/grub.cfg <<CFG
serial
terminal_output serial
linux /vmlinuz root=/dev/vda1 $DISTRO_ARGS
initrd /initrd.img
boot
CFG
grub-mkimage -O i386-pc -p '(hd0,msdos1)/boot/grub' -o /boot/grub/core.img biosdisk part_msdos ext2 \
	normal configfile linux serial terminal
END
}

# A tar archive of the system, on standard output. What is mounted meanwhile is seen by nothing else,
# and gone with it.
distro_bootstrap()
{
	local apart=()
	[ "$(id -u)" != 0 ] || apart=(unshare --mount --propagation private)
	# shellcheck disable=SC2016 # expanded there
	gently "${apart[@]}" mmdebstrap --quiet --variant=minbase --include="$(IFS=, && echo "${DISTRO_PACKAGES[*]}")" \
		--dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
		--dpkgopt='path-exclude=/usr/share/locale/*' \
		--essential-hook="echo '$DISTRO_FSTAB' >\"\$1/etc/fstab\"" \
		--customize-hook='printf %s "$DISTRO_HOOK" | chroot "$1" sh' "$DISTRO_SUITE" - "$DISTRO_MIRROR"
}

# folder with root.tar: disk.img, whose boot loader begins in front of the partition. Nothing is
# mounted; the owners of files are fakeroot's unless root runs this.
distro_disk()
{
	local dir=$1 as=()
	[ "$(id -u)" = 0 ] || as=(fakeroot)
	truncate -s "${DISTRO_MIB}M" "$dir/disk.img"
	printf 'label: dos\nstart=2048, type=83, bootable\n' | /sbin/sfdisk -q "$dir/disk.img"
	mkdir "$dir/root"
	# shellcheck disable=SC2016 # expanded there
	"${as[@]}" sh -ec 'tar -xf "$1/root.tar" -C "$1/root" --numeric-owner
		/sbin/mke2fs -q -t ext4 -F -d "$1/root" -E offset=1048576 "$1/disk.img" "$2"' \
		sh "$dir" "$(((DISTRO_MIB - 1) * 1024))k"
	dd if="$dir/root/usr/lib/grub/i386-pc/boot.img" of="$dir/disk.img" bs=440 count=1 conv=notrunc status=none
	dd if="$dir/root/boot/grub/core.img" of="$dir/disk.img" bs=512 seek=1 conv=notrunc status=none
}

distro_make()
{
	local dir=$1
	DISTRO_HOOK=$(distro_customize)
	export DISTRO_HOOK TMPDIR=$DISTRO_ROOM
	distro_bootstrap >"$dir/root.tar" && distro_disk "$dir"
}

# Skips, with the reason, if the archive has no such release or is not reached.
distro_archive()
(
	APT=$DISTRO_DIR/apt
	trap 'rm -rf "$APT"' EXIT
	apt_read "deb $DISTRO_SUITE"
	[ -n "$(apt_private apt-cache madison linux-image-amd64)" ] ||
		skip "the archive of Debian $DISTRO_SUITE cannot be read"
)

# mmdebstrap takes its time to clean up when it is told to end: it is killed, and its folder goes.
distro_stop()
{
	{ kill -KILL -- "-$DISTRO_MAKES" && wait "$DISTRO_MAKES"; } 2>/dev/null || true
	exit 143
}

distro_discard()
{
	rm -rf --one-file-system "$DISTRO_WORK" "$DISTRO_ROOM" 2>/dev/null ||
		unshare --map-root-user --map-auto rm -rf --one-file-system "$DISTRO_ROOM"
}

# Where the system is unpacked. Without root its files belong to the caller's subordinate users, who
# must get there.
distro_room()
{
	local room
	if [ "$(id -u)" = 0 ]; then
		echo "$DISTRO_WORK"
	else
		room=$(mktemp -d)
		chmod 1777 "$room"
		echo "$room"
	fi
}

distro_build()
{
	! distro_there || return 0
	need_packages mmdebstrap e2fsprogs fdisk fakeroot uidmap
	mkdir -p "$DISTRO_DIR"
	DISTRO_MIRROR=$(apt_mirror)
	distro_archive
	DISTRO_WORK=$(work_dir)
	DISTRO_ROOM=$(distro_room)
	trap 'distro_discard &' EXIT
	set -m
	logged "$DISTRO_DIR/log" "Debian $DISTRO_SUITE installed on a disk" distro_make "$DISTRO_WORK" &
	set +m
	DISTRO_MAKES=$!
	trap distro_stop TERM INT
	wait "$DISTRO_MAKES"
	mv "$DISTRO_WORK/disk.img" "$(distro_path)"
}
