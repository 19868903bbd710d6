#!/bin/bash
# State e: not root.  Packages are missing: exactly the commands that mend it are shown.  They are there: it
# works, once root has installed hwr.

. test/states/states.sh
install_packages git make
useradd --create-home newcomer
cp -r /hwr /home/newcomer/hwr
chown -R newcomer: /home/newcomer/hwr

as_newcomer() {
	setpriv --reuid=newcomer --regid=newcomer --init-groups env -C /home/newcomer/hwr HOME=/home/newcomer "$@"
}

# What an error told the newcomer to do with sudo, done, with a yes to apt's question.
follow() {
	sed -n 's/^    sudo //p' "$state_dir/refused" > "$state_dir/told"
	[ -s "$state_dir/told" ] && (cd /home/newcomer/hwr && yes | sh -ex "$state_dir/told")
}

exits_with_1() {
	as_newcomer tools/install-deps build
	[ $? -eq 1 ]
}

is "install-deps ends with exit status 1" exits_with_1
is "make demo says which packages are missing" refuses 'sudo apt-get install' as_newcomer make demo
is "that command installs them" follow
is "make demo says that hwr has to be installed" refuses 'sudo make install' as_newcomer make demo
is "that command does" follow
is "make check says which packages are missing" refuses 'sudo apt-get install' as_newcomer make check
is "that command installs them, too" follow
[ "$failures" -eq 0 ] || exit 1
as_newcomer bash -c "$COMMAND"
