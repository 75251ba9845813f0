# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# A private apt configuration beside the machine's own: other releases of Debian can be read from
# the mirror that the machine uses, and nothing of the machine's package state changes.

APT=$CACHE/apt
DOWNLOADS=$CACHE/downloads

apt_mirror()
{
	local uri
	uri=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/*.sources \
		/etc/apt/sources.list.d/*.list 2>/dev/null |
		sed -nE 's/^URIs:[[:space:]]*//p; s/^deb[[:space:]]+(\[[^]]*\][[:space:]]+)?//p' |
		tr ' ' '\n' | grep -E '^(https?|mirror\+?[a-z]*|file):.*/debian/?$' | head -n 1)
	[ -n "$uri" ] || skip "no Debian mirror among this machine's apt sources"
	printf '%s' "${uri%/}"
}

apt_private()
{
	local tool=$1
	shift
	"$tool" -o Dir::Etc::sourcelist="$APT/sources.list" -o Dir::Etc::sourceparts=/dev/null \
		-o Dir::Etc::preferencesparts=/dev/null -o Dir::State::Lists="$APT/lists" \
		-o Dir::Cache="$APT/cache" -o APT::Sandbox::User="$(id -un)" \
		-o Acquire::Languages=none -o Acquire::Retries=3 "$@"
}

# Reads the archive's lists of these: "deb trixie", "deb-src trixie".
apt_read()
{
	local mirror ring=/usr/share/keyrings/debian-archive-keyring.gpg list
	[ -r "$ring" ] || skip "package debian-archive-keyring is not installed"
	mirror=$(apt_mirror) || exit
	mkdir -p "$APT/lists/partial" "$APT/cache/archives/partial"
	for list in "$@"; do
		echo "${list% *} [signed-by=$ring] $mirror ${list#* } main"
	done >"$APT/sources.list"
	apt_private apt-get update -qq >"$APT/update.log" 2>&1 ||
		{ tail -n 5 "$APT/update.log" >&2; skip "the Debian archive cannot be read"; }
}

apt_setup()
{
	[ -z "${APT_READY:-}" ] || return 0
	apt_read "deb-src trixie" "deb trixie" "deb trixie-backports" "deb bookworm-backports"
	APT_READY=1
}

# Reads the lists of all suites that may have a kernel, into a folder of their own, which APT is for
# the rest of the caller's scope.
ARCHIVE_SUITES=(trixie trixie-backports forky sid experimental)
archive_read()
{
	APT=$APT-kernels
	apt_read "${ARCHIVE_SUITES[@]/#/deb }"
}

# The newest file among those downloaded that match a pattern.
downloaded()
{
	mkdir -p "$DOWNLOADS"
	find "$DOWNLOADS/" -maxdepth 1 -name "$1" -printf '%f\n' | sort -V | tail -n 1 |
		sed "s|^|$DOWNLOADS/|"
}

# A command that puts files where it runs: they become downloads when it is done with all of them,
# the .dsc last, because its presence marks a complete source package.
fetch_into_downloads()
{
	local work
	work=$(work_dir)
	if ! (cd "$work" && "$@" >&2); then
		rm -rf "$work"
		return 1
	fi
	mkdir -p "$DOWNLOADS"
	find "$work" -type f ! -name '*.dsc' -exec mv -t "$DOWNLOADS" {} +
	find "$work" -type f -name '*.dsc' -exec mv -t "$DOWNLOADS" {} +
	rm -rf "$work"
}

# Fetches a binary package (name, suite) unless it is there, and prints its path.
fetch_deb()
{
	local name=$1 suite=$2 APT=$APT
	if [ -z "$(downloaded "${name}_*.deb")" ]; then
		case $suite in
		trixie | *-backports) apt_setup ;;
		*) archive_read ;;
		esac
		say "fetching $name from $suite"
		fetch_into_downloads apt_private apt-get download -qq "$name/$suite" ||
			skip "$name is no longer in $suite"
	fi
	downloaded "${name}_*.deb"
}

# Fetches a source package (name, version prefix) unless one is there: its .dsc.
fetch_source()
{
	local name=$1 prefix=$2 version
	if [ -z "$(downloaded "${name}_${prefix}*.dsc")" ]; then
		apt_setup
		version=$(apt_private apt-cache showsrc --only-source "$name" |
			sed -n 's/^Version: //p' | sed 's/^[0-9]*://' | grep "^$prefix" |
			sort -V | tail -n 1) || true
		[ -n "$version" ] || skip "source package $name $prefix is no longer in trixie"
		say "fetching the source of $name $version"
		fetch_into_downloads apt_private apt-get source -qq --download-only \
			--only-source "$name" || skip "the source of $name cannot be fetched"
	fi
	downloaded "${name}_${prefix}*.dsc"
}

# The upstream tarball of a source package (name, version prefix), checked against the archive's
# index: enough where Debian's changes are not needed, also if the mirror lacks the .dsc.
fetch_orig()
{
	local name=$1 prefix=$2 sum file dir
	if [ -z "$(downloaded "${name}_${prefix}*.orig.tar.xz")" ]; then
		apt_setup
		read -r sum file dir < <(apt_private apt-cache showsrc --only-source "$name" |
			awk -v start="${name}_$prefix" '/^[^ ]/ { sums = 0 }
				/^Checksums-Sha256:/ { sums = 1 }
				/^Directory:/ { dir = $2 }
				sums && index($3, start) == 1 && /\.orig\.tar\.xz$/ { sum = $1; file = $3 }
				END { if (file) print sum, file, dir }') ||
			skip "source package $name $prefix is no longer in trixie"
		say "fetching $file"
		fetch_into_downloads apt_private /usr/lib/apt/apt-helper download-file \
			"$(apt_mirror)/$dir/$file" "$file" "SHA256:$sum" ||
			skip "$file cannot be fetched"
	fi
	downloaded "${name}_${prefix}*.orig.tar.xz"
}

# Packages of this machine's own release that building needs.
need_packages()
{
	local p missing=()
	for p in "$@"; do
		dpkg-query -W -f='${Status}\n' "$p" 2>/dev/null | grep -q 'ok installed' ||
			missing+=("$p")
	done
	[ ${#missing[@]} -gt 0 ] || return 0
	say "installing: ${missing[*]}"
	local sudo=
	[ "$(id -u)" = 0 ] || sudo=sudo
	$sudo apt-get update -qq >/dev/null 2>&1 || true
	DEBIAN_FRONTEND=noninteractive $sudo apt-get -o DPkg::Lock::Timeout=600 install -y -qq \
		--no-install-recommends "${missing[@]}" >/dev/null || skip "cannot install: ${missing[*]}"
}

need_build_packages()
{
	need_packages gcc libc6-dev make dpkg-dev patch bzip2 xz-utils cpio bc flex bison \
		ninja-build pkg-config python3 python3-venv libglib2.0-dev libelf-dev
}
