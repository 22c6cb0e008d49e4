/** How a machine becomes an agent: the phases that its bootstrap script goes through, and the named causes of a failure with their fixes. */

/** What happened, and what to do. */
export type Translation = { readonly cause: string; readonly fix: string }

/** In order. `docs/boot.md` has what each does; both scripts use these words. `finished`: a one-job agent ended. */
export const bootPhases = ['prerequisites', 'proof', 'package', 'user', 'configure', 'start', 'online', 'finished'] as const
export type BootPhase = (typeof bootPhases)[number]

/** What went wrong. The scripts name all but the last three, which only the service can see. */
export const bootCauses = [
  'name-resolution',
  'proxy',
  'download-blocked',
  'tls-interception',
  'hash-mismatch',
  'hash-missing',
  'package-lock',
  'disk-full',
  'clock-skew',
  'metadata-unavailable',
  'service-unreachable',
  'claim-refused',
  'credential-refused',
  'pool-permission',
  'agent-version',
  'name-taken',
  'user-is-admin',
  'dependencies-failed',
  'credential-leaked',
  'custom-script-failed',
  'silence',
  'unknown',
] as const
export type BootCause = (typeof bootCauses)[number]

/** Where and why a machine did not become an agent. Without a phase it was not heard of, or another extension failed before ours. */
export type BootFailure = { readonly phase?: BootPhase; readonly cause: BootCause }

/** The failure that a text of a script or of Azure tells: by the script's own mark, else by its words. */
export function failureIn(text: string): BootFailure {
  const marked = markOf(text)
  return { ...marked, cause: classify({ detail: text }) }
}

/** The named cause of a failed phase, or of what Azure says of a failed extension. */
export function classify({ phase, detail }: { readonly phase?: BootPhase; readonly detail: string }): BootCause {
  const marked = markOf(detail)?.cause
  if (marked !== undefined && marked !== 'unknown') return marked
  return wordings.find(([words, of]) => words.test(detail) && (of === undefined || phase === undefined || of === phase))?.[2] ?? 'unknown'
}

/** ` in package: hash mismatch. …`: where, why and what to do, behind "failed to start". */
export function bootText({ phase, cause }: BootFailure): string {
  const { cause: what, fix } = bootFix[cause]
  return `${phase === undefined ? '' : ` in ${phase}`}: ${cause.replaceAll('-', ' ')}. ${what} ${fix}`
}

/** The scripts' last line: `enableagent failed in <phase> [<cause>]: <sentence>`. */
function markOf(text: string): BootFailure | undefined {
  const match = /enableagent failed in ([a-z]+) \[([a-z-]+)\]/.exec(text)
  const phase = bootPhases.find((each) => each === match?.[1])
  const cause = bootCauses.find((each) => each === match?.[2]) ?? 'unknown'
  return phase === undefined ? undefined : { phase, cause }
}

/**
 * Words of programs and of Azure, the more certain first: a full disk breaks the package manager, too. With a phase they count
 * only in it, where the phase is known.
 */
const wordings: readonly (readonly [RegExp, BootPhase | undefined, BootCause])[] = [
  [/CustomScript|Command execution finished, but failed|failed to execute command: command terminated/i, undefined, 'custom-script-failed'],
  [/No space left on device|not enough space on the disk|disk quota exceeded/i, undefined, 'disk-full'],
  [
    /Could not get lock|is locked by another process|dpkg frontend lock|another app is currently holding the yum lock|System management is locked/i,
    undefined,
    'package-lock',
  ],
  [/not yet valid|certificate has expired|clock skew|token is (expired|not yet valid)/i, undefined, 'clock-skew'],
  [
    /self[- ]signed certificate|unable to get local issuer|certificate verify failed|UntrustedRoot|trust relationship for the SSL/i,
    undefined,
    'tls-interception',
  ],
  [
    /Could not resolve|Temporary failure in name resolution|Name or service not known|remote name could not be resolved|No such host is known/i,
    undefined,
    'name-resolution',
  ],
  [
    /Proxy Authentication Required|\b407\b.*prox|prox.*\b407\b|Could not resolve proxy|Received HTTP code \d+ from proxy/i,
    undefined,
    'proxy',
  ],
  [/checksum|hash (does not match|mismatch)|sha-?256.*(differ|mismatch|does not match|has to be)/i, undefined, 'hash-mismatch'],
  [/could not be downloaded|download failed/i, undefined, 'download-blocked'],
  [/VS30063|not authorized to access|\b401\b|Unauthorized/i, 'configure', 'credential-refused'],
  [/access denied|TF14045|needs? .*(manage|administer).*permission|\b403\b/i, 'configure', 'pool-permission'],
  [/already (exists|contains an agent|has an agent)/i, 'configure', 'name-taken'],
  [/installdependencies|unmet dependencies|libicu|dependencies.*(missing|fail)/i, undefined, 'dependencies-failed'],
  [/Connection (refused|timed out|reset)|Failed to connect|Operation timed out|unable to connect/i, 'package', 'download-blocked'],
]

