/** What will happen with these numbers, told as a day of the pool. */
import type { PoolSettings } from '../../backend/core/settings.ts'
import { counted } from '../components/more-or-less.ts'

export function storyOf(settings: PoolSettings): readonly string[] {
  return [begin(settings), growth(settings), afterwards(settings), quiet(settings)]
}

function begin({ standby }: PoolSettings): string {
  return standby === 0
    ? 'There is no machine as long as there is no job.'
    : `At first ${counted(standby, 'machine')} ${standby === 1 ? 'starts, and its agent waits' : 'start, and their agents wait'} for jobs.`
}

function growth({ standby, machinesMax }: PoolSettings): string {
  const most = `never more than ${counted(machinesMax, 'machine')} in all`
  return standby === 0
    ? `Each job that waits gets a machine, ${most}; it begins when that machine has started.`
    : `When an agent takes a job, another machine starts at once, so that ${standby} ${standby === 1 ? 'is' : 'are'} idle again; ${most}.`
}

function afterwards({ tearDownAfterUse }: PoolSettings): string {
  return tearDownAfterUse
    ? 'After its job a machine is reimaged, or deleted when fewer are needed by then: no job sees what another left.'
    : 'After its job an agent takes the next one on the same machine, with what the job before left on its disk.'
}

function quiet({ idleDelayMinutes, standby }: PoolSettings): string {
  const more = standby === 0 ? 'an agent has' : `more than ${counted(standby, 'agent')} ${standby === 1 ? 'has' : 'have'}`
  return `When ${more} been idle for ${counted(idleDelayMinutes, 'minute')}, ${standby === 0 ? 'it leaves' : 'the others leave'}.`
}
