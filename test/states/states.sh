# states.sh
#	What the scripts of this folder share; bash sources it.
#
# A state is what hwr finds on a machine where somebody types "make demo" for the first time.  Scripts whose names begin with a, b, d and e,
# and package.sh, make theirs in a fresh chroot: tools/check-in-chroot runs them there, as root, and they may install
# and change what they like.  The others leave the machine as it is; "make check-long" runs them, deps.sh already "make check".
# They print lines "ok - WHAT" and "not ok - WHAT", and their exit status is that of the last command.

set -u

install_packages() {
	apt-get update -q=2 && apt-get install -q=2 -y --no-install-recommends "$@" > /dev/null || exit 1
}

# is WHAT COMMAND...: one test
is() {
	local what=$1
	shift
	if "$@" > "$state_dir/is.log" 2>&1; then
		echo "ok - $what"
	else
		echo "not ok - $what"
		sed 's/^/# /' "$state_dir/is.log"
		failures=$((failures + 1))
	fi
}

failures=0
