#!/bin/bash
# Registers the stand-in agent: ./config.sh --unattended --url … --auth pat --token … --pool … ; `remove` is its other verb.
cd "$(dirname "${BASH_SOURCE[0]}")" || exit 1
if [ "$(id -u)" -eq 0 ] && [ -z "$AGENT_ALLOW_RUNASROOT" ]; then
  echo 'Must not run with sudo' >&2
  exit 1
fi
# shellcheck source=/dev/null
. ./env.sh
case $1 in
  remove | configure) ./bin/Agent.Listener "$@" ;;
  *) ./bin/Agent.Listener configure "$@" ;;
esac
