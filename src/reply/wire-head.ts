/**
 * A response head as the bytes of HTTP/1.1, for a connection that has no ServerResponse: interim answers, the switch to
 * another protocol, and answers to requests that could not be parsed. Pure.
 */
interface Head {
  readonly status: number
  /** The reason phrase; clients ignore it. */
  readonly phrase: string
  /** Flat list of names and values. */
  readonly headers: readonly string[]
}

export function wireHead({ status, phrase, headers }: Head): Buffer {
  const lines = [`HTTP/1.1 ${status} ${phrase}`]
  for (let i = 0; i < headers.length; i += 2) lines.push(`${headers[i] ?? ''}: ${headers[i + 1] ?? ''}`)
  // RFC 9110, 5.5: a value may hold bytes above 127, which Node reads as one character each.
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1')
}

/** The head with which a connection leaves HTTP for `protocol`. */
export function switchingProtocols(protocol: string, headers: readonly string[]): Buffer {
  const switches = ['Connection', 'Upgrade', 'Upgrade', protocol]
  return wireHead({ status: 101, phrase: 'Switching Protocols', headers: [...switches, ...headers] })
}
