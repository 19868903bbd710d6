#!/bin/bash
# The core's unit tests on 64-bit Arm: the packages that tools/check-arm asks for, by the commands that it prints, then it itself.

. test/states/states.sh
install_packages git make
# What is tracked is what it builds.
git -c init.defaultBranch=main init -q && git add -A
is "check-arm says which packages are missing" refuses 'sudo apt-get install' tools/check-arm
sed -n -e ':next' -e '/\\$/{N;s/\\\n//;bnext' -e '}' -e 's/^    sudo //p' "$state_dir/refused" | sed 's/ sudo / /g' > "$state_dir/told"
is "those commands install them" sh -ec "yes | sh -ex '$state_dir/told'"
[ "$failures" -eq 0 ] || exit 1
tools/check-arm
