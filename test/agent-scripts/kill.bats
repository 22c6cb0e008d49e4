# Killed at any line and run again: the machine becomes an agent all the same.
load machine

setup() {
  make_machine
  cp -r "$SCENE" "$BATS_TEST_TMPDIR/fresh"
}

killed_at() {
  run env -i KILL_AT="$1" SCENE="$SCENE" HOME="$HOME" PATH="$SCENE/programs:$PATH" \
    bash "$BATS_TEST_DIRNAME/run-script.bash" https://service.example 7
  [ "$status" -eq 137 ]
}

@test "a script killed after each phase is run again" {
  local phase
  for phase in prerequisites proof package user configure start; do
    rm -rf "$SCENE" && cp -r "$BATS_TEST_TMPDIR/fresh" "$SCENE"
    killed_at "$phase"
    [ "$phase" = prerequisites ] || key=$(<"$state/key")
    enable_agent
    enabled
    [ "$phase" = prerequisites ] || [ "$(<"$state/key")" = "$key" ]
  done
}

@test "a script killed at any of its commands is run again" {
  local commands command
  killed_at 999999 || commands=$(<"$SCENE/commands")
  [ "$commands" -gt 500 ]
  for ((command = commands / 20; command < commands; command += commands / 9)); do
    rm -rf "$SCENE" && cp -r "$BATS_TEST_TMPDIR/fresh" "$SCENE"
    killed_at "$command"
    enable_agent
    enabled || { echo "killed at command $command of $commands"; return 1; }
    grep -qx "$sha256" "$state/package"
    [ ! -e "$agent/.unpacking" ]
  done
}
