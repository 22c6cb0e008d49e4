# A whole boot: its phases, its reports, its secrets.
load machine

setup() {
  make_machine
}

@test "a new machine becomes an agent, phase by phase" {
  enable_agent
  enabled
  [ "$(sed -E 's/ [0-9]+ ms$//' <<<"$output" | paste -sd ,)" = \
    'prerequisites ok,proof ok,package ok,user ok,configure ok,start ok,online ok' ]
  [ "$(reports | cut -d ' ' -f 1,2 | paste -sd ,)" = \
    'phase=prerequisites result=ok,phase=proof result=ok,phase=package result=ok,phase=user result=ok,phase=configure result=ok,phase=start result=ok,phase=online result=ok' ]
}

@test "nothing is reported before the claim, and reports carry the key of the claim" {
  touch "$SCENE/requests-all"
  enable_agent
  [ "$(paste -sd , <"$SCENE/requests-all")" = 'nonce,document,claim,report,report,report,administrator,report,report,report,report' ]
  local key
  key=$(<"$state/key")
  [[ $key =~ ^[0-9a-f]{64}$ ]]
  grep -qF "key=$key" "$SCENE/requests-claim"
  grep -qxF "header = \"Authorization: Bearer $key\"" "$SCENE/requests-report"
}

@test "the credential is in no command line, no file, and in the environment of config.sh alone" {
  enable_agent
  enabled
  run ! grep -qF -- "$token" "$SCENE/calls"
  run ! grep -rqF -- "$token" "$root"
  grep -qxF "VSTS_AGENT_INPUT_TOKEN=$token" "$SCENE/config-environment"
  [ "$(grep -F -- "$token" "$SCENE/environments" | sort -u)" = "VSTS_AGENT_INPUT_TOKEN=$token" ]
  [ "$(grep -B 999 -F -- "$token" "$SCENE/environments" | grep '^==' | tail -n 1)" = '== runuser' ]
}

@test "the key of the machine is in no command line and no environment, and its file is root's" {
  surroundings=(key=other token=other)
  enable_agent
  [ "$(grep -cF -- "$token" "$SCENE/environments")" -eq 1 ]
  local key
  key=$(<"$state/key")
  run ! grep -qF -- "$key" "$SCENE/calls" "$SCENE/environments" "$root/var/log/enableagent.log"
  [ "$(stat -c %a "$state/key")" = 600 ]
  [ "$(stat -c %a "$state")" = 700 ]
  [ "$(stat -c %a "$root/var/log/enableagent.log")" = 600 ]
}

@test "tracing that a caller turned on shows no secret" {
  surroundings=(SHELLOPTS=xtrace)
  enable_agent
  enabled
  [[ $output != *"$token"* ]]
}

@test "the log has the time in UTC, the phase, the result and its milliseconds" {
  surroundings=(TZ=Asia/Tokyo)
  enable_agent
  grep -qE "^$(date -u +%Y-%m-%dT%H):[0-9:]{5}Z proof ok [0-9]+ ms$" "$root/var/log/enableagent.log"
}

@test "the plan keeps what the units need, and no credential of Azure DevOps or a proxy" {
  answer_claim 'proxy=http://user:hidden@proxy.example:3128'
  enable_agent
  enabled
  grep -qxF 'runMode=service' "$state/plan"
  grep -qxF 'serviceUrl=https://service.example' "$state/plan"
  run ! grep -qE 'hidden|token=' "$state/plan"
}

