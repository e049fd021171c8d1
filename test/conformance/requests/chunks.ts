/**
 * The chunks of a request's body (RFC 9112, 7.1). A streaming proxy may already have forwarded the beginning of a body that
 * turns out to be malformed, but the tool must never see that body as complete.
 */
import { END, dropped, passed, post, refused, refusedForGood } from '../case.ts'
import type { Allowed, Case } from '../case.ts'
import { MAX_BODY_BYTES } from '../proxies.ts'

const STATUSES = [400, 413, 431]
const CUT = { isCut: true }
/** The request is refused or cut; the tool may have seen its beginning. */
const never: readonly Allowed[] = [
  refusedForGood(...STATUSES),
  dropped,
  { got: [{ by: 'proxy', statuses: [...STATUSES, 502] }], seen: [CUT], end: 'closes' },
  { got: [], seen: [CUT], end: 'closes' },
]
const whole = passed({ body: 'abc' })

function chunked(bytes: string): string {
  return post(['Transfer-Encoding: chunked'], bytes)
}

function good(name: string, bytes: string, ...allow: Allowed[]): Case {
  return {
    name,
    rfc: '9112 7.1',
    level: 'MUST',
    send: [chunked(bytes)],
    allow: allow.length > 0 ? allow : [whole],
  }
}

function bad(name: string, bytes: string): Case {
  return { name, rfc: '9112 7.1', level: 'MUST', send: [chunked(bytes)], answers: 1, allow: never }
}

/** The caller closes its side before the body is complete. */
function truncated(name: string, bytes: string): Case {
  return { name, rfc: '9112 8', level: 'MUST', send: [chunked(bytes), END], answers: 1, allow: never }
}

/** A trailer field must not become a header field. The proxy may drop it or forward it as a trailer. */
function trailer(name: string, line: string): Case {
  const kept = [line.replace(/^[^:]*/, (text) => text.toLowerCase())]
  const seen = { fields: [], body: 'abc', trailers: [] }
  return {
    name,
    rfc: '9110 6.5.1',
    level: 'MUST',
    send: [chunked(`3\r\nabc\r\n0\r\n${line}\r\n\r\n`)],
    answers: 1,
    allow: [passed(seen), passed({ ...seen, trailers: kept }), ...never],
  }
}

const MANY = '1\r\na\r\n'.repeat(500)
const REST = '\r\nabc\r\n0\r\n\r\n'

