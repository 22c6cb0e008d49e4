# Runs enableagent.sh below $SCENE/root, on a clock that moves only when the script waits.
# shellcheck source=../../agent-scripts/linux/enableagent.sh disable=SC2034,SC2154
source "${BASH_SOURCE[0]%/*}/../../agent-scripts/linux/enableagent.sh"

eval "system_$(declare -f set_paths)"
set_paths() {
  system_set_paths "$SCENE/root"
  default_path=$PATH
}

waited_ms=0
read_clock() {
  now_ms=$waited_ms
}

pause() {
  printf '%s\n' "$1" >>"$SCENE/waits"
  local ms
  printf -v ms '%.0f' "${1}e3"
  waited_ms=$((waited_ms + ms))
}

# KILL_AT: the name of a phase, or the number of a command, after which the script is killed as by a machine that loses power.
case ${KILL_AT:-} in
  '') ;;
  [0-9]*)
    commands=0
    count_command() {
      ((++commands < KILL_AT)) || kill -9 $$
    }
    set -T
    trap count_command DEBUG
    trap 'printf "%s" "$commands" >"$SCENE/commands"' EXIT
    ;;
  *)
    eval "system_$(declare -f say)"
    say() {
      system_say "$1"
      [[ $1 != "$KILL_AT ok "* ]] || kill -9 $$
    }
    ;;
esac

main "$@"
