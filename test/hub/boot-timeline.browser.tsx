/** @jest-environment jsdom */
import { render, screen } from '@testing-library/react'
import { Lives } from '../../hub/agents/boot-timeline.tsx'

const phase = { phase: 'user' as const, result: 'ok' as const, durationMs: 900, atMs: 1 }

test('the warnings of a phase that went well are shown, and a quiet phase has none', () => {
  const phases = [
    { ...phase, detail: 'sudo is not installed, so the agent has no sudo right.' },
    { ...phase, phase: 'start' as const, detail: '' },
  ]
  render(<Lives lives={[{ machineId: '3', createdAt: 'c1', generation: 1, phases }]} />)
  const [user, start] = screen.getAllByRole('listitem').map(({ textContent }) => textContent)
  expect(user).toContain('Warning: sudo is not installed, so the agent has no sudo right.')
  expect(start).not.toContain('Warning')
})
