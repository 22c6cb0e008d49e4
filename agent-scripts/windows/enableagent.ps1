# Makes this machine an agent. The Azure Pipelines VM extension runs it elevated on every new or reimaged machine, in the folder
# into which it has put the agent's package. Windows PowerShell 5.1 and PowerShell 7. docs/boot.md has phases, causes and exit codes.
#
# Usage: enableagent.ps1 -service <url> -poolId <id> [-runArgs --once]
# Without a service that machines can reach:
#        enableagent.ps1 -service - -poolId <id> -organization <url> -pool <name, percent-encoded> -sha256 <hex> -token <secret>
#                        [-runArgs --once] [-noSudo] [-allowUpgrades] [-interactive] [-proxy <url>]
# -resume is for our own scheduled task: it starts the agent after a restart, or after this script was killed.
param(
  [string] $service = '',
  [string] $poolId = '',
  [string] $runArgs = '',
  [string] $organization = '',
  [string] $pool = '',
  [string] $sha256 = '',
  [switch] $noSudo,
  [switch] $allowUpgrades,
  [switch] $interactive,
  [string] $proxy = '',
  [string] $token = '',
  [switch] $resume
)
Set-StrictMode -Version Latest
$ErrorActionPreference = 'Stop'
# Its progress bar makes a download of Windows PowerShell 5.1 several times slower.
$ProgressPreference = 'SilentlyContinue'
# TLS 1.2 beside what is switched on: Windows PowerShell 5.1 on older systems would not offer it by itself.
[System.Net.ServicePointManager]::SecurityProtocol = [System.Net.ServicePointManager]::SecurityProtocol -bor 3072

$ExitCodes = @{
  usage = 2
  prerequisites = 10
  proof = 20
  package = 30
  user = 40
  configure = 50
  start = 60
  online = 70
}

# Every cause that this script can name, with its next step.
$Fixes = @{
  'name-resolution' = 'Check the DNS servers of the virtual network.'
  'proxy' = 'Check the address and the credentials of the proxy.'
  'download-blocked' = 'Allow this host in the firewall or the proxy.'
  'tls-interception' = 'Put the certificate of the inspecting proxy into the image, or exempt this host from inspection.'
  'hash-mismatch' = 'Something on the way changes the package: exempt its host from inspection and caching.'
  'hash-missing' = 'Pin an agent version for which Azure DevOps states a SHA-256.'
  'disk-full' = 'Choose a larger disk or a smaller image.'
  'clock-skew' = 'Let the image keep its time with the host (w32time).'
  'metadata-unavailable' = 'Allow 169.254.169.254 in the image (firewall, routes, proxy settings).'
  'service-unreachable' = 'Allow the service in the firewall, and check that it runs.'
  'claim-refused' = 'The reason is in Diagnostics of the pool.'
  'credential-refused' = 'Check the credential with which the service registers agents.'
  'pool-permission' = 'Make the identity that registers agents an administrator of the pool.'
  'agent-version' = 'Choose a newer agent version for the pool.'
  'name-taken' = 'Delete the agent of the same name from the pool.'
  'user-is-admin' = 'Choose another administrator name than AzDevOps in the model of the scale set.'
  'credential-leaked' = 'Revoke the credential, and report this with the agent version.'
  'unknown' = 'Read enableagent.log and the _diag folder of the agent on the machine.'
}

$AgentUser = 'AzDevOps'
$AgentFolder = $PSScriptRoot
$StateFolder = Join-Path $env:ProgramData 'scale-set-agents'
$TaskName = 'scale-set-agent'
$StarterName = 'scale-set-agent-starter'
$Metadata = 'http://169.254.169.254/metadata'
$ReservedInputs = '^(AGENT|WORKER)_DIAGLOGPATH$|^VSTS_AGENT_INPUT_(URL|AUTH|TOKEN|USERNAME|PASSWORD|POOL|AGENT|RUNASSERVICE|RUNASAUTOLOGON|ONCE|' +
  'REPLACE|CLIENTID|CLIENTSECRET|TENANTID|PROJECTNAME|COLLECTIONNAME|.*(DEPLOYMENT|MACHINEGROUP|ENVIRONMENT|VIRTUALMACHINE).*)$'
# Where Windows keeps a key only until it restarts.
$UnrestartedKey = 'SOFTWARE\scale-set-agents'
$NetworkSeconds = 120
$ServiceSeconds = 600
$ClockSeconds = 60

# What is known so far; $token of the parameters is part of it. The plan holds the lines of the claim's answer without the credential.
$Rest = @($args)
$Plan = @{}
$Password = ''
$Key = ''
$Secrets = New-Object System.Collections.Generic.List[string]
$Warnings = New-Object System.Collections.Generic.List[string]
$Unsent = New-Object System.Collections.Generic.List[hashtable]
$Lock = $null
$RebootNeeded = $false
$Certificates = $null
$ProxyUrl = ''
$ProxyUser = ''
$ProxySecret = ''
$Uptime = [System.Diagnostics.Stopwatch]::StartNew()

function Invoke-Main {
  if ($resume) {
    return (Invoke-Resume)
  }
  $usage = Find-UsageProblem
  if ($usage) {
    Write-Log "enableagent: $usage"
    return $ExitCodes['usage']
  }
  Resolve-Token
  $phases = @(
    @{ name = 'prerequisites'; work = { Initialize-Machine } },
    @{ name = 'proof'; work = { Get-Plan } },
    @{ name = 'package'; work = { Install-Package } },
    @{ name = 'user'; work = { Set-AgentAccount } },
    @{ name = 'configure'; work = { Register-Agent } },
    @{ name = 'start'; work = { Start-Agent } },
    @{ name = 'online'; work = { Wait-Online } }
  )
  try {
    foreach ($phase in $phases) {
      if (Test-Needless $phase.name) {
        continue
      }
      $failed = Invoke-Phase $phase.name $phase.work
      if ($failed) {
        return $ExitCodes[$phase.name]
      }
    }
    if ($RebootNeeded) {
      # After the extension has seen the exit code.
      Start-Restart
    } elseif ($Plan['runMode'] -eq 'once') {
      # It waits for the end of the one job; every minute it would come by itself.
      Unlock-State
      Start-Task $StarterName
    }
    return 0
  } finally {
    Unlock-State
  }
}

# The second run on a configured machine has only to see that the agent runs. One that waits for its restart is not online yet.
function Test-Needless([string] $phase) {
  if ($phase -eq 'prerequisites' -or -not (Test-Configured)) {
    return $false
  }
  # Without a plan somebody else has configured it.
  return ($Plan.Count -eq 0 -or $phase -notin @('start', 'online') -or ($phase -eq 'online' -and $RebootNeeded))
}

# Run by the starter at every start of the machine and every minute until the agent runs.
function Invoke-Resume {
  if (-not (Lock-State 0)) {
    return 0
  }
  try {
    if (-not (Read-Plan) -or -not (Test-Configured)) {
      # The script was killed before: the extension runs it again.
      return 0
    }
    if (Test-JobDone) {
      Complete-Machine
      return 0
    }
    if (Test-Path (Join-Path $StateFolder 'online')) {
      # A restart of the machine is no boot of its own.
      if (-not (Test-AgentRuns)) {
        Start-Agent
      }
    } elseif (Invoke-Phase 'start' { Start-Agent }) {
      return $ExitCodes['start']
    } elseif ($RebootNeeded) {
      # The script was killed between the registration and the restart.
      Start-Restart
      return 0
    } elseif (Invoke-Phase 'online' { Wait-Online }) {
      return $ExitCodes['online']
    }
  } finally {
    Unlock-State
  }
  if ($Plan['runMode'] -eq 'once') {
    Wait-OneJob
  }
  return 0
}

