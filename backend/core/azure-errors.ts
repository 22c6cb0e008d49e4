/** Azure's error codes in plain words: what happened, and what to do. The only table of them. */
import type { Translation } from './boot.ts'
import type { Room } from './snapshot.ts'

const table: readonly (readonly [RegExp, Translation])[] = [
  [
    /^(QuotaExceeded|OperationNotAllowed)$/,
    {
      cause: 'The subscription has no cores left for more machines of this size.',
      fix: 'Ask for more quota in the Azure portal under Quotas, or lower the maximum.',
    },
  ],
  [/^SubnetIsFull$/, { cause: 'The subnet of the scale set has no addresses left.', fix: 'Use a larger subnet, or lower the maximum.' }],
  [
    /^(AllocationFailed|ZonalAllocationFailed|Overconstrained\w*AllocationRequest)$/,
    {
      cause: 'Azure has no machines of this size free in this place now.',
      fix: 'Nothing is needed: it is tried again. If it lasts, use another size or another zone.',
    },
  ],
  [
    /^SkuNotAvailable$/,
    { cause: 'This machine size is not offered in this region to this subscription.', fix: 'Choose another size for the scale set.' },
  ],
  [
    /^(TooManyRequests|Throttled)$/,
    {
      cause: 'Azure asked for fewer requests.',
      fix: 'Nothing is needed: it goes on by itself. If it lasts, look for other programs that use this subscription.',
    },
  ],
  [
    /^(VMExtensionProvisioningError|VMExtensionProvisioningTimeout|VMExtensionHandlerNonTransientError)$/,
    {
      cause: 'An extension failed on the machine.',
      fix: 'Save a machine for investigation and read the extension logs under /var/log/azure or C:\\WindowsAzure\\Logs.',
    },
  ],
  [
    /^(OSProvisioningTimedOut|OSProvisioningClientError|VMStartTimedOut)$/,
    {
      cause: 'The machine did not start from its image in time.',
      fix: 'Check that the image is generalized and that its provisioning agent runs.',
    },
  ],
  [
    /^(AuthorizationFailed|LinkedAuthorizationFailed)$/,
    {
      cause: 'The identity of the service lacks a right on the scale set.',
      fix: 'Give it the role of docs/permissions.md, then run: scale-set-agents doctor.',
    },
  ],
  [
    /^ScopeLocked$/,
    { cause: 'A lock on the resource group forbids the change.', fix: 'Remove the lock, or leave out the scale set from it.' },
  ],
  [
    /^RequestDisallowedByPolicy$/,
    { cause: 'An Azure policy forbids the change.', fix: 'Ask the owner of the policy for an exemption of the scale set.' },
  ],
  [
    /^(ResourceNotFound|ResourceGroupNotFound|NotFound)$/,
    { cause: 'The scale set does not exist any more.', fix: 'Create it again under the same name, or delete the pool.' },
  ],
  [
    /^PreconditionFailed$/,
    {
      cause: 'The scale set was changed by somebody else at the same time.',
      fix: 'Nothing is needed: it is decided anew on the new state.',
    },
  ],
  [
    /^(Conflict|OperationPreempted|InternalExecutionError|RetryableError|AnotherOperationInProgress)$/,
    { cause: 'Azure was busy with another operation on the scale set.', fix: 'Nothing is needed: it is tried again.' },
  ],
  [/^InstanceIdsListInstanceIdNotActiveVM$/, { cause: 'The machine was being deleted already.', fix: 'Nothing is needed.' }],
  [
    /^TaskAgentJobStillRunningException$/,
    { cause: 'Azure DevOps still counts a job on the agent, so it stays.', fix: 'Nothing is needed: it leaves after its job.' },
  ],
  [
    /^(sign-in|SignInPage)$/,
    {
      cause: 'Azure DevOps answered with its sign-in page: the token is missing, expired or lacks access.',
      fix: 'Renew the token or the identity of the service, then run: scale-set-agents doctor.',
    },
  ],
  [/^unreachable$/, { cause: 'The other side could not be reached.', fix: 'Check the network, the proxy and the address.' }],
]

/** The translation of a code; a general one for codes that are not in the table. */
export function translate(code: string, status?: number): Translation {
  const name = code === 'OperationNotAllowed' && status === 429 ? 'TooManyRequests' : code
  return (
    table.find(([pattern]) => pattern.test(name))?.[1] ?? {
      cause: `The other side refused with ${code}.`,
      fix: 'Read its own words in the entry; it is tried again.',
    }
  )
}

/** Azure was occupied with another operation of the scale set: the next pass may simply try again. */
export function isBusy(code: string): boolean {
  return /^(Conflict|OperationNotAllowed|OperationPreempted|AnotherOperationInProgress|RetryableError|InternalExecutionError)$/.test(code)
}

/** The limit outside the pool's settings that a refusal names. */
export function limitNamed(code: string, message: string): Pick<Room, 'kind' | 'detail'> | undefined {
  if (code === 'SubnetIsFull') return { kind: 'subnet', detail: message }
  const isQuota = code === 'QuotaExceeded' || (code === 'OperationNotAllowed' && /quota/i.test(message))
  return isQuota ? { kind: 'quota', detail: message } : undefined
}
