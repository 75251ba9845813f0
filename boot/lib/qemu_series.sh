# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# The patches for QEMU as two series of commits that need nothing of this checkout: "fixes", the
# patches 00xx, for QEMU itself, and "postern", the patches 01xx, on top of them. Our files are not in
# the patches: the line "Adds:" of a patch's message names those that its commit brings, relative to
# QEMU's source; the meson.build of hw/i386/postern grows with them.

QEMU_SERIES=(fixes postern)
QEMU_OURS=hw/i386/postern

# The patches of a series, in their order.
qemu_series_patches()
{
	case $1 in
	fixes) printf '%s\n' "$BOOT"/qemu/patches/00[0-9][0-9]-*.patch ;;
	postern) printf '%s\n' "$BOOT"/qemu/patches/01[0-9][0-9]-*.patch ;;
	esac
}

# The .dsc of the source, fetched if it is not there.
qemu_series_source()
{
	local dsc
	dsc=$(downloaded 'qemu_10.0*.dsc')
	if [ -z "$dsc" ]; then
		lock_cache
		dsc=$(fetch_source qemu 10.0)
		unlock_cache
	fi
	echo "$dsc"
}

# dsc, folder: QEMU as Debian has it, as a repository with one commit, the tag "qemu".
qemu_series_base()
{
	local dsc=$1 repo=$2
	say "unpacking $(basename "$dsc")"
	logged "$repo.log" "QEMU unpacked" dpkg-source --no-copy -x "$dsc" "$repo"
	rm -rf "$repo/.pc" "$repo/roms"
	series_git "$repo" init -q -b fixes
	series_git "$repo" add -A -f
	series_git "$repo" commit -q -m "$(basename "$dsc" .dsc)"
	series_git "$repo" tag qemu
}

# What the message of a patch adds: patterns, one a line.
qemu_series_adds()
{
	sed -n '/^---$/q; s/^Adds: *//p' "$1" | tr -s ' ' '\n'
}

# our meson.build, folder with the files that are there: without lines that name one that is not.
qemu_series_meson()
{
	local line file there
	while IFS= read -r line; do
		there=1
		for file in $(grep -oE "'[a-z0-9-]+\.c'" <<<"$line" | tr -d "'"); do
			[ -e "$2/$file" ] || there=''
		done
		[ -z "$there" ] || printf '%s\n' "$line"
	done <"$1"
}

# repository, folder of our files, patch: the files that it adds, into the repository.
qemu_series_add()
{
	local to=$1 from=$2 pattern file
	qemu_series_adds "$3" | while read -r pattern; do
		(cd "$from" && find . -type f -path "./$pattern") | while read -r file; do
			mkdir -p "$(dirname "$to/$file")"
			cp "$from/$file" "$to/$file"
		done
	done
	to=$1/$QEMU_OURS
	[ ! -d "$to" ] || qemu_series_meson "$from/$QEMU_OURS/meson.build" "$to" >"$to/meson.build"
}

# repository, folder of our files, patch: one more commit, signed off by the committer.
qemu_series_commit()
{
	local repo=$1 ours=$2 p=$3
	patch -d "$repo" -p1 -s -N -E --no-backup-if-mismatch --fuzz=1 -r - <"$p" >&2 ||
		skip "$(basename "$p") does not apply to the source of QEMU"
	qemu_series_add "$repo" "$ours" "$p"
	series_git "$repo" add -A -f
	series_message "$p" | grep -v '^Adds:' | qemu_series_git "$repo" commit -q -s -F -
}

# Author and committer are who exports the series.
qemu_series_git()
{
	local repo=$1 who name email
	shift
	who=$(git -C "$ROOT" var GIT_COMMITTER_IDENT)
	name=${who%% <*}
	email=${who#*<}
	email=${email%%>*}
	GIT_AUTHOR_NAME=$name GIT_AUTHOR_EMAIL=$email GIT_COMMITTER_NAME=$name \
		GIT_COMMITTER_EMAIL=$email series_git "$repo" "$@"
}

# repository, folder of our files: both series as commits, the branches "fixes" and "postern".
qemu_series_commits()
{
	local repo=$1 ours=$2 series p
	for series in "${QEMU_SERIES[@]}"; do
		[ "$series" = fixes ] || series_git "$repo" checkout -q -b "$series"
		for p in $(qemu_series_patches "$series"); do
			qemu_series_commit "$repo" "$ours" "$p"
		done
		series_git "$repo" config "branch.$series.description" \
			"$(grep -v '^SPDX-License-Identifier:' "$BOOT/qemu/patches/$series.cover")"
	done
}

# repository, folder of our files: every one of them is in the series as it is here.
qemu_series_whole()
{
	local file status=0
	while read -r file; do
		cmp "$2/$file" "$1/$file" >&2 || status=1
	done < <(cd "$2" && find . -type f)
	return $status
}

# What a series begins with.
qemu_series_start()
{
	case $1 in
	fixes) echo qemu ;;
	postern) echo fixes ;;
	esac
}

# repository, folder: the mails of both series.
qemu_series_mails()
{
	local repo=$1 to=$2 series prefix
	for series in "${QEMU_SERIES[@]}"; do
		prefix=PATCH
		[ "$series" = fixes ] || prefix='RFC PATCH'
		mkdir -p "$to/$series"
		qemu_series_git "$repo" format-patch -q -n --no-renames --cover-letter \
			--cover-from-description=subject --subject-prefix="$prefix" \
			-o "$to/$series" "$(qemu_series_start "$series")..$series"
	done
}

# repository, folder of mails: git am of all on QEMU gives the commits' files again; the work tree is
# then what they gave.
qemu_series_am()
{
	local repo=$1 series mails
	series_git "$repo" checkout -q -b am qemu
	for series in "${QEMU_SERIES[@]}"; do
		mapfile -t mails < <(find "$2/$series" -name '0*.patch' ! -name '0000-*' | LC_ALL=C sort)
		series_git "$repo" am -q "${mails[@]}" >&2 || return
		series_git "$repo" diff --quiet "$series" || return
	done
}

# repository: QEMU's own checkpatch.pl finds no error in a commit. lib/ is the library's, in the style
# of that.
qemu_series_checkpatch()
{
	local repo=$1 commit failed=0
	for commit in $(series_git "$repo" rev-list --reverse qemu..postern); do
		series_git "$repo" format-patch -1 --stdout "$commit" -- . ":!$QEMU_OURS/lib" |
			(cd "$repo" && perl scripts/checkpatch.pl --terse --no-summary -) >"$repo.check" ||
			true
		sed -n "s|^|$(series_git "$repo" log -1 --format=%s "$commit"): |; / ERROR:/p" "$repo.check"
		! grep -q 'ERROR:' "$repo.check" || failed=1
		CHECKPATCH_WARNINGS=$((${CHECKPATCH_WARNINGS:-0} + $(grep -c 'WARNING:' "$repo.check" || true)))
	done
	return $failed
}
