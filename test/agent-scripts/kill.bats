# Killed on its way and run again: the machine becomes an agent all the same.
load machine

setup() {
  make_machine
  cp -r "$SCENE" "$BATS_TEST_TMPDIR/fresh"
}

anew() {
  rm -rf "$SCENE" && cp -r "$BATS_TEST_TMPDIR/fresh" "$SCENE"
}

killed_at() {
  run env -i KILL_AT="$1" SCENE="$SCENE" HOME="$HOME" PATH="$SCENE/programs:$PATH" \
    bash "$BATS_TEST_DIRNAME/run-script.bash" https://service.example 7
  [ "$status" -eq 137 ]
}

# Starts the script and kills it, and nothing that it started, as soon as the file is there.
killed_alone_once() {
  env -i SCENE="$SCENE" HOME="$HOME" PATH="$SCENE/programs:${search_path:-$PATH}" \
    bash "$BATS_TEST_DIRNAME/run-script.bash" https://service.example 7 >/dev/null 2>&1 3>&- &
  local script=$!
  until [ -e "$1" ]; do
    kill -0 "$script"
    sleep 0.05
  done
  kill -KILL "$script"
  wait "$script" || :
}

@test "a script killed after each phase is run again" {
  local phase
  for phase in prerequisites proof package user configure start; do
    anew
    killed_at "$phase"
    [ "$phase" = prerequisites ] || key=$(<"$state/key")
    enable_agent
    enabled
    [ "$phase" = prerequisites ] || [ "$(<"$state/key")" = "$key" ]
  done
}

# KILL_EVERY=1 kills it at each of its commands, one run after the other, in about an hour.
@test "a script killed at some of its commands, from the first to the last, is run again" {
  local commands command every
  killed_at 999999 || commands=$(<"$SCENE/commands")
  [ "$commands" -gt 500 ]
  every=${KILL_EVERY:-$((commands / 9))}
  for ((command = every > 1 ? commands / 20 : 1; command < commands; command += every)); do
    anew
    killed_at "$command"
    enable_agent
    enabled || { echo "killed at command $command of $commands"; return 1; }
    grep -qx "$sha256" "$state/package"
    [ ! -e "$agent/.unpacking" ]
  done
}

@test "a config.sh that outlives the script is waited for, and its agent is kept" {
  sed -i '2i touch "$SCENE/config-runs"; until [ -e "$SCENE/go-on" ]; do sleep 0.05; done' "$SCENE/package/config.sh"
  tar -czf "$SCENE/package.tar.gz" -C "$SCENE/package" .
  sha256=$(sha256sum "$SCENE/package.tar.gz" | cut -c 1-64)
  answer_claim
  cp "$SCENE/package.tar.gz" "$agent/vsts-agent-linux-x64-4.250.0.tar.gz"
  killed_alone_once "$SCENE/config-runs"
  run ! flock --nonblock "$root/run/scale-set-agents.lock" true
  (sleep 1 && touch "$SCENE/go-on") 3>&- &
  enable_agent
  enabled
  [ "$(count_of '^config\.sh')" -eq 1 ]
}

@test "an apt-get that outlives the script is waited for" {
  lack gzip
  # The first installation takes until a second one has found its lock held.
  cat >"$SCENE/programs/apt-get" <<'APT'
#!/usr/bin/env bash
[[ " $* " == *' install '* ]] || exit 0
if ! mkdir "$SCENE/apt-runs" 2>/dev/null; then
  touch "$SCENE/apt-refused"
  while [ -e "$SCENE/apt-runs" ]; do sleep 0.05; done
  echo 'E: Could not get lock /var/lib/dpkg/lock-frontend'
  exit 100
fi
until [ -e "$SCENE/apt-refused" ]; do sleep 0.05; done
mv "$SCENE/missing"/* "$SCENE/programs/" 2>/dev/null
rmdir "$SCENE/apt-runs"
APT
  chmod +x "$SCENE/programs/apt-get"
  killed_alone_once "$SCENE/apt-runs"
  enable_agent
  enabled
  [ "$(seconds_waited)" -eq 5 ]
}
