/** A terminal taken over for a live view, and given back as it was. */

const enter = '\u001b[?1049h\u001b[?25l'
const leave = '\u001b[?25h\u001b[?1049l'
const home = '\u001b[H'
const clearToEnd = '\u001b[J'
const clearLine = '\u001b[K'

export type LiveTerminal = {
  /** Draws over what is there, so that nothing flickers. */
  draw(screen: string): void
  /** May be called twice. */
  restore(): void
}

/** Shows the alternate screen. `out` writes to the terminal at once. */
export function openTerminal(out: (text: string) => void): LiveTerminal {
  let open = true
  const restore = (): void => {
    if (!open) return
    open = false
    out(leave)
  }
  out(enter)
  // A crash must not leave the person without a cursor.
  process.once('exit', restore)
  return {
    draw(screen) {
      if (open) out(`${home}${screen.split('\n').join(`${clearLine}\r\n`)}${clearLine}${clearToEnd}`)
    },
    restore() {
      restore()
      process.off('exit', restore)
    },
  }
}
