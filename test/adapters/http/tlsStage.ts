/** What the tests of channel bindings share: servers that know their certificate, and connections of one's own. */
import { X509Certificate } from 'node:crypto';
import { Agent } from 'undici';
import { type NegotiateFetchOptions, negotiateFetch } from '../../../src/adapters/http/index.js';
import type { ChannelBindings } from '../../../src/gss/bindings.js';
import { tlsServerEndPoint } from '../../../src/gss/tlsBindings.js';
import { type Certificate, certificate, type Listening, listen, openStage, type Stage } from './servers.js';

/** A server, and what it saw: whether each token was bound to its certificate. */
export interface Bound extends Listening {
  readonly bound: boolean[];
}

/** A realm with servers whose certificate is `pem`, or somebody else's. */
export interface TlsStage extends Stage {
  readonly pem: Certificate;
  readonly strangersPem: Certificate;
  /**
   * Accepts tokens bound to `pem`, or to `expected`, and tokens without bindings.
   * @param shown the certificate that TLS shows
   */
  binding(shown?: Certificate, expected?: Certificate): Promise<Bound>;
  /** An agent that trusts everybody, or one made elsewhere, that is closed at the end. */
  agent(made?: Agent): Agent;
  /** negotiateFetch of alice with connections of its own. */
  negotiate(options?: Partial<NegotiateFetchOptions>): typeof fetch;
  /** Called at the end. */
  readonly atEnd: (() => Promise<unknown>)[];
}

/** Starts a stage. */
export async function openTlsStage(): Promise<TlsStage> {
  const stage = await openStage();
  const pem = certificate();
  const atEnd: (() => Promise<unknown>)[] = [];
  const agent = (made = new Agent({ connect: { rejectUnauthorized: false } })): Agent => {
    atEnd.push(() => made.destroy());
    return made;
  };
  return {
    ...stage,
    ...{ pem, strangersPem: certificate(), atEnd, agent },
    async binding(shown = pem, expected = pem) {
      const bound: boolean[] = [];
      const handler = stage.realm.httpHandler(
        'HTTP/localhost',
        (_request, response, { context }) => {
          bound.push(context.channelBound);
          response.end('ok');
        },
        { channelBindings: bindingsOf(expected) },
      );
      const server = await listen(handler, shown);
      atEnd.push(server.stop);
      return { ...server, bound };
    },
    negotiate(options = {}) {
      const dispatcher = agent();
      const beneath = (url: string, init: object) => fetch(url, { ...init, dispatcher } as never);
      return negotiateFetch({ client: stage.alice, fetch: beneath, ...options });
    },
    async stop() {
      await Promise.all(atEnd.map((end) => end()));
      await stage.stop();
    },
  };
}

/** What tokens for a server with this certificate are bound to. */
export function bindingsOf({ cert }: Certificate): ChannelBindings {
  return tlsServerEndPoint(new Uint8Array(new X509Certificate(cert).raw))!;
}