# What an earlier run came to know; false when it did not come so far.
function Read-Plan {
  $file = Join-Path $StateFolder 'plan'
  if (-not (Test-Path $file)) {
    return $false
  }
  $script:Plan = ConvertFrom-Lines ([System.IO.File]::ReadAllText($file))
  $script:AgentFolder = $Plan['agentFolder']
  Resolve-Proxy ([string] $Plan['proxy'])
  if ($Plan['service'] -ne '-') {
    $script:Key = Get-Key
  }
  return $true
}

function Find-UsageProblem {
  if ($Rest.Count -gt 0) {
    return "unknown argument $($Rest[0]); the usage is in the head of this file."
  }
  if ($poolId -notmatch '^[0-9]+$') {
    return "-poolId must be a number, not '$poolId'."
  }
  if ($runArgs -and $runArgs -ne '--once') {
    return "-runArgs may only be --once, not '$runArgs'."
  }
  if ($service -eq '-') {
    if (-not ($organization -and $pool -and $sha256 -and $token)) {
      return 'without a service, -organization, -pool, -sha256 and -token are needed.'
    }
    return ''
  }
  # What it is asked for is a credential: no plain HTTP to another computer.
  if ($service -notmatch '^(https://[^/\s]|http://(127\.0\.0\.1|localhost|\[::1\])(:[0-9]+)?(/|$))') {
    return "-service must be the https address of the service, not '$service'."
  }
  return ''
}

# The VM extension moves the value of -token into the environment and leaves the variable's name in its place.
function Resolve-Token {
  if ($script:token -eq 'ENABLE_AGENT_PAT_TOKEN') {
    $script:token = [string] $env:ENABLE_AGENT_PAT_TOKEN
  }
  $env:ENABLE_AGENT_PAT_TOKEN = $null
  Add-Secret
}

# ---- phases

# Runs one phase; logs and reports its result with its time. Answers whether it failed.
function Invoke-Phase([string] $name, [scriptblock] $work) {
  $watch = [System.Diagnostics.Stopwatch]::StartNew()
  $line = ''
  $output = ''
  try {
    & $work | Out-Null
  } catch {
    $cause = Get-Cause $_.Exception 'unknown'
    $sentence = (Hide-Secrets $_.Exception.Message).Trim() -replace '\s+', ' '
    $line = "enableagent failed in $name [$cause]: $sentence $($Fixes[$cause])"
    $output = Hide-Secrets ([string] $_.Exception.Data['output'])
  }
  $took = $watch.ElapsedMilliseconds
  $detail = Hide-Secrets ((@($line) + $Warnings.ToArray() + @($output) | Where-Object { $_ }) -join "`n")
  $Warnings.Clear()
  $result = 'ok'
  if ($line) {
    $result = 'failed'
  }
  Write-Log "$name $result after $took ms"
  [void] (Send-Report @{ phase = $name; result = $result; durationMs = $took; detail = $detail })
  if ($line) {
    # The VM extension shows the end of what a script wrote.
    Write-Log $line
  }
  return [bool] $line
}

function Initialize-Machine {
  $identity = New-Object System.Security.Principal.WindowsPrincipal ([System.Security.Principal.WindowsIdentity]::GetCurrent())
  if (-not $identity.IsInRole([System.Security.Principal.WindowsBuiltInRole]::Administrator)) {
    throw (New-Failure 'unknown' 'The script does not run elevated; the VM extension runs it so.')
  }
  if ([Environment]::OSVersion.Version.Build -lt 14393) {
    throw (New-Failure 'unknown' 'This Windows is older than Windows Server 2016, which the agent needs.')
  }
  Protect-StateFolder
  if (-not (Lock-State 600)) {
    throw (New-Failure 'unknown' 'Another run of this script has not ended for 10 minutes.')
  }
  if (Test-Configured) {
    if (-not (Read-Plan)) {
      Write-Log 'The agent was configured by something else than this script; nothing is changed.'
    }
    return
  }
  Resolve-Proxy $proxy
  $drive = New-Object System.IO.DriveInfo ([System.IO.Path]::GetPathRoot($AgentFolder))
  $freeMegabytes = [Math]::Floor($drive.AvailableFreeSpace / 1048576)
  if ($freeMegabytes -lt 2048) {
    throw (New-Failure 'disk-full' "Drive $($drive.Name) has $freeMegabytes MB free; the agent needs 2048 MB.")
  }
  if ($service -ne '-') {
    $script:Key = Get-Key
  }
}

# Only SYSTEM and Administrators, whatever the image or a user made of the folder before.
function Protect-StateFolder {
  New-Item -ItemType Directory -Force -Path $StateFolder | Out-Null
  $acl = New-Object System.Security.AccessControl.DirectorySecurity
  $acl.SetAccessRuleProtection($true, $false)
  foreach ($sid in @('S-1-5-18', 'S-1-5-32-544')) {
    $who = New-Object System.Security.Principal.SecurityIdentifier $sid
    $acl.AddAccessRule((New-Object System.Security.AccessControl.FileSystemAccessRule $who, 'FullControl', 'ContainerInherit,ObjectInherit', 'None', 'Allow'))
  }
  $acl.SetOwner((New-Object System.Security.Principal.SecurityIdentifier 'S-1-5-32-544'))
  Set-Acl -Path $StateFolder -AclObject $acl
}

# The machine's secret towards the service: made once, so that a script that was killed claims again as itself.
function Get-Key {
  $file = Join-Path $StateFolder 'key'
  $key = ''
  if (Test-Path $file) {
    $key = [System.IO.File]::ReadAllText($file).Trim()
  }
  if ($key -notmatch '^[0-9a-f]{64}$') {
    $key = -join (Get-RandomBytes 32 | ForEach-Object { $_.ToString('x2') })
    Write-Whole $file $key
  }
  $Secrets.Add($key)
  return $key
}

function Get-Plan {
  if ($service -eq '-') {
    $script:Plan = Get-PlanOfArguments
  } else {
    $script:Plan = Request-Plan
    # It never reaches the plan's file.
    $script:token = [string] $Plan['token']
    $Plan.Remove('token')
  }
  if (-not $script:token) {
    throw (New-Failure 'credential-refused' 'The service gave no credential for this machine.')
  }
  Add-Secret
  Resolve-Proxy ([string] $Plan['proxy'])
  $Plan['service'] = $service
  $Plan['poolId'] = $poolId
  $Plan['agentFolder'] = $AgentFolder
  $lines = $Plan.Keys | Sort-Object | ForEach-Object { "$_=$($Plan[$_])" }
  Write-Whole (Join-Path $StateFolder 'plan') ($lines -join "`r`n")
}

function Get-PlanOfArguments {
  $runMode = 'service'
  if ($runArgs) {
    $runMode = 'once'
  }
  $answer = @{ organizationUrl = $organization; pool = [Uri]::UnescapeDataString($pool); agent = [System.Net.Dns]::GetHostName(); packageUrl = ''; packageSha256 = $sha256 }
  $answer['runMode'] = $runMode
  $answer['proxy'] = $proxy
  $answer['sudo'] = Format-YesNo (-not $noSudo)
  $answer['holdUpgrades'] = Format-YesNo (-not $allowUpgrades)
  $answer['interactive'] = Format-YesNo $interactive
  return $answer
}

# Each try takes a nonce of its own, because a claim uses it up. What may pass is tried again, as long as its cause allows and never longer
# than the service may take; what cannot ends the phase.
function Request-Plan {
  $begun = Get-Seconds
  $last = ''
  $since = $begun
  for ($try = 1; $try -le 300; $try++) {
    try {
      return (Request-PlanOnce)
    } catch {
      $trouble = $_.Exception
    }
    if (-not $trouble.Data['passes']) {
      throw $trouble
    }
    $kind = "$($trouble.Data['cause']) $($trouble.Data['secondsMax'])"
    if ($kind -ne $last) {
      $last = $kind
      $since = Get-Seconds
      Write-Log "The proof has to wait: $($trouble.Message)"
    }
    $left = [Math]::Min($since + $trouble.Data['secondsMax'], $begun + $ServiceSeconds) - (Get-Seconds)
    if ($left -le 0) {
      break
    }
    Start-Sleep -Seconds ([Math]::Ceiling([Math]::Min($left, [Math]::Max([Math]::Min(15, 2 * $try), $trouble.Data['waitSeconds']))))
  }
  throw $trouble
}

