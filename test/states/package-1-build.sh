#!/bin/bash
# The Debian package, built from nothing but its build dependencies.  The next script has it, in /packages.

. test/states/states.sh
install_packages dpkg-dev postgresql-common
# Its packages are for the PostgreSQL of this release.
pg_buildext updatecontrol
apt-get build-dep -q=2 -y --no-install-recommends ./ > /dev/null || exit 1
is "dpkg-buildpackage" dpkg-buildpackage -b -uc "-j$(nproc)"
[ "$failures" -eq 0 ] || exit 1
mv ../postgresql-*-hwr_*.deb /packages/ || exit 1
for package in /packages/*.deb; do
	echo "# ${package##*/}: $(dpkg-deb -f "$package" Depends)"
	dpkg-deb -c "$package" | awk '$NF !~ /doc/ && $NF !~ /\/$/ { print "#   " $NF, $3 }'
done
finish
