#!/bin/bash
# State h: /tmp is full, or mounted noexec: an error that says so, before anything is built.

. test/states/states.sh
if [ "$(id -u)" -ne 0 ]; then
	echo "# skipped, because only root may mount a /tmp"
	finish
fi

# with_tmp OPTIONS COMMAND...: with a /tmp of those mount options, in a mount namespace that ends with the command
with_tmp() {
	local options=$1
	shift
	as_stranger env -u TMPDIR unshare --mount sh -euc '
		mount -t tmpfs -o "$1" tmpfs /tmp
		shift
		exec timeout 60 "$@"' sh "$options" "$@"
}

for goal in demo check; do
	is "make $goal says that /tmp is full" refuses '"/tmp" has .* MB free, and .* are needed' with_tmp size=16m make "$goal"
	is "make $goal says that /tmp is noexec" refuses 'mounted noexec' with_tmp noexec,size=8g make "$goal"
done
is "another folder does instead" with_tmp noexec,size=8g env TMPDIR=/var/tmp bash -c '. tools/private-server.sh; hwr_prepare'
finish
