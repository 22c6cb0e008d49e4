# config.sh: what it is given, what the image may say, how its failures are named.
load machine

setup() {
  make_machine
}

configured_with() {
  grep -E '^config\.sh' "$SCENE/calls" | tail -n 1 | grep -qF -- "$1"
}

@test "config.sh runs unattended as the agent's user, for the pool and the agent of the claim" {
  enable_agent
  configured_with '--unattended --acceptTeeEula --replace --url https://dev.azure.com/fabrikam --pool linux pool --agent vm000001 --auth pat'
  configured_with "--work $agent/_work"
  called "runuser --user AzDevOps -- ./config.sh --unattended --acceptTeeEula --replace --url https://dev.azure.com/fabrikam --pool linux pool --agent vm000001 --auth pat --work $agent/_work"
}

@test "the units are there before config.sh, because a kill afterwards is theirs to mend" {
  enable_agent
  [ "$(grep -nxF 'systemctl start scale-set-agent.path' "$SCENE/calls" | cut -d : -f 1)" -lt "$(grep -n '^runuser' "$SCENE/calls" | cut -d : -f 1)" ]
  called 'systemctl enable scale-set-agent.service'
  cmp "$state/enableagent.sh" "$BATS_TEST_DIRNAME/../../agent-scripts/linux/enableagent.sh"
}

@test "the work folder is the image's, else below the agent's" {
  enable_agent
  configured_with "--work $agent/_work"
  rm "$agent/.agent"
  echo "VSTS_AGENT_INPUT_WORK=\"$root/image-work\"" >"$root/etc/environment"
  enable_agent
  configured_with "--work $root/image-work"
  [ -d "$root/image-work" ]
}

@test "options of the image reach config.sh, from each place an image has for them" {
  echo "export VSTS_AGENT_INPUT_DISABLELOGUPLOADS='true'" >"$root/etc/environment"
  printf 'number=4\nexport VSTS_AGENT_INPUT_ALWAYSEXTRACTTASK=$((number + 1))\n' >"$root/etc/profile.d/agent_env_vars.sh"
  surroundings=(VSTS_AGENT_INPUT_SSLSKIPCERTVALIDATION=no)
  enable_agent
  enabled
  grep -qx VSTS_AGENT_INPUT_DISABLELOGUPLOADS=true "$SCENE/config-environment"
  grep -qx VSTS_AGENT_INPUT_ALWAYSEXTRACTTASK=5 "$SCENE/config-environment"
  grep -qx VSTS_AGENT_INPUT_SSLSKIPCERTVALIDATION=no "$SCENE/config-environment"
}

@test "a work folder that is there becomes the user's, alone and at its top" {
  mkdir -p "$root/mnt/work/kept"
  echo "VSTS_AGENT_INPUT_WORK=$root/mnt/work" >"$root/etc/environment"
  enable_agent
  enabled
  called "chown AzDevOps: $root/mnt/work"
  [ -d "$root/mnt/work/kept" ]
}

@test "a work folder that is made can be reached by the user" {
  echo "VSTS_AGENT_INPUT_WORK=$root/data/deep/work" >"$root/etc/environment"
  enable_agent
  [ "$(stat -c %a "$root/data" "$root/data/deep" "$root/data/deep/work" | sort -u)" = 755 ]
  [ "$(stat -c %a "$state/plan")" = 600 ]
}

@test "variables of the image that have the names of the script's own change nothing, and reach config.sh" {
  printf '%s\n' token=other agent=other name=other home=other root=other arguments=other MAPFILE=other REPLY=other UID=7 >"$root/etc/environment"
  surroundings=(work=other plan=other phase=other)
  enable_agent
  enabled
  grep -qxF "VSTS_AGENT_INPUT_TOKEN=$token" "$SCENE/config-environment"
  configured_with "--agent vm000001 --auth pat --work $agent/_work"
  local name
  for name in token agent name home root arguments MAPFILE REPLY; do
    grep -qx "$name=other" "$SCENE/config-environment"
  done
}

@test "config.sh has the home and the names of its user, whatever the image says" {
  echo HOME=/elsewhere >"$root/etc/environment"
  enable_agent
  grep -qx "HOME=$root/home/agent" "$SCENE/config-environment"
  grep -qx USER=AzDevOps "$SCENE/config-environment"
  grep -qx LOGNAME=AzDevOps "$SCENE/config-environment"
}

@test "what a captured image left of a finished job keeps no agent from starting" {
  mkdir -p "$state" "$agent/_diag"
  touch "$state/finished" "$agent/_diag/Worker_20260101-000000-utc.log"
  answer_claim runMode=once
  enable_agent
  enabled
  [ ! -e "$state/finished" ]
  run_script --unit-stop
  [ ! -e "$state/finished" ]
}

