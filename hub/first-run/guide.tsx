/** How a team runs the service, with this organization's own values in the commands. */
import { Card } from 'azure-devops-ui/Card'
import { useEffect, useState, type ReactElement } from 'react'
import { Copyable } from '../components/copyable.tsx'
import type { Host } from '../host.ts'
import { audienceOf } from './audience.ts'

export function Guide({ host }: { readonly host: Host }): ReactElement {
  const extensionId = useExtensionId(host)
  return (
    <Card titleProps={{ text: 'No service yet? Run one', ariaLevel: 2 }}>
      <ol className="hub-steps">
        <li>
          <p className="hub-text">
            On a computer with Node 20 that reaches Azure DevOps and Azure Resource Manager, in the folder of Scale Set Agents:
          </p>
          <Copyable what="the commands to build the service" text={'npm ci\nnpm run build'} />
        </li>
        <li>
          <p className="hub-text">
            Tell it which organization it serves, and which extension it trusts. The secret is under <strong>Certificate</strong> on the
            publisher page of the extension in the Marketplace.
          </p>
          <Copyable
            what="the settings of the service"
            text={environmentOf(host.organizationUrl, extensionId, globalThis.location.origin)}
          />
        </li>
        <li>
          <p className="hub-text">
            Let it sign in to Azure and Azure DevOps: with the managed identity of its computer, or with a service principal. Start it; the
            second command names each right that is missing, with the command that grants it:
          </p>
          <Copyable what="the commands to start the service" text={'npm run serve\nnode dist/main.js doctor'} />
        </li>
        <li>
          <p className="hub-text">Put https before it, and give its address above.</p>
        </li>
      </ol>
    </Card>
  )
}

export function environmentOf(organizationUrl: string, extensionId: string | undefined, origin: string): string {
  return [
    `export SCALE_SET_AGENTS_ORGANIZATION_URL=${organizationUrl.replace(/\/$/, '')}`,
    `export SCALE_SET_AGENTS_EXTENSION_ID=${extensionId ?? 'ID-OF-THE-EXTENSION'}`,
    `export SCALE_SET_AGENTS_EXTENSION_SECRET=SECRET-OF-THE-EXTENSION`,
    `export SCALE_SET_AGENTS_HUB_ORIGINS=${origin}`,
  ].join('\n')
}

/** The token of the extension names it. */
function useExtensionId(host: Host): string | undefined {
  const [id, setId] = useState<string | undefined>()
  useEffect(() => {
    host.appToken().then(
      (token) => setId(audienceOf(token)),
      () => undefined,
    )
  }, [host])
  return id
}
