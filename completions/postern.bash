# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Completion of bash for postern. The words come from the program: verbs and options from --help, modes, cases and
# other names from `postern list`.

_postern_verbs() {
	"$1" --help 2>/dev/null | sed -nE '/^  postern /d; s/^  ([a-z]+) +[A-Z[].*/\1/p'
}

# program verb: "--name", "--name=", "--name " if the value is a word of its own, "--name[=" if it is optional
_postern_options() {
	"$1" "$2" --help 2>/dev/null | sed -nE 's/^ {2,6}(-., )?(--[a-z-]+)( [A-Z][A-Za-z,.]*  ).*/\2 /; s/^ {2,6}(-., )?(--[a-z-]+)(\[?=)?.*/\2\3/; /^--/p'
}

_postern_list() { # program what
	"$1" list "$2" 2>/dev/null | sed -nE 's/^  ([a-z0-9][^ ]*) .*/\1/p'
}

_postern_modes() { # program: names, and variants as galog:gate=always
	_postern_list "$1" modes
	"$1" list modes 2>/dev/null | sed -nE 's/^ +variants: ([a-z-]+):(.*)/\1 \2/p' | while read -r mode rest; do
		grep -oE '[a-z]+=[a-z0-9]+' <<<"$rest" | sed "s/^/$mode:/"
	done
}

_postern_value() { # program verb option: words for its value; FILES if it is a file
	local words
	words=$("$1" "$2" --help 2>/dev/null | sed -nE "s/^ +(-., )?$3=([a-z0-9_-]+(\|[a-z0-9_-]+)+).*/\2/p")
	case $3 in
	--mode | --modes) _postern_modes "$1" ;;
	--costs) _postern_list "$1" costs && echo FILES ;;
	--scenario) _postern_list "$1" scenarios && echo FILES ;;
	--steps) [ "$2" != run ] || printf '%s\n' iommu processor host world ;;
	--set) _postern_list "$1" keys | sed -n 's/^machine\..*/&=/p' ;;
	--seed | --duration | --sensitivity | --load | --tsc-ghz | --kernel | --vcpu-bits) ;;
	--bound | --jobs | --memory-limit | --seconds) ;;
	--posts | --cpus | --vcpus | --devices | --mistake) ;;
	--amd | --intel) "$1" "$2" --help 2>/dev/null | sed -nE "s/^ +$3 .*with these: ([a-z0-9 ]+).*/\1/p" | tr ' ' '\n' ;;
	*) if [ -n "$words" ]; then tr '|' '\n' <<<"$words"; else echo FILES; fi ;;
	esac
}

_postern_arguments() { # program verb number
	case $2 in
	compare | run) _postern_list "$1" scenarios && echo FILES ;;
	sweep) _postern_list "$1" sweeps && echo FILES ;;
	explore) _postern_list "$1" cases && echo FILES ;;
	decode) [ "$3" -gt 0 ] || _postern_list "$1" decoders ;;
	list) [ "$3" -gt 0 ] || "$1" list --help | sed -nE 's/^Usage: .* ([a-z|]+)$/\1/p' | tr '|' '\n' ;;
	bench | torture) ;;
	help) _postern_verbs "$1" ;;
	*) echo FILES ;;
	esac
}

_postern() {
	local program=${COMP_WORDS[0]} verb=${COMP_WORDS[1]} cur=${COMP_WORDS[COMP_CWORD]} before=
	local line=${COMP_LINE:0:COMP_POINT} list='' words='' reply i
	# What is typed of the word, which bash has taken apart at = and :.
	local typed=${line##*[[:space:]]}

	COMPREPLY=()
	[[ $cur != [=:] ]] || cur=
	line=${line%"$typed"}
	read -ra reply <<<"$line"
	before=${reply[-1]}
	[ "$COMP_CWORD" -eq 1 ] || list=$(_postern_options "$program" "$verb")
	if [ "$COMP_CWORD" -eq 1 ]; then
		words=$(_postern_verbs "$program" && printf '%s\n' help --help --version)
	elif [[ $typed == --*=* ]]; then
		words=$(_postern_value "$program" "$verb" "${typed%%=*}")
		typed=${typed#*=}
	elif [[ $before == --* && $'\n'$list$'\n' == *$'\n'"$before"[=\ ]$'\n'* ]]; then
		words=$(_postern_value "$program" "$verb" "$before")
	elif [[ $typed == -* ]]; then
		words=${list//\[=/}
		words=${words// /}
	else
		i=0
		for before in "${reply[@]:2}"; do
			[[ $before == -* ]] || i=$((i + 1))
		done
		words=$(_postern_arguments "$program" "$verb" "$i")
	fi
	if [[ $'\n'$words$'\n' == *$'\n'FILES$'\n'* ]]; then
		mapfile -t COMPREPLY < <(compgen -f -- "$typed")
		[ ${#COMPREPLY[@]} -eq 0 ] || compopt -o filenames 2>/dev/null
		words=$(grep -vx FILES <<<"$words")
	fi
	# Of a list, the last word; what bash holds to be done is left out of the reply.
	local done=''
	[[ $typed != *,* ]] || done=${typed%,*},
	while read -r i; do
		[[ -n $i && $done$i == "$typed"* ]] || continue
		i=$done$i
		COMPREPLY+=("${i#"${typed%"$cur"}"}")
	done <<<"$words"
	[[ ${#COMPREPLY[@]} -ne 1 || ${COMPREPLY[0]} != *= ]] || compopt -o nospace 2>/dev/null
}

complete -F _postern postern
