/** Who looks at the page, in which theme, and the tokens that the page hands to extensions. */
import type { PageData, PersonOnPage } from '../page-data.ts'
import { byId } from './dom.ts'
import { themeOf } from './themes.ts'
import type { Theme, ThemeName } from './themes.ts'

export type Session = {
  readonly data: PageData
  readonly person: PersonOnPage
  theme(): { readonly name: ThemeName; readonly values: Theme }
  /** Applies the theme to the page and tells `onThemeChanged`. */
  setTheme(name: string): void
  onThemeChanged(listener: (theme: Theme) => void, signal: AbortSignal): void
  /** Every extension of the page's person gets a token of its own. */
  token(kind: 'access-token' | 'app-token'): Promise<{ readonly token: string }>
  /** Opens this page anew as somebody else. Each tab of the browser has a person of its own. */
  switchTo(personId: string): void
}

const keys = { person: 'sandbox-person', theme: 'sandbox-theme' } as const

export function openSession(): Session {
  const data = JSON.parse(byId('page-data').textContent ?? '') as PageData
  const person = personOf(data)
  const listeners = new Set<(theme: Theme) => void>()
  let name = themeName(localStorage.getItem(keys.theme))

  function setTheme(wanted: string): void {
    name = themeName(wanted)
    localStorage.setItem(keys.theme, name)
    applyTheme(name)
    for (const listener of listeners) listener(themeOf(name))
  }

  applyTheme(name)
  return {
    data,
    person,
    theme: () => ({ name, values: themeOf(name) }),
    setTheme,
    onThemeChanged(listener, signal) {
      listeners.add(listener)
      signal.addEventListener('abort', () => listeners.delete(listener))
    },
    token: (kind) => fetchToken(person.id, kind),
    switchTo(personId) {
      sessionStorage.setItem(keys.person, personId)
      location.reload()
    },
  }
}

function personOf({ people }: PageData): PersonOnPage {
  const kept = sessionStorage.getItem(keys.person)
  const person = people.find(({ id }) => id === kept) ?? people[0]
  if (person === undefined) throw new Error('The organization has no people.')
  return person
}

function themeName(text: string | null): ThemeName {
  return text === 'dark' || text === 'high-contrast' ? text : 'light'
}

function applyTheme(name: ThemeName): void {
  const { style, dataset } = document.documentElement
  for (const [variable, value] of Object.entries(themeOf(name))) style.setProperty(`--${variable}`, value)
  style.colorScheme = name === 'light' ? 'light' : 'dark'
  dataset['theme'] = name
}

async function fetchToken(personId: string, kind: string): Promise<{ readonly token: string }> {
  const answer = await fetch(`/_sandbox/people/${personId}/${kind}`, { method: 'POST' })
  if (!answer.ok) throw new Error(`The sandbox gave no ${kind}: it answered ${answer.status}.`)
  return (await answer.json()) as { token: string }
}