function Request-PlanOnce {
  $form = @{ poolId = $poolId; machine = [System.Net.Dns]::GetHostName() }
  $response = Invoke-Http -Uri "$service/api/v1/registration/nonce" -Body $form -Tries 1 -TimeoutSeconds 60 -Cause 'service-unreachable'
  $nonce = (Read-Lines $response)['nonce']
  if (-not $nonce) {
    throw (New-Failure 'service-unreachable' "$service answered something else than a nonce.")
  }
  Assert-Clock $response
  $document = Get-Document $nonce
  if ($null -eq $script:Certificates) {
    $script:Certificates = Get-Certificates $document
  }
  $form += @{ nonce = $nonce; key = $Key; document = $document; certificates = $Certificates }
  $response = Invoke-Http -Uri "$service/api/v1/registration/claim" -Body $form -Tries 1 -TimeoutSeconds 60 -Cause 'service-unreachable'
  $answer = Read-Lines $response
  foreach ($name in @('organizationUrl', 'pool', 'agent', 'runMode')) {
    if (-not $answer[$name]) {
      throw (New-Failure 'service-unreachable' "The claim was answered without $name; service and script may be of different versions.")
    }
  }
  return $answer
}

# A content of another type, such as a page of a captive portal, comes as bytes.
function Read-Lines($response) {
  return (ConvertFrom-Lines ([string] $response.Content))
}

# A wrong clock fails later and less clearly: the agent signs its requests with it. It may be set right within a minute.
function Assert-Clock($response) {
  $date = [string] (@($response.Headers['Date'])[0])
  $there = [DateTimeOffset]::MinValue
  if (-not [DateTimeOffset]::TryParse($date, [Globalization.CultureInfo]::InvariantCulture, 'AssumeUniversal', [ref] $there)) {
    return
  }
  $seconds = [Math]::Abs(([DateTimeOffset]::UtcNow - $there).TotalSeconds)
  if ($seconds -gt 300) {
    throw (New-PassingFailure 'clock-skew' "The clock of this machine is $([Math]::Round($seconds)) s away from the service's." $ClockSeconds)
  }
}

# The metadata service may answer a document that it signed before, with an older nonce.
function Get-Document([string] $nonce) {
  $uri = "$Metadata/attested/document?api-version=2025-04-07&nonce=$nonce"
  $until = (Get-Seconds) + $NetworkSeconds
  for ($try = 1; $try -le 120; $try++) {
    $waitSeconds = [Math]::Min(10, 2 * $try)
    try {
      $answer = Invoke-Http -Uri $uri -Headers @{ Metadata = 'true' } -Direct -Tries 1 -TimeoutSeconds 15 -Cause 'metadata-unavailable'
      $document = Read-Document ([string] $answer.Content) $nonce
      if ($document) {
        return $document
      }
      $why = 'The metadata service keeps answering without a document for this nonce.'
    } catch {
      if (-not $_.Exception.Data['passes']) {
        throw
      }
      $why = $_.Exception.Message
      $waitSeconds = [Math]::Max($waitSeconds, $_.Exception.Data['waitSeconds'])
    }
    $left = $until - (Get-Seconds)
    if ($left -le 0) {
      break
    }
    Start-Sleep -Seconds ([Math]::Ceiling([Math]::Min($left, $waitSeconds)))
  }
  throw (New-Failure 'metadata-unavailable' $why)
}

# The document, when it is one and was signed for this nonce.
function Read-Document([string] $content, [string] $nonce) {
  try {
    $document = [string] (Get-Property (ConvertFrom-Json $content) 'signature')
    $signed = ConvertFrom-Json ([System.Text.Encoding]::UTF8.GetString((Read-Cms $document).ContentInfo.Content))
    if ((Get-Property $signed 'nonce') -eq $nonce) {
      return $document
    }
  } catch {
    # What answers there may not be the metadata service.
    Write-Log "The answer of the metadata service cannot be read: $($_.Exception.Message)"
  }
  return ''
}

function Read-Cms([string] $document) {
  $assembly = 'System.Security'
  if ($PSVersionTable.PSEdition -eq 'Core') {
    $assembly = 'System.Security.Cryptography.Pkcs'
  }
  Add-Type -AssemblyName $assembly
  $cms = New-Object System.Security.Cryptography.Pkcs.SignedCms
  $cms.Decode([Convert]::FromBase64String($document))
  return $cms
}

# The intermediates: those in the document, else the issuer that the leaf names. The service fetches nothing and trusts its own roots.
function Get-Certificates([string] $document) {
  $cms = Read-Cms $document
  $leaf = $cms.SignerInfos[0].Certificate
  $found = @($cms.Certificates | Where-Object { $_.Thumbprint -ne $leaf.Thumbprint } | ForEach-Object { [Convert]::ToBase64String($_.RawData) })
  if ($found.Count -eq 0) {
    $found = @(Get-Issuers $leaf)
  }
  return (@($found | Select-Object -First 4) -join ',')
}

# Up the chain: the issuer of the issuer may be known to the service when the issuer is not.
function Get-Issuers($certificate) {
  $found = @()
  for ($step = 1; $step -le 3; $step++) {
    $issuer = Get-Issuer $certificate
    if (-not $issuer) {
      break
    }
    $found += $issuer
    $certificate = New-Object System.Security.Cryptography.X509Certificates.X509Certificate2 -ArgumentList @(, [Convert]::FromBase64String($issuer))
  }
  return $found
}

function Get-Issuer($certificate) {
  $access = $certificate.Extensions | Where-Object { $_.Oid.Value -eq '1.3.6.1.5.5.7.1.1' } | Select-Object -First 1
  if ($null -eq $access) {
    return ''
  }
  foreach ($match in [regex]::Matches($access.Format($true), 'https?://[^\s\)]+')) {
    $uri = [Uri] $match.Value
    # The document is not verified yet: it must not choose where this machine goes.
    if ($uri.Host -ne 'www.microsoft.com' -or -not $uri.AbsolutePath.StartsWith('/pkiops/certs/')) {
      continue
    }
    try {
      $answer = Invoke-Http -Uri $uri.AbsoluteUri -Tries 1 -TimeoutSeconds 5 -Cause 'service-unreachable'
      return [Convert]::ToBase64String($answer.RawContentStream.ToArray())
    } catch {
      # The service may know the issuer already.
      $Warnings.Add("The issuer of the attested document could not be fetched: $($_.Exception.Message)")
    }
  }
  return ''
}

function Install-Package {
  if ($Plan['holdUpgrades'] -ne 'no') {
    Suspend-WindowsUpdate
  }
  $expected = ([string] $Plan['packageSha256']).ToLowerInvariant()
  if ($expected -notmatch '^[0-9a-f]{64}$') {
    throw (New-Failure 'hash-missing' 'No SHA-256 is known for the agent package.')
  }
  $marker = Join-Path $StateFolder 'package'
  $listener = Join-Path $AgentFolder 'bin\Agent.Listener.exe'
  if ((Test-Path $listener) -and (Test-Path $marker) -and [System.IO.File]::ReadAllText($marker) -eq $expected) {
    return
  }
  $package = Get-AgentPackage $expected
  Expand-Package $package
  Write-Whole $marker $expected
  Remove-Item -Force -Path $package
}

