/** Dovecot as an IMAP server with GSSAPI and GSS-SPNEGO, on 127.0.0.1; the users of the realm are let in, whoever they are. */

import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { freePort, tcpListening } from './ports.mjs';
import { mustRun, start, textOf } from './processes.mjs';

/** Owns the mail; Debian has it everywhere. */
const MAIL_USER = 'mail';

/**
 * @param {import('./index.mjs').AttachedRealm} realm
 * @returns {Promise<import('./index.mjs').Dovecot>}
 */
export async function startDovecot(realm) {
  const port = await freePort();
  const folder = `${realm.dir}/dovecot-${port}`;
  for (const name of ['run', 'mail', 'log']) mkdirSync(`${folder}/${name}`, { recursive: true });
  chmodSync(folder, 0o711);
  await mustRun('chown', [`${MAIL_USER}:`, `${folder}/mail`]);
  const keytab = await serviceKey(realm, folder);
  writeFileSync(`${folder}/dovecot.conf`, configuration(realm, folder, keytab, port));
  const server = await start('dovecot', ['-F', '-c', `${folder}/dovecot.conf`], {
    env: realm.env(),
    log: `${folder}/log/output.log`,
    readyWhen: () => tcpListening(port),
  });
  return {
    port,
    service: 'imap@localhost',
    log: () => textOf(`${folder}/log/dovecot.log`),
    stop: () => server.stop(),
  };
}

async function serviceKey(
  /** @type {import('./index.mjs').AttachedRealm} */ realm,
  /** @type {string} */ folder,
) {
  const keytab = `${folder}/imap.keytab`;
  const known = await realm.kadmin(['listprincs imap/localhost']);
  const add = known.includes('imap/localhost@') ? [] : ['addprinc -randkey imap/localhost'];
  await realm.kadmin([...add, `ktadd -norandkey -k ${keytab} imap/localhost`]);
  chmodSync(keytab, 0o600);
  return keytab;
}

/** @param {import('./index.mjs').AttachedRealm} realm @param {string} folder @param {string} keytab @param {number} port */
function configuration(realm, folder, keytab, port) {
  return `base_dir = ${folder}/run
state_dir = ${folder}/run
log_path = ${folder}/log/dovecot.log
auth_debug = yes
instance_name = krb5-client-${port}
protocols = imap
listen = 127.0.0.1
ssl = no
auth_mechanisms = gssapi gss-spnego
auth_krb5_keytab = ${keytab}
auth_gssapi_hostname = localhost
auth_username_format = %Ln
auth_failure_delay = 0
import_environment = KRB5_CONFIG=${realm.krb5Conf} KRB5RCACHENAME=file2:${folder}/rcache
passdb {
  driver = static
  mechanisms = gssapi gss-spnego
  args = nopassword=y
}
userdb {
  driver = static
  args = uid=${MAIL_USER} gid=${MAIL_USER} home=${folder}/mail/%n
}
mail_location = maildir:~/Maildir
first_valid_uid = 1
service anvil {
  chroot =
  # no penalty: a refused login would delay the next ones
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
service imap-login {
  chroot =
  inet_listener imap {
    port = ${port}
  }
  inet_listener imaps {
    port = 0
  }
}
service auth {
  user = root
}
`;
}
