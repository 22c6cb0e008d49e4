#!/usr/bin/env bash
# Turns a new or reimaged machine into an agent. The Azure Pipelines VM extension runs it as root; it may be killed at any
# line and run again. docs/boot.md has its phases, causes and limits.
#
# Usage: enableagent.sh <service url> <pool id> [--once]
#        enableagent.sh - <pool id> [--once] --organization URL --pool NAME --sha256 HEX --token SECRET
#                       [--no-sudo] [--allow-upgrades] [--proxy URL]       (machines that cannot reach the service)
#        enableagent.sh --unit-start | --unit-drain | --unit-stop          (called by the systemd unit)
#
# Functions hand text back in REPLY, not through $(...): a subshell could not fail the whole script. Secrets live in shell
# variables only and reach other programs by standard input or by one process' environment.
set +x
set -Eeuo pipefail
umask 077
export LC_ALL=C

readonly agent_user=AzDevOps unit=scale-set-agent
readonly metadata=http://169.254.169.254/metadata
readonly mib_free_min=2048 systemd_min=232 clock_skew_seconds_max=300
readonly seconds_network_max=120 seconds_service_max=600 seconds_lock_max=600 seconds_clock_max=60 seconds_report_max=40 seconds_finished_max=240
readonly download_tries=4 config_tries=3 library_tries=3
declare -A exit_codes=([prerequisites]=10 [proof]=20 [package]=30 [user]=40 [configure]=50 [start]=60 [online]=70)

# ---------------------------------------------------------------- what this run knows
phase=prerequisites phase_started_ms=0 now_ms=0 notes='' exit_code=''
service_url='' pool_id='' machine='' key='' token='' claimed=no
declare -A plan=() image=()
pending_reports=() reserved_found=()
proxy_url='' proxy_user='' proxy_password=''
# A variable of that name in the environment would hand the secret to every program.
export -n key token proxy_password

main() {
  set_paths ''
  trap 'unexpected "$?" "$LINENO"' ERR
  trap 'fail unknown "The script was stopped by a signal. Look in $log for the step, and run it again."' INT TERM
  PATH=$PATH:$default_path
  case ${1:-} in
    --unit-start) unit_start ;;
    --unit-drain) unit_drain ;;
    --unit-stop) unit_stop ;;
    *) enable_agent "$@" ;;
  esac
}

# Every file outside the script's memory, below one root: tests replace this function.
set_paths() {
  local root=$1
  agent=$root/agent state=$root/var/lib/scale-set-agents logs=$root/var/log etc=$root/etc
  log=$logs/enableagent.log lock=$root/run/scale-set-agents.lock systemd=$root/run/systemd/system proc=$root/proc
  default_path=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/snap/bin
}

enable_agent() {
  read_arguments "$@"
  run_phase prerequisites
  if [ -e "$agent/.agent" ]; then
    resume
    return
  fi
  run_phase proof
  run_phase package
  run_phase user
  run_phase configure
  go_online
}

# The agent is configured: nothing but its unit may be missing.
resume() {
  if [ ! -f "$state/plan" ]; then
    say 'The agent was configured by something else than this script; nothing is changed.'
    return
  fi
  load_plan
  # Once more, because the plan knows that of the pool.
  settle_proxy
  if [ -e "$state/finished" ]; then
    say 'This machine ran its one job and takes no second one.'
    return
  fi
  go_online
}

go_online() {
  run_phase start
  run_phase online
  deliver_reports "$seconds_report_max"
}

# Each phase is the function of its name.
run_phase() {
  phase=$1 notes=''
  read_clock
  phase_started_ms=$now_ms
  "$phase"
  read_clock
  say "$phase ok $((now_ms - phase_started_ms)) ms"
  report ok $((now_ms - phase_started_ms)) "$notes"
}

# ---------------------------------------------------------------- arguments
read_arguments() {
  [ $# -ge 2 ] || usage 'Two arguments are needed: the address of the service and the id of the pool.'
  service_url=${1%/} pool_id=$2
  shift 2
  # What it is asked for is a credential: no plain HTTP to another computer.
  local address='https://[^/[:space:]"][^[:space:]"]*|http://(127\.0\.0\.1|localhost|\[::1\])(:[0-9]+)?(/[^[:space:]"]*)?'
  [[ $service_url =~ ^(-|$address)$ ]] || usage "$service_url is neither the https address of a service nor -."
  [[ $pool_id =~ ^[0-9]+$ ]] || usage "$pool_id is not the id of a pool."
  plan[runMode]=service plan[sudo]=yes plan[holdUpgrades]=yes
  while [ $# -gt 0 ]; do
    case $1 in
      --once) plan[runMode]=once ;;
      --no-sudo) plan[sudo]=no ;;
      --allow-upgrades) plan[holdUpgrades]=no ;;
      --organization | --pool | --sha256 | --proxy | --token)
        [ $# -ge 2 ] || usage "$1 needs a value."
        read_option "$1" "$2"
        shift
        ;;
      *) usage "The option $1 is not known." ;;
    esac
    shift
  done
  [ "$service_url" != - ] || read_fallback
}

read_option() {
  case $1 in
    --organization) plan[organizationUrl]=$2 ;;
    --pool) plan[pool]=$2 ;;
    --sha256) plan[packageSha256]=$2 ;;
    --proxy) plan[proxy]=$2 ;;
    --token) token=$2 ;;
  esac
}

read_fallback() {
  local name
  for name in organizationUrl pool packageSha256; do
    [ -n "${plan[$name]:-}" ] || usage 'Without a service, --organization, --pool, --sha256 and --token are needed.'
  done
  [ -n "$token" ] || usage 'Without a service, --organization, --pool, --sha256 and --token are needed.'
}

usage() {
  exit_code=2
  fail unknown "$1 Usage: enableagent.sh <service url> <pool id> [--once]."
}

# ---------------------------------------------------------------- prerequisites
prerequisites() {
  [ "$(id -u)" -eq 0 ] || fail unknown 'The script must run as root. The VM extension does; by hand, use sudo.'
  [ -d "$systemd" ] || fail unknown 'systemd does not run here. Use an image that boots with systemd.'
  require_systemd
  case $(uname -m) in
    x86_64 | aarch64 | armv7l) ;;
    *) fail agent-version "There is no agent for the architecture $(uname -m). Use an x64 or ARM64 image." ;;
  esac
  mkdir -p "$agent" "$state" "$logs" "${lock%/*}"
  chmod 700 "$state"
  chmod 755 "$agent"
  touch "$log" && chmod 600 "$log"
  machine=$(uname -n)
  machine=${machine%%.*}
  read_image
  # An agent that is configured needs no more room.
  [ -e "$agent/.agent" ] || require_space
  install_tools
  take_lock
  make_key
}

# From this version on a unit can run single programs as root, and its journal is told apart start by start.
require_systemd() {
  local version
  version=$(systemctl --version)
  [[ $version =~ ^systemd\ ([0-9]+) ]] || fail unknown 'The version of systemd is not known. Look at what systemctl --version prints.'
  [ "${BASH_REMATCH[1]}" -ge "$systemd_min" ] ||
    fail unknown "systemd is version ${BASH_REMATCH[1]} and has to be $systemd_min at least. Use an image with a newer release of its distribution."
}

require_space() {
  local free
  { read -r _ && read -r _ _ _ free _; } < <(df -Pk "$agent")
  free=$((free / 1024))
  [ "$free" -ge "$mib_free_min" ] ||
    fail disk-full "$agent has $free MiB free and the agent needs $mib_free_min. Use a larger OS disk or a smaller image."
}

