# What other programs print, and the cause that is made of it. Wordings are those of the agent, .NET, apt, dnf, zypper and tar.
load machine

# The code of one argument, with the functions of the script.
in_script() {
  # shellcheck disable=SC2016
  bash -c 'source "$1"; set_paths /nowhere; eval "$2"' bash "$BATS_TEST_DIRNAME/../../agent-scripts/linux/enableagent.sh" "$1"
}

@test "each wording has its cause" {
  run in_script 'phase=configure
  blame_clock() { :; }
  while IFS="|" read -r cause wording; do
    classify "some line before"$'"'\n'"'"$wording"
    [ "$REPLY" = "$cause" ] || printf "%s, not %s: %s\n" "$REPLY" "$cause" "$wording"
  done' <<'WORDINGS'
credential-refused|VS30063: You are not authorized to access https://dev.azure.com.
credential-refused|TF400813: The user '' is not authorized to access this resource.
credential-refused|Response status code does not indicate success: 401 (Unauthorized).
pool-permission|Access denied. Build Service needs Manage permissions for pool linux to perform the action.
pool-permission|Agent pool not found: 'linux'
pool-permission|Response status code does not indicate success: 403 (Forbidden).
name-taken|Pool 7 already contains an agent with name vm000001: it already exists.
agent-version|The minimum required version of the agent is 4.1.0.
agent-version|bash: bin/Agent.Listener: cannot execute binary file: Exec format error
name-resolution|Name or service not known (dev.azure.com:443)
name-resolution|Temporary failure in name resolution
name-resolution|Temporary failure resolving 'packages.example'
name-resolution|Curl error (6): Couldn't resolve host name for https://repo.example
tls-interception|curl: (60) SSL certificate problem: certificate has expired
tls-interception|The remote certificate is invalid because of errors in the certificate chain: NotTimeValid
tls-interception|The SSL connection could not be established, see inner exception.
tls-interception|The remote certificate is invalid because of errors in the certificate chain: PartialChain
proxy|The proxy tunnel request to proxy 'http://p:3128/' failed with status code '407'.
service-unreachable|Connection refused (dev.azure.com:443)
service-unreachable|The operation has timed out.
disk-full|tar: bin/x: Cannot write: No space left on device
disk-full|E: You don't have enough free space in /var/cache/apt/archives/.
package-lock|System management is locked by the application with pid 811 (zypper).
clock-skew|The SSL certificate problem: certificate is not yet valid
dependencies-failed|Process terminated. Couldn't find a valid ICU package installed on the system.
dependencies-failed|error while loading shared libraries: libssl.so.3: cannot open shared object file
unknown|An error of a kind that nobody has seen.
WORDINGS
  [ "$status" -eq 0 ]
  echo "$output"
  [ -z "$output" ]
}

@test "each way of not reaching the service has its cause" {
  run in_script 'blame_clock() { :; }
  while IFS="|" read -r cause proxy_url http_exit http_error; do
    classify_curl service-unreachable
    [ "$REPLY" = "$cause" ] || printf "%s, not %s: %s\n" "$REPLY" "$cause" "$http_exit $http_error"
  done' <<'ANSWERS'
name-resolution||6|Could not resolve host: service.example
proxy||5|Could not resolve proxy: proxy.example
service-unreachable||7|Failed to connect
service-unreachable||28|Timeout was reached
proxy|http://proxy.example|7|Failed to connect to proxy.example
proxy|http://proxy.example|56|Received HTTP code 407 from proxy after CONNECT
tls-interception||60|SSL certificate problem: self-signed certificate in certificate chain
tls-interception||35|wrong version number
clock-skew||60|SSL certificate problem: certificate is not yet valid
tls-interception||60|SSL certificate problem: certificate has expired
ANSWERS
  [ "$status" -eq 0 ]
  echo "$output"
  [ -z "$output" ]
}

@test "each way of not getting the package has its cause" {
  run in_script 'http_body="" plan[packageUrl]=https://download.agent.example/agent.tar.gz
  while IFS="|" read -r cause http_exit http_status http_error; do
    download_trouble
    [ "$trouble_cause" = "$cause" ] || printf "%s, not %s: %s\n" "$trouble_cause" "$cause" "$http_exit $http_status"
  done' <<'ANSWERS'
name-resolution|6|000|Could not resolve host
download-blocked|7|000|Connection refused
download-blocked|0|403|
download-blocked|0|451|
download-blocked|0|500|
tls-interception|60|000|unable to get local issuer certificate
disk-full|23|000|Failure writing output to destination
agent-version|0|404|
proxy|0|407|
proxy|56|000|CONNECT tunnel failed, response 407
ANSWERS
  [ "$status" -eq 0 ]
  echo "$output"
  [ -z "$output" ]
}

@test "what exists already is a taken name only while the agent registers" {
  run in_script 'for phase in package user configure; do classify "groupadd: group docker already exists"; echo "$REPLY"; done'
  [ "${lines[*]}" = 'unknown unknown name-taken' ]
}

@test "an expired certificate is the clock's fault only when the clock is wrong, by the time of the metadata service" {
  make_machine
  answers nonce 'exit 60 SSL certificate problem: certificate has expired'
  enable_agent
  failed_in proof 20 tls-interception
  [[ $(last_line) == *'certificate has expired'*'renew'* ]]
  LC_ALL=C date -u -d '+400 days' '+%a, %d %b %Y %T GMT' >"$SCENE/date"
  enable_agent
  failed_in proof 20 clock-skew
}
