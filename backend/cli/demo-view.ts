/** Where the demo's states go: a live screen, lines, or nowhere. */
import { changesBetween } from './demo-lines.ts'
import { renderScreen, type ScreenState } from './screen.ts'
import { openTerminal } from './terminal.ts'

export type View = { show(state: ScreenState): void; close(): void }
export type Size = { readonly columns: number; readonly rows: number }

/** The live view on the alternate screen of a terminal. */
export function liveView(out: (text: string) => void, size: () => Size, colour: boolean): View {
  const terminal = openTerminal(out)
  return {
    show(state) {
      const { columns, rows } = size()
      terminal.draw(renderScreen(state, columns, rows, colour))
    },
    close: terminal.restore,
  }
}

/** One line for each change. */
export function lineView(out: (text: string) => void): View {
  let before: ScreenState | undefined
  return {
    show(state) {
      if (before === undefined)
        out(
          `${state.pool} on ${state.scaleSet}: ${state.source} at ${state.speed} × real time. in a browser ${state.page}  API ${state.address}\n`,
        )
      for (const line of changesBetween(before ?? state, state)) out(`${line}\n`)
      before = state
    },
    close: () => undefined,
  }
}

export const noView: View = { show: () => undefined, close: () => undefined }
