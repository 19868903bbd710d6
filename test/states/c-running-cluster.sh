#!/bin/bash
# State c: a cluster of the user's runs on port 5432.  It is left alone: nobody connects to it, and it goes on running.

. test/states/states.sh
. tools/private-server.sh
hwr_prepare
# Both clean up.
trap 'status=$?; rm -rf "$state_dir"; (exit "$status"); hwr_cleanup' EXIT
SERVER_CONF="listen_addresses = 'localhost'
log_connections = on"
sockets=/var/run/postgresql
if [ "$(id -u)" -eq 0 ] && [ -d "$sockets" ] && [ ! -e "$sockets/.s.PGSQL.5432" ]; then
	SERVER_CONF+="
unix_socket_directories = '$HWR_DIR, $sockets'"
fi

connections() {
	grep -c 'connection received' "$HWR_DIR/server.log"
}

if (exec 3<> /dev/tcp/127.0.0.1/5432) 2> /dev/null; then
	# This machine is in that state, and that cluster's log is not ours to read.
	is "the demo works beside a cluster on port 5432" demo
	is "the check works beside it" check
	is "that cluster still listens" bash -c 'exec 3<> /dev/tcp/127.0.0.1/5432'
	finish
fi
server_start || exit 1
before=$(connections)
is "the demo works beside a cluster on port 5432" demo env -u PGHOST -u PGUSER -u PGPORT
is "the check works beside it" check env -u PGHOST -u PGUSER -u PGPORT
is "nobody connected to that cluster" [ "$(connections)" -eq "$before" ]
is "it still runs" "$BINDIR/psql" -XqAt -h localhost -U postgres -d postgres -c 'SELECT 1'
finish
