#!/bin/bash
# Runs the stand-in agent until it is told to end; with --once for one job. Exit codes 3 and 4 mean an update: run again.
cd "$(dirname "${BASH_SOURCE[0]}")" || exit 1
if [ "$(id -u)" -eq 0 ] && [ -z "$AGENT_ALLOW_RUNASROOT" ]; then
  echo 'Must not run interactively with sudo' >&2
  exit 1
fi
trap 'kill -TERM "$listener" 2>/dev/null' TERM INT
while :; do
  ./bin/Agent.Listener run "$@" &
  listener=$!
  # A signal ends the first wait, not the listener.
  wait "$listener"
  code=$?
  while kill -0 "$listener" 2>/dev/null; do
    wait "$listener"
    code=$?
  done
  case $code in
    3 | 4) sleep 5 ;;
    *) exit "$code" ;;
  esac
done
