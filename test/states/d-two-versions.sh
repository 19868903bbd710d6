#!/bin/bash
# State d: two PostgreSQL versions, as after an upgrade of Debian: the release's own and the last release's.  PG_CONFIG names one
# of them; objects built for the other are built again.

. test/states/states.sh
declare -A last=([bookworm]=bullseye [trixie]=bookworm [forky]=trixie)
read -r _ mirror _ < <(grep "^deb [^ ]* $SUITE " /etc/apt/sources.list)
# What lies in both comes from this release.
echo "deb $mirror ${last[$SUITE]} main" > /etc/apt/sources.list.d/last.list
printf 'Package: *\nPin: release n=%s\nPin-Priority: 100\n' "${last[$SUITE]}" > /etc/apt/preferences.d/last
install_packages git make postgresql
new=$(ls /usr/lib/postgresql)
old=$(apt-cache pkgnames postgresql-server-dev- | sed -n 's/^postgresql-server-dev-\([0-9]*\)$/\1/p' | sort -n | head -n 1)
install_packages "postgresql-$old"
echo "# PostgreSQL $old and $new"

is "the demo works with PG_CONFIG of $old" demo env PG_CONFIG="/usr/lib/postgresql/$old/bin/pg_config"
is "it built for $old" grep -q "^PostgreSQL $old" build/postgres-version
is "the demo then works with $new" demo env PG_CONFIG="/usr/lib/postgresql/$new/bin/pg_config"
is "it built for $new" grep -q "^PostgreSQL $new" build/postgres-version
[ "$failures" -eq 0 ] || exit 1
export PG_CONFIG="/usr/lib/postgresql/$old/bin/pg_config"
eval "$COMMAND"
