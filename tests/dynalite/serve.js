// Serves a DynamoDB on a port of this machine that the system chooses: an empty one from memory, or
// the one that a folder holds, which outlives this process however it ends:
//
//   node serve.js [--create-table-ms N] [--max-item-kb N] [--path FOLDER]
//
// Prints "listening on http://127.0.0.1:PORT" and exits when its standard input closes, so that it
// never outlives whoever started it.
'use strict'

const OPTIONS = {
  '--create-table-ms': {name: 'createTableMs', value: 0, form: /^\d+$/, read: Number},
  '--max-item-kb': {name: 'maxItemSizeKb', value: 400, form: /^\d+$/, read: Number},
  '--path': {name: 'path', form: /./, read: String},
}

// Longer than any pause of a test: only the proxy closes idle connections, when it is told to.
const IDLE_MS = 600 * 1000

function parseOptions(words) {
  const options = {deleteTableMs: 0, updateTableMs: 0}
  for (const {name, value} of Object.values(OPTIONS)) options[name] = value
  for (let i = 0; i < words.length; i += 2) {
    const option = OPTIONS[words[i]]
    if (!option || !option.form.test(words[i + 1])) {
      const known = Object.keys(OPTIONS).join(', ')
      console.error(`serve.js takes ${known}, each with a value; not: ${words.join(' ')}`)
      process.exit(2)
    }
    options[option.name] = option.read(words[i + 1])
  }
  return options
}

// dynalite throws what a request reports when its client is killed in the middle of it.
process.on('uncaughtException', (error) => {
  if (error.code === 'ECONNRESET') return
  console.error(error)
  process.exit(1)
})

const options = parseOptions(process.argv.slice(2))
const server = require('dynalite')(options)
server.keepAliveTimeout = IDLE_MS
server.listen(0, '127.0.0.1', () => {
  console.log(`listening on http://127.0.0.1:${server.address().port}`)
})
process.stdin.on('end', () => process.exit(0)).resume()
