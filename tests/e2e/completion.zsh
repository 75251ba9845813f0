#!/bin/zsh -f
# SPDX-License-Identifier: MIT
# completion.zsh POSTERN SOURCE: types lines and a tab into an interactive zsh, and looks at what it makes of them.
zmodload zsh/zpty || { print 'SKIPPED: zsh has no zpty'; exit 77 }
program=${1:A:h}
cd $2 || exit 1
zpty typed "TERM=dumb PATH=$program:$PATH zsh -f -i" || {
	print "SKIPPED: there is no pseudo terminal"
	exit 77
}
zpty -w typed "PS1= PS2=; fpath=($PWD/completions \$fpath); autoload -U compinit; compinit -u -D; print READ''Y"
zpty -r -m typed line '*READY*' || exit 1

# line result: a tab turns the line's end into this; the program is asked, which takes its time
becomes() {
	local shown='' chunk
	integer wait=0
	zpty -w -n typed "$1"$'\t'
	while (( wait++ < 600 )) && [[ $shown != *"$2"* ]]; do
		if zpty -r -t typed chunk; then shown+=$chunk; else sleep 0.1; fi
	done
	if [[ $shown != *"$2"* ]]; then
		print -r -- "$1: expected $2, the terminal shows:"
		print -r -- "$shown"
		exit 1
	fi
	# Control-U empties the line. Control-C might hit what the next tab starts.
	zpty -w -n typed $'\x15'
}

becomes 'postern comp' 'postern compare '
becomes 'postern ' 'every interleaving of a named case'
becomes 'postern compare --mo' 'postern compare --modes='
becomes 'postern compare --modes galog,gap' 'postern compare --modes galog,gappi'
becomes 'postern run storm --mode vt' 'postern run storm --mode vtd-pi'
becomes 'postern compare --set machine.pc' 'machine.pcpus='
becomes 'postern compare overc' 'postern compare overcommit'
becomes 'postern compare scenarios/overc' 'scenarios/overcommit.ini'
becomes 'postern compare --costs li' 'linux-7.3'
becomes 'postern explore pid-pl' 'pid-plain-store'
becomes 'postern explore --variant=b' '--variant=broken'
becomes 'postern decode vtd-irt' 'remapping table entry'
becomes 'postern list k' 'postern list keys'
becomes 'postern calibrate -o scenar' 'scenarios/'
becomes 'postern vm --tre' 'postern vm --tree'
zpty -d typed
