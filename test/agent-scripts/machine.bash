# A machine for the script: a root folder, programs that stand in for the system's, and a clock that waits cost nothing on.
# Nothing outside $BATS_TEST_TMPDIR is touched, so the tests need no root rights.

bats_require_minimum_version 1.5.0

make_machine() {
  export SCENE=$BATS_TEST_TMPDIR/scene
  root=$SCENE/root agent=$root/agent state=$root/var/lib/scale-set-agents
  mkdir -p "$SCENE/programs" "$root"/{agent,run/systemd/system,var/log,etc/systemd/system,etc/sudoers.d,etc/profile.d,proc}
  local program
  for program in id df getent chpasswd useradd usermod groupadd journalctl systemctl runuser chown visudo; do
    stand_in "$program"
  done
  cp "$BATS_TEST_DIRNAME/fakes/curl" "$SCENE/programs/curl"
  echo 0 >"$SCENE/uid"
  echo 252 >"$SCENE/systemd"
  echo 9999999 >"$SCENE/kib-free"
  echo 'root:x:0:0::/root:/bin/bash' >"$SCENE/passwd"
  printf 'root:x:0:\nadm:x:4:\n' >"$SCENE/group"
  echo azureuser >"$SCENE/administrator"
  printf '%s\n' 'Scanning for tool capabilities.' '2026-01-01 00:00:00Z: Listening for Jobs' >"$SCENE/journal"
  : >"$SCENE/unit-files"
  make_package
  cp "$SCENE/package.tar.gz" "$agent/vsts-agent-linux-x64-4.250.0.tar.gz"
  answer_claim
}

stand_in() {
  ln -sf "$BATS_TEST_DIRNAME/fakes/stand-in" "$SCENE/programs/$1"
}

# lack <tool>...: only the programs below are there of the real system, without the named; those are put where a package
# manager that stands in finds them.
lack() {
  mkdir -p "$SCENE/tools" "$SCENE/missing"
  local tool
  for tool in awk base64 bash cat chmod cp cut date env find flock grep gzip head install ls mkdir mv od openssl paste ps rm rmdir sed sha256sum sh \
    sleep sort stat tar timeout touch tr uname wc; do
    ln -s "$(type -P "$tool")" "$SCENE/tools/$tool"
  done
  for tool; do
    if [ -e "$SCENE/programs/$tool" ]; then
      mv "$SCENE/programs/$tool" "$SCENE/missing/"
    else
      mv "$SCENE/tools/$tool" "$SCENE/missing/"
    fi
  done
  search_path=$SCENE/tools
}

# A package with the layout of the agent's. What config.sh does is told by the scene.
make_package() {
  local folder=$SCENE/package
  mkdir -p "$folder/bin" "$folder/externals"
  printf '#!/bin/sh\n' | tee "$folder/run.sh" >"$folder/bin/Agent.Listener"
  cat >"$folder/config.sh" <<'CONFIG'
#!/usr/bin/env bash
printf 'config.sh %s\n' "$*" >>"$SCENE/calls"
env >"$SCENE/config-environment"
touch "$SCENE/config"
rule=$(head -n 1 "$SCENE/config")
[ "$(wc -l <"$SCENE/config")" -le 1 ] || sed -i 1d "$SCENE/config"
if [ -n "$rule" ] && [ "$rule" != 0 ]; then
  printf '%b\n' "${rule#* }"
  exit "${rule%% *}"
fi
mkdir -p _diag
printf 'configured with %s\n' "$(cat "$SCENE/leak" 2>/dev/null)" >_diag/Agent_1.log
echo '{}' >.credentials
echo '{}' >.agent
echo 'Settings Saved.'
CONFIG
  printf '#!/bin/sh\necho dependencies >>"$SCENE/calls"\n' >"$folder/bin/installdependencies.sh"
  chmod +x "$folder"/*.sh "$folder/bin/"*
  tar -czf "$SCENE/package.tar.gz" -C "$folder" .
  sha256=$(sha256sum "$SCENE/package.tar.gz")
  sha256=${sha256%% *}
}

# answer_claim [name=value ...] replaces lines of the answer.
answer_claim() {
  cat >"$SCENE/claim" <<ANSWER
organizationUrl=https://dev.azure.com/fabrikam
pool=linux pool
agent=vm000001
token=s3cret+Credential/of=one.machine
packageUrl=https://download.agent.example/agent/4.250.0/vsts-agent-linux-x64-4.250.0.tar.gz
packageSha256=$sha256
packageVersion=4.250.0
runMode=service
proxy=
sudo=yes
holdUpgrades=no
interactive=no
ANSWER
  local line
  for line; do
    sed -i "s|^${line%%=*}=.*|$line|" "$SCENE/claim"
  done
}
readonly token='s3cret+Credential/of=one.machine'

# answers <name> <line>...: what the address answers, call by call; the last line stands for all later calls.
answers() {
  local name=$1
  shift
  printf '%s\n' "$@" >"$SCENE/answers-$name"
}

# The script as the extension runs it, on this machine.
enable_agent() {
  run_script "${@:-https://service.example}" 7
}

run_script() {
  run env -i SCENE="$SCENE" HOME="$HOME" PATH="$SCENE/programs:${search_path:-$PATH}" ${surroundings+"${surroundings[@]}"} \
    bash "$BATS_TEST_DIRNAME/run-script.bash" "$@"
}

last_line() {
  printf '%s' "${lines[${#lines[@]} - 1]}"
}

# The script failed in this phase, with this exit code and cause, and said so in its last line.
failed_in() {
  [ "$status" -eq "$2" ] && [[ $(last_line) == "enableagent failed in $1 [$3]: "*. ]] || {
    printf 'expected %s %s [%s], got %s:\n%s\n' "$1" "$2" "$3" "$status" "$output"
    return 1
  }
}

enabled() {
  [ "$status" -eq 0 ] && [ -e "$agent/.agent" ] && called 'systemctl start scale-set-agent.service' || {
    printf 'not enabled (%s):\n%s\n' "$status" "$output"
    return 1
  }
}

called() {
  grep -qxF -- "$1" "$SCENE/calls"
}

count_of() {
  grep -cE -- "$1" "$SCENE/calls" || :
}

# The fields of the reports, decoded from curl's quotes: one report a line.
reports() {
  grep -E '^data-urlencode = "(phase|result|detail)=' "$SCENE/requests-report" | sed -E 's/^data-urlencode = "(.*)"$/\1/' | paste -d ' ' - - -
}

seconds_waited() {
  awk '{ total += $1 } END { print int(total + 0.5) }' "$SCENE/waits" 2>/dev/null || echo 0
}
