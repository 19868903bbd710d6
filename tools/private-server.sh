# private-server.sh
#	A PostgreSQL server of one's own, for bash scripts that source this file.
#
# The server runs as an unprivileged user (postgres or nobody when we are root, else ourselves) on a
# temporary data directory, listens on a Unix socket in that directory only, and is ended by
# its own process id.  The directory is closed to other users, which is why the server may trust
# its clients.
#
# Everything that takes long is started with "run": in a session of its own, so that the
# terminal's Ctrl-C reaches this script alone, which then ends its child and its server.
#
#	hwr_prepare			choose the user, make the directory $HWR_DIR, set the traps
#	server_start		initdb if need be, start, wait until it answers
#	server_stop			fast shutdown, then immediate
#	run COMMAND			as ourselves
#	run_as_user COMMAND	as the server's user
#	copy_tests TREE		a copy of the tests that the server's user can read, with the libraries built in TREE;
#						becomes the present directory
#	run_regress OPTION...	pg_regress in the present directory: prints what it says, adds to $passed and $failed
#	run_tap FILE...		TAP tests in the present directory, likewise
#	add PASSED FAILED	add to the sums
#
# SERVER_CONF holds lines for postgresql.conf, HWR_ROOM how many MB have to be free in /tmp.
# Sets BINDIR, PGXS_DIR, HWR_DIR, HWR_USER, SERVER_PID.  HWR_KEEP=yes leaves server and directory at exit.

PG_CONFIG=${PG_CONFIG:-pg_config}
SERVER_PID=
SERVER_CONF=
CHILD_PID=
HWR_DIR=
passed=0
failed=0
HWR_MARK=.hwr-private-server
HWR_KEEP=${HWR_KEEP:-}
HWR_ROOM=${HWR_ROOM:-200}

# A caller's settings for PostgreSQL's programs must not lead to another server, or change what ours does.
for name in ${!PG*}; do
	[[ $name = PG_* ]] || unset "$name"
done

