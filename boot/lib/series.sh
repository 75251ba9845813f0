# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# The kernel with Postern's series: linux-source-7.3, boot/linux/patches/7.3, and the options of
# boot/linux/gappi.config, for "-debug" also of debug.config. "7.3-gappi-without-CURE" has
# patches/7.3/without/CURE.patch on top, which takes one cure back.
#
# One source tree serves all of them: only files that differ are rewritten, and each configuration
# keeps its objects, so the next variant compiles what it changes.

SERIES=7.3
SERIES_PATCHES=$BOOT/linux/patches/$SERIES

series_cures()
{
	local p
	for p in "$SERIES_PATCHES"/without/*.patch; do
		[ ! -r "$p" ] || basename "$p" .patch
	done
}

# Every kernel word of the series.
series_words()
{
	local cure
	echo "$SERIES-gappi"
	echo "$SERIES-gappi-debug"
	for cure in $(series_cures); do
		echo "$SERIES-gappi-without-$cure"
		echo "$SERIES-gappi-without-$cure-debug"
	done
}

# The series, without its cover letter.
series_numbered()
{
	local p
	for p in "$SERIES_PATCHES"/[0-9][0-9][0-9][0-9]-*.patch; do
		case $p in
		*/0000-* | *'['*) ;;
		*) echo "$p" ;;
		esac
	done
}

# "7.3-gappi-without-CURE-debug": CURE; nothing for a word without one.
series_cure()
{
	local cure=${1#*-without-}
	[ "$cure" = "$1" ] || echo "${cure%-debug}"
}

# The patches of a word, in their order.
series_patches()
{
	local cure
	cure=$(series_cure "$1")
	series_numbered
	[ -z "$cure" ] || echo "$SERIES_PATCHES/without/$cure.patch"
}

# The configuration of a word: its name, which is that of the folder with its objects.
series_config()
{
	case $1 in
	*-debug) echo debug ;;
	*) echo gappi ;;
	esac
}

# The options of a configuration, the last one wins. "builtin" is for boot/linux/check.
series_options()
{
	cat "$BOOT/linux/fragment.config" "$BOOT/linux/gappi.config"
	case $1 in
	debug) cat "$BOOT/linux/debug.config" ;;
	builtin) printf 'CONFIG_LOCALVERSION="-gappi-builtin"\nCONFIG_KVM_AMD=y\n' ;;
	esac
}

# The changes of patches, without their text.
series_diffs()
{
	local p
	for p in "$@"; do sed -n '/^\(diff --git \|--- a\/\)/,$p' "$p"; done
}

# Where the kernel of a word and version is when it is built.
series_dir()
{
	local word=$1 version=$2 patches
	mapfile -t patches < <(series_patches "$word")
	echo "$CACHE/linux-$version-${word#*-}-$({
		series_options "$(series_config "$word")"
		series_diffs "${patches[@]}"
	} | hash_of -)"
}

# The source tree of a version, which lives on.
series_tree()
{
	echo "$CACHE/linux-$1-series"
}

series_unpack()
{
	local deb=$1 tree=$2
	[ ! -r "$tree/unpacked" ] || return 0
	say "unpacking $(basename "$deb")"
	rm -rf "$tree"
	mkdir -p "$tree/src" "$tree/pristine"
	linux_extract "$deb" "$tree/src"
	touch "$tree/unpacked"
}