# For this life of the machine: a reimage brings the image's own policy back.
function Suspend-WindowsUpdate {
  Set-Policy 'WindowsUpdate\AU' @('NoAutoUpdate', 'NoAutoRebootWithLoggedOnUsers')
  # It reads the policy when it starts next; jobs may start it.
  Stop-Service -Name wuauserv -Force -ErrorAction SilentlyContinue
}

function Set-Policy([string] $name, [string[]] $switches) {
  $policy = "HKLM:\SOFTWARE\Policies\Microsoft\Windows\$name"
  # An existing key is left alone: -Force would empty it.
  if (-not (Test-Path $policy)) {
    New-Item -Force -Path $policy | Out-Null
  }
  foreach ($switch in $switches) {
    New-ItemProperty -Force -Path $policy -Name $switch -PropertyType DWord -Value 1 | Out-Null
  }
}

# The extension has downloaded it as a rule; a half one is fetched again, a wrong one never unpacked.
function Get-AgentPackage([string] $expected) {
  $uri = [string] $Plan['packageUrl']
  if (-not $uri) {
    $found = @(Get-ChildItem -Path $AgentFolder -Filter '*.zip' -File)
    if ($found.Count -ne 1) {
      throw (New-Failure 'download-blocked' "$AgentFolder holds $($found.Count) packages instead of the one that the VM extension downloads.")
    }
    Assert-Hash $found[0].FullName $expected
    return $found[0].FullName
  }
  $file = Join-Path $AgentFolder ([System.IO.Path]::GetFileName(([Uri] $uri).AbsolutePath))
  if ((Test-Path $file) -and (Get-FileHash -Algorithm SHA256 -Path $file).Hash -eq $expected) {
    return $file
  }
  Invoke-Http -Uri $uri -OutFile $file -TimeoutSeconds 600 -Tries 4 -Cause 'download-blocked' | Out-Null
  Assert-Hash $file $expected
  return $file
}

function Assert-Hash([string] $file, [string] $expected) {
  $actual = (Get-FileHash -Algorithm SHA256 -Path $file).Hash.ToLowerInvariant()
  if ($actual -ne $expected) {
    Remove-Item -Force -Path $file
    throw (New-Failure 'hash-mismatch' "$(Split-Path -Leaf $file) has SHA-256 $actual instead of $expected.")
  }
}

# Into a folder beside, then moved: a script killed here leaves nothing that looks complete.
function Expand-Package([string] $package) {
  $new = Join-Path $AgentFolder '.new'
  if (Test-Path $new) {
    Remove-Item -Recurse -Force -Path $new
  }
  Add-Type -AssemblyName System.IO.Compression.FileSystem
  [System.IO.Compression.ZipFile]::ExtractToDirectory($package, $new)
  foreach ($item in Get-ChildItem -Force -Path $new) {
    $target = Join-Path $AgentFolder $item.Name
    if (Test-Path $target) {
      Remove-Item -Recurse -Force -Path $target
    }
    Move-Item -Path $item.FullName -Destination $target
  }
  Remove-Item -Force -Path $new
}

# Windows Server: the user AzDevOps. Client Windows: Network Service, see docs/adr/0012.
function Set-AgentAccount {
  if (Test-Client) {
    if ($Plan['interactive'] -eq 'yes') {
      $Warnings.Add('Client Windows has no interactive agents: this one runs as a service.')
    }
    return
  }
  $user = Get-LocalUser -Name $AgentUser -ErrorAction SilentlyContinue
  if ($null -ne $user -and (Test-PrimaryAdministrator $user)) {
    throw (New-Failure 'user-is-admin' "The user $AgentUser is the primary administrator of this machine, and its password would change.")
  }
  # Known to this process alone. Windows keeps it where it must: for the service, the task or the autologon.
  $script:Password = 'aA1!' + [Convert]::ToBase64String((Get-RandomBytes 30))
  $Secrets.Add($Password)
  $secure = [System.Net.NetworkCredential]::new('', $Password).SecurePassword
  if ($null -eq $user) {
    $user = New-LocalUser -Name $AgentUser -Password $secure -PasswordNeverExpires -AccountNeverExpires -Description 'Runs the Azure Pipelines agent'
  } else {
    Set-LocalUser -Name $AgentUser -Password $secure -PasswordNeverExpires $true -AccountNeverExpires
    Enable-LocalUser -Name $AgentUser
  }
  if ($null -eq (Get-LocalGroup -Name 'docker-users' -ErrorAction SilentlyContinue)) {
    New-LocalGroup -Name 'docker-users' -Description 'Users of Docker' | Out-Null
  }
  Add-ToGroup (Get-LocalGroup -Name 'docker-users').SID $user
  if ($Plan['sudo'] -ne 'no') {
    Add-ToGroup ([System.Security.Principal.SecurityIdentifier] 'S-1-5-32-544') $user
  } else {
    # Performance Log Users: the least group that may log on for a scheduled task.
    Add-ToGroup ([System.Security.Principal.SecurityIdentifier] 'S-1-5-32-559') $user
  }
}

# Azure renames the built-in administrator (relative id 500) or names it to the metadata service.
function Test-PrimaryAdministrator($user) {
  if ($user.SID.Value -match '-500$') {
    return $true
  }
  try {
    $answer = Invoke-Http -Uri "$Metadata/instance?api-version=2021-02-01" -Headers @{ Metadata = 'true' } -Direct -Tries 2 -TimeoutSeconds 5 -Cause 'metadata-unavailable'
    return ($answer.Content -match ('"adminUsername"\s*:\s*"' + $AgentUser + '"'))
  } catch {
    $Warnings.Add("The name of the primary administrator could not be read: $($_.Exception.Message)")
    return $false
  }
}

function Add-ToGroup($group, $user) {
  $members = @(Get-LocalGroupMember -SID $group -ErrorAction SilentlyContinue | ForEach-Object { $_.SID.Value })
  if ($user.SID.Value -in $members) {
    return
  }
  try {
    Add-LocalGroupMember -SID $group -Member $user
  } catch {
    # The list of members cannot always be read: an orphaned entry breaks it.
    if ($_.FullyQualifiedErrorId -notlike 'MemberExists*') {
      throw
    }
  }
}

function Register-Agent {
  if (Test-Interactive) {
    Initialize-Desktop
  }
  Clear-LogPath
  $work = Get-WorkFolder
  New-Item -ItemType Directory -Force -Path $work | Out-Null
  foreach ($folder in @($AgentFolder, $work)) {
    $run = Invoke-Program 'icacls.exe' "`"$folder`" /grant `"*$(Get-AccountSid):(OI)(CI)F`" /Q" @{} 300
    if ($run.code -ne 0) {
      throw (New-Failure 'unknown' "The account of the agent could not be given the folder $folder." $run.output)
    }
  }
  # Before the agent is configured: from then on the extension says "already enabled" and does not run this script again.
  Copy-Item -Force -Path $PSCommandPath -Destination (Join-Path $StateFolder 'enableagent.ps1')
  Register-Tasks
  $since = [DateTime]::UtcNow.AddSeconds(-2)
  try {
    Invoke-Configuration $work
    Assert-NoLeak $since
  } catch {
    # A machine whose registration failed must not start by itself.
    Remove-Tasks
    Clear-Configuration
    throw
  }
}

# The user logs on at the next restart. Without the policy a page about privacy would wait there for a person.
function Initialize-Desktop {
  Set-Policy 'OOBE' @('DisablePrivacyExperience')
  $check = [Microsoft.Win32.RegistryKeyPermissionCheck]::ReadWriteSubTree
  [Microsoft.Win32.Registry]::LocalMachine.CreateSubKey($UnrestartedKey, $check, [Microsoft.Win32.RegistryOptions]::Volatile).Dispose()
}

