/** Where a KDC can be made to differ from an honest one; faults.ts uses them. Absent hooks change nothing. */
import type { PrincipalName } from '../messages/basic.js';
import type { KrbError } from '../messages/error.js';
import type { EncKdcRepPart, KdcRep, KdcReq } from '../messages/kdc.js';
import type { PaData } from '../messages/paData.js';
import type { Ticket } from '../messages/ticket.js';

/** A request as the KDC has it. */
export interface KdcRequest {
  readonly exchange: 'AS' | 'TGS';
  readonly req: KdcReq;
  /** The octets as they came; checksums cover them. */
  readonly octets: Uint8Array;
}

/** The way back to the client. */
export interface Wire {
  readonly protocol: 'udp' | 'tcp';
  /** Sends a message: a datagram, or with its length before it. */
  send(message: Uint8Array): void;
  /** Sends octets as they are: a datagram, or a piece of the stream. */
  sendRaw(octets: Uint8Array): void;
  /** Ends a TCP connection; nothing on UDP. */
  close(): void;
}

/** Changes to what the KDC says, in the order in which they are asked. */
export interface KdcHooks {
  /** The octets of a request before the KDC sees them. */
  readonly request?: (octets: Uint8Array) => Uint8Array;
  /** The name of the service that a TGS-REQ is taken to ask for. */
  readonly sname?: (sname: PrincipalName) => PrincipalName;
  /** METHOD-DATA of KDC_ERR_PREAUTH_REQUIRED and KDC_ERR_PREAUTH_FAILED. */
  readonly methodData?: (methodData: readonly PaData[]) => readonly PaData[];
  readonly error?: (error: KrbError, request: KdcRequest | undefined) => KrbError;
  /** The Ticket outside; its encrypted part keeps the truth. */
  readonly ticket?: (ticket: Ticket, request: KdcRequest) => Ticket;
  readonly encPart?: (encPart: EncKdcRepPart, request: KdcRequest) => EncKdcRepPart;
  readonly rep?: (rep: KdcRep, request: KdcRequest) => KdcRep;
  /** The octets of reply or error at last. */
  readonly reply?: (reply: Uint8Array) => Uint8Array;
  /** Sends the reply in its own way. */
  readonly transmit?: (reply: Uint8Array, wire: Wire) => void;
}
