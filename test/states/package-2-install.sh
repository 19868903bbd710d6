#!/bin/bash
# The Debian package on a machine that has never seen a compiler: it brings what it needs, and works in the release's own cluster.

. test/states/states.sh

finds_all() {
	ldd "$1" && ! ldd "$1" | grep 'not found'
}

apt-get update -q=2 || exit 1
is "apt installs the package" apt-get install -q=2 -y --no-install-recommends /packages/postgresql-*-hwr_*.deb
[ "$failures" -eq 0 ] || exit 1
version=$(ls /usr/lib/postgresql)
is "it brings no compiler" bash -c '! command -v gcc'
is "the library finds all that it needs" finds_all "/usr/lib/postgresql/$version/lib/hwr.so"
is "the release's cluster starts" pg_ctlcluster "$version" main start
is "the extension reads" smoke su postgres -c 'psql -XqAt -v ON_ERROR_STOP=1'
is "and trains" trains su postgres -c 'psql -XqAt -v ON_ERROR_STOP=1'
pg_ctlcluster "$version" main stop
is "apt removes it" apt-get purge -q=2 -y "postgresql-$version-hwr"
is "nothing of it is left" bash -c "! find /usr/lib/postgresql /usr/share/postgresql -name '*hwr*' | grep ."
finish
