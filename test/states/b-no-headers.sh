#!/bin/bash
# State b: git, make, PostgreSQL and libpq-dev are installed, but not the server's headers.  pg_config and
# pgxs.mk are there, then, and yet no extension can be built.

. test/states/states.sh
install_packages git make postgresql libpq-dev
[ ! -e "$(pg_config --includedir-server)/postgres.h" ] || { echo "the headers are here, which this state is without"; exit 1; }
eval "$COMMAND"
