/** @jest-environment jsdom */
import { fireEvent, render, screen } from '@testing-library/react'
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
  type PageProps = { readonly of?: string; readonly keepsForm?: boolean }
  function Page({ of = 'names', keepsForm = false }: PageProps): ReactElement {
    const { resource, again } = useResource({ key: of, read, everyMs: 1_000, clock, isEmpty: (names) => names.length === 0 })
    return (
      <Frame what="the names" resource={resource} again={again} keepsForm={keepsForm} empty={<p>No names.</p>}>
        {(names) => (
          <>
            <p>{names.join(', ')}</p>
            <input aria-label="Typed" />
            <Frame what="the same" resource={resource} again={again} keepsForm={keepsForm}>
              {() => <></>}
            </Frame>
          </>
        )}
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

describe('what was typed', () => {
  const typed = (): HTMLElement => screen.getByLabelText('Typed')
  async function typing(keepsForm = false) {
    const at = stage()
    render(<at.Page keepsForm={keepsForm} />)
    await at.reply(ok(['Ada']))
    fireEvent.change(typed(), { target: { value: 'half a sentence' } })
    return async (answer: Answer<Names>): Promise<void> => {
      await at.passTime()
      await at.reply(answer)
    }
  }

  test('stays while nothing can be read, and when it can again; that is said once', async () => {
    const next = await typing()
    await next(await refuse('session', 'Sign in again.'))
    expect(typed()).toHaveProperty('value', 'half a sentence')
    expect(screen.getAllByRole('alert')).toHaveLength(1)
    await next(ok(['Ada']))
    expect(typed()).toHaveProperty('value', 'half a sentence')
    expect(screen.queryByRole('alert')).toBeNull()
  })

  test('stays in a form whose pool was deleted, and the first reason is what is told', async () => {
    const next = await typing(true)
    await next(await refuse('notFound', 'This service runs no pool 3.'))
    await next(await refuse('forbidden', 'You may not use pool 3.'))
    expect(typed()).toHaveProperty('value', 'half a sentence')
    expect(screen.getAllByRole('alert').map((alert) => alert.textContent)).toEqual([
      'This service runs no pool 3. What you typed is kept until you leave.',
    ])
  })
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
