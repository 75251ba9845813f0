# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# What `postern explore --linux 7.3` runs: programs out of the unmodified source package, built by
# linux/explore/build. The unpacked source and Linux's prepared build folder are kept beside them
# for the next change of ours.

# shellcheck disable=SC2034 # of boot/build
EXPLORE_WORDS=(linux-explore-6.12 linux-explore-7.3 linux-explore-7.3-gappi)

# "7.3-gappi": "7.3".
explore_version()
{
	echo "${1%-gappi}"
}

# The source that is unpacked and configured: the package, the configuration and what stays packed.
# With the series it is the same one.
explore_source_dir()
{
	local version
	local configs=("$BOOT"/linux/explore/explore.config)
	version=$(linux_version "$(explore_version "$1")") || return 1
	[ "$1" != 6.12 ] || configs+=("$BOOT/linux/explore/explore-old.config")
	echo "$CACHE/linux-$version-explore-$(hash_of "${configs[@]}" "$BOOT/linux/explore/left-packed")"
}

# The patches of the series that change what is unpacked.
explore_patches()
{
	local p
	series_numbered | while read -r p; do
		! grep -q '^+++ b/tools/' "$p" || continue
		echo "$p"
	done
}

# The tree of a word, in the folder of its source.
explore_tree()
{
	local patches
	case $1 in
	*-gappi)
		mapfile -t patches < <(explore_patches)
		echo "tree-gappi-$(series_diffs "${patches[@]}" | hash_of -)"
		;;
	*) echo tree ;;
	esac
}

# The folder with the programs of a word; what they are made of names it.
explore_dir()
{
	local dir tree prefix='' lists=(cases cases-amd cases-msi) changes=("$BOOT"/linux/explore/changes/{*,amd/*,msi/*,msi/old/*}.patch)
	dir=$(explore_source_dir "$1") || return 1
	tree=$(explore_tree "$1")
	if [ "$tree" != tree ]; then
		prefix=gappi- lists=(cases-gappi)
		changes=("$BOOT"/linux/explore/changes/gappi/*.patch "$SERIES_PATCHES"/without/*.patch)
	fi
	echo "$dir/$prefix$({
		echo "$tree"
		grep -hE '^(broken|fixed) ' "${lists[@]/#/$BOOT/linux/explore/}"
		cat "$BOOT"/linux/explore/{build,check-hooks,*.[ch]} "${changes[@]}" "$ROOT"/src/world/explore/{*.[ch],seam/*} \
			"$ROOT"/src/{seam,cli}/*.h "$ROOT"/src/hw/{amd,intel,x86}/*.[ch] "$ROOT"/include/postern/*.h
	} | hash_of -)"
}

explore_there()
{
	local dir
	dir=$(explore_dir "${1#linux-explore-}") && [ -e "$dir/programs/complete" ]
}

explore_unpack()
{
	say "unpacking $(basename "$1")"
	rm -rf "$2"
	mkdir -p "$2/tree.new"
	dpkg-deb --fsys-tarfile "$1" | tar -xO --wildcards './usr/src/linux-source-*.tar.xz' | XZ_OPT=-T0 \
		tar -xJ -C "$2/tree.new" --strip-components=1 --anchored --wildcards --no-wildcards-match-slash \
		-X "$BOOT/linux/explore/left-packed"
	mv "$2/tree.new" "$2/tree"
}

# source, tree: Linux's files by links; those that the series changes are files of their own.
explore_patch()
{
	local source=$1 to=$1/$2 p
	[ ! -L "$source/tree" ] || fail "$source/tree is a link: the series would change what it points to"
	rm -rf "$source"/tree-gappi-*
	cp -al "$source/tree" "$to.new"
	explore_patches | while read -r p; do
		patch -s -d "$to.new" -p1 -N -E --no-backup-if-mismatch --fuzz=0 -r - <"$p" >&2 ||
			series_refuses "$(basename "$p")" "$(linux_version "$SERIES")"
	done
	mv "$to.new" "$to"
}

explore_build()
{
	local word=${1#linux-explore-} version deb source dir tree
	version=$(explore_version "$word")
	deb=$(fetch_deb "linux-source-$version" "$(linux_suite "$version")")
	source=$(explore_source_dir "$word")
	[ -d "$source/tree" ] || explore_unpack "$deb" "$source"
	tree=$(explore_tree "$word")
	[ -d "$source/$tree" ] || explore_patch "$source" "$tree"
	dir=$(explore_dir "$word")
	mkdir -p "$dir"
	ln -sfn ../kbuild "$dir/kbuild"
	mkdir -p "$source/kbuild"
	# An earlier version of ours did not write down for which tree.
	[ ! -e "$source/kbuild/prepared" ] || [ -s "$source/kbuild/prepared" ] ||
		echo "$source/tree" >"$source/kbuild/prepared"
	BASE=$source/tree logged "$source/build.log" "programs to explore Linux $word" \
		nice -n 5 "$BOOT/linux/explore/build" "$source/$tree" "$dir"
	rm -rf "$dir/objects"
	explore_tidy "$source" "$dir"
}

# source, folder: earlier programs of the same tree go.
explore_tidy()
{
	case $(basename "$2") in
	gappi-*) find "$1" -mindepth 1 -maxdepth 1 -type d -name 'gappi-*' ! -path "$2" -exec rm -rf {} + ;;
	*)
		find "$1" -mindepth 1 -maxdepth 1 -type d ! -name 'tree*' ! -name kbuild ! -name 'gappi-*' \
			! -path "$2" -exec rm -rf {} +
		;;
	esac
}