install_tools() {
  local tool missing=()
  for tool in curl openssl tar gzip sha256sum flock runuser useradd find; do
    type -P "$tool" >/dev/null || missing+=("$tool")
  done
  [ "${#missing[@]}" -gt 0 ] || return 0
  package_manager
  local manager=$REPLY packages=(ca-certificates)
  for tool in "${missing[@]}"; do
    package_of "$manager" "$tool"
    packages+=("$REPLY")
  done
  say "installing ${packages[*]} with $manager"
  install_packages "$manager" "${packages[@]}"
  for tool in "${missing[@]}"; do
    type -P "$tool" >/dev/null || fail dependencies-failed "$tool is still missing after $manager installed ${packages[*]}. Add it to the image."
  done
}

package_manager() {
  for REPLY in apt-get dnf tdnf yum zypper; do
    type -P "$REPLY" >/dev/null && return
  done
  fail dependencies-failed 'Tools are missing and no package manager of apt, dnf, tdnf, yum, zypper is here. Add curl, openssl, tar, gzip and util-linux to the image.'
}

package_of() {
  case $2 in
    sha256sum) REPLY=coreutils ;;
    flock | runuser) REPLY=util-linux ;;
    find) REPLY=findutils ;;
    useradd)
      case $1 in
        apt-get) REPLY=passwd ;;
        zypper) REPLY=shadow ;;
        *) REPLY=shadow-utils ;;
      esac
      ;;
    *) REPLY=$2 ;;
  esac
}

install_packages() {
  local manager=$1
  shift
  case $manager in
    apt-get)
      # A stale list is better than none: only the install has to succeed.
      with_package_lock apt-get -o DPkg::Lock::Timeout=60 -qq update || log_output
      with_package_lock apt-get -o DPkg::Lock::Timeout=60 -qq --yes --no-install-recommends install "$@"
      ;;
    zypper) with_package_lock zypper --non-interactive --quiet install --no-recommends "$@" ;;
    *) with_package_lock "$manager" --assumeyes --quiet install "$@" ;;
  esac || install_failed "$manager"
}

install_failed() {
  classify "$output"
  case $REPLY in
    unknown | service-unreachable | credential-refused | pool-permission) REPLY=dependencies-failed ;;
  esac
  fail "$REPLY" "$1 could not install the tools that the agent needs. $(advice "$REPLY")" "$output"
}

# Runs a command that uses the package manager, again while another program holds its lock. Sets `output`.
with_package_lock() {
  local started result=0 said=no mended=no
  read_clock
  started=$now_ms
  while :; do
    result=0
    # Closed, because a daemon that a package starts would keep the lock of this script.
    output=$(NEEDRESTART_MODE=l DEBIAN_FRONTEND=noninteractive timeout 900 "$@" 2>&1 9>&- </dev/null) || result=$?
    if [[ $mended = no && $output == *'dpkg was interrupted'* ]]; then
      mended=yes
      dpkg --configure -a >/dev/null 2>&1 9>&- </dev/null || :
      continue
    fi
    is_locked "$output" || break
    [ "$result" -ne 0 ] || break
    read_clock
    [ $((now_ms - started)) -lt $((seconds_lock_max * 1000)) ] ||
      fail package-lock "The package manager was in use for $((seconds_lock_max / 60)) minutes. $(advice package-lock)" "$output"
    [ "$said" = yes ] || say 'waiting for the lock of the package manager'
    said=yes
    pause 5
  done
  return "$result"
}

is_locked() {
  local words='could not get lock|unable to (acquire|lock)|another process using it|waiting for cache lock|holding the (yum|dnf) lock|system management is locked|failed to obtain [a-z ]*lock|waiting for process with pid|rpm transaction lock'
  [[ ${1,,} =~ $words ]]
}

take_lock() {
  exec 9>>"$lock"
  flock --wait 900 9 || fail unknown "Another run of this script has held $lock for 15 minutes. End it, and run the script again."
}

# One key for the machine's life: a claim repeated with it is the same claim.
make_key() {
  local made
  if [ -f "$state/key" ]; then
    key=$(<"$state/key")
  fi
  if ! [[ $key =~ ^[0-9a-f]{64}$ ]]; then
    made=$(od -An -N32 -tx1 /dev/urandom | tr -d ' \n')
    printf '%s' "$made" >"$state/key.new"
    mv -f "$state/key.new" "$state/key"
    key=$made
  fi
}

# ---------------------------------------------------------------- the image's environment
read_image() {
  read_image_environment
  settle_proxy
}

