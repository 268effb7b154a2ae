/** Real servers on loopback for the interop tests and the demo (Debian). Types: index.d.mts. */

export { attachApache, startApache } from './apache.mjs';
export { startApacheSite } from './apacheSite.mjs';
export { certificates } from './apacheTls.mjs';
export { startBindingServer } from './bindingServer.mjs';
export { decode, startCapture } from './capture.mjs';
export {
  DEMO_PACKAGES,
  ensurePackages,
  faketimeEnv,
  faketimeLibrary,
  INTEROP_PACKAGES,
  isDebian,
  osRelease,
} from './debian.mjs';
export { startDovecot } from './dovecot.mjs';
export { attachGssServer, startGssServer } from './gssServer.mjs';
export { unpackHeimdal } from './heimdal.mjs';
export { attachMitRealm, startMitRealm, temporaryFolder } from './mitRealm.mjs';
export { startOpenLdap } from './openLdap.mjs';
export { freePort, isFree, loopbackAddresses, tcpListening, udpBound } from './ports.mjs';
export { ENCTYPES, RC4, rc4Commands } from './principals.mjs';
export { mustRun, run, start, stopAll } from './processes.mjs';
export { startProxy } from './proxy.mjs';
export { startSssdKcm } from './sssdKcm.mjs';
