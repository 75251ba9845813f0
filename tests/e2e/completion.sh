#!/bin/bash
# SPDX-License-Identifier: MIT
# completion.sh POSTERN SOURCE: completes words in bash as its readline asks for them.
postern=$(realpath "$1") || exit 1
. "$2/completions/postern.bash"
cd "$2" || exit 1
failed=0
compopt() { :; } # only within a completion of readline

offers() { # line word...: completing the line's last word offers these, and no others
	local line=$1 words
	shift
	COMP_LINE=${line/#postern/$postern}
	COMP_POINT=${#COMP_LINE}
	mapfile -t COMP_WORDS < <(grep -oE '[=:]+|[^[:space:]=:]+' <<<"$COMP_LINE")
	[[ $line != *' ' ]] || COMP_WORDS+=('')
	COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
	_postern
	words="${COMPREPLY[*]}"
	[ "$words" = "$*" ] || {
		echo "$line: offers '$words', expected '$*'"
		failed=1
	}
}

holds() { # line word: completing the line's last word offers this one, and others
	local offered
	offered=$(offers "$1" | sed -E "s/^.*: offers '(.*)', expected ''$/\1/")
	[[ " $offered " == *" $2 "* ]] || {
		echo "$1: offers '$offered', without '$2'"
		failed=1
	}
}

# Every verb and every option of the program.
for verb in $("$postern" --help | sed -nE 's/^  ([a-z]+) +[A-Z[].*/\1/p' | grep -vx postern); do
	holds 'postern ' "$verb"
	for option in $("$postern" "$verb" --help | grep -oE '^ {2,6}(-., )?--[a-z-]+' | grep -oE -e '--[a-z-]+'); do
		"$postern" "$verb" --help | grep -qE "^ {2,6}(-., )?$option=" && option=$option=
		holds "postern $verb --" "$option"
	done
done
offers 'postern com' compare
offers 'postern help cal' calibrate
offers 'postern compare --sens' --sensitivity
offers 'postern compare --modes gap' gappi gappi:masked=park gappi:masked=none
offers 'postern compare --modes=galog,vtd' galog,vtd-pi
offers 'postern compare --modes galog:gate=' blocking always
offers 'postern compare --modes galog:recover=w' wake
offers 'postern compare --set machine.pc' machine.pcpus=
offers 'postern compare --duration '
offers 'postern compare overc' overcommit
offers 'postern compare scenarios/overc' scenarios/overcommit.ini
offers 'postern compare --costs li' linux-7.3
offers 'postern explore pid-plain' pid-plain-store
offers 'postern explore --memory ' x86-tso sc
offers 'postern explore --variant=b' broken
offers 'postern decode vtd-irte' vtd-irte
offers 'postern decode vtd-irte 0x'
offers 'postern calibrate -o scenar' scenarios
offers 'postern vm --tree scenar' scenarios
offers 'postern vm --amd avic,ga' avic,ga avic,gappi
offers 'postern vm --kern' --kernel
# Every mode, kind of list and kind of step that is offered is one.
holds 'postern run storm --mode ' vtd-pi
for what in $("$postern" list --help | sed -nE 's/^Usage: .* ([a-z|]+)$/\1/p' | tr '|' ' '); do
	holds 'postern list ' "$what"
	"$postern" list "$what" >/dev/null || failed=1
done
for kind in iommu processor host world; do
	holds 'postern run storm --steps=' $kind
	"$postern" run sparse-wakeups --mode gappi --duration 1ms --steps=$kind >/dev/null || failed=1
done
exit $failed
