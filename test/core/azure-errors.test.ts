import { isBusy, limitNamed, translate } from '../../backend/core/azure-errors.ts'

/** The error codes of Azure and Azure DevOps that a pool meets, and what the cause is about. */
const codes: readonly (readonly [string, RegExp])[] = [
  ['QuotaExceeded', /cores/],
  ['SubnetIsFull', /addresses/],
  ['AllocationFailed', /free/],
  ['ZonalAllocationFailed', /free/],
  ['OverconstrainedZonalAllocationRequest', /free/],
  ['SkuNotAvailable', /not offered/],
  ['TooManyRequests', /fewer requests/],
  ['VMExtensionProvisioningError', /extension/],
  ['OSProvisioningTimedOut', /did not start/],
  ['AuthorizationFailed', /lacks a right/],
  ['ScopeLocked', /lock/],
  ['RequestDisallowedByPolicy', /policy/],
  ['ResourceNotFound', /does not exist/],
  ['PreconditionFailed', /changed by somebody else/],
  ['Conflict', /busy/],
  ['InstanceIdsListInstanceIdNotActiveVM', /being deleted/],
  ['TaskAgentJobStillRunningException', /counts a job/],
  ['sign-in', /sign-in page/],
  ['unreachable', /could not be reached/],
]

test.each(codes)('%s is translated into cause and fix', (code, cause) => {
  expect(translate(code).cause).toMatch(cause)
  for (const sentence of Object.values(translate(code))) expect(sentence).toMatch(/^[A-Z].*\.$/)
})

test.each(codes)('%s as a part of another code is another one', (code) => {
  for (const other of [`My${code}`, `${code}Too`]) expect(translate(other).cause).toBe(`The other side refused with ${other}.`)
})

test('a code that is not in the table keeps its name', () =>
  expect(translate('Surprise', 429)).toEqual({
    cause: 'The other side refused with Surprise.',
    fix: 'Read its own words in the entry; it is tried again.',
  }))
test('OperationNotAllowed is a quota, or with status 429 a throttle', () =>
  expect([409, 429].map((status) => translate('OperationNotAllowed', status))).toEqual(
    ['QuotaExceeded', 'TooManyRequests'].map((each) => translate(each)),
  ))
test('busy codes only ask for another try', () =>
  expect(['Conflict', 'OperationNotAllowed', 'AllocationFailed', 'NoConflict', 'Conflicting'].map(isBusy)).toEqual([
    true,
    true,
    false,
    false,
    false,
  ]))

test('a refusal that names a limit names its room', () => {
  expect(limitNamed('SubnetIsFull', 'full')).toEqual({ kind: 'subnet', detail: 'full' })
  expect(limitNamed('QuotaExceeded', 'none')).toEqual({ kind: 'quota', detail: 'none' })
  expect(limitNamed('OperationNotAllowed', 'exceeding the Total Regional Cores Quota')).toMatchObject({ kind: 'quota' })
  expect(limitNamed('OperationNotAllowed', 'another operation runs')).toBeUndefined()
  expect(limitNamed('AllocationFailed', 'not by a quota')).toBeUndefined()
})
