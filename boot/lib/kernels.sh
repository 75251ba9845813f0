# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Kernels by the words of a command line: those that the archive has, a tree and an image of the
# user's own. "M.N-tree" is the tree in TREE, "M.N-image" the file in IMAGE, M.N its version. A kernel
# of the archive with "-share" has linux/share.config too; a tree has it in any case.

# Something that the user named is not what it has to be.
unusable()
{
	say "$*"
	exit 3
}

# Lines "M.N SUITE" of the kernel sources that the archive has, by version.
archive_kernels()
{
	(
		archive_read
		apt_private apt-cache pkgnames linux-source- | grep -E '^linux-source-[0-9.]+$' |
			while read -r name; do
				apt_private apt-cache madison "$name" |
					sed -E "s/^ *linux-source-([0-9.]+) .* ([a-z-]+)\/main .*/\1 \2/" | head -n 1
			done
	) | sort -V
}

# The word for "latest" or for a version: itself, or its successor if it has left the archive.
kernel_word()
{
	local word=$1 all next
	if [ "$word" != latest ] && [ -n "$(downloaded "linux-source-${word}_*.deb")" ]; then
		echo "$word"
		return
	fi
	all=$(archive_kernels | cut -d' ' -f1) || exit
	if [ "$word" = latest ]; then
		next=$(tail -n 1 <<<"$all")
		say "the newest kernel of the archive is $next"
	elif grep -qxF "$word" <<<"$all"; then
		next=$word
	else
		next=$(printf '%s\n' "$all" "$word" | sort -V | sed "0,/^${word//./\\.}\$/d" | head -n 1)
		[ -n "$next" ] || unusable "no kernel '$word'; the archive has: $(tr '\n' ' ' <<<"$all")"
		say "the archive has no linux-source-$word; its successor is $next"
	fi
	echo "$next"
}

# The suite that has the source of a version.
kernel_suite()
{
	local suite
	suite=$(archive_kernels | sed -n "s/^${1//./\\.} //p")
	[ -n "$suite" ] || skip "linux-source-$1 is not in the archive"
	echo "$suite"
}

# Is it a source tree of Linux that can be built in a folder outside of it? If not, why.
tree_fault()
{
	if [ ! -r "$1/Kbuild" ] || [ ! -d "$1/arch/x86" ] || ! grep -qs '^VERSION = ' "$1/Makefile"; then
		echo "$1 is not a source tree of Linux"
	elif [ -e "$1/.config" ] || [ -d "$1/include/config" ]; then
		echo "$1 was configured or built in place: make mrproper, or a clean checkout (git worktree add)"
	fi
}

# "M.N" of a tree.
tree_version()
{
	sed -nE 's/^(VERSION|PATCHLEVEL) = ([0-9]+)$/\2/p' "$1/Makefile" | paste -s -d .
}

# "M.N" of a bzImage for 64-bit x86, by the boot protocol: "HdrS" at 202h, the version's offset at
# 20Eh, XLF_KERNEL_64 in xloadflags at 236h. Nothing if it is none.
image_version()
{
	python3 - "$1" <<-'END'
		import re, sys
		with open(sys.argv[1], "rb") as f:
		    head = f.read(0x10000)
		word = lambda at: int.from_bytes(head[at:at + 2], "little")
		at = word(0x20e) + 0x200
		found = re.match(rb"(\d+\.\d+)", head[at:at + 64])
		if head[0x202:0x206] == b"HdrS" and word(0x236) & 1 and found:
		    print(found[1].decode())
	END
}

# Where a kernel of the user's own is built, or stands.
own_kernel_dir()
{
	case $1 in
	*-tree) echo "$CACHE/trees/$(basename "$TREE")-$(cksum <<<"$TREE" | cut -d' ' -f1)" ;;
	*-image) echo "$CACHE/trees/image-$(cksum <<<"$IMAGE" | cut -d' ' -f1)" ;;
	esac
}

tree_options()
{
	cat "$BOOT/linux/fragment.config" "$BOOT/linux/share.config" ${CONFIG:+"$CONFIG"}
}

tree_configure()
{
	local dir=$1
	tree_options >"$dir/options.new"
	linux_config "$TREE" "$dir/work" "$dir/options.new" && mv "$dir/options.new" "$dir/options"
}

# Incremental: the folder stays, and make finds what has changed in the tree.
tree_build()
{
	local dir
	dir=$(own_kernel_dir "$1")
	mkdir -p "$dir/work"
	if [ "$(tree_options)" != "$(cat "$dir/options" 2>/dev/null)" ]; then
		logged "$dir/config.log" "$TREE configured" tree_configure "$dir"
		linux_config_check "$dir/work/.config" "$dir/options" "$TREE" >&2
	fi
	OBJECTS=$LINUX_OBJECTS logged "$dir/build.log" "$TREE built" linux_make "$TREE" O="$dir/work" \
		-j "$JOBS" bzImage
	cp "$dir/work/arch/x86/boot/bzImage" "$dir/bzImage.new"
	mv "$dir/bzImage.new" "$dir/bzImage"
}

image_build()
{
	local dir
	dir=$(own_kernel_dir "$1")
	mkdir -p "$dir"
	ln -sfn "$IMAGE" "$dir/bzImage"
}
