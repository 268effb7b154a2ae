/** [realms] of krb5.conf: the servers of each realm (MIT krb5, krb5.conf(5) "[realms]"). */
import type { Profile, ProfileNotice, ProfileRelation } from './profile.js';
import { isProxyUrl, parseServerAddress, type ServerAddress } from './serverAddress.js';

/** Servers of one realm, each list in the order in which to try. */
export interface RealmConfig {
  readonly kdcs: readonly ServerAddress[];
  /** KDCs that know a changed password at once (`primary_kdc`, formerly `master_kdc`). */
  readonly primaryKdcs: readonly ServerAddress[];
  readonly adminServers: readonly ServerAddress[];
  /** From `kpasswd_server`, otherwise the hosts of `admin_server` at port 464. */
  readonly kpasswdServers: readonly ServerAddress[];
  /** URLs of KDC proxies (MS-KKDCP) among the `kdc` values. */
  readonly kkdcp: readonly string[];
}

const KDC_PORT = 88;
const KPASSWD_PORT = 464;
const KADMIN_PORT = 749;

/** The realms that [realms] describes; servers that say nothing to us are read over with a notice. */
export function readRealms(profile: Profile, notices: ProfileNotice[]): ReadonlyMap<string, RealmConfig> {
  return new Map(profile.names('realms').map((realm) => [realm, readRealm(profile, realm, notices)]));
}

function readRealm(profile: Profile, realm: string, notices: ProfileNotice[]): RealmConfig {
  const values = (name: string) => profile.relations('realms', realm, name);
  const servers = (name: string, port: number) => readServers(values(name), port, notices);
  const adminServers = servers('admin_server', KADMIN_PORT);
  const kpasswd = servers('kpasswd_server', KPASSWD_PORT);
  return {
    kdcs: servers('kdc', KDC_PORT),
    primaryKdcs: servers(values('primary_kdc').length > 0 ? 'primary_kdc' : 'master_kdc', KDC_PORT),
    adminServers,
    kpasswdServers:
      kpasswd.length > 0 ? kpasswd : adminServers.map((server) => ({ ...server, port: KPASSWD_PORT })),
    kkdcp: values('kdc')
      .map((relation) => relation.value)
      .filter(isProxyUrl),
  };
}

function readServers(
  relations: readonly ProfileRelation[],
  defaultPort: number,
  notices: ProfileNotice[],
): ServerAddress[] {
  const servers: ServerAddress[] = [];
  for (const { value, file, line } of relations) {
    if (isProxyUrl(value)) continue;
    const server = parseServerAddress(value, defaultPort);
    if (server !== undefined) servers.push(server);
    else notices.push({ file, line, text: serverProblem(value) });
  }
  return servers;
}

/** Why `value` names no server. */
export function serverProblem(value: string): string {
  const shown = JSON.stringify(value.slice(0, 128));
  return value.startsWith('/')
    ? `${shown}: UNIX sockets of a KDC are not supported; ignored`
    : `${shown} is no host, host:port or [IPv6]:port; ignored`;
}
