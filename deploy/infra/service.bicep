// What runs: identity, registry, database, logs and the container app.
param environmentName string
param location string
param tags object
param organizationUrl string
param extensionId string
param hubOrigins string
param replicas int
param image string
@secure()
param extensionSecret string
@secure()
param operatorKey string
@secure()
param databasePassword string

var suffix = uniqueString(resourceGroup().id)
var appName = 'ca-${environmentName}'
var port = 7200
var dataFolder = '/var/lib/scale-set-agents'
// Fixed by Azure: the built-in role AcrPull.
var pullRole = subscriptionResourceId('Microsoft.Authorization/roleDefinitions', '7f951dda-4ed3-4680-a7ca-43fe172d538d')

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31' = {
  name: 'id-${environmentName}'
  location: location
  tags: tags
}

// Machines register their agents with its tokens, so it has no right in Azure at all.
resource registrar 'Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31' = {
  name: 'id-${environmentName}-registrar'
  location: location
  tags: tags
}

resource registry 'Microsoft.ContainerRegistry/registries@2023-07-01' = {
  name: 'cr${suffix}'
  location: location
  tags: tags
  sku: { name: 'Basic' }
  properties: { adminUserEnabled: false }
}

resource pull 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(registry.id, identity.id, pullRole)
  scope: registry
  properties: {
    roleDefinitionId: pullRole
    principalId: identity.properties.principalId
    principalType: 'ServicePrincipal'
  }
}

resource server 'Microsoft.DBforPostgreSQL/flexibleServers@2024-08-01' = {
  name: 'psql-${suffix}'
  location: location
  tags: tags
  sku: {
    name: 'Standard_B1ms'
    tier: 'Burstable'
  }
  properties: {
    version: '16'
    administratorLogin: 'agents'
    administratorLoginPassword: databasePassword
    storage: { storageSizeGB: 32 }
    backup: {
      backupRetentionDays: 14
      geoRedundantBackup: 'Disabled'
    }
  }

  resource database 'databases' = {
    name: 'agents'
  }

  // Any address of Azure, by password and TLS. A virtual network is closer, and is yours to lay.
  resource azure 'firewallRules' = {
    name: 'azure'
    properties: {
      startIpAddress: '0.0.0.0'
      endIpAddress: '0.0.0.0'
    }
  }
}

resource logs 'Microsoft.OperationalInsights/workspaces@2023-09-01' = {
  name: 'log-${environmentName}'
  location: location
  tags: tags
  properties: {
    sku: { name: 'PerGB2018' }
    retentionInDays: 30
  }
}

resource environment 'Microsoft.App/managedEnvironments@2024-03-01' = {
  name: 'cae-${environmentName}'
  location: location
  tags: tags
  properties: {
    appLogsConfiguration: {
      destination: 'log-analytics'
      logAnalyticsConfiguration: {
        customerId: logs.properties.customerId
        sharedKey: logs.listKeys().primarySharedKey
      }
    }
  }
}

var settings = [
  { name: 'SCALE_SET_AGENTS_ORGANIZATION_URL', value: organizationUrl }
  { name: 'AZURE_CLIENT_ID', value: identity.properties.clientId }
  { name: 'SCALE_SET_AGENTS_REGISTRAR_CLIENT_ID', value: registrar.properties.clientId }
  { name: 'SCALE_SET_AGENTS_PUBLIC_URL', value: 'https://${appName}.${environment.properties.defaultDomain}' }
  { name: 'SCALE_SET_AGENTS_HOST', value: '0.0.0.0' }
  { name: 'SCALE_SET_AGENTS_PORT', value: string(port) }
  { name: 'SCALE_SET_AGENTS_DATA', value: dataFolder }
  { name: 'SCALE_SET_AGENTS_EXTENSION_ID', value: extensionId }
  { name: 'SCALE_SET_AGENTS_HUB_ORIGINS', value: hubOrigins }
  { name: 'SCALE_SET_AGENTS_EXTENSION_SECRET', secretRef: 'extension-secret' }
  { name: 'SCALE_SET_AGENTS_OPERATOR_KEY', secretRef: 'operator-key' }
  { name: 'SCALE_SET_AGENTS_DATABASE_URL', secretRef: 'database-url' }
]

resource app 'Microsoft.App/containerApps@2024-03-01' = {
  name: appName
  location: location
  // azd finds the service by this tag.
  tags: union(tags, { 'azd-service-name': 'service' })
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${identity.id}': {}
      '${registrar.id}': {}
    }
  }
  properties: {
    environmentId: environment.id
    configuration: {
      activeRevisionsMode: 'Single'
      ingress: {
        external: true
        allowInsecure: false
        targetPort: port
        transport: 'http'
      }
      registries: [
        {
          server: registry.properties.loginServer
          identity: identity.id
        }
      ]
      secrets: [
        { name: 'extension-secret', value: extensionSecret }
        { name: 'operator-key', value: operatorKey }
        {
          name: 'database-url'
          value: 'postgres://agents:${databasePassword}@${server.properties.fullyQualifiedDomainName}:5432/${server::database.name}?sslmode=verify-full'
        }
      ]
    }
    template: {
      containers: [
        {
          name: 'service'
          image: image
          resources: {
            cpu: json('0.5')
            memory: '1Gi'
          }
          env: settings
          // Readiness is for whoever watches: a replica whose Azure DevOps is away still has to say so in the hub.
          probes: [
            {
              type: 'Startup'
              httpGet: { path: '/healthz', port: port }
              periodSeconds: 5
              failureThreshold: 24
            }
            {
              type: 'Liveness'
              httpGet: { path: '/healthz', port: port }
              periodSeconds: 30
              timeoutSeconds: 5
              failureThreshold: 3
            }
          ]
          volumeMounts: [
            { volumeName: 'data', mountPath: dataFolder }
          ]
        }
      ]
      // Nothing that has to last: all of it is in the database.
      volumes: [
        { name: 'data', storageType: 'EmptyDir' }
      ]
      scale: {
        minReplicas: replicas
        maxReplicas: replicas
      }
      terminationGracePeriodSeconds: 60
    }
  }
  dependsOn: [pull, server::azure]
}

output url string = 'https://${app.properties.configuration.ingress.fqdn}'
output registry string = registry.properties.loginServer
output principalId string = identity.properties.principalId
output clientId string = identity.properties.clientId
output registrarClientId string = registrar.properties.clientId