read_image_environment() {
  local line name value profile=$etc/profile.d/agent_env_vars.sh
  if [ -r "$etc/environment" ]; then
    while IFS= read -r line || [ -n "$line" ]; do
      [[ $line =~ ^[[:space:]]*(export[[:space:]]+)?([A-Za-z_][A-Za-z0-9_]*)=(.*)$ ]] || continue
      name=${BASH_REMATCH[2]} value=${BASH_REMATCH[3]}
      [[ $value =~ ^\"(.*)\"[[:space:]]*$ || $value =~ ^\'(.*)\'[[:space:]]*$ ]] && value=${BASH_REMATCH[1]}
      image[$name]=$value
    done <"$etc/environment"
  fi
  if [ -r "$profile" ]; then
    while IFS= read -r -d '' line; do
      name=${line%%=*}
      case $name in
        PWD | OLDPWD | SHLVL | _ | HOME | *[!A-Za-z0-9_]*) ;;
        *) image[$name]=${line#*=} ;;
      esac
    done < <(variables_of "$profile")
  fi
  # The extension's own environment counts as the image's. Taken out of it, so that only config.sh is given them.
  while IFS= read -r name; do
    [[ ${name^^} =~ ^VSTS_AGENT_INPUT_|_DIAGLOGPATH$ ]] || continue
    image[$name]=${!name}
    unset "$name"
  done < <(compgen -e)
  drop_reserved
}

# What a profile script sets, without what is set here.
variables_of() {
  # shellcheck disable=SC2016
  env -i HOME=/root PATH="${image[PATH]:-$default_path}" timeout 10 bash -c 'set -a; . "$1" >/dev/null 2>&1; env -0' bash "$1" 9>&- || :
}

# Options that are this script's to give; an image that sets one breaks its registration. The agent's job logs have to be
# where `ran_a_job` looks for them.
drop_reserved() {
  local name options='URL|AUTH|TOKEN|USERNAME|PASSWORD|POOL|AGENT|RUNASSERVICE|RUNASAUTOLOGON|ONCE|REPLACE|CLIENTID|CLIENTSECRET|TENANTID'
  options+='|PROJECTNAME|COLLECTIONNAME|.*(DEPLOYMENT|MACHINEGROUP|ENVIRONMENT|VIRTUALMACHINE).*'
  reserved_found=()
  for name in "${!image[@]}"; do
    [[ ${name^^} =~ ^(VSTS_AGENT_INPUT_($options)|(AGENT|WORKER)_DIAGLOGPATH)$ ]] || continue
    reserved_found+=("$name")
    unset "image[$name]"
  done
}

# The value of an option that the image sets, whatever the case of its name.
image_option() {
  local name
  REPLY=''
  for name in "${!image[@]}"; do
    [ "${name^^}" != "VSTS_AGENT_INPUT_$1" ] || REPLY=${image[$name]}
  done
}

# The image's own proxy option, else the pool's, else the one of the environment. curl and package managers get it too.
settle_proxy() {
  local name chosen
  for name in http_proxy https_proxy HTTP_PROXY HTTPS_PROXY no_proxy NO_PROXY; do
    [ -n "${!name:-}" ] || [ -z "${image[$name]:-}" ] || export "$name=${image[$name]}"
  done
  image_option PROXYURL
  chosen=${REPLY:-${plan[proxy]:-}}
  split_proxy "${chosen:-${https_proxy:-${HTTPS_PROXY:-${http_proxy:-${HTTP_PROXY:-}}}}}"
  image_option PROXYUSERNAME
  proxy_user=${REPLY:-$proxy_user}
  image_option PROXYPASSWORD
  proxy_password=${REPLY:-$proxy_password}
  [ -n "$chosen" ] || return 0
  local authority=''
  if [ -n "$proxy_user" ]; then
    percent_encode "$proxy_user"
    authority=$REPLY
    percent_encode "$proxy_password"
    authority=$authority:$REPLY@
  fi
  export https_proxy="${proxy_url/:\/\//://$authority}"
  export http_proxy=$https_proxy
}

split_proxy() {
  proxy_url=$1 proxy_user='' proxy_password=''
  [ -n "$proxy_url" ] || return 0
  [[ $proxy_url == *://* ]] || proxy_url=http://$proxy_url
  [[ $proxy_url =~ ^([a-z0-9]+://)([^/@]*)@(.*)$ ]] || return 0
  local credentials=${BASH_REMATCH[2]}
  proxy_url=${BASH_REMATCH[1]}${BASH_REMATCH[3]}
  percent_decode "${credentials%%:*}"
  proxy_user=$REPLY
  [[ $credentials != *:* ]] || { percent_decode "${credentials#*:}" && proxy_password=$REPLY; }
}

percent_decode() {
  local text=${1//\\/\\\\}
  printf -v REPLY '%b' "${text//%/\\x}"
}

percent_encode() {
  local text=$1 index char encoded=''
  for ((index = 0; index < ${#text}; index++)); do
    char=${text:index:1}
    case $char in
      [a-zA-Z0-9._~-]) encoded+=$char ;;
      *)
        printf -v char '%02X' "'$char"
        encoded+=%${char: -2}
        ;;
    esac
  done
  REPLY=$encoded
}

# ---------------------------------------------------------------- proof
# Each attempt takes a nonce of its own, because a claim uses it up. What may pass is tried again, as long as its cause allows
# and never longer than the service may take; what cannot ends the script.
proof() {
  [ "$service_url" != - ] || { prove_nothing && return; }
  local since_ms last='' wait=1 left
  while ! prove_once; do
    read_clock
    if [ "$trouble_cause $trouble_seconds_max" != "$last" ]; then
      since_ms=$now_ms last="$trouble_cause $trouble_seconds_max" wait=1
      say "proof is waiting: $trouble"
    fi
    left=$((seconds_service_max - (now_ms - phase_started_ms) / 1000))
    if [ $((now_ms - since_ms)) -ge $((trouble_seconds_max * 1000)) ] || [ "$left" -le 0 ]; then
      fail "$trouble_cause" "$trouble" "$trouble_output"
    fi
    [ "$retry_after" -gt "$wait" ] || retry_after=$wait
    pause "$((retry_after < left ? retry_after : left))"
    wait=$((wait < 8 ? wait * 2 : 15))
  done
  claimed=yes
  settle_proxy
  save_plan
}

prove_nothing() {
  plan[agent]=$machine
  settle_proxy
  save_plan
}

prove_once() {
  local nonce
  retry_after=0 trouble_output=''
  call_service /nonce poolId "$pool_id" machine "$machine" || return 1
  answer_line nonce
  nonce=$REPLY
  [ -n "$nonce" ] || fail service-unreachable "$service_url answered something else than a nonce. Check the address of the service."
  clock_is_right || return 1
  attested_document "$nonce" || return 1
  call_service /claim poolId "$pool_id" machine "$machine" nonce "$nonce" key "$key" document "$document" certificates "$certificates" || return 1
  take_answer
}

# Sets `trouble` and returns 1 when the call may succeed later.
call_service() {
  local path=$1
  shift
  service_request "$path" "$@"
  case $http_status in
    200) return 0 ;;
    403) fail claim-refused "The service did not accept this machine. Its reason is in the Diagnostics of pool $pool_id." "$http_body" ;;
    429 | 503)
      retry_after=$http_retry_after
      troubled service-unreachable "$seconds_service_max" "$service_url is not ready for this machine (status $http_status). The reason is in the Diagnostics of pool $pool_id."
      ;;
    000) troubled_by_curl "$service_url" service-unreachable ;;
    407) troubled proxy "$seconds_network_max" "The proxy asks for other credentials. $(advice proxy)" ;;
    5??) troubled service-unreachable "$seconds_network_max" "$service_url answered with status $http_status. $(advice service-unreachable)" ;;
    *) fail service-unreachable "$service_url answered with status $http_status. Check the address and the version of the service." "$http_body" ;;
  esac
}

troubled() {
  trouble_cause=$1 trouble_seconds_max=$2 trouble=$3
  trouble_output=${http_error:-$http_body}
  return 1
}

troubled_by_curl() {
  classify_curl "$2"
  troubled "$REPLY" "$seconds_network_max" "$1 could not be reached: ${http_error:-curl ended with $http_exit}. $(advice "$REPLY")"
}

# A wrong clock makes Azure DevOps refuse the agent's own tokens, long after this script has said ok.
clock_is_right() {
  clock_skew
  [ "$REPLY" -gt "$clock_skew_seconds_max" ] || return 0
  troubled clock-skew "$seconds_clock_max" "The clock of this machine is $REPLY s away from that of the service. $(advice clock-skew)"
}

# Seconds between this machine's clock and the date of the last answer; 0 when it had none.
clock_skew() {
  local there here
  REPLY=0
  [ -n "$http_date" ] && there=$(date -d "$http_date" +%s 2>/dev/null) || return 0
  here=$(date +%s)
  REPLY=$((here > there ? here - there : there - here))
}

# Sets `document` and `certificates`. The metadata service may answer with a document that it made for an older nonce.
attested_document() {
  local nonce=$1 started wait=1
  read_clock
  started=$now_ms
  while :; do
    metadata_request "attested/document?api-version=2025-04-07&nonce=$nonce" 15
    case $http_status in
      200)
        if document_has "$nonce"; then
          intermediates
          return 0
        fi
        trouble='The metadata service keeps answering with a document for an older nonce.'
        ;;
      000) trouble="The metadata service does not answer: ${http_error:-curl ended with $http_exit}." ;;
      404 | 410 | 429 | 5??) trouble="The metadata service answers with status $http_status." ;;
      *) fail metadata-unavailable "The metadata service answers with status $http_status. $(advice metadata-unavailable)" "$http_body" ;;
    esac
    read_clock
    [ $((now_ms - started)) -lt $((seconds_network_max * 1000)) ] ||
      fail metadata-unavailable "$trouble $(advice metadata-unavailable)" "${http_error:-$http_body}"
    [ "$wait" -gt 1 ] || say "proof is waiting: $trouble"
    pause "$((http_retry_after > wait ? http_retry_after : wait))"
    wait=$((wait < 8 ? wait * 2 : 10))
  done
}

