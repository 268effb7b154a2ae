/** krb5-client: the public interface. */

export { chooseCache, identityRules, systemCaches } from './client/caches.js';
export { Client, type ContextOptions, isRenewable, type TicketOptions } from './client/client.js';
export { fromCredentials } from './client/delegated.js';
export type { DelegationPolicy } from './client/delegation.js';
export {
  type CcacheOptions,
  type ClientOptions,
  fromCcache,
  fromKey,
  fromKeytab,
  fromPassword,
  type KeytabOptions,
  parseConfig,
} from './client/identities.js';
export { importSecurityContext } from './client/importedContext.js';
export { type KdcConnection, networkConnection } from './client/kdcConnection.js';
export type { KeepFreshOptions, RefreshFailure } from './client/refresh.js';
export type { LoginOptions } from './client/request.js';
export { parseServiceName } from './client/serviceName.js';
export {
  systemCcacheName,
  systemClientKeytabName,
  systemConfig,
  systemKeytabName,
} from './client/system.js';
export { Key } from './crypto/key.js';
export { stringToKey } from './crypto/stringToKey.js';
export {
  type Attempt,
  CredentialError,
  CryptoError,
  type ErrorCode,
  FormatError,
  KdcError,
  type KdcErrorDetails,
  KerberosError,
  ProtocolError,
  TransportError,
} from './errors.js';
export type { AsResult } from './exchange/as.js';
export type { KdcQuestion, KeyQuestion } from './exchange/ask.js';
export type { Environment } from './exchange/environment.js';
export { appDefault, appDefaultBoolean } from './formats/appdefaults.js';
export { parseK5identity, selectCache } from './formats/cacheSelection.js';
export { transitPath } from './formats/capaths.js';
export { type CredentialCache, decodeCredentialCache, encodeCredentialCache } from './formats/ccache.js';
export { type ConfigurationDescription, configuration } from './formats/configuration.js';
export type { Credential } from './formats/credential.js';
export { decodeKeytab, encodeKeytab, type KeytabEntry } from './formats/keytab.js';
export { decodeKirbi, encodeKirbi } from './formats/kirbi.js';
export { configOfRealm, type Krb5Config } from './formats/krb5Config.js';
export { formatPrincipal, type Principal, parsePrincipal } from './formats/principal.js';
export type { ChannelBindings } from './gss/bindings.js';
export type { AnomalyPolicy } from './gss/established.js';
export { GSS_FLAGS } from './gss/flags.js';
export type { IovBuffer, IovOctets, IovType } from './gss/iov.js';
export type { LucidContext } from './gss/lucid.js';
export {
  ANONYMOUS,
  type DisplayedName,
  displayName,
  exportName,
  GSS_NAME_TYPES,
  type GssNameType,
  type ImportNameOptions,
  importExportedName,
  importName,
  isAnonymous,
  sameGssName,
} from './gss/name.js';
export type { PrfKind } from './gss/prf.js';
export type {
  MessageContext,
  SecurityContext,
  StepResult,
  UnwrappedIovMessage,
  UnwrappedMessage,
  WrapOptions,
} from './gss/securityContext.js';
export type { SequenceAnomaly } from './gss/sequence.js';
export { tlsServerEndPoint } from './gss/tlsBindings.js';
export { KRB5_OID, MS_KRB5_OID } from './gss/token.js';
export { encryptionTypeName } from './iana/encryptionTypes.js';
export type { HostAddress } from './messages/basic.js';
export { hasFlag, KDC_OPTIONS, TICKET_FLAGS } from './messages/flags.js';
export {
  type CacheCollection,
  type CredentialCacheStore,
  cacheForLogin,
  findByPrincipal,
} from './stores/cacheStore.js';
export { type CacheOptions, type CacheType, openCache, openCollection } from './stores/cacheTypes.js';
export { readCcacheFile, removeCcacheFile, storeCredential, writeCcacheFile } from './stores/fileCcache.js';
export {
  addToKeytabFile,
  readKeytabFile,
  removeFromKeytabFile,
  writeKeytabFile,
} from './stores/fileKeytab.js';
export type { Trace, TraceEvent } from './trace.js';
