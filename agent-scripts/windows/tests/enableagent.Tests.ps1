# Pester 5 tests of enableagent.ps1, for Windows PowerShell 5.1 and PowerShell 7 on Windows: the job `windows` of .github/workflows/ci.yml.
# NOT EXECUTED where this repository was written: no Windows and no PowerShell were at hand. There, npm test only parses both files.
# Everything that would change the computer is mocked; files live in TestDrive.

BeforeDiscovery {
  Get-Module enableagent | Remove-Module -Force
  New-Module -Name enableagent -ArgumentList (Join-Path $PSScriptRoot '../enableagent.ps1') -ScriptBlock {
    param(
      [string] $file
    )
    . $file
  } | Import-Module
}

InModuleScope enableagent {
  BeforeAll {
    function New-Answer([string] $content) {
      return [pscustomobject] @{ Content = $content; Headers = @{ Date = [DateTime]::UtcNow.ToString('r') } }
    }

    function New-Refusal([int] $status, [string] $headers = '') {
      $refusal = New-Object System.InvalidOperationException "answered $status"
      $response = [pscustomobject] @{ StatusCode = $status; Headers = $headers }
      $refusal | Add-Member -NotePropertyName Response -NotePropertyValue $response
      return $refusal
    }

    function New-Zip([string] $name) {
      $content = Join-Path $TestDrive 'content'
      New-Item -ItemType Directory -Force -Path (Join-Path $content 'bin') | Out-Null
      Set-Content -Path (Join-Path $content 'bin/Agent.Listener.exe') -Value 'x'
      $zip = Join-Path $script:AgentFolder $name
      Compress-Archive -Force -Path (Join-Path $content '*') -DestinationPath $zip
      return $zip
    }
  }

  BeforeEach {
    $script:AgentFolder = Join-Path $TestDrive 'agent'
    $script:StateFolder = Join-Path $TestDrive 'state'
    foreach ($folder in @($script:AgentFolder, $script:StateFolder)) {
      Remove-Item -Recurse -Force -Path $folder -ErrorAction SilentlyContinue
      New-Item -ItemType Directory -Force -Path $folder | Out-Null
    }
    $script:service = 'https://service.example'
    $script:poolId = '7'
    $script:runArgs = ''
    $script:token = ''
    $script:proxy = ''
    $script:organization = ''
    $script:pool = ''
    $script:sha256 = ''
    $script:ProxyUrl = ''
    $script:ProxyUser = ''
    $script:ProxySecret = ''
    $script:Certificates = $null
    $script:RebootNeeded = $false
    $script:now = 0
    $script:Rest = @()
    $script:resume = $false
    $script:Plan = @{}
    $script:Key = 'a' * 64
    $script:Secrets.Clear()
    $script:Warnings.Clear()
    $script:Unsent.Clear()
    # Time passes only where the script waits.
    Mock Start-Sleep { $script:now += $Seconds }
    Mock Get-Seconds { $script:now }
    Mock Write-Host { $null }
  }

  Describe 'arguments' {
    It 'ends with 2 and one sentence when <problem>' -TestCases @(
      @{ problem = 'the pool is no number'; name = 'poolId'; value = 'x' },
      @{ problem = 'the run argument is unknown'; name = 'runArgs'; value = '--twice' },
      @{ problem = 'the service is no address'; name = 'service'; value = 'example' },
      @{ problem = 'the service would be asked for a credential in the clear'; name = 'service'; value = 'http://service.example' },
      @{ problem = 'the fallback has no credential'; name = 'service'; value = '-' }
    ) {
      Set-Variable -Scope Script -Name $name -Value $value
      Invoke-Main | Should -Be 2
      Should -Invoke Write-Host -Exactly 1
    }

    It 'needs a hash without a service' {
      $script:service = '-'
      $script:organization = 'https://dev.example/o'
      $script:pool = 'p'
      $script:token = 'canary'
      Find-UsageProblem | Should -Match 'sha256'
      $script:sha256 = 'a' * 64
      Find-UsageProblem | Should -BeNullOrEmpty
    }

    It 'reads the name of the pool as it was encoded for the command line' {
      $script:pool = 'my%20%24%28pool%29'
      (Get-PlanOfArguments)['pool'] | Should -Be 'my $(pool)'
    }

    It 'takes the credential from where the VM extension put it, and removes it there' {
      $env:ENABLE_AGENT_PAT_TOKEN = 'canary'
      $script:token = 'ENABLE_AGENT_PAT_TOKEN'
      Resolve-Token
      $script:token | Should -Be 'canary'
      Test-Path Env:ENABLE_AGENT_PAT_TOKEN | Should -BeFalse
    }
  }

  Describe 'a phase' {
    It 'ends a failure with the line that names phase, cause and next step, without secrets' {
      $script:Secrets.Add('canary')
      Invoke-Phase 'package' { throw (New-Failure 'hash-mismatch' 'The canary differs.') } | Should -BeTrue
      Should -Invoke Write-Host -ParameterFilter { $Object -like 'enableagent failed in package `[hash-mismatch`]: The `*`*`* differs. *' }
      $script:Unsent[0]['detail'] | Should -Not -Match 'canary'
    }

    It 'stops the run with its exit code' {
      Mock Initialize-Machine { $null }
      Mock Get-Plan { throw (New-Failure 'claim-refused' 'No.') }
      Mock Install-Package { $null }
      Invoke-Main | Should -Be 20
      Should -Invoke Install-Package -Exactly 0
    }

    It 'is not repeated on a configured machine, apart from the start' {
      Set-Content -Path (Join-Path $script:AgentFolder '.agent') -Value '{}'
      $script:Plan = @{ agent = 'm' }
      Mock Initialize-Machine { $null }
      Mock Get-Plan { $null }
      Mock Start-Agent { $null }
      Mock Wait-Online { $null }
      Invoke-Main | Should -Be 0
      Should -Invoke Get-Plan -Exactly 0
      Should -Invoke Start-Agent -Exactly 1
    }

    It 'changes nothing where something else has configured the agent' {
      Set-Content -Path (Join-Path $script:AgentFolder '.agent') -Value '{}'
      Mock Protect-StateFolder { $null }
      Mock Get-Plan { $null }
      Mock Start-Agent { $null }
      Invoke-Main | Should -Be 0
      Should -Invoke Get-Plan -Exactly 0
      Should -Invoke Start-Agent -Exactly 0
    }

    It 'is not online before the restart of an interactive machine' {
      Mock Initialize-Machine { Set-Content -Path (Join-Path $script:AgentFolder '.agent') -Value '{}' }
      $script:Plan = @{ agent = 'm' }
      Mock Start-Agent { $script:RebootNeeded = $true }
      Mock Wait-Online { $null }
      Mock Start-Restart { $null }
      Invoke-Main | Should -Be 0
      Should -Invoke Wait-Online -Exactly 0
      Should -Invoke Start-Restart -Exactly 1
    }

    It 'keeps its report until there is a claim, and never fails because of it' {
      Mock Invoke-WebRequest { throw (New-Refusal 500) }
      Invoke-Phase 'prerequisites' { $null } | Should -BeFalse
      Should -Invoke Invoke-WebRequest -Exactly 0
      $script:Plan = @{ service = $script:service; poolId = '7' }
      Invoke-Phase 'proof' { $null } | Should -BeFalse
      $script:Unsent.Count | Should -Be 2
      Mock Invoke-WebRequest { $null }
      Invoke-Phase 'package' { $null } | Should -BeFalse
      $script:Unsent.Count | Should -Be 0
    }

    It 'cuts a report at 4096 bytes, not in a character' {
      $euro = [string] [char] 0x20AC
      $cut = Limit-Text ($euro * 3000) 4096
      [System.Text.Encoding]::UTF8.GetByteCount($cut) | Should -BeLessOrEqual 4096
      $cut | Should -Match "^($euro)+$"
    }
  }

  Describe 'a request' {
    It 'is tried again after <status>, and as long later as the server asks' -TestCases @(@{ status = 429 }, @{ status = 503 }) {
      Mock Invoke-WebRequest { throw (New-Refusal $status 'Retry-After: 7') }
      { Invoke-Http -Uri 'https://service.example/x' -Tries 3 -Cause 'service-unreachable' } | Should -Throw
      Should -Invoke Invoke-WebRequest -Exactly 3
      Should -Invoke Start-Sleep -Exactly 2 -ParameterFilter { $Seconds -eq 7 }
    }

    It 'is not tried again after 403, which refuses a claim' {
      Mock Invoke-WebRequest { throw (New-Refusal 403) }
      $uri = 'https://service.example/api/v1/registration/claim'
      $failure = { Invoke-Http -Uri $uri -Tries 3 -Cause 'service-unreachable' } | Should -Throw -PassThru
      $failure.Exception.Data['cause'] | Should -Be 'claim-refused'
      Should -Invoke Invoke-WebRequest -Exactly 1
    }

    It 'of the metadata service is tried again after 404 and has no proxy' {
      $script:ProxyUrl = 'http://proxy.example:3128'
      Mock Invoke-WebRequest { throw (New-Refusal 404) }
      { Invoke-Http -Uri 'http://169.254.169.254/x' -Direct -Tries 2 -Cause 'metadata-unavailable' } | Should -Throw
      Should -Invoke Invoke-WebRequest -Exactly 2 -ParameterFilter { $null -eq $WebSession.Proxy.Address }
    }

    It 'is no failure of the proxy when it goes past it' {
      $script:ProxyUrl = 'http://proxy.example:3128'
      $env:NO_PROXY = 'other.example,.service.example'
      try {
        Mock Invoke-WebRequest { throw (New-Object System.InvalidOperationException 'refused') }
        $past = { Invoke-Http -Uri 'https://a.service.example/x' -Tries 1 -Cause 'service-unreachable' } | Should -Throw -PassThru
        $past.Exception.Data['cause'] | Should -Be 'service-unreachable'
        $through = { Invoke-Http -Uri 'https://dev.example/x' -Tries 1 -Cause 'service-unreachable' } | Should -Throw -PassThru
        $through.Exception.Data['cause'] | Should -Be 'proxy'
      } finally {
        $env:NO_PROXY = $null
      }
    }

    It 'goes through the proxy of the image with its user, whatever the pool says' {
      $env:VSTS_AGENT_INPUT_PROXYURL = 'image.example:3128'
      $env:VSTS_AGENT_INPUT_PROXYUSERNAME = 'we'
      $env:VSTS_AGENT_INPUT_PROXYPASSWORD = 'canary'
      try {
        Resolve-Proxy 'http://pool.example:1'
      } finally {
        $env:VSTS_AGENT_INPUT_PROXYURL = $null
        $env:VSTS_AGENT_INPUT_PROXYUSERNAME = $null
        $env:VSTS_AGENT_INPUT_PROXYPASSWORD = $null
      }
      $script:ProxyUrl | Should -Be 'http://image.example:3128'
      (New-HttpSession 'https://dev.example' $false).Proxy.Credentials.UserName | Should -Be 'we'
      Hide-Secrets 'a canary' | Should -Be 'a ***'
      $inputs = @{}
      Add-ProxyInputs $inputs
      $inputs['VSTS_AGENT_INPUT_PROXYURL'] | Should -Be 'http://image.example:3128'
      $inputs['VSTS_AGENT_INPUT_PROXYPASSWORD'] | Should -Be 'canary'
    }

    It 'takes user and password out of the address of the proxy' {
      Resolve-Proxy 'http://me:p%40ss@pool.example:1'
      $script:ProxyUrl | Should -Be 'http://pool.example:1'
      $script:ProxyUser | Should -Be 'me'
      $script:ProxySecret | Should -Be 'p@ss'
    }

    It 'that finds a certificate out of its time names the clock' {
      $inner = New-Object System.Security.Authentication.AuthenticationException 'errors in the certificate chain: NotTimeValid'
      $failure = New-SilenceFailure (New-Object System.InvalidOperationException 'x', $inner) 'https://service.example/x' 'service-unreachable' $false
      $failure.Data['cause'] | Should -Be 'clock-skew'
      $failure.Data['passes'] | Should -BeTrue
    }

    It 'names <cause> by the exception' -TestCases @(
      @{ cause = 'name-resolution'; inner = (New-Object System.Net.Sockets.SocketException 11001) },
      @{ cause = 'tls-interception'; inner = (New-Object System.Security.Authentication.AuthenticationException) }
    ) {
      $outer = New-Object System.InvalidOperationException 'x', $inner
      Get-Cause $outer 'unknown' | Should -Be $cause
    }
  }

  Describe 'the proof' {
    It 'asks again when the metadata service answers an older document' {
      $script:asked = 0
      Mock Invoke-Http { New-Answer '{"signature":"AAAA"}' }
      Mock Read-Cms {
        $script:asked++
        $nonce = @('old', 'new')[$script:asked - 1]
        $bytes = [System.Text.Encoding]::UTF8.GetBytes("{`"nonce`":`"$nonce`"}")
        [pscustomobject] @{ ContentInfo = [pscustomobject] @{ Content = $bytes } }
      }
      Get-Document 'new' | Should -Be 'AAAA'
      Should -Invoke Invoke-Http -Exactly 2
    }

    It 'begins with a new nonce when the service does not know the machine yet' {
      $script:claims = 0
      Mock Get-Document { 'AAAA' }
      Mock Get-Certificates { '' }
      Mock Invoke-WebRequest {
        if ($Uri -like '*/nonce') {
          return (New-Answer 'nonce=1')
        }
        $script:claims++
        if ($script:claims -eq 1) {
          throw (New-Refusal 503 'Retry-After: 9')
        }
        New-Answer "organizationUrl=https://dev.example/o`nrunMode=service`npool=a=b`ntoken=canary`nagent=m"
      }
      Get-Plan
      $script:Plan['pool'] | Should -Be 'a=b'
      $script:token | Should -Be 'canary'
      Get-Content -Raw (Join-Path $script:StateFolder 'plan') | Should -Not -Match 'canary'
      Should -Invoke Invoke-WebRequest -Exactly 4
    }

    It 'gives a clock that is an hour wrong one minute to be set right' {
      Mock Invoke-WebRequest { [pscustomobject] @{ Content = 'nonce=1'; Headers = @{ Date = [DateTime]::UtcNow.AddHours(1).ToString('r') } } }
      $failure = { Request-Plan } | Should -Throw -PassThru
      $failure.Exception.Data['cause'] | Should -Be 'clock-skew'
      $script:now | Should -Be 60
    }

    It 'ends after <seconds> s when the service answers <status>' -TestCases @(@{ status = 500; seconds = 120 }, @{ status = 503; seconds = 600 }) {
      Mock Invoke-WebRequest { throw (New-Refusal $status) }
      $failure = { Request-Plan } | Should -Throw -PassThru
      $failure.Exception.Data['cause'] | Should -Be 'service-unreachable'
      $script:now | Should -Be $seconds
    }

    It 'ends at once when the nonce is refused' {
      Mock Invoke-WebRequest { throw (New-Refusal 403) }
      $failure = { Request-Plan } | Should -Throw -PassThru
      $failure.Exception.Data['cause'] | Should -Be 'claim-refused'
      Should -Invoke Invoke-WebRequest -Exactly 1
    }

    It 'ends at once when something else answers in the place of the service' {
      Mock Invoke-WebRequest { New-Answer '<html>Please sign in</html>' }
      $failure = { Request-Plan } | Should -Throw -PassThru
      $failure.Exception.Data['cause'] | Should -Be 'service-unreachable'
      Should -Invoke Invoke-WebRequest -Exactly 1
    }

    It 'ends when the answer lacks what the machine needs' {
      Mock Get-Document { 'AAAA' }
      Mock Get-Certificates { '' }
      Mock Invoke-WebRequest { New-Answer "nonce=1`npool=p`nagent=m`nrunMode=once" }
      { Request-Plan } | Should -Throw '*without organizationUrl*'
    }

    It 'waits two minutes for the metadata service, and for one that answers no document' {
      Mock Invoke-Http { New-Answer 'no JSON' }
      $failure = { Get-Document 'new' } | Should -Throw -PassThru
      $failure.Exception.Data['cause'] | Should -Be 'metadata-unavailable'
      $failure.Exception.Data['passes'] | Should -BeFalse
      $script:now | Should -Be 120
    }

    It 'keeps its key over runs' {
      $first = Get-Key
      Get-Key | Should -Be $first
      $first | Should -Match '^[0-9a-f]{64}$'
    }
  }

  Describe 'the package' {
    BeforeEach {
      Mock Suspend-WindowsUpdate { $null }
    }

    It 'comes after automatic upgrades were held back, unless the pool lets them be' {
      { Install-Package } | Should -Throw
      Should -Invoke Suspend-WindowsUpdate -Exactly 1
      $script:Plan = @{ holdUpgrades = 'no' }
      { Install-Package } | Should -Throw
      Should -Invoke Suspend-WindowsUpdate -Exactly 1
    }

    It 'is unpacked once its hash is right' {
      $zip = New-Zip 'agent.zip'
      $script:Plan = @{ packageUrl = 'https://download.example/agent.zip'; packageSha256 = (Get-FileHash $zip).Hash }
      Install-Package
      Test-Path (Join-Path $script:AgentFolder 'bin/Agent.Listener.exe') | Should -BeTrue
      Test-Path (Join-Path $script:AgentFolder '.new') | Should -BeFalse
    }

    It 'is fetched again when half of it came, and refused when it stays wrong' {
      New-Zip 'agent.zip' | Out-Null
      Mock Invoke-Http { Set-Content -Path $OutFile -Value 'changed' }
      $script:Plan = @{ packageUrl = 'https://download.example/agent.zip'; packageSha256 = ('0' * 64) }
      $failure = { Install-Package } | Should -Throw -PassThru
      $failure.Exception.Data['cause'] | Should -Be 'hash-mismatch'
      Should -Invoke Invoke-Http -Exactly 1
      Test-Path (Join-Path $script:AgentFolder 'bin') | Should -BeFalse
    }

    It 'is refused without a hash' {
      $script:Plan = @{ packageUrl = 'https://download.example/agent.zip'; packageSha256 = '' }
      $failure = { Install-Package } | Should -Throw -PassThru
      $failure.Exception.Data['cause'] | Should -Be 'hash-missing'
    }
  }

  Describe 'the user' {
    BeforeEach {
      Mock Test-Client { $false }
      Mock Get-LocalGroup { [pscustomobject] @{ SID = 'S-1-5-32-900' } }
      Mock New-LocalUser { [pscustomobject] @{ SID = [pscustomobject] @{ Value = 'S-1-5-21-1-2-3-1001' } } }
      Mock Set-LocalUser { $null }
      Mock Enable-LocalUser { $null }
      Mock Add-ToGroup { $null }
      Mock Invoke-Http { New-Answer '{"compute":{"osProfile":{"adminUsername":"operator"}}}' }
    }

    It 'is created or adopted, in every group in both cases (<id>)' -TestCases @(@{ id = '' }, @{ id = 'S-1-5-21-1-2-3-1001' }) {
      $existing = $null
      if ($id) {
        $existing = [pscustomobject] @{ SID = [pscustomobject] @{ Value = $id } }
      }
      Mock Get-LocalUser { $existing }
      Set-AgentAccount
      Should -Invoke Add-ToGroup -Exactly 2
      $script:Secrets.Count | Should -Be 1
    }

    It 'is refused when it is the primary administrator' {
      Mock Get-LocalUser { [pscustomobject] @{ SID = [pscustomobject] @{ Value = 'S-1-5-21-1-2-3-500' } } }
      $failure = { Set-AgentAccount } | Should -Throw -PassThru
      $failure.Exception.Data['cause'] | Should -Be 'user-is-admin'
      Should -Invoke Set-LocalUser -Exactly 0
    }

    It 'is not made on client Windows' {
      Mock Test-Client { $true }
      Mock Get-LocalUser { $null }
      Set-AgentAccount
      Should -Invoke Get-LocalUser -Exactly 0
    }
  }

  Describe 'the registration' {
    BeforeEach {
      Mock Test-Client { $false }
      $script:Plan = @{ organizationUrl = 'https://dev.example/o'; pool = 'a & b'; agent = 'm'; runMode = 'service'; interactive = 'no' }
      $script:token = 'canary'
    }

    It 'gives the credential to the environment, never to the arguments' {
      Mock Invoke-Program {
        Set-Content -Path (Join-Path $script:AgentFolder '.agent') -Value '{}'
        @{ code = 0; output = '' }
      }
      Invoke-Configuration 'C:\a'
      Should -Invoke Invoke-Program -Exactly 1 -ParameterFilter {
        $arguments -notmatch 'canary' -and $variables['VSTS_AGENT_INPUT_TOKEN'] -eq 'canary' -and $arguments -match '--runAsService --preventServiceStart'
      }
    }

    It 'is not tried again when the credential is refused' {
      Mock Invoke-Program { @{ code = 1; output = 'VS30063: You are not authorized' } }
      $failure = { Invoke-Configuration 'C:\a' } | Should -Throw -PassThru
      $failure.Exception.Data['cause'] | Should -Be 'credential-refused'
      Should -Invoke Invoke-Program -Exactly 1
    }

    It 'is tried three times while the cause can pass' {
      Mock Invoke-Program { @{ code = 1; output = 'No such host is known' } }
      { Invoke-Configuration 'C:\a' } | Should -Throw
      Should -Invoke Invoke-Program -Exactly 3
    }

    It 'ignores what the service sets, and says so' {
      $env:VSTS_AGENT_INPUT_POOL = 'other'
      try {
        (Get-Inputs 'C:\a')['VSTS_AGENT_INPUT_POOL'] | Should -Be 'a & b'
      } finally {
        $env:VSTS_AGENT_INPUT_POOL = $null
      }
      $script:Warnings[0] | Should -Match 'VSTS_AGENT_INPUT_POOL'
    }

    It 'ignores where the image moves the logs, by which a job is seen' {
      $env:AGENT_DIAGLOGPATH = 'D:\logs'
      try {
        $inputs = Get-Inputs 'C:\a'
      } finally {
        $env:AGENT_DIAGLOGPATH = $null
      }
      $inputs.ContainsKey('AGENT_DIAGLOGPATH') | Should -BeTrue
      $inputs['AGENT_DIAGLOGPATH'] | Should -BeNullOrEmpty
      $script:Warnings[0] | Should -Match 'AGENT_DIAGLOGPATH'
    }

    It 'finds the credential as a header of basic authentication, and removes every file that has it' {
      $file = Join-Path $script:AgentFolder 'x.log'
      $other = Join-Path $script:StateFolder 'y.log'
      Set-Content -Path $file -Value "Basic $([Convert]::ToBase64String([System.Text.Encoding]::UTF8.GetBytes(':canary')))"
      Set-Content -Path $other -Value 'canary'
      $failure = { Assert-NoLeak ([DateTime]::UtcNow.AddMinutes(-1)) } | Should -Throw -PassThru
      $failure.Exception.Data['cause'] | Should -Be 'credential-leaked'
      Test-Path $file | Should -BeFalse
      Test-Path $other | Should -BeFalse
    }

    It 'tells which folder it could not search' {
      Mock Get-ChildItem { Write-Error -TargetObject 'C:\closed' -Message 'Access is denied.' }
      Assert-NoLeak ([DateTime]::UtcNow.AddMinutes(-1))
      $script:Warnings[0] | Should -Match 'C:\\closed could not be searched'
    }

    It 'finds the credential in a file as <encoding>' -TestCases @(@{ encoding = 'UTF8' }, @{ encoding = 'Unicode' }) {
      Set-Content -Path (Join-Path $script:AgentFolder 'x.log') -Value 'a canary b' -Encoding $encoding
      $failure = { Assert-NoLeak ([DateTime]::UtcNow.AddMinutes(-1)) } | Should -Throw -PassThru
      $failure.Exception.Data['cause'] | Should -Be 'credential-leaked'
    }

    It 'leaves nothing that starts when it failed' {
      Mock Invoke-Program { @{ code = 0; output = '' } }
      Mock Get-AccountSid { 'S-1-5-20' }
      Mock Copy-Item { $null }
      Mock Register-Tasks { $null }
      Mock Remove-Tasks { $null }
      Mock Clear-LogPath { $null }
      Mock Get-WorkFolder { Join-Path $TestDrive 'work' }
      Mock Invoke-Configuration { Set-Content -Path (Join-Path $script:AgentFolder '.agent') -Value '{}' }
      Mock Assert-NoLeak { throw (New-Failure 'credential-leaked' 'Found.') }
      { Register-Agent } | Should -Throw
      Should -Invoke Remove-Tasks -Exactly 1
      Test-Configured | Should -BeFalse
    }
  }

  Describe 'the starter' {
    BeforeEach {
      $script:resume = $true
      Set-Content -Path (Join-Path $script:StateFolder 'plan') -Value "service=https://service.example`npoolId=7`nrunMode=once`nagentFolder=$($script:AgentFolder)"
      Set-Content -Path (Join-Path $script:AgentFolder '.agent') -Value '{}'
      New-Item -ItemType Directory -Force -Path (Join-Path $script:AgentFolder '_diag') | Out-Null
      Mock Test-Client { $false }
      Mock Test-AgentRuns { $false }
      Mock Start-Task { $null }
      Mock Remove-Tasks { $null }
      Mock Wait-Online { $null }
      Mock Send-Report { $true }
    }

    It 'starts an agent whose script was killed before its start' {
      Invoke-Main | Should -Be 0
      Should -Invoke Start-Task -Exactly 1
    }

    It 'restarts an interactive machine whose script was killed before its restart' {
      Mock Start-Agent { $script:RebootNeeded = $true }
      Mock Start-Restart { $null }
      Invoke-Main | Should -Be 0
      Should -Invoke Start-Restart -Exactly 1
      Should -Invoke Wait-Online -Exactly 0
    }

    It 'starts nothing where no agent is registered' {
      Clear-Configuration
      Invoke-Main | Should -Be 0
      Should -Invoke Start-Task -Exactly 0
    }

    It 'starts no second job, and reports the first as finished' {
      Set-Content -Path (Join-Path $script:AgentFolder '_diag/Worker_1.log') -Value ''
      Invoke-Main | Should -Be 0
      Should -Invoke Start-Task -Exactly 0
      Should -Invoke Send-Report -Exactly 1 -ParameterFilter { $report['phase'] -eq 'finished' }
      Should -Invoke Remove-Tasks -Exactly 1
      Test-Path (Join-Path $script:StateFolder 'finished') | Should -BeTrue
    }

    It 'stays until the service knows that the job ended' {
      Set-Content -Path (Join-Path $script:StateFolder 'finished') -Value ''
      Mock Send-Report { $false }
      Invoke-Main | Should -Be 0
      Should -Invoke Remove-Tasks -Exactly 0
    }

    It 'leaves the machine to a run that has not ended' {
      Mock Lock-State { $false }
      Invoke-Main | Should -Be 0
      Should -Invoke Start-Task -Exactly 0
    }
  }
}
