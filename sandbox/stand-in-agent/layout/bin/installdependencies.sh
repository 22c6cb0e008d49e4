#!/bin/bash
# The real one installs libraries with the package manager; the stand-in needs none.
if [ "$(id -u)" -ne 0 ]; then
  echo 'Must run as root or with sudo' >&2
  exit 1
fi
echo 'Finish Install Dependencies'
