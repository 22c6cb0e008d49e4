/** Begins the hub once the host has answered. */
import 'azure-devops-ui/Core/override.css'
import { render } from 'react-dom'
import { App } from './app.tsx'
import { connectHost } from './host.ts'
import './hub.css'

const place = document.getElementById('hub')

async function begin(): Promise<void> {
  const host = await connectHost()
  render(<App host={host} />, place)
  host.loaded()
}

begin().catch((error: unknown) => {
  // Without its host the page has no theme and no components either.
  if (place !== null) place.textContent = `This page belongs into Azure DevOps, and could not reach it: ${String(error)}`
})