# The log of a job's process tells that a one-job machine is done, so it has to be where Test-JobDone looks. Tasks and services begin with
# the machine's environment; Get-Inputs finds these in that of this process, and tells that they are ignored.
function Clear-LogPath {
  foreach ($name in @('AGENT_DIAGLOGPATH', 'WORKER_DIAGLOGPATH')) {
    $value = [Environment]::GetEnvironmentVariable($name, 'Machine')
    if ($value) {
      [Environment]::SetEnvironmentVariable($name, $value, 'Process')
      [Environment]::SetEnvironmentVariable($name, $null, 'Machine')
    }
  }
}

function Get-WorkFolder {
  $folder = [Environment]::GetEnvironmentVariable('VSTS_AGENT_INPUT_WORK', 'Machine')
  if (-not $folder) {
    return 'C:\a'
  }
  # A relative one is the agent's.
  return [System.IO.Path]::Combine($AgentFolder, $folder)
}

# Tries config.cmd three times. Every value goes by the environment: no quoting, and nothing that a list of processes shows.
function Invoke-Configuration([string] $work) {
  $arguments = '/d /c config.cmd --unattended --acceptTeeEula --replace --auth pat'
  if (Test-Interactive) {
    $arguments += ' --runAsAutoLogon --overwriteAutoLogon --noRestart'
    if ($Plan['runMode'] -eq 'once') {
      $arguments += ' --once'
    }
  } elseif ($Plan['runMode'] -ne 'once') {
    $arguments += ' --runAsService --preventServiceStart'
  }
  $inputs = Get-Inputs $work
  for ($try = 1; ; $try++) {
    Clear-Configuration
    $run = Invoke-Program 'cmd.exe' $arguments $inputs 600
    if ($run.code -eq 0 -and (Test-Configured)) {
      return
    }
    $cause = Get-ConfigurationCause $run.output
    $passes = $cause -notin @('credential-refused', 'pool-permission', 'name-taken', 'agent-version', 'disk-full')
    if (-not $passes -or $try -ge 3) {
      throw (New-Failure $cause "The agent could not be registered in pool $($Plan['pool']) (config.cmd ended with $($run.code))." $run.output)
    }
    Start-Sleep -Seconds (10 * $try)
  }
}

# The environment of config.cmd: what the image sets for the agent, without what would break its registration.
function Get-Inputs([string] $work) {
  $inputs = @{}
  $machine = [Environment]::GetEnvironmentVariables('Machine')
  foreach ($name in @($machine.Keys) + @([Environment]::GetEnvironmentVariables().Keys)) {
    if ($name -match $ReservedInputs) {
      $inputs[$name] = $null
    } elseif ($name -like 'VSTS_AGENT_INPUT_*' -and $machine.Contains($name)) {
      $inputs[$name] = $machine[$name]
    }
  }
  $ignored = @($inputs.Keys | Where-Object { $null -eq $inputs[$_] } | Sort-Object)
  if ($ignored.Count -gt 0) {
    $Warnings.Add("Ignored, because they are this product's to set: $($ignored -join ', '). Remove them from the image.")
  }
  $inputs['VSTS_AGENT_INPUT_URL'] = $Plan['organizationUrl']
  $inputs['VSTS_AGENT_INPUT_POOL'] = $Plan['pool']
  $inputs['VSTS_AGENT_INPUT_AGENT'] = $Plan['agent']
  $inputs['VSTS_AGENT_INPUT_WORK'] = $work
  $inputs['VSTS_AGENT_INPUT_TOKEN'] = $script:token
  Add-AccountInputs $inputs
  Add-ProxyInputs $inputs
  return $inputs
}

function Add-AccountInputs([hashtable] $inputs) {
  if (Test-Client) {
    $inputs['VSTS_AGENT_INPUT_WINDOWSLOGONACCOUNT'] = 'NT AUTHORITY\NETWORK SERVICE'
  } else {
    $inputs['VSTS_AGENT_INPUT_WINDOWSLOGONACCOUNT'] = "$env:COMPUTERNAME\$AgentUser"
    $inputs['VSTS_AGENT_INPUT_WINDOWSLOGONPASSWORD'] = $script:Password
  }
}

# The same as the script's own requests go through.
function Add-ProxyInputs([hashtable] $inputs) {
  if (-not $ProxyUrl) {
    return
  }
  $inputs['VSTS_AGENT_INPUT_PROXYURL'] = $ProxyUrl
  if ($ProxyUser) {
    $inputs['VSTS_AGENT_INPUT_PROXYUSERNAME'] = $ProxyUser
    $inputs['VSTS_AGENT_INPUT_PROXYPASSWORD'] = $ProxySecret
  }
}

# The more certain first. What it does not know, the service judges by the same output.
function Get-ConfigurationCause([string] $output) {
  $words = @(
    @('not enough space', 'disk-full'),
    @('No such host is known|name could not be resolved|NameResolutionFailure', 'name-resolution'),
    @('UntrustedRoot|trust relationship|SSL connection could not be established|certificate is invalid', 'tls-interception'),
    @('\b407\b|proxy', 'proxy'),
    @('not yet valid|clock skew|current time', 'clock-skew'),
    @('VS30063|TF400813|\b401\b|unauthorized|token (is|has) expired', 'credential-refused'),
    @('agent pool not found|access denied|manage permission|\b403\b|forbidden', 'pool-permission'),
    @('already exists', 'name-taken'),
    @('agent version|minimum version|upgrade the agent', 'agent-version'),
    @('timed out|unreachable|actively refused|connection.*(failed|closed|reset)', 'service-unreachable')
  )
  foreach ($pair in $words) {
    if ($output -match $pair[0]) {
      return $pair[1]
    }
  }
  return 'unknown'
}

# What a registration that did not end leaves behind; without .agent neither the starter nor the extension takes it for a whole one.
function Clear-Configuration {
  foreach ($name in @('.agent', '.credentials', '.credentials_rsaparams', '.service', '.autologon')) {
    $file = Join-Path $AgentFolder $name
    if (Test-Path $file) {
      Remove-Item -Force -Path $file
    }
  }
}

# Looks for the credential in every file that was written since, in clear text and as a header of basic authentication has it, each as UTF-8
# and as UTF-16.
function Assert-NoLeak([DateTime] $since) {
  $latin = [System.Text.Encoding]::GetEncoding(28591)
  $words = @($script:token, [Convert]::ToBase64String([System.Text.Encoding]::UTF8.GetBytes(':' + $script:token)))
  $needles = $words + @($words | ForEach-Object { $latin.GetString([System.Text.Encoding]::Unicode.GetBytes($_)) })
  $leaked = @()
  foreach ($file in @(Get-WrittenFiles $since)) {
    try {
      $text = $latin.GetString((Read-Shared $file))
    } catch [System.IO.IOException], [System.UnauthorizedAccessException] {
      $Warnings.Add("$file could not be searched for the credential: $($_.Exception.Message)")
      continue
    }
    if (@($needles | Where-Object { $text.Contains($_) }).Count -gt 0) {
      $leaked += $file
    }
  }
  if ($leaked.Count -eq 0) {
    return
  }
  Remove-Item -Force -LiteralPath $leaked -ErrorAction SilentlyContinue
  $sentence = "The registration credential was in $($leaked -join ', '); the files were removed and the agent is not started."
  $left = @($leaked | Where-Object { Test-Path -LiteralPath $_ })
  if ($left.Count -gt 0) {
    $sentence += " Could not be removed: $($left -join ', ')."
  }
  throw (New-Failure 'credential-leaked' $sentence)
}

