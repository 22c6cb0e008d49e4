/** What the sandbox's tenant knows of an application and the ways it may prove itself. */

export type AppRegistration = {
  readonly tenantId: string
  readonly clientId: string
  readonly secret?: string
  /** Certificate or public key (PEM, RSA) for client assertions that the application signs itself. */
  readonly certificatePem?: string
  /** Workload identity federation: whose tokens are taken instead of a secret. */
  readonly federated?: { readonly issuer: string; readonly subject: string; readonly publicKeyPem: string }
  /** Its role in the subscription. */
  readonly role: 'contributor' | 'reader' | 'none'
  /** It was added to the Azure DevOps organization as a user. */
  readonly devops: boolean
}

/** Azure DevOps' application id in every tenant: the audience of its tokens. */
export const azureDevOpsAudience = '499b84ac-1321-427f-aa17-267ca6975798'

/** Audiences of Azure Resource Manager besides the sandbox's own address. */
export const resourceManagerAudiences = ['https://management.azure.com', 'https://management.core.windows.net']
