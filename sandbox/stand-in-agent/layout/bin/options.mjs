/** The agent's command line and `VSTS_AGENT_INPUT_*`. The command line wins; the variables are wiped after reading. */

const flags = [
  ...['unattended', 'replace', 'acceptteeeula', 'runasservice', 'preventservicestart', 'runasautologon', 'overwriteautologon'],
  ...['norestart', 'once', 'alwaysextracttask', 'disableloguploads', 'sslskipcertvalidation', 'usebasicauthforproxy'],
  ...['version', 'commit', 'diagnostics', 'help', 'addvirtualmachineresourcetags'],
]
const values = [
  ...['url', 'auth', 'token', 'username', 'password', 'clientid', 'tenantid', 'clientsecret', 'pool', 'agent', 'work'],
  ...['windowslogonaccount', 'windowslogonpassword', 'proxyurl', 'proxyusername', 'proxypassword', 'sslcacert', 'sslclientcert'],
  ...['sslclientcertkey', 'sslclientcertarchive', 'sslclientcertpassword', 'startuptype', 'notificationpipename', 'monitorsocketaddress'],
]
const verbs = ['configure', 'remove', 'run', 'warmup', 'reauth']
const prefix = 'vsts_agent_input_'

/** @throws Error that names the word which is no option. */
export function parseOptions(words, environment) {
  const options = fromEnvironment(environment)
  let verb
  for (let at = 0; at < words.length; at++) {
    const word = words[at]
    const name = /^--(.+)$/.exec(word)?.[1].toLowerCase()
    if (name === undefined && verb === undefined && verbs.includes(word)) verb = word
    else if (flags.includes(name)) options[name] = true
    else if (values.includes(name)) options[name] = words[++at]
    else throw new Error(`Unrecognized command-line input arguments: '${word}'.`)
  }
  return { verb: verb ?? 'run', options }
}

function fromEnvironment(environment) {
  const options = {}
  for (const [key, value] of Object.entries(environment)) {
    if (!key.toLowerCase().startsWith(prefix)) continue
    delete environment[key]
    const name = key.slice(prefix.length).toLowerCase()
    if (flags.includes(name)) options[name] = /^(true|1|yes|y)$/i.test(value)
    else if (value !== '') options[name] = value
  }
  return options
}
