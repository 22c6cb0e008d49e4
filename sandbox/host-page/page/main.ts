/** Brings the page to life: who looks at it, its theme, its menu, and the hub in it. */
import { openContentFrame } from './content-frame.ts'
import { byId, element } from './dom.ts'
import { openSession } from './session.ts'
import type { Session } from './session.ts'

const session = openSession()
startHeader(session)
byId('hub').append(contentOf(session))

function startHeader({ person, theme, setTheme, switchTo }: Session): void {
  onChoice('theme', theme().name, setTheme)
  onChoice('person', person.id, switchTo)
  byId('avatar').textContent = person.displayName.replace(/[^A-Z]/g, '')
  const menuButton = byId('menu-button')
  menuButton.addEventListener('click', () => {
    menuButton.setAttribute('aria-expanded', String(document.body.classList.toggle('menu-open')))
  })
  // The address after # belongs to the hub.
  byId('skip').addEventListener('click', (event) => {
    event.preventDefault()
    byId('content').focus()
  })
}

function onChoice(id: string, value: string, choose: (value: string) => void): void {
  const select = byId(id)
  if (!(select instanceof HTMLSelectElement)) throw new Error(`The element #${id} is no list of choices.`)
  select.value = value
  select.addEventListener('change', () => choose(select.value))
}

function contentOf(session: Session): HTMLElement {
  const { hub, page } = session.data
  if (hub?.url !== undefined) {
    const content = { contributionId: hub.contributionId, url: hub.url, title: page.title, configuration: {} }
    return openContentFrame(session, content).element
  }
  const why =
    hub === undefined
      ? 'This page of Azure DevOps has no content in the sandbox.'
      : 'Nobody has told the sandbox where the hub is served: send {"url": "…"} with PUT to /_sandbox/hub, and reload this page.'
  // A hub brings its own main landmark.
  return element('main', { class: 'empty' }, element('h1', {}, page.title), element('p', {}, why))
}
