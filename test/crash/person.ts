/** A person at the API: one wish after the other, each repeated until the service has answered it. */
import type { ServiceProcess } from './process.ts'

type Wish = (service: ServiceProcess) => Promise<boolean>
export type Person = { insist(wish: Wish): void }

const repeatMs = 3_000

/** A wish answers whether it is done. One that waits for a process that died meanwhile is asked anew. */
export function createPerson(parts: {
  readonly service: () => ServiceProcess | undefined
  readonly after: (ms: number, run: () => void) => void
}): Person {
  const wishes: Wish[] = []
  let asked: ServiceProcess | undefined
  let isRunning = false
  const look = (): void => {
    const [wish] = wishes
    if (wish === undefined) return void (isRunning = false)
    const service = parts.service()
    if (service !== undefined && asked !== service) {
      asked = service
      void wish(service).then(answered, () => answered(false))
    }
    parts.after(repeatMs, look)
    function answered(done: boolean): void {
      if (asked === service) asked = undefined
      if (done && wishes[0] === wish) wishes.shift()
    }
  }
  return {
    insist(wish) {
      wishes.push(wish)
      if (isRunning) return
      isRunning = true
      look()
    },
  }
}
