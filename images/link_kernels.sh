#!/bin/sh
# Put the platform's kernelspecs under the names that notebooks carry, over those that packages
# brought: link_kernels.sh ENVIRONMENT FOLDER:NAME...
set -eu
environment=$1
shift
kernels=$environment/share/jupyter/kernels
mkdir -p "$kernels"
for pair in "$@"; do
    rm -rf "${kernels:?}/${pair#*:}"
    ln -s "$environment/share/nacelle/kernels/${pair%%:*}" "$kernels/${pair#*:}"
    test -f "$kernels/${pair#*:}/kernel.json"
done