# The files that patches change.
series_files()
{
	[ $# -eq 0 ] || sed -nE 's,^(---|\+\+\+) [ab]/([^\t]+).*,\2,p' "$@" | LC_ALL=C sort -u
}

# tree, files: each as Linux has it is kept before it is changed for the first time; the name of one
# that Linux does not have is noted. Other processes may do the same.
series_keep()
{
	local tree=$1 f
	shift
	exec 8>"$tree/lock"
	flock 8
	touch "$tree/added"
	for f in "$@"; do
		if [ -e "$tree/pristine/$f" ] || grep -qxF "$f" "$tree/added"; then
			:
		elif [ -e "$tree/src/$f" ]; then
			mkdir -p "$(dirname "$tree/pristine/$f")"
			cp -p "$tree/src/$f" "$tree/pristine/$f.new"
			mv "$tree/pristine/$f.new" "$tree/pristine/$f"
		else
			echo "$f" >>"$tree/added"
		fi
	done
	exec 8>&-
}

# tree, folder, files: those that Linux has, as Linux has them, into the folder.
series_originals()
{
	local tree=$1 to=$2 f
	shift 2
	series_keep "$tree" "$@"
	for f in "$@"; do
		[ ! -e "$tree/pristine/$f" ] || copy_if_changed "$tree/pristine/$f" "$to/$f"
	done
}

# tree, folder, patches: the files that the patches change, as they are with them, into the folder.
# The output of patch is in FOLDER.log. If a patch does not apply: its name, and status 1.
series_stage()
{
	local tree=$1 to=$2 p files
	shift 2
	rm -rf "$to"
	mkdir -p "$to"
	: >"$to.log"
	mapfile -t files < <(series_files "$@")
	series_originals "$tree" "$to" "${files[@]}"
	for p in "$@"; do
		echo "$(basename "$p"):" >>"$to.log"
		patch -d "$to" -p1 -N -E --no-backup-if-mismatch --fuzz=0 -r - <"$p" \
			>>"$to.log" 2>&1 || { basename "$p" && return 1; }
	done
}

# tree, staged folder, its files: the source tree becomes that; other files become Linux's again.
series_sync()
{
	local tree=$1 stage=$2 f want files
	shift 2
	files=" $* "
	{
		cat "$tree/added"
		(cd "$tree/pristine" && find . -type f ! -name '*.new' | sed 's|^\./||')
	} | LC_ALL=C sort -u | while read -r f; do
		want=$tree/pristine/$f
		[[ $files != *" $f "* ]] || want=$stage/$f
		if [ -e "$want" ]; then
			copy_if_changed "$want" "$tree/src/$f"
		else
			rm -f "$tree/src/$f"
		fi
	done
}

# patch, version: the script ends.
series_refuses()
{
	say "$1 does not apply to linux-source-$SERIES $2"
	skip "$1 does not apply to linux-source-$SERIES $2"
}

# version, tree, folder, patches: series_stage, or the script ends.
series_staged()
{
	local version=$1 tree=$2 to=$3 refused
	shift 3
	refused=$(series_stage "$tree" "$to" "$@") || {
		grep -E 'FAILED|malformed|garbage|find file to patch' "$to.log" >&2 || true
		series_refuses "$refused" "$version"
	}
}

# version, tree, patches: the source tree has these patches and no others.
series_put()
{
	local version=$1 tree=$2 files
	shift 2
	series_staged "$version" "$tree" "$tree/stage" "$@"
	mapfile -t files < <(series_files "$@")
	series_sync "$tree" "$tree/stage" "${files[@]}"
}

# tree, configuration, further words for make.
series_make()
{
	local tree=$1 config=$2
	shift 2
	linux_make "$tree/src" O="$tree/src/objects-$config" -j "$JOBS" "$@"
}

# The objects' folder has the options of a configuration, and is only told so when they changed.
series_configure()
{
	local tree=$1 config=$2 to key
	to=$tree/src/objects-$config
	key=$(series_options "$config" | hash_of -)
	[ "$(cat "$to/configured" 2>/dev/null)" != "$key" ] || return 0
	mkdir -p "$to"
	series_options "$config" >"$to/options"
	linux_config "$tree/src" "$to" "$to/options" && echo "$key" >"$to/configured"
}

# The modules, as an archive that is added to the initramfs.
series_modules()
{
	local from=$1 work
	work=$(work_dir)
	mkdir -p "$work/lib/modules"
	find "$from" -name '*.ko' -exec cp -t "$work/lib/modules" {} +
	strip --strip-debug "$work"/lib/modules/*.ko
	cpio_of "$work"
	rm -rf "$work"
}

# The source of the version that is here, fetched and unpacked: sets SERIES_VERSION, SERIES_TREE. The
# caller has the cache's lock.
series_source()
{
	local deb
	deb=$(fetch_deb "linux-source-$SERIES" "$(linux_suite "$SERIES")")
	SERIES_VERSION=$(linux_version "$SERIES")
	SERIES_TREE=$(series_tree "$SERIES_VERSION")
	series_unpack "$deb" "$SERIES_TREE"
}

# The same for a caller that only reads Linux's files; it does not wait for a build.
series_read()
{
	if SERIES_VERSION=$(linux_version "$SERIES"); then
		SERIES_TREE=$(series_tree "$SERIES_VERSION")
		[ ! -r "$SERIES_TREE/unpacked" ] || return 0
	fi
	lock_cache
	series_source
	unlock_cache
}

series_build()
{
	local word=$1 dir config cure objects patches
	series_source
	dir=$(series_dir "$word" "$SERIES_VERSION")
	! linux_there "$word" || return 0
	config=$(series_config "$word")
	cure=$(series_cure "$word")
	objects=$SERIES_TREE/src/objects-$config
	mapfile -t patches < <(series_patches "$word")
	series_put "$SERIES_VERSION" "$SERIES_TREE" "${patches[@]}"
	mkdir -p "$dir"
	logged "$dir/config.log" "Linux $word configured" series_configure "$SERIES_TREE" "$config"
	linux_config_check "$objects/.config" "$objects/options" "$SERIES_TREE/src" >&2
	say "building Linux $word"
	logged "$dir/build.log" "Linux $word built" series_make "$SERIES_TREE" "$config" \
		LOCALVERSION="${cure:+-without-$cure}" bzImage modules
	cp "$objects/.config" "$dir/config"
	series_modules "$objects" >"$dir/modules.gz"
	cp "$objects/arch/x86/boot/bzImage" "$dir/bzImage.new"
	mv "$dir/bzImage.new" "$dir/bzImage"
}