function Get-WrittenFiles([DateTime] $since) {
  $unread = @()
  $folders = @($AgentFolder, $StateFolder, 'C:\WindowsAzure\Logs') | Where-Object { Test-Path $_ }
  Get-ChildItem -Recurse -Force -File -Path $folders -ErrorAction SilentlyContinue -ErrorVariable unread |
    Where-Object { $_.LastWriteTimeUtc -ge $since -and $_.Name -ne 'lock' } |
    ForEach-Object { $_.FullName }
  foreach ($problem in $unread) {
    $Warnings.Add("$($problem.TargetObject) could not be searched for the credential: $($problem.Exception.Message)")
  }
}

function Read-Shared([string] $file) {
  $stream = [System.IO.File]::Open($file, 'Open', 'Read', 'ReadWrite, Delete')
  try {
    $memory = New-Object System.IO.MemoryStream
    $stream.CopyTo($memory)
    # The comma keeps PowerShell from unrolling it.
    return , $memory.ToArray()
  } finally {
    $stream.Dispose()
  }
}

# ---- start

function Start-Agent {
  if (Test-JobDone) {
    # The starter reports it.
    return
  }
  $serviceFile = Join-Path $AgentFolder '.service'
  if (Test-Interactive) {
    if (-not (Test-Path (Join-Path $AgentFolder '.autologon'))) {
      throw (New-Failure 'unknown' 'The registration ended before autologon was set up; delete or reimage this machine.')
    }
    # Nobody is logged on before the restart, so the agent comes with it.
    $script:RebootNeeded = Test-Path "HKLM:\$UnrestartedKey"
  } elseif ($Plan['runMode'] -ne 'once' -and (Test-Path $serviceFile)) {
    $name = [System.IO.File]::ReadAllText($serviceFile).Trim()
    Start-Service -Name $name
    (Get-Service -Name $name).WaitForStatus('Running', [TimeSpan]::FromSeconds(60))
    # From here on Windows starts it.
    Remove-Tasks
  } else {
    # One job, or a registration that was killed before it made the service.
    Start-Task $TaskName
  }
}

# The agent writes this into its own log, in every language of Windows.
function Wait-Online {
  if (Test-JobDone) {
    return
  }
  $written = ''
  $watch = [System.Diagnostics.Stopwatch]::StartNew()
  while ($watch.Elapsed.TotalSeconds -lt 300) {
    foreach ($log in @(Get-ChildItem -Path (Join-Path $AgentFolder '_diag') -Filter 'Agent_*.log' -ErrorAction SilentlyContinue)) {
      $written = [System.Text.Encoding]::UTF8.GetString((Read-Shared $log.FullName))
      if ($written.Contains('Session created')) {
        Complete-Autologon
        Write-Whole (Join-Path $StateFolder 'online') ([DateTime]::UtcNow.ToString('o'))
        return
      }
    }
    Start-Sleep -Seconds 2
  }
  throw (New-Failure 'unknown' 'The agent was started, but had no session with Azure DevOps after 5 minutes.' $written)
}

# A one-job machine must not log on again: its second logon would start a second job. Any other starts by its logon from here on.
function Complete-Autologon {
  if (-not (Test-Interactive)) {
    return
  }
  if ($Plan['runMode'] -eq 'once') {
    Set-ItemProperty -Path 'HKLM:\SOFTWARE\Microsoft\Windows NT\CurrentVersion\Winlogon' -Name 'AutoAdminLogon' -Value '0'
  } else {
    Remove-Tasks
  }
}

# Until the one job ended. An agent that ended without a job is started again by the starter's next run.
function Wait-OneJob {
  $quiet = 0
  while ($quiet -lt 2) {
    Start-Sleep -Seconds 2
    if (Test-AgentRuns) {
      $quiet = 0
    } else {
      $quiet++
    }
  }
  if (Test-JobDone) {
    Complete-Machine
  }
}

# The folder was unpacked in this life, so a log of a job's process is of this life's job.
function Test-JobDone {
  if (Test-Path (Join-Path $StateFolder 'finished')) {
    return $true
  }
  return ($Plan['runMode'] -eq 'once' -and (Test-Path (Join-Path $AgentFolder '_diag\Worker_*.log')) -and -not (Test-AgentRuns))
}

function Test-AgentRuns {
  return (@(Get-Process -Name 'Agent.Listener', 'Agent.Worker' -ErrorAction SilentlyContinue).Count -gt 0)
}

# Marked first: whatever comes after, this machine takes no second job. The starter stays until the service knows.
function Complete-Machine {
  $marker = Join-Path $StateFolder 'finished'
  if (-not (Test-Path $marker)) {
    Write-Whole $marker ([DateTime]::UtcNow.ToString('o'))
    Write-Log 'finished ok'
  }
  if (Send-Report @{ phase = 'finished'; result = 'ok'; durationMs = 0; detail = '' }) {
    Remove-Tasks
  }
}

function Start-Restart {
  Invoke-Program 'shutdown.exe' '/r /t 15 /c "Azure Pipelines agent: autologon"' @{} 30 | Out-Null
}

# ---- tasks

