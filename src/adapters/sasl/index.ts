/** krb5-client/sasl: SASL mechanisms and security layers for protocols such as LDAP, IMAP and Kafka. */

export type { ChannelBinding } from '../../sasl/gs2.js';
export type { LayerPolicy, SaslLayer } from '../../sasl/layers.js';
export type { SaslMechanism } from '../../sasl/mechanism.js';
export type { SecurityLayer } from '../../sasl/securityLayer.js';
export { type SaslMechanismName, type SaslOptions, saslClient } from './saslClient.js';
export { SaslStream } from './saslStream.js';
export { type TlsBindingType, tlsChannelBinding } from './tlsChannelBinding.js';
