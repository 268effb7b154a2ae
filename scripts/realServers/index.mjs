/** Real servers on loopback for the interop tests and the demo (Debian). Types: index.d.mts. */

export { attachApache, startApache } from './apache.mjs';
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
export { attachGssServer, startGssServer } from './gssServer.mjs';
export { unpackHeimdal } from './heimdal.mjs';
export { attachMitRealm, startMitRealm, temporaryFolder } from './mitRealm.mjs';
export { freePort, isFree, loopbackAddresses, tcpListening, udpBound } from './ports.mjs';
export { ENCTYPES } from './principals.mjs';
export { mustRun, run, start, stopAll } from './processes.mjs';
export { startSssdKcm } from './sssdKcm.mjs';