export const CHUNKS: readonly Case[] = [
  good('several chunks', '1\r\na\r\n2\r\nbc\r\n0\r\n\r\n'),
  good('500 chunks of one byte', `${MANY}0\r\n\r\n`, passed({ body: 'a'.repeat(500) })),
  good('no chunk but the last', '0\r\n\r\n', passed({ body: '' })),
  good('sizes in capitals', `A\r\n0123456789\r\n0\r\n\r\n`, passed({ body: '0123456789' })),
  good('a size with leading zeros', `0003${REST}`),
  good('a size with 100 leading zeros', `${'0'.repeat(100)}3${REST}`, whole, ...never),
  good('a last chunk of several zeros', '3\r\nabc\r\n000\r\n\r\n'),
  good('a chunk extension', `3;a=b${REST}`),
  good('a chunk extension with a quoted string', `3;a="b;c\\"d"${REST}`),
  good('a chunk extension without a value', `3;a;b${REST}`),
  good('an extension of the last chunk', '3\r\nabc\r\n0;a=b\r\n\r\n'),
  good('a space before the extension', `3 ;a=b${REST}`, whole, ...never),
  good('a space after the size', `3 ${REST}`, whole, ...never),
  good('a chunk extension of 20,000 bytes', `3;a=${'b'.repeat(20_000)}${REST}`, whole, ...never),
  bad('a bare LF in a chunk extension', `3;a\nb${REST}`),
  bad('a bare CR in a chunk extension', `3;a\rb${REST}`),
  bad('a NUL in a chunk extension', `3;a\0b${REST}`),
  bad('size 0x3', `0x3${REST}`),
  bad('size +3', `+3${REST}`),
  bad('size -3', `-3${REST}`),
  bad('size 3_0', `3_0${REST}`),
  bad('a space before the size', ` 3${REST}`),
  bad('an empty size', REST),
  bad('size g', `g${REST}`),
  bad('size 3, then junk', `3 3${REST}`),
  bad('a size of 17 digits', `FFFFFFFFFFFFFFFFF${REST}`),
  bad('size 2^64 + 3', `10000000000000003${REST}`),
  bad('no CRLF after the data', '3\r\nabc0\r\n\r\n'),
  bad('more data than the size', '3\r\nabcdef\r\n0\r\n\r\n'),
  bad('a bare LF after the size', '3\nabc\r\n0\r\n\r\n'),
  bad('a bare CR after the size', '3\rabc\r\n0\r\n\r\n'),
  bad('CR CR LF after the size', '3\r\r\nabc\r\n0\r\n\r\n'),
  bad('a bare LF after the data', '3\r\nabc\n0\r\n\r\n'),
  bad('a bare LF after the last size', '3\r\nabc\r\n0\n\r\n'),
  bad('two other bytes in place of the CRLF after the data', '3\r\nabcxx0\r\n\r\n'),
  bad('a trailer line with a space in its name', '3\r\nabc\r\n0\r\nX T: 1\r\n\r\n'),
  bad('a trailer line without a colon', '3\r\nabc\r\n0\r\njunk\r\n\r\n'),
  bad('a trailer of 100,000 bytes', `3\r\nabc\r\n0\r\nX-T: ${'b'.repeat(100_000)}\r\n\r\n`),
  truncated('the end after three bytes of 2^32 + 3', `100000003${REST}`),
  truncated('the end within the size', '3'),
  truncated('the end within the data', '3\r\nab'),
  truncated('the end before the last chunk', '3\r\nabc\r\n'),
  truncated('the end before the last CRLF', '3\r\nabc\r\n0\r\n'),
  truncated('the end within the trailers', '3\r\nabc\r\n0\r\nX-T: 1\r\n'),
  trailer('a trailer field', 'X-T: 1'),
  trailer('Content-Length in the trailers', 'Content-Length: 9'),
  trailer('Transfer-Encoding in the trailers', 'Transfer-Encoding: chunked'),
  trailer('Host in the trailers', 'Host: other.test'),
  trailer('Authorization in the trailers', 'Authorization: Bearer x'),
  trailer('Connection in the trailers', 'Connection: close'),
  {
    name: 'a trailer field that Connection names',
    rfc: '9110 7.6.1',
    level: 'MUST',
    send: [post(['Transfer-Encoding: chunked', 'Connection: X-T'], '3\r\nabc\r\n0\r\nX-T: 1\r\n\r\n')],
    allow: [passed({ fields: [], body: 'abc', trailers: [] })],
  },
  {
    name: 'a request after a chunked one',
    rfc: '9112 7.1',
    level: 'MUST',
    send: [`${chunked('3\r\nabc\r\n0\r\n\r\n')}GET $T/next HTTP/1.1\r\nHost: $H\r\n\r\n`],
    allow: [
      {
        got: [
          { by: 'tool', statuses: [200] },
          { by: 'tool', statuses: [200] },
        ],
        seen: [{ body: 'abc' }, { line: 'GET $T/next' }],
      },
    ],
  },
  {
    name: 'chunks that exceed the limit of a body together',
    rfc: '9110 15.5.14',
    level: 'MUST',
    send: [
      chunked(`${MAX_BODY_BYTES.toString(16)}\r\n${'a'.repeat(MAX_BODY_BYTES)}\r\n3\r\nabc\r\n0\r\n\r\n`),
    ],
    answers: 1,
    allow: [
      passed({ body: `${'a'.repeat(MAX_BODY_BYTES)}abc` }),
      refused(413),
      { ...refused(413), seen: [CUT] },
      ...never,
    ],
  },
]
