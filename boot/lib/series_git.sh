# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# The series as commits: a repository with the files that it changes and no other, from which git
# writes patches with full context. The text below a patch's "---" is not part of its commit.

series_git()
{
	local repo=$1
	shift
	git -C "$repo" -c user.name=Postern -c user.email=postern@localhost -c commit.gpgSign=false \
		-c core.hooksPath=/dev/null -c core.autocrlf=false -c gc.auto=0 \
		-c format.signature= "$@"
}

# tree, repository, patches: the files as Linux has them, as a commit with the tag "linux".
series_base()
{
	local tree=$1 repo=$2 files
	shift 2
	rm -rf "$repo"
	mkdir -p "$repo"
	series_git "$repo" init -q -b series
	mapfile -t files < <(series_files "$@")
	series_originals "$tree" "$repo" "${files[@]}"
	series_git "$repo" add -A -f
	series_git "$repo" commit -q --allow-empty -m "linux-source-$SERIES $SERIES_VERSION"
	series_git "$repo" tag linux
}

# mail, key: a line of the output of git mailinfo.
series_header()
{
	git mailinfo /dev/null /dev/null <"$1" | sed -n "s/^$2: //p" | head -n 1
}

# patch: the message of its commit.
series_message()
{
	local body
	body=$(mktemp)
	git mailinfo "$body" /dev/null <"$1" | sed -n 's/^Subject: //p'
	echo
	grep -v '^SPDX-License-Identifier:' "$body" || true
	rm -f "$body"
}

# repository, patch: one more commit. 1 if the patch does not apply.
series_commit()
{
	local repo=$1 p=$2 date
	patch -d "$repo" -p1 -s -N -E --no-backup-if-mismatch --fuzz=0 -r - <"$p" || return
	date=$(series_header "$p" Date)
	series_git "$repo" add -A -f
	series_message "$p" |
		GIT_AUTHOR_NAME=$(series_header "$p" Author) \
			GIT_AUTHOR_EMAIL=$(series_header "$p" Email) \
			GIT_AUTHOR_DATE=${date:-$(date -R)} GIT_COMMITTER_DATE=${date:-$(date -R)} \
			series_git "$repo" commit -q -F -
}

# tree, repository, patches: all of them as commits.
series_commits()
{
	local tree=$1 repo=$2 p
	shift 2
	series_base "$tree" "$repo" "$@"
	for p in "$@"; do
		series_commit "$repo" "$p" || series_refuses "$(basename "$p")" "$SERIES_VERSION"
	done
}

# repository, folder, the bracket of the subjects ("RFC PATCH"), further options: mails as files.
series_mails()
{
	local repo=$1 to=$2 prefix=$3
	shift 3
	series_git "$repo" format-patch -q -n -U3 --full-index --no-renames \
		--subject-prefix="$prefix" -o "$to" "$@" linux..series
}
