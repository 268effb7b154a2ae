/** The ASN.1 module of Kerberos: every declaration of this folder, with its encoder and decoder. */
import { type Asn1Module, asn1Module, type NamedValue } from '../asn1/schema.js';
import * as ap from './ap.js';
import * as basic from './basic.js';
import * as error from './error.js';
import * as kdc from './kdc.js';
import * as paData from './paData.js';
import * as safePrivCred from './safePrivCred.js';
import * as ticket from './ticket.js';

/** All declarations by name. */
export type KerberosDeclarations = typeof basic &
  typeof paData &
  typeof ticket &
  typeof kdc &
  typeof ap &
  typeof safePrivCred &
  typeof error;

/** TypeScript type of the message called `Name`. */
export type Message<Name extends keyof KerberosDeclarations> = NamedValue<Name, KerberosDeclarations>;

export const declarations: KerberosDeclarations = {
  ...basic,
  ...paData,
  ...ticket,
  ...kdc,
  ...ap,
  ...safePrivCred,
  ...error,
};

const kerberos: Asn1Module<KerberosDeclarations> = asn1Module(declarations);

/** DER of a message; see `Asn1Module.encode`. */
export const encode: Asn1Module<KerberosDeclarations>['encode'] = kerberos.encode;
/** Message of DER octets; see `Asn1Module.decode`. @throws ProtocolError ERR_ASN1 */
export const decode: Asn1Module<KerberosDeclarations>['decode'] = kerberos.decode;
