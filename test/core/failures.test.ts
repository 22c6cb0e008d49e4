import { bootCauses, bootFix, bootPhases, bootText } from '../../backend/core/boot.ts'
import { failureTold } from '../../backend/core/failures.ts'

test.each(bootCauses)('a start that failed by %s is known again from its sentence, with and without a phase', (cause) => {
  for (const phase of [undefined, ...bootPhases]) {
    const message = `linux000007 failed to start${bootText({ cause, ...(phase === undefined ? {} : { phase }) })}`
    expect(failureTold({ message })).toEqual({ name: cause.replaceAll('-', ' '), ...bootFix[cause] })
  }
})

test('a refusal of Azure is known by its code', () => {
  const failure = failureTold({ message: 'Failed (adding 3 machines): …', raw: 'SubnetIsFull: Subnet x has no addresses left.' })
  expect(failure).toMatchObject({ name: 'SubnetIsFull', fix: 'Use a larger subnet, or lower the maximum.' })
})

test.each([
  { message: 'linux000007: Ada deletes it.' },
  { message: 'linux000007 failed to start: something: else' },
  { message: 'linux000007 failed to start: something else. Look at it.' },
  { message: 'Failed (deleting a): x', raw: 'said by Azure: x' },
  { message: 'No answer to adding 3 machines: it is looked for before it is tried again.', raw: 'Timeout: x' },
  { message: 'Failed (deleting a): x', raw: 'no code at all' },
  { message: 'Failed (deleting a): x' },
])('$message is no known failure', (entry) => {
  expect(failureTold(entry)).toBeUndefined()
})