/** The only table of them: what happened, and what to do. */
export const bootFix: Readonly<Record<BootCause, Translation>> = {
  'name-resolution': {
    cause: 'The machine could not resolve a host name.',
    fix: "Check the DNS servers of the scale set's virtual network; on a machine: getent hosts dev.azure.com.",
  },
  proxy: {
    cause: 'The proxy refused the machine or could not be reached.',
    fix: 'Check the proxy of the pool or of the image, and let it accept the subnet: scale-set-agents pool set POOL --proxy http://HOST:PORT.',
  },
  'download-blocked': {
    cause: 'A download did not come through.',
    fix: 'Allow the host that the report names in the firewall, or set the proxy of the pool.',
  },
  'tls-interception': {
    cause: 'Something on the way answers with a certificate of its own.',
    fix: 'Exempt the host that the report names from inspection, or put the root of the inspecting device into the image.',
  },
  'hash-mismatch': {
    cause: 'The agent package is not the one that Azure DevOps describes.',
    fix: 'Look for a cache or a proxy that changes downloads; nothing was run from the package.',
  },
  'hash-missing': {
    cause: 'Azure DevOps states no SHA-256 for the agent package, so it was not used.',
    fix: 'Take another agent version: scale-set-agents pool set POOL --agent-version X.Y.Z.',
  },
  'package-lock': {
    cause: 'Another program held the lock of the package manager for too long.',
    fix: 'Switch off automatic upgrades in the image, or hold them back: scale-set-agents pool set POOL --hold-upgrades.',
  },
  'disk-full': {
    cause: 'The disk of the machine is full.',
    fix: 'Use a larger operating system disk, or a smaller image.',
  },
  'clock-skew': {
    cause: 'The clock of the machine is wrong, so certificates and tokens do not count as valid.',
    fix: 'Check the time synchronization of the image; on a machine: timedatectl.',
  },
  'metadata-unavailable': {
    cause: "Azure's instance metadata service did not answer the machine.",
    fix: 'Let 169.254.169.254 pass without a proxy and without firewall rules in the image.',
  },
  'service-unreachable': {
    cause: 'The machine could not reach this service.',
    fix: 'Allow the address of the service from the subnet of the machines, and check SCALE_SET_AGENTS_PUBLIC_URL.',
  },
  'claim-refused': {
    cause: 'The service did not accept the proof of the machine.',
    fix: 'The exact reason, with its own fix, is in the Diagnostics entry of the refusal: scale-set-agents events.',
  },
  'credential-refused': {
    cause: 'Azure DevOps refused the credential that the service gave to the machine.',
    fix: 'Renew the token or the identity that registers agents, then run: scale-set-agents doctor.',
  },
  'pool-permission': {
    cause: 'The identity that registers agents may not add agents to the pool.',
    fix: 'Make it an administrator of the agent pool in Azure DevOps, then run: scale-set-agents doctor.',
  },
  'agent-version': {
    cause: 'The agent version of the pool cannot be used on this system or by this organization.',
    fix: "Take another one, or the newest: scale-set-agents pool set POOL --agent-version ''.",
  },
  'name-taken': {
    cause: 'Another agent of the pool has the name of the machine and could not be replaced.',
    fix: 'Delete that agent in Azure DevOps once it runs no job.',
  },
  'user-is-admin': {
    cause: "AzDevOps is the machine's primary administrator, so the agent cannot have that account for itself.",
    fix: "Give the administrator another name in the scale set's model and create the machines anew.",
  },
  'dependencies-failed': {
    cause: 'The packages that the agent needs could not be installed.',
    fix: 'Allow the package mirrors of the system, or install them in the image: ./bin/installdependencies.sh.',
  },
  'credential-leaked': {
    cause: 'The credential was found in a file after the agent was configured, so the agent was not started.',
    fix: 'Take a newer agent version, and revoke the credential if the image is shared.',
  },
  'custom-script-failed': {
    cause: 'The Custom Script extension failed, and the agent extension runs only after it.',
    fix: 'Run the script by hand on a saved machine (the setting saveCreationFailed keeps one); its log is under /var/log/azure or C:\\WindowsAzure\\Logs.',
  },
  silence: {
    cause: 'Nothing was heard of the machine during the whole time for its start.',
    fix: 'Check that it can reach this service, and that the VM agent of its image runs; save one for investigation and read /var/log/enableagent.log.',
  },
  unknown: {
    cause: 'What the machine reported is not known to this service.',
    fix: 'Read its report: scale-set-agents why MACHINE.',
  },
}
