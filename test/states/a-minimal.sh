#!/bin/bash
# State a: nothing but git and make.

. test/states/states.sh
install_packages git make
eval "$COMMAND"
