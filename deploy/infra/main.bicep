// The service on Azure Container Apps with a managed identity, its role on the scale sets, and PostgreSQL. For `azd up`.
// Compiled and deployed nowhere yet: see docs/deploy.md.
targetScope = 'subscription'

@description('Names the resources; azd sets it.')
@minLength(1)
@maxLength(20)
param environmentName string

@description('Where the service runs. Close to the scale sets is not needed.')
param location string

@description('Resource group of the scale sets, which is there already.')
param agentsResourceGroup string

@description('https://dev.azure.com/your-organization')
param organizationUrl string

@description('GUID of the installed extension.')
param extensionId string

@description('Origins of the pages of the extension, separated by commas.')
param hubOrigins string

@secure()
@description('Secret of the extension.')
param extensionSecret string

@secure()
@description('Opens the API for programs; at least 16 characters.')
@minLength(16)
param operatorKey string

@secure()
@description('Password of the administrator of the database: letters and digits only, since it stands in a URL.')
@minLength(16)
param databasePassword string

@description('Replicas of the service.')
@minValue(1)
@maxValue(10)
param replicas int = 2

@description('Set by azd once the image was pushed; before, a page that does nothing.')
param image string = 'mcr.microsoft.com/k8se/quickstart:latest'

var role = loadJsonContent('../azure-role.json')
var tags = { 'azd-env-name': environmentName }

resource group 'Microsoft.Resources/resourceGroups@2024-03-01' = {
  name: 'rg-${environmentName}'
  location: location
  tags: tags
}

// What the service may do in Azure stands in one place, which a test holds to the calls that it makes.
resource definition 'Microsoft.Authorization/roleDefinitions@2022-04-01' = {
  name: guid(subscription().id, role.Name)
  properties: {
    roleName: role.Name
    description: role.Description
    type: 'CustomRole'
    permissions: [
      {
        actions: role.Actions
        notActions: role.NotActions
      }
    ]
    assignableScopes: [subscription().id]
  }
}

module service 'service.bicep' = {
  name: 'service'
  scope: group
  params: {
    environmentName: environmentName
    location: location
    tags: tags
    organizationUrl: organizationUrl
    extensionId: extensionId
    extensionSecret: extensionSecret
    hubOrigins: hubOrigins
    operatorKey: operatorKey
    databasePassword: databasePassword
    replicas: replicas
    image: image
  }
}

module rights 'rights.bicep' = {
  name: 'rights'
  scope: resourceGroup(agentsResourceGroup)
  params: {
    roleDefinitionId: definition.id
    principalId: service.outputs.principalId
  }
}

output AZURE_CONTAINER_REGISTRY_ENDPOINT string = service.outputs.registry
output SERVICE_URL string = service.outputs.url
output SERVICE_IDENTITY_CLIENT_ID string = service.outputs.clientId
output REGISTRAR_IDENTITY_CLIENT_ID string = service.outputs.registrarClientId