# The signed content is clear text inside the DER.
document_has() {
  [[ $http_body =~ \"signature\"[[:space:]]*:[[:space:]]*\"([^\"]+)\" ]] || return 1
  document=${BASH_REMATCH[1]//\\/}
  printf '%s' "$document" | base64 -d 2>/dev/null | grep -acF -- "$1" >/dev/null
}

# The service fetches nothing for an unproved machine, so the issuers of the document's certificate are sent along.
intermediates() {
  local pem address der
  [ -z "${certificates+known}" ] || return 0
  certificates=''
  pem=$(printf '%s' "$document" | base64 -d | openssl pkcs7 -inform DER -print_certs 2>/dev/null) || return 0
  # More than one: the issuer is inside already.
  [ "$(printf '%s' "$pem" | grep -c 'BEGIN CERTIFICATE')" -eq 1 ] || return 0
  for _ in 1 2 3; do
    address=$(printf '%s' "$pem" | openssl x509 -noout -text 2>/dev/null |
      grep -oE 'http://www\.microsoft\.com/pkiops/certs/[A-Za-z0-9._%-]+' | head -n 1) || return 0
    der=$(curl --disable --silent --fail --proto =http --connect-timeout 3 --max-time 5 --max-filesize 65536 "$address" |
      openssl x509 -inform DER -outform DER 2>/dev/null | base64 -w 0) || return 0
    [ -n "$der" ] || return 0
    certificates=${certificates:+$certificates,}$der
    pem=$(printf '%s' "$der" | base64 -d | openssl x509 -inform DER 2>/dev/null) || return 0
  done
}

take_answer() {
  local name
  for name in organizationUrl pool agent packageUrl packageSha256 packageVersion runMode proxy sudo holdUpgrades; do
    answer_line "$name"
    plan[$name]=$REPLY
  done
  answer_line token
  token=$REPLY
  for name in organizationUrl pool agent runMode; do
    [ -n "${plan[$name]}" ] || fail service-unreachable "The claim was answered without $name. Check the version of the service."
  done
  [ -n "$token" ] || fail credential-refused 'The claim was answered without a credential. Check the credentials of the service.'
}

answer_line() {
  local line
  REPLY=''
  while IFS= read -r line; do
    line=${line%$'\r'}
    [[ $line != "$1="* ]] || REPLY=${line#*=}
  done < <(printf '%s\n' "$http_body")
}

# The lines of the answer that are no secret. The address of a pool's proxy holds no password; one of the arguments may.
save_plan() {
  local name
  [[ ${plan[proxy]:-} != *@* ]] || plan[proxy]=''
  for name in organizationUrl pool agent packageUrl packageSha256 packageVersion runMode proxy sudo holdUpgrades; do
    printf '%s=%s\n' "$name" "${plan[$name]:-}"
  done >"$state/plan.new"
  printf '%s\n' "serviceUrl=$service_url" "poolId=$pool_id" "machine=$machine" >>"$state/plan.new"
  mv -f "$state/plan.new" "$state/plan"
}

load_plan() {
  local line
  while IFS= read -r line; do
    plan[${line%%=*}]=${line#*=}
  done <"$state/plan"
  service_url=${plan[serviceUrl]} pool_id=${plan[poolId]} machine=${plan[machine]}
  key=$(<"$state/key")
  claimed=yes
}

# ---------------------------------------------------------------- package
package() {
  [ "${plan[holdUpgrades]}" = no ] || hold_upgrades
  [[ ${plan[packageSha256]:-} =~ ^[0-9a-fA-F]{64}$ ]] ||
    fail hash-missing "No SHA-256 of the agent's package is known, so it is not installed. $(advice hash-missing)"
  if [ "$(cat "$state/package" 2>/dev/null)" != "${plan[packageSha256],,}" ] || [ ! -e "$agent/bin/Agent.Listener" ]; then
    unpack
  fi
  [ -e "$state/dependencies" ] || install_dependencies
}

# A timer that reboots, or that restarts Azure's VM agent, would do so under a job. Held until the machine is reimaged.
hold_upgrades() {
  local name rest held=()
  while read -r name rest; do
    [[ -z $name || $rest == masked* ]] || held+=("$name")
  done < <(systemctl list-unit-files --no-legend --no-pager --plain 'apt-daily*.timer' 'apt-daily*.service' unattended-upgrades.service \
    'dnf-automatic*.timer' 'dnf5-automatic*.timer' 'tdnf-automatic*.timer' yum-cron.service 'packagekit*.service' 'transactional-update*.timer' \
    'yast2-online-update*.timer' rebootmgr.service 2>/dev/null || :)
  [ "${#held[@]}" -gt 0 ] || return 0
  # Not waited for: an upgrade that runs now ends at its next safe point.
  systemctl stop --no-block "${held[@]}" >/dev/null 2>&1 || :
  systemctl mask "${held[@]}" >/dev/null 2>&1 || note "Not every automatic upgrade could be held back: ${held[*]}."
  say "held back: ${held[*]}"
}

unpack() {
  local file
  find_package || download_package
  file=$REPLY
  rm -rf "$agent/.unpacking"
  mkdir "$agent/.unpacking"
  output=$(tar -xzf "$file" -C "$agent/.unpacking" --no-same-owner 2>&1) || unpack_failed "$file"
  if [ ! -e "$agent/.unpacking/config.sh" ] || [ ! -e "$agent/.unpacking/run.sh" ] || [ ! -e "$agent/.unpacking/bin/Agent.Listener" ]; then
    fail agent-version "${file##*/} is not a package of the agent for Linux. $(advice agent-version)"
  fi
  move_into_place
  printf '%s\n' "${plan[packageSha256],,}" >"$state/package"
  rm -f "$agent"/*agent*.tar.gz "$agent/.package"
}

unpack_failed() {
  rm -rf "$agent/.unpacking"
  classify "$output"
  fail "$REPLY" "${1##*/} could not be unpacked. $(advice "$REPLY")" "$output"
}

# A kill between two moves leaves a mixture; it is unpacked anew, because only `package` in the state folder says done.
move_into_place() {
  local entry
  while IFS= read -r -d '' entry; do
    rm -rf "${agent:?}/${entry##*/}"
    mv "$entry" "$agent/"
  done < <(find "$agent/.unpacking" -mindepth 1 -maxdepth 1 -print0)
  rmdir "$agent/.unpacking"
}

# What the extension has downloaded, when it is what Azure DevOps describes.
find_package() {
  local file wrong=''
  for file in "$agent"/*agent*.tar.gz; do
    [ -f "$file" ] || continue
    if is_intact "$file"; then
      REPLY=$file
      return 0
    fi
    say "${file##*/} has not the SHA-256 that Azure DevOps states; it is removed"
    rm -f "$file"
    wrong=${file##*/}
  done
  [ -z "$wrong" ] || [ -n "${plan[packageUrl]:-}" ] ||
    fail hash-mismatch "$wrong has not the SHA-256 ${plan[packageSha256]}, and was removed. $(advice hash-mismatch)"
  return 1
}

is_intact() {
  local sum
  sum=$(sha256sum "$1") && [ "${sum%% *}" = "${plan[packageSha256],,}" ]
}

download_package() {
  local attempt file=$agent/.package
  [ -n "${plan[packageUrl]:-}" ] || fail download-blocked "$agent holds no package of the agent. The VM extension downloads it: look at its log."
  for ((attempt = 1; attempt <= download_tries; attempt++)); do
    rm -f "$file"
    quote "${plan[packageUrl]}"
    http "url = $REPLY
output = \"$file\"
dump-header = \"-\"
location
proto = \"=http,https\"
proto-redir = \"=http,https\"
connect-timeout = 20
speed-limit = 1024
speed-time = 60
max-time = 900"
    if [ "$http_exit" -eq 0 ] && [ "$http_status" = 200 ]; then
      is_intact "$file" || package_damaged "$file"
      REPLY=$file
      return
    fi
    download_trouble
    if [ "$attempt" -eq "$download_tries" ] || [ "$trouble_seconds_max" -eq 0 ]; then
      break
    fi
    say "the download failed and is tried again: $trouble"
    pause "$((http_retry_after > 0 && http_retry_after < 60 ? http_retry_after : attempt * attempt * 2))"
  done
  rm -f "$file"
  fail "$trouble_cause" "$trouble" "$http_error"
}

package_damaged() {
  rm -f "$1"
  fail hash-mismatch "${plan[packageUrl]} has not the SHA-256 ${plan[packageSha256]} that Azure DevOps states, and was removed. $(advice hash-mismatch)"
}

download_trouble() {
  local host=${plan[packageUrl]#*://}
  host=${host%%/*}
  case $http_exit:$http_status in
    0:403 | 0:451) troubled download-blocked 60 "$host refused the download of the agent (status $http_status). $(advice download-blocked)" ;;
    0:407) troubled proxy 60 "The proxy refused the download of the agent. $(advice proxy)" ;;
    0:404 | 0:410) troubled agent-version 0 "There is no agent ${plan[packageVersion]:-} at ${plan[packageUrl]}. $(advice agent-version)" ;;
    0:*) troubled download-blocked 60 "$host answered with status $http_status. $(advice download-blocked)" ;;
    23:*) troubled disk-full 0 "The agent's package could not be written to $agent. $(advice disk-full)" ;;
    *) troubled_by_curl "$host" download-blocked ;;
  esac || :
}

# The agent's own script fails on many systems that lack nothing; what counts is whether its libraries are there.
install_dependencies() {
  local lacking attempt result=0
  [ -e "$agent/bin/installdependencies.sh" ] || return 0
  for ((attempt = 1; attempt <= library_tries; attempt++)); do
    result=0
    with_package_lock bash "$agent/bin/installdependencies.sh" || result=$?
    log_output
    [ "$result" -ne 0 ] || break
    lacking=$(lacking_libraries)
    if [ -z "$lacking" ]; then
      note "installdependencies.sh ended with $result; no library of the agent is missing, so this is no failure."
      break
    fi
    [ "$attempt" -lt "$library_tries" ] || dependencies_failed "$lacking"
    pause $((attempt * 10))
  done
  : >"$state/dependencies"
}

dependencies_failed() {
  classify "$output"
  case $REPLY in
    name-resolution | proxy | disk-full | tls-interception) ;;
    *) REPLY=dependencies-failed ;;
  esac
  fail "$REPLY" "The agent lacks $1. $(advice "$REPLY")" "$output"
}

lacking_libraries() {
  local library
  type -P ldd >/dev/null || return 0
  for library in "$agent"/bin/libcoreclr.so "$agent"/bin/libSystem.*.so; do
    [ ! -e "$library" ] || ldd "$library" 2>/dev/null | sed -nE 's/^[[:space:]]*([^ ]+).* not found.*/\1/p' || :
  done | sort -u | paste -sd ' '
  [ -e "$agent/bin/libcoreclr.so" ] || return 0
  # Loaded by name while the agent runs, so that ldd does not see them.
  for library in libicuuc libssl; do
    compgen -G "$agent/bin/$library*" >/dev/null || ldconfig -p 2>/dev/null | grep -c "$library" >/dev/null || printf ' %s' "$library"
  done
}

# ---------------------------------------------------------------- user
user() {
  refuse_administrator
  local groups=docker
  getent group docker >/dev/null || command_or_fail unknown groupadd --system docker
  ! getent group adm >/dev/null || groups+=,adm
  getent passwd "$agent_user" >/dev/null || add_user
  command_or_fail unknown usermod --append --groups "$groups" "$agent_user"
  random_password
  make_home
  grant_sudo
  command_or_fail unknown chown -R "$agent_user:" "$agent"
}

# Azure gives the primary administrator its password, keys and sudo rights by name; an agent under that name loses or inherits them.
refuse_administrator() {
  local file
  metadata_request 'instance/compute/osProfile/adminUsername?api-version=2021-02-01&format=text' 5
  if [ "$http_status" = 200 ] && [ "${http_body%$'\n'}" = "$agent_user" ]; then
    administrator_refused
  fi
  for file in "$etc/sudoers.d/90-cloud-init-users" "$etc/sudoers.d/waagent"; do
    ! grep -qsE "^${agent_user}[[:space:]]" "$file" || administrator_refused
  done
}

administrator_refused() {
  fail user-is-admin "$agent_user is the primary administrator of this machine, and the agent needs that name. $(advice user-is-admin)"
}

add_user() {
  local arguments=(--create-home --shell /bin/bash --comment 'Azure Pipelines agent')
  if getent group "$agent_user" >/dev/null; then
    arguments+=(--gid "$agent_user")
  else
    arguments+=(--user-group)
  fi
  # Some distributions take a name with capitals only when told that it is meant.
  if output=$(useradd "${arguments[@]}" "$agent_user" 2>&1); then
    return
  fi
  [[ $output != *[Ii]'nvalid user name'* ]] || arguments+=(--badname)
  command_or_fail unknown useradd "${arguments[@]}" "$agent_user"
}

random_password() {
  output=$({ printf '%s:' "$agent_user" && head -c 32 /dev/urandom | od -An -tx1 | tr -d ' \n' && echo; } | chpasswd 2>&1) ||
    note "The password of $agent_user could not be changed: $output"
}

make_home() {
  local home group
  IFS=: read -r _ _ _ group _ home _ < <(getent passwd "$agent_user")
  [ -n "$home" ] && [ ! -d "$home" ] || return 0
  command_or_fail unknown install -d -m 750 -o "$agent_user" -g "$group" "$home"
}

grant_sudo() {
  local file=$etc/sudoers.d/scale-set-agents
  if [ "${plan[sudo]}" = no ]; then
    rm -f "$file"
    return
  fi
  if [ ! -d "$etc/sudoers.d" ]; then
    note 'sudo is not installed, so the agent has no sudo right. Add sudo to the image, or turn the pool setting off.'
    return
  fi
  # sudo skips names with a dot, so a half-written file grants nothing.
  printf '%s ALL=(ALL) NOPASSWD:ALL\n' "$agent_user" >"$file.new"
  chmod 440 "$file.new"
  if type -P visudo >/dev/null; then
    command_or_fail unknown visudo -cf "$file.new"
  fi
  mv -f "$file.new" "$file"
}

# ---------------------------------------------------------------- configure
configure() {
  # Of the machine that the image was captured from; here they would keep a one-job agent from ever starting.
  rm -f "$state/finished" "$agent"/_diag/Worker_*
  [ "${#reserved_found[@]}" -eq 0 ] ||
    note "Ignored, because they are this product's to set: ${reserved_found[*]}. Remove them from the image."
  find_work_folder
  install_units
  register
  prove_no_leak
  token=''
}

find_work_folder() {
  image_option WORK
  work=${REPLY:-$agent/_work}
  [[ $work == /* ]] || work=$agent/$work
  umask 022
  command_or_fail unknown mkdir -p "$work"
  umask 077
  # Not what is in it: that may be much, and is the image's.
  [ "$(stat -c %U "$work")" = "$agent_user" ] || command_or_fail unknown chown "$agent_user:" "$work"
}

# Before config.sh: once `.agent` exists the extension never runs this script again, so a kill from then on is the units' to mend.
install_units() {
  install_helper
  label_for_selinux
  unit_text >"$state/unit.new"
  install -m 644 "$state/unit.new" "$etc/systemd/system/$unit.service"
  path_unit_text >"$state/unit.new"
  install -m 644 "$state/unit.new" "$etc/systemd/system/$unit.path"
  rm -f "$state/unit.new"
  command_or_fail unknown systemctl daemon-reload
  command_or_fail unknown systemctl enable "$unit.service"
  command_or_fail unknown systemctl start "$unit.path"
}

# The unit runs this copy as root: jobs may write to the agent's folder.
install_helper() {
  cp "${BASH_SOURCE[0]}" "$state/enableagent.sh.new"
  chmod 700 "$state/enableagent.sh.new"
  mv -f "$state/enableagent.sh.new" "$state/enableagent.sh"
}

unit_text() {
  local helper="/bin/bash $state/enableagent.sh" once=''
  [ "${plan[runMode]}" != once ] || once=' --once'
  cat <<UNIT
[Unit]
Description=Azure Pipelines agent of a scale set pool
Wants=network-online.target
After=network-online.target
ConditionPathExists=$agent/.agent
ConditionPathExists=!$state/finished
StartLimitIntervalSec=0

[Service]
User=$agent_user
WorkingDirectory=$agent
EnvironmentFile=-$state/environment
ExecStartPre=+$helper --unit-start
ExecStart=/bin/bash $agent/run.sh$once
ExecStop=+$helper --unit-drain
ExecStopPost=+$helper --unit-stop
Restart=always
RestartSec=5
KillMode=mixed
TimeoutStartSec=1h
TimeoutStopSec=5min

[Install]
WantedBy=multi-user.target
UNIT
}

path_unit_text() {
  cat <<UNIT
[Unit]
Description=Starts the Azure Pipelines agent once it is configured

[Path]
PathExists=$agent/.agent
Unit=$unit.service
UNIT
}

# systemd may not start a program with the label of a folder in the root; new files take over the folder's own.
label_for_selinux() {
  type -P selinuxenabled >/dev/null && selinuxenabled || return 0
  if ! chcon -t bin_t "$agent" "$agent"/*.sh || ! chcon -R -t bin_t "$agent/bin" "$agent/externals"; then
    note 'The SELinux labels of the agent could not be set; the unit may be refused.'
  fi
  ! type -P restorecon >/dev/null || restorecon -R "$state" || :
}

register() {
  local attempt result
  for ((attempt = 1; attempt <= config_tries; attempt++)); do
    rm -f "$agent/.agent" "$agent/.credentials" "$agent/.credentials_rsaparams"
    result=0
    # The lock is not closed for it: a config.sh that outlives this script is waited for by the next.
    output=$(run_config 2>&1) || result=$?
    log_output
    [ "$result" -ne 0 ] || [ ! -e "$agent/.agent" ] || return 0
    # The path unit waits for this file, and must not see a failed configuration.
    rm -f "$agent/.agent"
    classify "$output"
    case $REPLY in
      credential-refused | pool-permission | name-taken | agent-version | disk-full | dependencies-failed) break ;;
    esac
    [ "$attempt" -lt "$config_tries" ] || break
    say "config.sh failed [$REPLY] and is run again"
    pause $((attempt * 10))
  done
  fail "$REPLY" "config.sh ended with $result. $(advice "$REPLY")" "$output"
}

# The credential is in the environment of this one chain of processes; an argument could be read by every account. The
# variables are set in a shell of their own: in this one, a name of the image could be that of a variable of the script.
run_config() {
  local arguments=(--unattended --acceptTeeEula --replace --url "${plan[organizationUrl]}" --pool "${plan[pool]}"
    --agent "${plan[agent]}" --auth pat --work "$work")
  [ -z "$proxy_url" ] || arguments+=(--proxyurl "$proxy_url")
  [ -z "$proxy_user" ] || arguments+=(--proxyusername "$proxy_user")
  # The agent tells its pool every variable; the one that curl was given may hold a password.
  unset LC_ALL http_proxy https_proxy HTTP_PROXY HTTPS_PROXY
  cd "$agent"
  # shellcheck disable=SC2016
  exec "$BASH" -c 'set +x; mapfile -t -d ""; set -- "${#MAPFILE[@]}" "${MAPFILE[@]}" "$@"; unset MAPFILE; export "${@:2:$1}" || :; exec "${@:$1 + 2}" </dev/null' \
    bash "$(type -P runuser)" --user "$agent_user" -- ./config.sh "${arguments[@]}" < <(config_environment)
}

# What config.sh is given, each ended by a NUL byte; the later of one name counts.
config_environment() {
  local name home
  printf '%s\0' "PATH=$default_path"
  for name in "${!image[@]}"; do
    case ${name^^} in
      VSTS_AGENT_INPUT_WORK | VSTS_AGENT_INPUT_PROXY*) ;;
      *) printf '%s\0' "$name=${image[$name]}" ;;
    esac
  done
  [ -z "$proxy_password" ] || printf '%s\0' "VSTS_AGENT_INPUT_PROXYPASSWORD=$proxy_password"
  IFS=: read -r _ _ _ _ _ home _ < <(getent passwd "$agent_user")
  printf '%s\0' "HOME=$home" "USER=$agent_user" "LOGNAME=$agent_user" "VSTS_AGENT_INPUT_TOKEN=$token"
}

# In clear text and as a header of basic authentication would have it. A search that could not read everything proves nothing.
prove_no_leak() {
  local found result
  search_for_token
  # A file may have gone away under it.
  [ "$result" -le 1 ] || search_for_token
  [ "$result" -ne 1 ] || return 0
  rm -f "${found[@]}" "$agent/.agent" "$agent/.credentials" "$agent/.credentials_rsaparams"
  [ "${#found[@]}" -gt 0 ] ||
    fail unknown "The search for the credential ended with $result and proves nothing, so the agent is not started. $(advice unknown)"
  fail credential-leaked "The credential was found in ${found[*]}; the files were removed and the agent is not started. $(advice credential-leaked)"
}

# Sets `found` and `result`, the exit code of grep: 1 when every file was read and none holds the credential.
search_for_token() {
  mapfile -t -d '' found < <(
    result=0
    { printf '%s\n' "$token" && printf ':%s' "$token" | base64 -w 0 && echo; } |
      grep -rlZF -D skip -f - -- "$agent" "$logs" "$state" 2>>"$log" || result=$?
    printf '%s\0' "$result"
  )
  result=${found[-1]}
  unset 'found[-1]'
}

# ---------------------------------------------------------------- start and online
start() {
  local result=0
  flock --unlock 9
  output=$(systemctl start "$unit.service" 2>&1 9>&-) || result=$?
  if [ "$result" -ne 0 ] && ! has_run; then
    unit_journal
    output+=$'\n'$REPLY
    classify "$output"
    fail "$REPLY" "$unit.service did not start. $(advice "$REPLY")" "$output"
  fi
}

# A quick one-job agent may have ended before anyone looked.
has_run() {
  [ "${plan[runMode]}" = once ] && { [ -e "$state/finished" ] || ran_a_job; }
}

ran_a_job() {
  compgen -G "$agent/_diag/Worker_*.log" >/dev/null
}

online() {
  local started
  read_clock
  started=$now_ms
  while ! has_run; do
    unit_journal
    if [[ $REPLY == *'Listening for Jobs'* ]] && systemctl is-active --quiet "$unit.service"; then
      return 0
    fi
    read_clock
    if [ $((now_ms - started)) -ge $((seconds_network_max * 1000)) ] || systemctl is-failed --quiet "$unit.service"; then
      output=$REPLY
      classify "$output"
      fail "$REPLY" "The agent did not come online after $(((now_ms - started) / 1000)) s. $(advice "$REPLY")" "$output"
    fi
    pause 0.2
  done
}

# What the unit printed since it was last started.
unit_journal() {
  local invocation
  invocation=$(systemctl show --property InvocationID --value "$unit.service" 2>/dev/null) || invocation=''
  if [ -n "$invocation" ]; then
    REPLY=$(journalctl --no-pager --output cat "_SYSTEMD_INVOCATION_ID=$invocation" 2>/dev/null) || REPLY=''
  else
    REPLY=$(journalctl --no-pager --output cat --boot --unit "$unit.service" 2>/dev/null) || REPLY=''
  fi
}

# ---------------------------------------------------------------- called by the unit
unit_start() {
  phase=start
  load_plan
  read_image
  exec 9>>"$lock"
  flock --wait 3500 9 || fail unknown "Another run of this script holds $lock. End it, and start $unit.service."
  exec 9>&-
  # Its work is done; left alone it would start the unit again whenever the agent ends.
  systemctl stop --no-block "$unit.path" || :
  [ -e "$agent/.agent" ] || fail unknown "$agent/.agent is gone: the configuration failed. Look in $log."
  if [ "${plan[runMode]}" = once ] && ran_a_job; then
    [ -e "$state/finished" ] || finished
    say 'This machine ran its one job and takes no second one.'
    exit 1
  fi
  write_environment
}

# The image's variables for jobs, read at every start. Options of the agent are for its configuration only.
write_environment() {
  local name value
  for name in "${!image[@]}"; do
    [[ ${name^^} != VSTS_AGENT_INPUT_* ]] || continue
    value=${image[$name]//\\/\\\\}
    value=${value//\"/\\\"}
    value=${value//\$/\\\$}
    printf '%s="%s"\n' "$name" "${value//\`/\\\`}"
  done >"$state/environment.new"
  mv -f "$state/environment.new" "$state/environment"
}

# Asks the listener to end: it cancels its job and tells Azure DevOps, instead of vanishing in the middle of it.
unit_drain() {
  local folder pid waited=0 listeners=()
  for folder in "$proc"/[0-9]*; do
    grep -qs "/$unit.service" "$folder/cgroup" && grep -qsa 'bin/Agent\.Listener' "$folder/cmdline" && listeners+=("${folder##*/}")
  done
  [ "${#listeners[@]}" -gt 0 ] || return 0
  kill -TERM "${listeners[@]}" 2>/dev/null || :
  for pid in "${listeners[@]}"; do
    while [ -d "$proc/$pid" ] && [ "$waited" -lt 240 ]; do
      pause 1
      waited=$((waited + 1))
    done
  done
}

unit_stop() {
  load_plan
  [ "${plan[runMode]}" = once ] && ran_a_job || return 0
  if [ ! -e "$state/finished" ]; then
    read_image
    finished
  fi
  # Newer releases of systemd start a unit again without looking at its conditions.
  systemctl stop --no-block "$unit.service" || :
}

# The marker first: no second job is worth a report.
finished() {
  local started
  : >"$state/finished"
  phase=finished
  started=$(stat -c %Y "$state/environment" 2>/dev/null) || started=$(date +%s)
  report ok $((($(date +%s) - started) * 1000)) ''
  # After the marker no start of the unit reports it again. The unit waits five minutes for its end.
  deliver_reports "$seconds_finished_max"
}

# ---------------------------------------------------------------- reports, logs, failures
# Kept until the claim is made, and while the service does not answer: a report that fails stops nothing.
report() {
  local name text=''
  [ "$service_url" != - ] || return 0
  for name in "poolId=$pool_id" "machine=$machine" "phase=$phase" "result=$1" "durationMs=$2" "detail=$3"; do
    quote "$name"
    text+="data-urlencode = $REPLY"$'\n'
  done
  pending_reports+=("$text")
  send_reports
}

send_reports() {
  [ "$claimed" = yes ] || return 0
  while [ "${#pending_reports[@]}" -gt 0 ]; do
    http "url = \"$service_url/api/v1/registration/report\"
header = \"Authorization: Bearer $key\"
include
connect-timeout = 5
max-time = 10
${pending_reports[0]}"
    case $http_status in
      000 | 429 | 5??) return 0 ;;
    esac
    pending_reports=("${pending_reports[@]:1}")
  done
}

# Goes on for so many seconds when the last ones could not be sent: nothing comes after them that would take them along.
deliver_reports() {
  local started wait=2
  read_clock
  started=$now_ms
  while [ "$claimed" = yes ] && [ "${#pending_reports[@]}" -gt 0 ] && [ $((now_ms - started)) -lt $(($1 * 1000)) ]; do
    pause "$wait"
    wait=$((wait < 10 ? wait * 2 : 20))
    send_reports
    read_clock
  done
}

say() {
  write_log "$1"
  printf '%s\n' "$1"
}

note() {
  notes+=${notes:+ }$1
  say "warning: $1"
}

log_output() {
  conceal "$output"
  [ -z "$REPLY" ] || write_log "$REPLY"
}

write_log() {
  { TZ=UTC printf '%(%FT%TZ)T %s\n' -1 "$1" >>"$log"; } 2>/dev/null || :
}

unexpected() {
  [ "$BASH_SUBSHELL" -eq 0 ] || exit "$1"
  fail unknown "Line $2 of the script ended with $1. Look in $log for what came before it." "${output:-}"
}

command_or_fail() {
  local cause=$1
  shift
  output=$("$@" 2>&1 9>&-) && return
  classify "$output"
  [ "$REPLY" != unknown ] || REPLY=$cause
  fail "$REPLY" "\`$*\` failed. $(advice "$REPLY")" "$output"
}

# Ends the script: cause, one sentence with the next step, what the failing command printed.
fail() {
  trap - ERR INT TERM
  set +e
  local line code=${exit_code:-${exit_codes[$phase]:-1}}
  conceal "${2//$'\n'/ }"
  line="enableagent failed in $phase [$1]: $REPLY"
  conceal "${3:-}"
  last_bytes "$REPLY" 3072
  read_clock
  [ -z "$REPLY" ] || write_log "$REPLY"
  write_log "$line ($((now_ms - phase_started_ms)) ms)"
  if [ "$code" -ne 2 ]; then
    report failed $((now_ms - phase_started_ms)) "${line:0:1000}${REPLY:+$'\n'$REPLY}"
    deliver_reports "$seconds_report_max"
  fi
  printf '%s\n' "$line"
  exit "$code"
}

conceal() {
  local secret
  REPLY=$1
  for secret in "$token" "$key" "$proxy_password"; do
    # A shorter one would only blank out innocent words.
    [ "${#secret}" -lt 4 ] || REPLY=${REPLY//"$secret"/***}
  done
}

# Bytes, not characters, without the rest of a character at the cut.
last_bytes() {
  REPLY=$1
  [ "${#REPLY}" -le "$2" ] || REPLY=${REPLY: -$2}
  while [[ ${REPLY:0:1} == [$'\x80'-$'\xbf'] ]]; do
    REPLY=${REPLY:1}
  done
}

# ---------------------------------------------------------------- causes
classify_curl() {
  case $http_exit:$http_error in
    *:*'not yet valid'*) REPLY=clock-skew ;;
    5:* | 97:* | *:*407* | *:*'from proxy after CONNECT'*) REPLY=proxy ;;
    6:*) REPLY='name-resolution' ;;
    35:* | 51:* | 58:* | 60:* | 77:*)
      REPLY=tls-interception
      blame_clock "$http_error"
      ;;
    7:* | 28:* | 56:*)
      REPLY=$1
      [ -z "$proxy_url" ] || REPLY=proxy
      ;;
    *) REPLY=$1 ;;
  esac
}

# An expired certificate is the fault of this machine's clock, or of who did not renew it: the metadata service knows the time.
blame_clock() {
  local said=$1 cause=$REPLY
  [[ $cause = tls-interception && ${said,,} =~ expired|nottimevalid ]] || return 0
  REPLY=$(metadata_request versions 5 && clock_skew && printf '%s' "$REPLY")
  [ "$REPLY" -gt "$clock_skew_seconds_max" ] && REPLY=clock-skew || REPLY=$cause
}

# The cause that the words of another program name. The first line that fits decides, so narrow ones stand before wide ones.
classify() {
  local cause pattern
  while IFS=$'\t' read -r cause pattern; do
    # In other phases it is a group or a file that exists.
    [[ $cause != name-taken || $phase = configure ]] || continue
    if grep -ciE -- "$pattern" >/dev/null < <(printf '%s' "$1"); then
      REPLY=$cause
      blame_clock "$1"
      return
    fi
  done < <(causes)
  REPLY=unknown
}

causes() {
  printf '%s\t%s\n' \
    disk-full 'no space left on device|enough (free )?(disk )?space|disk quota exceeded|enospc' \
    package-lock 'could not get lock|system management is locked|holding the (yum|dnf) lock' \
    clock-skew 'clock skew|not yet valid|clock (is|may be)|token .*(lifetime|not valid (before|yet))' \
    proxy 'proxy authentication|http code 407|\b407\b|(could not|cannot|failed to) (resolve|connect to) (the )?proxy|proxy tunnel request' \
    name-resolution 'name or service not known|temporary failure (in name resolution|resolving)|could ?n.t resolve|could not resolve|no such host|nodename nor servname|name does not resolve' \
    tls-interception 'ssl connection could not be established|self.signed certificate|certificate has expired|nottimevalid|unable to get (local )?issuer|untrustedroot|partialchain|remotecertificate|certificate verify failed|peer certificate cannot be authenticated' \
    pool-permission 'manage permission|access denied|does not have permission|lacks? .*permission|agent pool not found|\bforbidden\b|\b403\b' \
    credential-refused 'vs30063|tf400813|unauthorized|not authorized|\b401\b|token .*(expired|revoked|invalid)|invalid .*(credential|token)' \
    name-taken 'already exists' \
    dependencies-failed 'valid icu package|libicu|cannot open shared object|dependencies is missing|no usable version of libssl|glibc' \
    agent-version 'minimum.*version|version .*(not supported|too old|out of date|deprecated)|exec format error|cannot execute binary' \
    service-unreachable 'connection refused|timed out|no route to host|network is unreachable|connection reset|service unavailable|bad gateway'
}

# The next step of each cause.
advice() {
  case $1 in
    name-resolution) echo 'Check the DNS servers of the virtual network.' ;;
    proxy) echo 'Check the proxy of the pool or the image, and its credentials.' ;;
    download-blocked) echo 'Let the firewall pass the download host of the agent.' ;;
    tls-interception) echo 'Add the certificate authority of the inspecting proxy to the image, or exempt the host from inspection; renew a certificate that has expired.' ;;
    hash-mismatch) echo 'Something on the way changes the download: look at proxies and caches.' ;;
    hash-missing) echo 'Pin an agent version of which Azure DevOps states a hash.' ;;
    package-lock) echo 'Something in the image or the Custom Script extension keeps it busy: let that end first.' ;;
    disk-full) echo 'Use a larger OS disk or a smaller image.' ;;
    clock-skew) echo 'Let the image keep its time (chrony or systemd-timesyncd).' ;;
    metadata-unavailable) echo 'Let the machine reach 169.254.169.254 without a proxy; check its routes and its firewall.' ;;
    service-unreachable) echo 'Check that the machine can reach the address, and that the service there runs.' ;;
    credential-refused) echo "Azure DevOps refused the credential: check that the service's own is valid and not expired." ;;
    pool-permission) echo "Make the service's identity administrator of the pool." ;;
    agent-version) echo 'Choose another agent version in the settings of the pool.' ;;
    name-taken) echo 'Delete the other agent of this name from the pool.' ;;
    user-is-admin) echo "Give the scale set's administrator another name (--admin-username) and replace its machines." ;;
    dependencies-failed) echo 'Add the libraries to the image, or let the machine reach its package sources.' ;;
    credential-leaked) echo 'Revoke the credential and report this as a security problem.' ;;
    *) echo "Look in $log." ;;
  esac
}

