#!/usr/bin/env bash
# Registers this machine's agent and starts it. The Azure Pipelines VM extension runs it as root on every new or
# reimaged machine, in the folder into which it has put the agent's package.
#
# Usage: enableagent.sh <service url> <pool id> [--once]
set -eu

readonly agent_user=AzDevOps
agent_folder=$(cd "$(dirname "$0")" && pwd)
readonly agent_folder

main() {
  if [ $# -lt 2 ]; then
    fail 2 "usage: enableagent.sh <service url> <pool id> [--once]"
  fi
  local service_url=$1 pool_id=$2 run_argument=${3:-}
  if [ -e "$agent_folder/.agent" ]; then
    say "The agent is configured already."
    return
  fi
  unpack
  add_user
  register "$service_url" "$pool_id"
  start "$run_argument"
}

unpack() {
  if [ -x "$agent_folder/bin/Agent.Listener" ]; then
    return
  fi
  local packages=("$agent_folder"/vsts-agent*.tar.gz)
  if [ ! -f "${packages[0]}" ]; then
    fail 3 "$agent_folder holds no agent package. The VM extension downloads it; look at its log."
  fi
  tar -xzf "${packages[0]}" -C "$agent_folder"
}

add_user() {
  if ! id -u "$agent_user" >/dev/null 2>&1; then
    useradd --create-home --shell /bin/bash "$agent_user"
  fi
  chown -R "$agent_user" "$agent_folder"
}

# The service answers three lines: the organization's address, the pool's name, a credential for this one machine.
register() {
  local service_url=$1 pool_id=$2 ticket organization pool_name token
  ticket=$(curl --fail --silent --show-error --retry 5 --request POST \
    --header 'accept: text/plain' "$service_url/api/v1/registration/ticket?poolId=$pool_id&machine=$(hostname)") ||
    fail 4 "$service_url gave no registration ticket for pool $pool_id."
  { read -r organization && read -r pool_name && read -r token; } <<<"$ticket" ||
    fail 4 "$service_url answered something else than a registration ticket."
  # In the environment, because every account can read a command line.
  VSTS_AGENT_INPUT_TOKEN=$token as_agent_user ./config.sh --unattended --acceptTeeEula --replace \
    --url "$organization" --pool "$pool_name" --agent "$(hostname)" --auth pat ||
    fail 5 "The agent could not be registered; look at $agent_folder/_diag."
}

start() {
  local arguments=()
  if [ -n "$1" ]; then
    arguments=("$1")
  fi
  (cd "$agent_folder" && setsid runuser --user "$agent_user" -- ./run.sh "${arguments[@]}" </dev/null >/dev/null 2>&1 &)
  say "The agent is registered and started."
}

as_agent_user() {
  (cd "$agent_folder" && runuser --user "$agent_user" --preserve-environment -- "$@")
}

say() {
  printf '%s\n' "$1"
}

fail() {
  printf '%s\n' "$2" >&2
  exit "$1"
}

main "$@"
