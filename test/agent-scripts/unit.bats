# Start, online, and what the unit calls as root.
load machine

setup() {
  make_machine
}

once() {
  answer_claim runMode=once
  enable_agent
}

end_job() {
  mkdir -p "$agent/_diag"
  touch "$agent/_diag/Worker_20260101-000000-utc.log"
}

@test "a reusable agent comes back by itself and after a reboot" {
  enable_agent
  local unit=$root/etc/systemd/system/scale-set-agent.service
  grep -qx 'Restart=always' "$unit"
  grep -qx 'WantedBy=multi-user.target' "$unit"
  grep -qx "ConditionPathExists=$agent/.agent" "$unit"
  grep -qx "ExecStart=/bin/bash $agent/run.sh" "$unit"
}

@test "a one-job agent runs for one job, and comes back by itself before it had one" {
  once
  local unit=$root/etc/systemd/system/scale-set-agent.service
  grep -qx 'Restart=always' "$unit"
  grep -qx "ExecStart=/bin/bash $agent/run.sh --once" "$unit"
  grep -qx "ConditionPathExists=!$state/finished" "$unit"
}

@test "systemd accepts the units" {
  # Elsewhere than here `npm run test:machines` has them loaded by a systemd that runs.
  enable_agent
  # As installed on a machine: without the test's root, and with the agent's user being one that exists here.
  local folder=$BATS_TEST_TMPDIR/units
  mkdir "$folder"
  for file in service path; do
    sed -e "s#$root##g" -e 's/^User=.*/User=root/' "$root/etc/systemd/system/scale-set-agent.$file" >"$folder/scale-set-agent.$file"
  done
  run systemd-analyze verify "$folder/scale-set-agent.service" "$folder/scale-set-agent.path"
  [[ $output != *scale-set-agent.*:* ]]
}

@test "a unit that does not start is named by its journal" {
  echo '1 Job for scale-set-agent.service failed.' >"$SCENE/systemctl"
  echo 'run.sh: cannot execute binary file: Exec format error' >"$SCENE/journal"
  enable_agent
  failed_in start 60 agent-version
}

@test "an agent that does not come online is named by its journal after two minutes" {
  echo 'An error occurred: Unauthorized. VS30063' >"$SCENE/journal"
  enable_agent
  failed_in online 70 credential-refused
  [ "$(seconds_waited)" -eq 120 ]
}

@test "a second run on an agent that runs changes nothing and asks for nothing" {
  enable_agent
  rm -f "$SCENE"/requests-{claim,nonce} "$SCENE/calls"
  enable_agent
  enabled
  [ ! -e "$SCENE/requests-claim" ]
  [ "$(count_of '^(useradd|chpasswd|runuser)')" -eq 0 ]
}

@test "an agent that something else configured is left alone" {
  echo '{}' >"$agent/.agent"
  enable_agent
  [ "$status" -eq 0 ]
  [ "$(grep "^systemctl" "$SCENE/calls")" = "systemctl --version" ]
}

@test "the unit's start ends the watching, and gives jobs the image's variables but no option of the agent" {
  printf '%s\n' 'JAVA_HOME=/opt/java' 'QUOTED="a $b \"c\""' VSTS_AGENT_INPUT_PROXYPASSWORD=hidden >"$root/etc/environment"
  enable_agent
  run_script --unit-start
  [ "$status" -eq 0 ]
  called 'systemctl stop --no-block scale-set-agent.path'
  grep -qx 'JAVA_HOME="/opt/java"' "$state/environment"
  grep -qF 'a \$b' "$state/environment"
  run ! grep -q VSTS_AGENT_INPUT "$state/environment"
}

@test "the unit waits until the script that configures is gone" {
  enable_agent
  (
    exec 8>>"$root/run/scale-set-agents.lock"
    flock 8
    sleep 0.5
    touch "$SCENE/script-ended"
  ) &
  sleep 0.2
  run_script --unit-start
  [ -e "$SCENE/script-ended" ]
  wait
}

@test "the unit does not start an agent whose configuration failed" {
  enable_agent
  rm "$agent/.agent"
  run_script --unit-start
  [ "$status" -ne 0 ]
}

@test "a one-job machine that started its job before a reboot takes no second one, and says that it is finished" {
  once
  end_job
  run_script --unit-start
  [ "$status" -eq 1 ]
  [ -e "$state/finished" ]
  [[ $(reports | tail -n 1) == 'phase=finished result=ok'* ]]
}

@test "the end of the one job is marked and reported, once" {
  once
  run_script --unit-stop
  [ ! -e "$state/finished" ]
  [ "$(count_of '^systemctl stop --no-block scale-set-agent.service')" -eq 0 ]
  end_job
  run_script --unit-stop
  [ -e "$state/finished" ]
  called 'systemctl stop --no-block scale-set-agent.service'
  run_script --unit-start
  run_script --unit-stop
  [ "$(reports | grep -c phase=finished)" -eq 1 ]
  enable_agent
  [ "$status" -eq 0 ]
  [[ $(last_line) == *'takes no second one'* ]]
}

@test "a reusable agent is never finished" {
  enable_agent
  end_job
  run_script --unit-stop
  [ ! -e "$state/finished" ]
}

@test "the report of the end is tried again while the service is away" {
  once
  end_job
  answers report 'exit 7 refused' 503 200
  run_script --unit-stop
  [ "$(grep -c 'phase=finished"' "$SCENE/requests-report")" -eq 3 ]
}

@test "the report of the end outlasts a redeployment of the service, and ends before systemd ends it" {
  once
  end_job
  answers report 503
  run_script --unit-stop
  [ "$status" -eq 0 ]
  [ "$(seconds_waited)" -ge 200 ]
  [ "$(seconds_waited)" -le 280 ]
}

@test "the end of the one job is reported through the proxy of the pool, and a second run uses it too" {
  answer_claim runMode=once proxy=http://pool.example:8080
  enable_agent
  end_job
  : >"$SCENE/environments"
  run_script --unit-stop
  grep -qxF 'https_proxy=http://pool.example:8080' "$SCENE/environments"
  rm "$state/finished"
  : >"$SCENE/environments"
  enable_agent
  grep -qxF 'https_proxy=http://pool.example:8080' "$SCENE/environments"
}

@test "stopping the unit asks the listener, and only it, to end" {
  once
  local listener
  sleep 30 &
  listener=$!
  mkdir -p "$root/proc/$listener" "$root/proc/$$"
  echo '0::/system.slice/scale-set-agent.service' | tee "$root/proc/$listener/cgroup" >"$root/proc/$$/cgroup"
  printf '/agent/bin/Agent.Listener\0run' >"$root/proc/$listener/cmdline"
  printf '/agent/bin/Agent.Worker\0spawn' >"$root/proc/$$/cmdline"
  (wait_for_end "$listener" && rm -r "$root/proc/$listener") &
  run_script --unit-drain
  [ "$status" -eq 0 ]
  run ! kill -0 "$listener"
}

wait_for_end() {
  while kill -0 "$1" 2>/dev/null; do sleep 0.05; done
}