# ---------------------------------------------------------------- small tools
# The machine's own line of time: a corrected clock makes no wait longer or shorter.
read_clock() {
  local uptime
  read -r uptime _ </proc/uptime
  now_ms=$((10#${uptime/./} * 10))
}

pause() {
  sleep "$1"
}

service_request() {
  local path=$1 text=''
  shift
  while [ $# -gt 0 ]; do
    quote "$1=$2"
    text+="data-urlencode = $REPLY"$'\n'
    shift 2
  done
  http "url = \"$service_url/api/v1/registration$path\"
header = \"Expect:\"
include
connect-timeout = 10
max-time = 60
$text"
}

metadata_request() {
  http "url = \"$metadata/$1\"
header = \"Metadata: true\"
noproxy = \"*\"
include
connect-timeout = 3
max-time = $2"
}

# One request, told to curl on standard input so that nothing of it is in a command line. http_status is 000 when there was no answer.
http() {
  local reply head='' line
  http_exit=0 http_status=000 http_body='' http_error='' http_retry_after=0 http_date=''
  reply=$(printf '%s\n' "$1" | curl --disable --silent --show-error --suppress-connect-headers --config - 2>&1 9>&-) || http_exit=$?
  if [ "$http_exit" -ne 0 ]; then
    http_error=${reply##*$'\n'}
    return 0
  fi
  http_body=${reply#"${reply%%HTTP/*}"}$'\n'
  # The last block of headers is the answer's; those before it are of redirections.
  while [[ $http_body == HTTP/*$'\r\n\r\n'* ]]; do
    head=${http_body%%$'\r\n\r\n'*}
    http_body=${http_body#*$'\r\n\r\n'}
  done
  [[ $head =~ ^HTTP/[0-9.]+\ ([0-9]{3}) ]] || return 0
  http_status=${BASH_REMATCH[1]}
  while IFS= read -r line; do
    line=${line%$'\r'}
    case ${line,,} in
      retry-after:*) [[ ! ${line#*:} =~ ^[[:space:]]*([0-9]{1,4})$ ]] || http_retry_after=$((10#${BASH_REMATCH[1]})) ;;
      date:*) http_date=${line#*: } ;;
    esac
  done < <(printf '%s\n' "$head")
}

# A value in curl's own quotes.
quote() {
  local text=${1//\\/\\\\}
  text=${text//\"/\\\"}
  text=${text//$'\r'/}
  REPLY="\"${text//$'\n'/\\n}\""
}

[ "${BASH_SOURCE[0]}" != "$0" ] || main "$@"