@test "reserved options of the image are ignored with a warning in the report" {
  printf '%s\n' VSTS_AGENT_INPUT_URL=https://evil.example VSTS_AGENT_INPUT_TOKEN=other vsts_agent_input_pool=other \
    VSTS_AGENT_INPUT_DEPLOYMENTGROUP=yes VSTS_AGENT_INPUT_RUNASSERVICE=yes AGENT_DIAGLOGPATH=/logs >"$root/etc/environment"
  surroundings=(VSTS_AGENT_INPUT_AUTH=Negotiate WORKER_DIAGLOGPATH=/logs)
  enable_agent
  enabled
  [ "$(grep -iE '^VSTS_AGENT_INPUT|_DIAGLOGPATH=' "$SCENE/config-environment")" = "VSTS_AGENT_INPUT_TOKEN=$token" ]
  local report name
  report=$(reports | grep phase=configure)
  for name in VSTS_AGENT_INPUT_URL VSTS_AGENT_INPUT_TOKEN vsts_agent_input_pool VSTS_AGENT_INPUT_DEPLOYMENTGROUP \
    VSTS_AGENT_INPUT_RUNASSERVICE VSTS_AGENT_INPUT_AUTH AGENT_DIAGLOGPATH WORKER_DIAGLOGPATH; do
    [[ $report == *"$name"* ]]
  done
}

@test "a profile script that fails or hangs on nothing stops nothing" {
  printf 'exit 3\n' >"$root/etc/profile.d/agent_env_vars.sh"
  enable_agent
  enabled
}

@test "the proxy of the environment, of the pool and of the image: the later wins, its password is no argument" {
  surroundings=(https_proxy=http://environment.example:3128)
  enable_agent
  configured_with '--proxyurl http://environment.example:3128'
  rm "$agent/.agent"
  answer_claim 'proxy=http://us%40er:p%2Fss%20w@pool.example:8080'
  enable_agent
  configured_with '--proxyurl http://pool.example:8080 --proxyusername us@er'
  grep -qxF 'VSTS_AGENT_INPUT_PROXYPASSWORD=p/ss w' "$SCENE/config-environment"
  run ! grep -qE 'p/ss w|p%2Fss' "$SCENE/calls" "$root/var/log/enableagent.log"
  run ! grep -qE '^https?_proxy=' "$SCENE/config-environment"
  rm "$agent/.agent"
  printf '%s\n' VSTS_AGENT_INPUT_PROXYURL=http://image.example:1 VSTS_AGENT_INPUT_PROXYUSERNAME=we 'VSTS_AGENT_INPUT_PROXYPASSWORD=a b' >"$root/etc/environment"
  enable_agent
  configured_with '--proxyurl http://image.example:1 --proxyusername we'
  # What the script itself downloads goes the same way.
  grep -qxF 'https_proxy=http://we:a%20b@image.example:1' "$SCENE/environments"
}

@test "what may pass is tried three times, what cannot once" {
  echo '1 Connection refused (dev.azure.com:443)' >"$SCENE/config"
  enable_agent
  failed_in configure 50 service-unreachable
  [ "$(count_of '^config')" -eq 3 ]
  echo '1 VS30063: You are not authorized to access https://dev.azure.com.' >"$SCENE/config"
  : >"$SCENE/calls"
  enable_agent
  failed_in configure 50 credential-refused
  [ "$(count_of '^config')" -eq 1 ]
  printf '%s\n' '1 Connection refused' 0 >"$SCENE/config"
  enable_agent
  enabled
}

@test "a failed configuration leaves nothing that would start an agent" {
  cat >>"$SCENE/package/config.sh" <<<'exit 1'
  tar -czf "$SCENE/package.tar.gz" -C "$SCENE/package" .
  sha256=$(sha256sum "$SCENE/package.tar.gz" | cut -c 1-64)
  answer_claim
  cp "$SCENE/package.tar.gz" "$agent/vsts-agent-linux-x64-4.250.0.tar.gz"
  enable_agent
  failed_in configure 50 unknown
  [ ! -e "$agent/.agent" ]
}

@test "a credential found in a file, plain or as basic authentication, is removed and named" {
  local leak
  for leak in "$token" "Basic $(printf ':%s' "$token" | base64 -w 0)"; do
    echo "$leak" >"$SCENE/leak"
    enable_agent
    failed_in configure 50 credential-leaked
    [[ $(last_line) == *"$agent/_diag/Agent_1.log"* ]]
    [ ! -e "$agent/_diag/Agent_1.log" ]
    [ ! -e "$agent/.agent" ]
    [ "$(count_of '^systemctl start scale-set-agent.service')" -eq 0 ]
  done
}

@test "under SELinux the agent gets a label that systemd may start" {
  local program
  for program in selinuxenabled chcon restorecon; do stand_in "$program"; done
  enable_agent
  enabled
  called "chcon -R -t bin_t $agent/bin $agent/externals"
  called "restorecon -R $state"
}

# A grep that ends the search for the credential as the scene says, call by call.
search_ends() {
  printf '%s\n' "$@" >"$SCENE/searches"
  cat >"$SCENE/programs/grep" <<GREP
#!/usr/bin/env bash
[[ \$1 == -rl* ]] || exec $(type -P grep) "\$@"
read -r code file <"$SCENE/searches"
sed -i 1d "$SCENE/searches"
[ -z "\$file" ] || printf '%s\0' "\$file"
exit "\$code"
GREP
  chmod +x "$SCENE/programs/grep"
}

@test "a search for the credential that could not read everything proves nothing" {
  search_ends 2 2
  enable_agent
  failed_in configure 50 unknown
  [ ! -e "$agent/.agent" ]
  [ "$(count_of '^systemctl start scale-set-agent.service')" -eq 0 ]
  # A file that went away under it.
  search_ends 2 1
  enable_agent
  enabled
  rm "$agent/.agent"
  search_ends 2 "2 $agent/_diag/Agent_1.log"
  enable_agent
  failed_in configure 50 credential-leaked
  [ ! -e "$agent/_diag/Agent_1.log" ]
}