# The agent's task starts on demand only; the starter decides, at every start of the machine and every minute.
function Register-Tasks {
  $once = ''
  if ($Plan['runMode'] -eq 'once') {
    $once = ' --once'
  }
  $starter = Join-Path $StateFolder 'enableagent.ps1'
  $resumption = "-NoProfile -ExecutionPolicy Bypass -File `"$starter`" -resume"
  $every = '<BootTrigger><Repetition><Interval>PT1M</Interval></Repetition></BootTrigger>' +
    "<TimeTrigger><Repetition><Interval>PT1M</Interval></Repetition><StartBoundary>$([DateTime]::Now.AddMinutes(1).ToString('s'))</StartBoundary></TimeTrigger>"
  Register-Task $StarterName 'S-1-5-18' $every 'powershell.exe' $resumption
  Register-Task $TaskName (Get-AccountSid) '' 'cmd.exe' "/d /c run.cmd$once"
}

# By the COM interface: a cmdlet's parameters, a password among them, can be logged by a policy.
function Register-Task([string] $name, [string] $sid, [string] $triggers, [string] $program, [string] $arguments) {
  $escaped = [System.Security.SecurityElement]::Escape($arguments)
  $folder = [System.Security.SecurityElement]::Escape($AgentFolder)
  $xml = '<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">' +
    "<Triggers>$triggers</Triggers>" +
    "<Principals><Principal id=`"p`"><UserId>$sid</UserId><RunLevel>HighestAvailable</RunLevel></Principal></Principals>" +
    '<Settings><MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy><ExecutionTimeLimit>PT0S</ExecutionTimeLimit>' +
    '<DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries><StopIfGoingOnBatteries>false</StopIfGoingOnBatteries><Priority>5</Priority></Settings>' +
    "<Actions Context=`"p`"><Exec><Command>$program</Command><Arguments>$escaped</Arguments><WorkingDirectory>$folder</WorkingDirectory></Exec></Actions></Task>"
  $create = 6
  if ($sid -in @('S-1-5-18', 'S-1-5-20')) {
    $serviceAccount = 5
    (Get-TaskFolder).RegisterTask($name, $xml, $create, $null, $null, $serviceAccount) | Out-Null
  } else {
    $withPassword = 1
    (Get-TaskFolder).RegisterTask($name, $xml, $create, "$env:COMPUTERNAME\$AgentUser", $script:Password, $withPassword) | Out-Null
  }
}

function Start-Task([string] $name) {
  (Get-TaskFolder).GetTask($name).Run($null) | Out-Null
}

function Remove-Tasks {
  $folder = Get-TaskFolder
  foreach ($task in @($folder.GetTasks(1))) {
    if ($task.Name -in @($TaskName, $StarterName)) {
      $folder.DeleteTask($task.Name, 0)
    }
  }
}

function Get-TaskFolder {
  $scheduler = New-Object -ComObject Schedule.Service
  $scheduler.Connect()
  return $scheduler.GetFolder('\')
}

# ---- reports

# A report never fails the machine. Without a claim it waits in memory; it answers whether the service has it.
function Send-Report([hashtable] $report) {
  if ($script:service -eq '-' -or $Plan['service'] -eq '-') {
    return $true
  }
  $Unsent.Add($report)
  if ($Plan.Count -eq 0) {
    return $false
  }
  $headers = @{ Authorization = "Bearer $Key" }
  while ($Unsent.Count -gt 0) {
    $body = $Unsent[0]
    $body['poolId'] = $Plan['poolId']
    $body['machine'] = [System.Net.Dns]::GetHostName()
    $body['detail'] = Limit-Text ([string] $body['detail']) 4096
    try {
      Invoke-Http -Uri "$($Plan['service'])/api/v1/registration/report" -Headers $headers -Body $body -Tries 3 -TimeoutSeconds 10 -Cause 'service-unreachable' | Out-Null
    } catch {
      Write-Log "The report of $($body['phase']) could not be sent: $($_.Exception.Message)"
      return $false
    }
    $Unsent.RemoveAt(0)
  }
  return $true
}

# At most so many bytes of UTF-8, from the beginning.
function Limit-Text([string] $text, [int] $bytes) {
  $all = [System.Text.Encoding]::UTF8.GetBytes($text)
  if ($all.Length -le $bytes) {
    return $text
  }
  # Half a character at the cut becomes one of three bytes.
  return [System.Text.Encoding]::UTF8.GetString($all, 0, $bytes - 3).TrimEnd([char] 0xFFFD)
}

# ---- network

# One request, tried a limited number of times while the cause can pass.
function Invoke-Http {
  param(
    [string] $Uri,
    [int] $Tries,
    [string] $Cause,
    [hashtable] $Headers = @{},
    [hashtable] $Body = $null,
    [string] $OutFile = '',
    [int] $TimeoutSeconds = 30,
    [switch] $Direct
  )
  $more = @{}
  if ($null -ne $Body) {
    $more['Method'] = 'Post'
    $more['Body'] = $Body
  }
  if ($OutFile) {
    $more['OutFile'] = $OutFile
  }
  for ($try = 1; $try -le $Tries; $try++) {
    try {
      $session = New-HttpSession $Uri $Direct
      return (Invoke-WebRequest -Uri $Uri -Headers $Headers -WebSession $session -TimeoutSec $TimeoutSeconds -UseBasicParsing @more)
    } catch {
      $failure = New-HttpFailure $_ $Uri $Cause $Direct
      if (-not $failure.Data['passes'] -or $try -ge $Tries) {
        throw $failure
      }
      Start-Sleep -Seconds ([Math]::Min(60, [Math]::Max(2 * $try, $failure.Data['waitSeconds'])))
    }
  }
}

# A proxy for the network, none for the metadata service.
function New-HttpSession([string] $uri, [bool] $direct) {
  $session = New-Object Microsoft.PowerShell.Commands.WebRequestSession
  if (Test-Proxied $uri $direct) {
    $session.Proxy = New-Object System.Net.WebProxy $ProxyUrl
    if ($ProxyUser) {
      $session.Proxy.Credentials = [System.Net.NetworkCredential]::new($ProxyUser, $ProxySecret)
    }
  } elseif ($direct -or (Test-NoProxy ([Uri] $uri).Host)) {
    $session.Proxy = New-Object System.Net.WebProxy
  }
  return $session
}

function Test-Proxied([string] $uri, [bool] $direct) {
  return ($ProxyUrl -and -not $direct -and -not (Test-NoProxy ([Uri] $uri).Host))
}

# The image's own proxy, else the pool's, else that of the environment. What the image says of user and password goes before the address.
function Resolve-Proxy([string] $ofPool) {
  $found = @((Get-ImageValue 'VSTS_AGENT_INPUT_PROXYURL'), $ofPool, (Get-ImageValue 'HTTPS_PROXY'), (Get-ImageValue 'HTTP_PROXY')) | Where-Object { $_ }
  $address = [string] ($found | Select-Object -First 1)
  if ($address -and $address -notmatch '://') {
    $address = "http://$address"
  }
  $uri = $null
  if ($address -and -not [Uri]::TryCreate($address, [UriKind]::Absolute, [ref] $uri)) {
    throw (New-Failure 'proxy' 'The address of the proxy is none.')
  }
  $script:ProxyUrl = ''
  $script:ProxyUser = [string] (Get-ImageValue 'VSTS_AGENT_INPUT_PROXYUSERNAME')
  $script:ProxySecret = [string] (Get-ImageValue 'VSTS_AGENT_INPUT_PROXYPASSWORD')
  if ($uri) {
    $user, $secret = $uri.UserInfo -split ':', 2
    $script:ProxyUrl = $uri.GetComponents([UriComponents]::SchemeAndServer, [UriFormat]::UriEscaped)
    if (-not $ProxyUser) {
      $script:ProxyUser = [Uri]::UnescapeDataString($user)
    }
    if (-not $ProxySecret) {
      $script:ProxySecret = [Uri]::UnescapeDataString([string] $secret)
      # As it stands in the address.
      $Secrets.Add([string] $secret)
    }
  }
  $Secrets.Add($ProxySecret)
}

function Get-ImageValue([string] $name) {
  foreach ($scope in @('Machine', 'Process')) {
    $value = [Environment]::GetEnvironmentVariable($name, $scope)
    if ($value) {
      return $value
    }
  }
  return ''
}

function Test-NoProxy([string] $name) {
  foreach ($entry in ([string] $env:NO_PROXY) -split ',') {
    $suffix = $entry.Trim().TrimStart('*').TrimStart('.')
    if ($suffix -and ($name -eq $suffix -or $name.EndsWith(".$suffix"))) {
      return $true
    }
  }
  return $false
}

# An exception that tells what happened, its cause, whether and how long it can pass, and how long the server asks to wait.
function New-HttpFailure($record, [string] $uri, [string] $cause, [bool] $direct) {
  $response = Get-Property $record.Exception 'Response'
  if ($null -eq $response) {
    return (New-SilenceFailure $record.Exception $uri $cause $direct)
  }
  $status = [int] $response.StatusCode
  $said = ''
  if ($null -ne $record.ErrorDetails -and $record.ErrorDetails.Message) {
    $said = ": $(($record.ErrorDetails.Message -split "`n")[0])"
  }
  if ($status -eq 407) {
    $cause = 'proxy'
  } elseif ($status -eq 403 -and $uri -like '*/registration/*') {
    $cause = 'claim-refused'
  }
  $failure = New-Failure $cause "$(([Uri] $uri).Host) answered $status$said"
  $failure.Data['passes'] = $status -in @(407, 408, 410, 429) -or $status -ge 500 -or ($direct -and $status -eq 404)
  if ($status -in @(429, 503)) {
    $failure.Data['secondsMax'] = $ServiceSeconds
  }
  if ($response.Headers.ToString() -match '(?im)^Retry-After:\s*([0-9]{1,4})\b') {
    $failure.Data['waitSeconds'] = [int] $Matches[1]
  }
  return $failure
}

# There was no answer.
function New-SilenceFailure([Exception] $exception, [string] $uri, [string] $cause, [bool] $direct) {
  $cause = Get-Cause $exception $cause
  if ($cause -eq 'tls-interception' -and (Test-CertificateTime $exception $uri)) {
    return (New-PassingFailure 'clock-skew' "The certificate of $(([Uri] $uri).Host) is not valid at the time that this machine has." $ClockSeconds)
  }
  if ((Test-Proxied $uri $direct) -and $cause -notin @('tls-interception', 'disk-full')) {
    $cause = 'proxy'
  }
  $sentence = "$(([Uri] $uri).Host) could not be reached: $($exception.Message)"
  if ($cause -in @('tls-interception', 'disk-full')) {
    return (New-Failure $cause $sentence)
  }
  return (New-PassingFailure $cause $sentence $NetworkSeconds)
}

