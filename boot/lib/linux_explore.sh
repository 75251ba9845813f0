# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# What `postern explore --linux 7.3` runs: programs out of the unmodified source package, built by
# linux/explore/build. The unpacked source and Linux's prepared build folder are kept beside them
# for the next change of ours.

# shellcheck disable=SC2034 # of boot/build
EXPLORE_WORDS=(linux-explore-7.3)

# The source that is unpacked and configured: the package, the configuration and what stays packed.
explore_source_dir()
{
	local version
	version=$(linux_version "$1") || return 1
	echo "$CACHE/linux-$version-explore-$(hash_of "$BOOT"/linux/explore/{explore.config,left-packed})"
}

# The folder with the programs of version @1; what they are made of names it.
explore_dir()
{
	local dir
	dir=$(explore_source_dir "$1") || return 1
	echo "$dir/$(hash_of "$BOOT"/linux/explore/{build,check-hooks,*.[ch],changes/*.patch,changes/{amd,msi}/*.patch} "$ROOT"/src/world/explore/{*.[ch],seam/*} \
		"$ROOT"/src/{seam,cli}/*.h "$ROOT"/src/hw/{amd,intel,x86}/*.[ch] "$ROOT"/include/postern/*.h)"
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

explore_build()
{
	local version=${1#linux-explore-} deb source dir
	deb=$(fetch_deb "linux-source-$version" "$(linux_suite "$version")")
	source=$(explore_source_dir "$version")
	[ -d "$source/tree" ] || explore_unpack "$deb" "$source"
	dir=$(explore_dir "$version")
	mkdir -p "$dir"
	ln -sfn ../kbuild "$dir/kbuild"
	mkdir -p "$source/kbuild"
	logged "$source/build.log" "programs to explore Linux $version" \
		nice -n 5 "$BOOT/linux/explore/build" "$source/tree" "$dir"
	rm -rf "$dir/objects"
	find "$source" -mindepth 1 -maxdepth 1 -type d ! -name tree ! -name kbuild ! -path "$dir" -exec rm -rf {} +
}
