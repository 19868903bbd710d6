# states.sh
#	What the scripts of this folder share; bash sources it.
#
# A state is what hwr finds on a machine where somebody types "make demo" for the first time.  Scripts whose names begin with a, b, d,
# e, package, archive, image and arm make theirs in a fresh chroot: tools/check-in-chroot runs them there, as root, and they may install
# and change what they like; COMMAND is what a to e run then, SUITE the release.  The others leave the machine as it is; "make check-long" runs them,
# deps.sh and includes.sh, which try two tools, already "make check".  They print lines "ok - WHAT" and "not ok - WHAT".
#
#	install_packages PACKAGE...	in a chroot
#	is WHAT COMMAND...			one test: passed if COMMAND succeeds; its output is shown if not, and is in $state_dir/out
#	refuses TEXT COMMAND...		true if COMMAND fails and says TEXT, a basic regular expression
#	as_stranger COMMAND...		without what a make around us left in the environment
#	demo, check					short forms of "make demo" and "make check"
#	finish						the end: the exit status says whether all passed

set -u

failures=0
state_dir=$(mktemp -d "${TMPDIR:-/tmp}/hwr-state.XXXXXX") || exit 1
chmod 755 "$state_dir"
trap 'rm -rf "$state_dir"' EXIT
trap 'exit 143' INT TERM HUP

install_packages() {
	apt-get update -q=2 && apt-get install -q=2 -y --no-install-recommends "$@" > /dev/null || exit 1
}

is() {
	local what=$1
	shift
	if "$@" > "$state_dir/out" 2>&1; then
		echo "ok - $what"
	else
		echo "not ok - $what"
		tail -n 60 "$state_dir/out" | sed 's/^/# /'
		failures=$((failures + 1))
	fi
}

refuses() {
	local text=$1
	shift
	! "$@" > "$state_dir/refused" 2>&1
	local refused=$?
	cat "$state_dir/refused"
	[ "$refused" -eq 0 ] && grep -q -e "$text" "$state_dir/refused"
}

as_stranger() {
	env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL -u HWR_LONG -u REGRESS -u TAP "$@"
}

demo() {
	as_stranger "$@" make demo DEMO_FLAGS='--epochs 2'
}

check() {
	as_stranger "$@" make check REGRESS='setup models recognize' TAP=test/t/001_cancel.pl \
		UNITS_f32=build/f32/unit/base/test_stats UNITS_f64=
}

smoke() {
	local file label reading
	IFS=, read -r file label < <(sed -n 2p test/data/demo.csv)
	reading=$("$@" <<- SQL
		CREATE EXTENSION hwr;
		\\set image \`base64 -w 0 < $PWD/test/data/$file\`
		SELECT hwr_recognize(decode(:'image', 'base64'));
	SQL
	)
	echo "$file: $label, read as $reading"
	[ "$reading" = "$label" ]
}

trains() {
	local trained
	trained=$({
		echo "CREATE TABLE words (image bytea, label text);"
		echo "COPY words FROM STDIN;"
		tools/load-images --copy test/data/words.csv test/data/words | head -n 200
		echo "\."
		echo "SET client_min_messages = warning;"
		echo "SELECT epochs FROM hwr_train('words', 'words', options => '{\"preset\": \"small\", \"epochs\": 1}');"
	} | "$@")
	[ "$trained" = 1 ]
}

dockerfile_runs() {
	sed -e ':next' -e '/\\$/{N;s/\\\n[[:space:]]*//;bnext' -e '}' Dockerfile |
		awk -v stage="$1" '/^FROM / { n++ } n == stage && sub(/^RUN /, "")'
}

finish() {
	[ "$failures" -eq 0 ]
	exit
}