# Whether a certificate was refused for its time: .NET says so, .NET Framework keeps the certificate.
function Test-CertificateTime([Exception] $exception, [string] $uri) {
  if ($exception.ToString() -match 'NotTimeValid') {
    return $true
  }
  $certificate = [System.Net.ServicePointManager]::FindServicePoint([Uri] $uri).Certificate
  if ($null -eq $certificate) {
    return $false
  }
  $times = New-Object System.Security.Cryptography.X509Certificates.X509Certificate2 $certificate
  return ([DateTime]::Now -lt $times.NotBefore -or [DateTime]::Now -gt $times.NotAfter)
}

# One that can pass within so many seconds.
function New-PassingFailure([string] $cause, [string] $sentence, [int] $secondsMax) {
  $failure = New-Failure $cause $sentence
  $failure.Data['passes'] = $true
  $failure.Data['secondsMax'] = $secondsMax
  return $failure
}

function New-Failure([string] $cause, [string] $sentence, [string] $output = '') {
  $failure = New-Object System.InvalidOperationException $sentence
  $failure.Data['cause'] = $cause
  $failure.Data['passes'] = $false
  $failure.Data['waitSeconds'] = 0
  $failure.Data['secondsMax'] = $NetworkSeconds
  # The end tells more than the beginning, and 3 KB leave room for the sentence.
  $failure.Data['output'] = $output.Substring([Math]::Max(0, $output.Length - 3072))
  return $failure
}

# The named cause of an exception, by what .NET Framework (5.1) and .NET (7) tell of it.
function Get-Cause([Exception] $exception, [string] $otherwise) {
  for ($each = $exception; $null -ne $each; $each = $each.InnerException) {
    if ($each.Data.Contains('cause')) {
      return $each.Data['cause']
    }
    $status = [string] (Get-Property $each 'Status')
    $socket = [string] (Get-Property $each 'SocketErrorCode')
    if ($status -eq 'NameResolutionFailure' -or $socket -in @('HostNotFound', 'TryAgain', 'NoData')) {
      return 'name-resolution'
    }
    if ($status -eq 'ProxyNameResolutionFailure') {
      return 'proxy'
    }
    if ($status -in @('TrustFailure', 'SecureChannelFailure') -or $each -is [System.Security.Authentication.AuthenticationException]) {
      return 'tls-interception'
    }
    # ERROR_HANDLE_DISK_FULL and ERROR_DISK_FULL
    if ($each -is [System.IO.IOException] -and ($each.HResult -band 0xFFFF) -in @(39, 112)) {
      return 'disk-full'
    }
  }
  return $otherwise
}

# ---- small things

function Test-Configured {
  return (Test-Path (Join-Path $AgentFolder '.agent'))
}

function Test-Client {
  return ((Get-ItemProperty -Path 'HKLM:\SOFTWARE\Microsoft\Windows NT\CurrentVersion' -Name 'InstallationType').InstallationType -eq 'Client')
}

function Test-Interactive {
  return ($Plan['interactive'] -eq 'yes' -and -not (Test-Client))
}

# By number, because Windows translates the names.
function Get-AccountSid {
  if (Test-Client) {
    return 'S-1-5-20'
  }
  return (Get-LocalUser -Name $AgentUser).SID.Value
}

# Runs a program; its output comes back together with its exit code. The variables are in its environment only.
function Invoke-Program([string] $program, [string] $arguments, [hashtable] $variables, [int] $seconds) {
  $start = New-Object System.Diagnostics.ProcessStartInfo $program, $arguments
  $start.WorkingDirectory = $AgentFolder
  $start.UseShellExecute = $false
  $start.CreateNoWindow = $true
  $start.RedirectStandardInput = $true
  $start.RedirectStandardOutput = $true
  $start.RedirectStandardError = $true
  foreach ($name in $variables.Keys) {
    $start.EnvironmentVariables.Remove($name)
    if ($null -ne $variables[$name]) {
      $start.EnvironmentVariables[$name] = $variables[$name]
    }
  }
  $process = [System.Diagnostics.Process]::Start($start)
  # A question waits for nobody.
  $process.StandardInput.Close()
  $output = $process.StandardOutput.ReadToEndAsync()
  $errors = $process.StandardError.ReadToEndAsync()
  if (-not $process.WaitForExit($seconds * 1000)) {
    Stop-Tree $process.Id
    throw (New-Failure 'unknown' "$program did not end in $seconds s.")
  }
  $text = Hide-Secrets ($output.Result + $errors.Result)
  Write-Log $text.Trim()
  return @{ code = $process.ExitCode; output = $text }
}

function Stop-Tree([int] $id) {
  foreach ($child in @(Get-CimInstance -ClassName Win32_Process -Filter "ParentProcessId = $id")) {
    Stop-Tree $child.ProcessId
  }
  Stop-Process -Id $id -Force -ErrorAction SilentlyContinue
}

# One run at a time. Windows closes the file when a process dies, so a killed script leaves no lock.
function Lock-State([int] $seconds) {
  $watch = [System.Diagnostics.Stopwatch]::StartNew()
  do {
    try {
      $script:Lock = [System.IO.File]::Open((Join-Path $StateFolder 'lock'), 'OpenOrCreate', 'ReadWrite', 'None')
      return $true
    } catch [System.IO.IOException] {
      Start-Sleep -Milliseconds 500
    }
  } while ($watch.Elapsed.TotalSeconds -lt $seconds)
  return $false
}

function Unlock-State {
  if ($null -ne $script:Lock) {
    $script:Lock.Dispose()
    $script:Lock = $null
  }
}

# All of it or nothing, also when the script is killed here.
function Write-Whole([string] $file, [string] $text) {
  [System.IO.File]::WriteAllText("$file.new", $text)
  Move-Item -Force -Path "$file.new" -Destination $file
}

# Lines of the form name=value; everything after the first = is the value.
function ConvertFrom-Lines([string] $text) {
  $found = @{}
  foreach ($line in $text -split "`r?`n") {
    $name, $value = $line -split '=', 2
    if ($null -ne $value) {
      $found[$name] = $value
    }
  }
  return $found
}

function Get-Property($thing, [string] $name) {
  $property = $thing.PSObject.Properties[$name]
  if ($null -eq $property) {
    return $null
  }
  return $property.Value
}

function Get-RandomBytes([int] $count) {
  $bytes = New-Object byte[] $count
  $random = [System.Security.Cryptography.RandomNumberGenerator]::Create()
  $random.GetBytes($bytes)
  $random.Dispose()
  return $bytes
}

# The machine's own line of time: a clock that is set makes no wait longer or shorter.
function Get-Seconds {
  return $Uptime.Elapsed.TotalSeconds
}

function Format-YesNo([bool] $value) {
  if ($value) {
    return 'yes'
  }
  return 'no'
}

function Add-Secret {
  if ($script:token) {
    $Secrets.Add($script:token)
  }
}

function Hide-Secrets([string] $text) {
  foreach ($secret in $Secrets) {
    if ($secret) {
      $text = $text.Replace($secret, '***')
    }
  }
  return $text
}

function Write-Log([string] $text) {
  $line = Hide-Secrets $text
  Write-Host $line
  try {
    [System.IO.File]::AppendAllText((Join-Path $StateFolder 'enableagent.log'), "$([DateTime]::UtcNow.ToString('s'))Z $line`r`n")
  } catch {
    # The folder is made in the first phase; a full disk or missing rights must not hide the sentence that names them.
    return
  }
}

# Dot-sourced, by its tests, it only defines.
if ($MyInvocation.InvocationName -ne '.') {
  $code = Invoke-Main
  # Windows PowerShell with -Command would turn any code into 1.
  $Host.SetShouldExit($code)
  exit $code
}