@test "a service that takes no reports stops nothing, and gets them all once it does" {
  answers report 'exit 7 refused' 503 503 200
  enable_agent
  enabled
  [ "$(reports | sed -n 's/.*phase=online.*/seen/p' | tail -n 1)" = seen ]
  [ "$(grep -c 'phase=prerequisites"' "$SCENE/requests-report")" -eq 4 ]
}

@test "a failure is reported with its line and what the command printed, without secrets and within 4096 bytes" {
  printf '1 %s Proxy %s and VS30063: You are not authorized.\n' "$(printf 'é%.0s' {1..4000})" "$token" >"$SCENE/config"
  enable_agent
  failed_in configure 50 credential-refused
  local report
  report=$(reports | tail -n 1)
  [[ $report == *'phase=configure result=failed detail=enableagent failed in configure [credential-refused]: '* ]]
  [[ $report == *'Proxy *** and VS30063'* ]]
  [ "$(LC_ALL=C; echo "${#report}")" -le 4200 ]
  iconv -f utf-8 -t utf-8 <<<"$report" >/dev/null
}

@test "wrong arguments are a usage error" {
  for arguments in '' 'https://service.example' 'ftp://service.example 7' 'https://service.example seven' \
    'https://service.example 7 --twice' '- 7 --pool p --sha256 0 --token' '- 7 --pool p --token t'; do
    # shellcheck disable=SC2086
    run_script $arguments
    failed_in prerequisites 2 unknown
  done
}

@test "a credential is asked of no other computer over plain HTTP" {
  for address in http://service.example http://localhost@service.example http://127.0.0.1.service.example; do
    run_script "$address" 7
    failed_in prerequisites 2 unknown
  done
  run_script http://127.0.0.1:7200 seven
  [[ $output == *'seven is not the id of a pool'* ]]
}

@test "a machine that is no machine for agents is refused before anything is changed" {
  echo 1000 >"$SCENE/uid"
  enable_agent
  failed_in prerequisites 10 unknown
  echo 0 >"$SCENE/uid"
  rmdir "$root/run/systemd/system"
  enable_agent
  failed_in prerequisites 10 unknown
  [ ! -e "$state" ]
}

@test "a systemd that cannot run the unit is refused before anything is changed" {
  echo 231 >"$SCENE/systemd"
  enable_agent
  failed_in prerequisites 10 unknown
  [[ $(last_line) == *'systemd is version 231 and has to be 232 at least'* ]]
  [ ! -e "$state" ]
  echo 232 >"$SCENE/systemd"
  enable_agent
  enabled
}

@test "too little room on the disk is named, and no matter once the agent is configured" {
  echo 2000000 >"$SCENE/kib-free"
  enable_agent
  failed_in prerequisites 10 disk-full
  [[ $(last_line) == *'1953 MiB'* ]]
  echo 9999999 >"$SCENE/kib-free"
  enable_agent
  enabled
  echo 2000000 >"$SCENE/kib-free"
  enable_agent
  enabled
}

@test "without a service, the arguments say everything and nothing is reported" {
  run_script - 7 --once --organization https://dev.azure.com/fabrikam --pool 'linux pool' --sha256 "$sha256" --no-sudo --token "$token"
  enabled
  [ ! -e "$SCENE/requests-claim" ]
  [ ! -e "$SCENE/requests-report" ]
  [ ! -e "$root/etc/sudoers.d/scale-set-agents" ]
  grep -qF 'run.sh --once' "$root/etc/systemd/system/scale-set-agent.service"
  run ! grep -qF -- "$token" "$SCENE/calls"
}

@test "the report of a failure is tried again, for less than a minute" {
  echo '1 VS30063: You are not authorized.' >"$SCENE/config"
  # Four phases are told before the one that fails.
  answers report 200 200 200 200 503 503 200
  enable_agent
  failed_in configure 50 credential-refused
  [ "$(grep -c '"phase=configure"' "$SCENE/requests-report")" -eq 3 ]
  rm "$SCENE/waits"
  answers report 503
  enable_agent
  failed_in configure 50 credential-refused
  [ "$(seconds_waited)" -ge 30 ]
  [ "$(seconds_waited)" -lt 60 ]
}

@test "a failure before the claim is not waited for: it cannot be reported" {
  answers claim 403
  enable_agent
  failed_in proof 20 claim-refused
  [ ! -e "$SCENE/waits" ]
}

@test "the report that the agent is online is tried again" {
  answers report 200 200 200 200 200 200 503 'exit 7 refused' 200
  enable_agent
  enabled
  [ "$(grep -c '"phase=online"' "$SCENE/requests-report")" -eq 3 ]
}
