/** @jest-environment jsdom */
import { render, screen } from '@testing-library/react'
import type { ReactElement } from 'react'
import type { Answer } from '../../hub/answer.ts'
import type { HubClock } from '../../hub/clock.ts'
import { Frame } from '../../hub/components/state.tsx'
import { useResource } from '../../hub/use-resource.ts'
import { refuse, settled } from './support.tsx'

type Names = readonly string[]

const ok = (value: Names): Answer<Names> => ({ ok: true, value })

/** Answers are given one by one; time passes when the test says so. */
function stage() {
  const asked: ((answer: Answer<Names>) => void)[] = []
  const due = new Set<() => void>()
  const clock: HubClock = {
    now: () => 0,
    after(_, call) {
      due.add(call)
      return () => due.delete(call)
    },
  }
  const read = (): Promise<Answer<Names>> => new Promise((resolve) => asked.push(resolve))
  function Page({ of = 'names' }: { readonly of?: string }): ReactElement {
    const { resource, again } = useResource({ key: of, read, everyMs: 1_000, clock, isEmpty: (names) => names.length === 0 })
    return (
      <Frame what="the names" resource={resource} again={again} empty={<p>No names.</p>}>
        {(names) => <p>{names.join(', ')}</p>}
      </Frame>
    )
  }
  return {
    Page,
    asked,
    async reply(given: Answer<Names>) {
      asked.shift()?.(given)
      await settled()
    },
    async passTime() {
      for (const call of [...due]) call()
      due.clear()
      await settled()
    },
  }
}

test('a page loads, shows, and looks again after a while', async () => {
  const { Page, reply, passTime } = stage()
  render(<Page />)
  expect(screen.getByRole('status').textContent).toContain('Loading the names')
  await reply(ok(['Ada']))
  expect(screen.getByText('Ada')).toBeTruthy()
  await passTime()
  await reply(ok(['Ada', 'Bob']))
  expect(screen.getByText('Ada, Bob')).toBeTruthy()
})

test('an empty answer says that there is nothing', async () => {
  const { Page, reply } = stage()
  render(<Page />)
  await reply(ok([]))
  expect(screen.getByText('No names.')).toBeTruthy()
})

test('a first answer that fails has the sentence of the service and a way to try again', async () => {
  const { Page, reply } = stage()
  render(<Page />)
  await reply(await refuse('unavailable', 'The database is locked; try again.'))
  expect(screen.getByRole('alert').textContent).toContain('The database is locked; try again.')
  screen.getByRole('button', { name: 'Try again' }).click()
  await settled()
  await reply(ok(['Ada']))
  expect(screen.getByText('Ada')).toBeTruthy()
})

test('a later answer that fails leaves what was read, and says that it is not fresh', async () => {
  const { Page, reply, passTime } = stage()
  render(<Page />)
  await reply(ok(['Ada']))
  await passTime()
  await reply(await refuse('unreachable', 'The service did not answer.'))
  expect(screen.getByText('Ada')).toBeTruthy()
  expect(screen.getByRole('alert').textContent).toContain('The service did not answer.')
})

test('what is gone is not shown any more', async () => {
  const { Page, reply, passTime } = stage()
  render(<Page />)
  await reply(ok(['Ada']))
  await passTime()
  await reply(await refuse('notFound', 'There is no such pool.'))
  expect(screen.queryByText('Ada')).toBeNull()
  expect(screen.getByRole('alert').textContent).toContain('There is no such pool.')
})

test('a person without the right is told so, also when the right was taken away', async () => {
  const { Page, reply, passTime } = stage()
  render(<Page />)
  await reply(ok(['Ada']))
  await passTime()
  await reply(await refuse('forbidden', 'Ask an administrator of the pool.'))
  expect(screen.queryByText('Ada')).toBeNull()
  expect(screen.getByRole('alert').textContent).toContain('Ask an administrator of the pool.')
})

test('nothing of one thing is shown for another', async () => {
  const { Page, reply, asked } = stage()
  const { rerender } = render(<Page of="first" />)
  await reply(ok(['Ada']))
  rerender(<Page of="second" />)
  expect(screen.queryByText('Ada')).toBeNull()
  expect(asked).toHaveLength(1)
})

test('a page that nobody sees asks for nothing, and asks at once when it is seen', async () => {
  const { Page, reply, passTime, asked } = stage()
  render(<Page />)
  await reply(ok(['Ada']))
  const hidden = jest.spyOn(document, 'hidden', 'get').mockReturnValue(true)
  await passTime()
  expect(asked).toHaveLength(0)
  hidden.mockReturnValue(false)
  document.dispatchEvent(new Event('visibilitychange'))
  await settled()
  expect(asked).toHaveLength(1)
  hidden.mockRestore()
})