hwr_prepare() {
	local dir
	BINDIR=$("$PG_CONFIG" --bindir) || exit 1
	PGXS_DIR=$(dirname "$(dirname "$("$PG_CONFIG" --pgxs)")")
	HWR_DIR=
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP
	trap hwr_cleanup EXIT
	hwr_choose_user
	[ $# -gt 0 ] || hwr_check_tmp
	dir=${1:-$(mktemp -d "${TMPDIR:-/tmp}/hwr.XXXXXX")} || exit 1
	mkdir -p "$dir" && dir=$(cd "$dir" && pwd) || exit 1
	# The directory will be closed to others and may be deleted: it must be ours.
	if [ ! -e "$dir/$HWR_MARK" ] && [ -n "$(ls -A "$dir")" ]; then
		echo "\"$dir\" is neither empty nor the directory of a private server" >&2
		exit 1
	fi
	HWR_DIR=$dir
	: > "$HWR_DIR/$HWR_MARK"
	chmod 700 "$HWR_DIR"
	[ "$(id -u)" -ne 0 ] || chown "$HWR_USER": "$HWR_DIR"
}

# The server, its data and the compiler's files need room in /tmp, and the libraries that tests load must be executable there.
hwr_check_tmp() {
	local tmp=${TMPDIR:-/tmp} blocks size free program
	read -r blocks size < <(stat -f -c '%a %S' "$tmp" 2> /dev/null)
	free=$((${blocks:-0} * ${size:-0} >> 20))
	[ -w "$tmp" ] || hwr_refuse_tmp "\"$tmp\" is no folder that one can write to."
	[ "$free" -ge "$HWR_ROOM" ] || hwr_refuse_tmp "\"$tmp\" has $free MB free, and $HWR_ROOM MB are needed."
	program=$(mktemp "$tmp/hwr.XXXXXX") || exit 1
	printf '#!/bin/sh\n' > "$program" && chmod 700 "$program"
	if ! "$program" 2> /dev/null; then
		rm -f "$program"
		hwr_refuse_tmp "Programs in \"$tmp\" cannot run: it is mounted noexec."
	fi
	rm -f "$program"
}

hwr_refuse_tmp() {
	echo "$1  Name a folder elsewhere, open to user $HWR_USER:" >&2
	echo "    TMPDIR=/var/tmp make ..." >&2
	exit 1
}

hwr_choose_user() {
	if [ "$(id -u)" -ne 0 ]; then
		HWR_USER=$(id -un)
	elif id postgres > /dev/null 2>&1; then
		HWR_USER=postgres
	else
		HWR_USER=nobody
	fi
}

# Prefix of a command that is to run as the server's user; it replaces itself, so $! stays true.
hwr_as_user() {
	# LANG too: PostgreSQL's test modules take LC_ALL away, and without either their databases would be SQL_ASCII.
	AS_USER=(env "HOME=$HWR_DIR" "PWD=$HWR_DIR" LANG=C.UTF-8 LC_ALL=C.UTF-8)
	if [ "$(id -u)" -eq 0 ]; then
		AS_USER+=(setpriv "--reuid=$HWR_USER" "--regid=$(id -g "$HWR_USER")" --init-groups)
	fi
}

run() {
	local status
	# A background job ignores SIGINT unless told otherwise.
	setsid env --default-signal=INT "$@" <&0 &
	CHILD_PID=$!
	wait "$CHILD_PID"
	status=$?
	CHILD_PID=
	return "$status"
}

run_as_user() {
	local AS_USER
	hwr_as_user
	run "${AS_USER[@]}" "$@"
}

server_start() {
	local AS_USER tries
	hwr_as_user
	if [ ! -e "$HWR_DIR/data/PG_VERSION" ]; then
		run "${AS_USER[@]}" "$BINDIR/initdb" -D "$HWR_DIR/data" -U postgres -A trust -E UTF8 \
			--locale=C.UTF-8 --no-sync > "$HWR_DIR/initdb.log" 2>&1 || {
			cat "$HWR_DIR/initdb.log" >&2
			return 1
		}
		cat >> "$HWR_DIR/data/postgresql.conf" <<- CONF
			listen_addresses = ''
			unix_socket_directories = '$HWR_DIR'
			unix_socket_permissions = 0700
			fsync = off
			log_line_prefix = '%m [%p] '
			$SERVER_CONF
		CONF
	fi
	(
		cd "$HWR_DIR" || exit 1
		exec setsid "${AS_USER[@]}" "$BINDIR/postgres" -D "$HWR_DIR/data" \
			>> "$HWR_DIR/server.log" 2>&1 < /dev/null
	) &
	SERVER_PID=$!
	for tries in {1..300}; do
		if "$BINDIR/psql" -XqAt -h "$HWR_DIR" -U postgres -d postgres -c 'SELECT 1' > /dev/null 2>&1; then
			export PGHOST=$HWR_DIR PGUSER=postgres PGPORT=5432
			return 0
		fi
		kill -0 "$SERVER_PID" 2> /dev/null || break
		sleep 0.1
	done
	echo "the private server did not start:" >&2
	tail -n 20 "$HWR_DIR/server.log" >&2
	return 1
}

server_stop() {
	local signal tries
	[ -n "$SERVER_PID" ] || return 0
	for signal in INT QUIT; do
		kill -"$signal" "$SERVER_PID" 2> /dev/null || break
		for tries in {1..200}; do
			kill -0 "$SERVER_PID" 2> /dev/null || break 2
			sleep 0.1
		done
	done
	wait "$SERVER_PID" 2> /dev/null
	SERVER_PID=
}

add() {
	passed=$((passed + $1))
	failed=$((failed + $2))
}

copy_tests() {
	local program
	mkdir -p "$HWR_DIR/tests/test" "$HWR_DIR/tests/libraries" "$HWR_DIR/tests/tools" || exit 1
	cp -r sql expected "$HWR_DIR/tests/" || exit 1
	cp -r test/t test/data test/desk "$HWR_DIR/tests/test/" || exit 1
	cp "$1"/build/unit/library_*.so "$HWR_DIR/tests/libraries/" || exit 1
	cp tools/Csv.pm tools/load-images tools/load-pages tools/hwr-results tools/from-torch tools/from-kraken "$HWR_DIR/tests/tools/" || exit 1
	mkdir -p "$HWR_DIR/tests/build" || exit 1
	for program in generate-pages worsen; do
		[ ! -x "$1/build/$program" ] || cp "$1/build/$program" "$HWR_DIR/tests/build/" || exit 1
	done
	cp -r README.md doc web "$HWR_DIR/tests/" || exit 1
	[ "$(id -u)" -ne 0 ] || chown -R "$HWR_USER": "$HWR_DIR/tests"
	cd "$HWR_DIR/tests" || exit 1
}

run_regress() {
	local log=$HWR_DIR/regress.log ok bad
	run_as_user "$PGXS_DIR/test/regress/pg_regress" --inputdir=. --outputdir=. --bindir="$BINDIR" \
		--host="$HWR_DIR" --port=5432 --user=postgres "$@" > "$log" 2>&1
	cat "$log"
	[ ! -s regression.diffs ] || cat regression.diffs
	# PostgreSQL 16 and later write TAP; the schedule of 15 indents what runs side by side.
	ok=$(grep -Ec '^(test .* \.\.\. ok|     .* \.\.\. ok|ok [0-9])' "$log")
	bad=$(grep -Ec '^(test .* \.\.\. FAILED|     .* \.\.\. FAILED|not ok [0-9])' "$log")
	[ "$ok" -gt 0 ] || [ "$bad" -gt 0 ] || bad=1
	add "$ok" "$bad"
}

run_tap() {
	local log=$HWR_DIR/tap.log ok bad status
	# TESTDIR is read by PostgreSQL up to 15, the other two by later ones.
	run_as_user env -u PGHOST -u PGUSER -u PGPORT PATH="$BINDIR:$PATH" TESTDIR="$PWD" TESTDATADIR="$PWD/tmp_check" \
		TESTLOGDIR="$PWD/tmp_check/log" PG_REGRESS="$PGXS_DIR/test/regress/pg_regress" \
		prove -v -j 2 -I "$PGXS_DIR/test/perl" -I test/t "$@" > "$log" 2>&1
	status=$?
	ok=$(grep -c '^ok ' "$log")
	bad=$(grep -c '^not ok ' "$log")
	if [ "$status" -ne 0 ]; then
		[ "$bad" -gt 0 ] || bad=1
		cat "$log"
	else
		grep -v '^\(ok\|#\|1\.\.\)' "$log" | grep '\.pl'
	fi
	add "$ok" "$bad"
}

hwr_cleanup() {
	local status=$? tries
	trap '' INT TERM HUP
	trap - EXIT
	if [ -n "$CHILD_PID" ]; then
		kill -TERM -- "-$CHILD_PID" 2> /dev/null
		for tries in {1..150}; do
			kill -0 -- "-$CHILD_PID" 2> /dev/null || break
			sleep 0.1
		done
	fi
	if [ "$status" -ne 0 ] || [ -z "$HWR_KEEP" ]; then
		server_stop
		[ -z "$HWR_DIR" ] || rm -rf "$HWR_DIR"
	fi
	exit "$status"
}

# Build, and install what differs from the installed files.
build_and_install() {
	local libdir sharedir file same=yes jobs=
	# With all processors, unless the caller's make says how many.
	[[ ${MAKEFLAGS:-} = *-j* ]] || jobs=-j$(nproc)
	run "${MAKE:-make}" -s $jobs --no-print-directory all "$@" ${WERROR:+WERROR=$WERROR} || return 1
	libdir=$("$PG_CONFIG" --pkglibdir)
	sharedir=$("$PG_CONFIG" --sharedir)/extension
	cmp -s hwr.so "$libdir/hwr.so" || same=
	for file in hwr.control hwr--*.sql; do
		cmp -s "$file" "$sharedir/$file" || same=
	done
	[ -z "$same" ] || return 0
	if [ ! -w "$libdir" ] || [ ! -w "$sharedir" ]; then
		echo "hwr is built but not installed.  Install it, then try again:" >&2
		echo "    sudo make install" >&2
		return 1
	fi
	run "${MAKE:-make}" -s --no-print-directory install > /dev/null
}
