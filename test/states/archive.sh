#!/bin/bash
# The PGXN archive: made by "make dist", installed by PGXN's client.

. test/states/states.sh
install_packages git make ca-certificates
is "packages to build with" tools/install-deps build
git -c init.defaultBranch=main init -q && git add -A && git -c user.name=hwr -c user.email=hwr@localhost commit -qm all
is "make dist" make dist
archive=$(ls build/hwr-*.zip) || exit 1
install_packages pgxnclient
is "pgxn installs $archive" pgxn install "$archive"
. tools/private-server.sh
hwr_prepare
trap 'status=$?; rm -rf "$state_dir"; (exit "$status"); hwr_cleanup' EXIT
server_start || exit 1
is "the extension reads" smoke "$BINDIR/psql" -XqAt -v ON_ERROR_STOP=1 -d postgres
is "and trains" trains "$BINDIR/psql" -XqAt -v ON_ERROR_STOP=1 -d postgres
finish
