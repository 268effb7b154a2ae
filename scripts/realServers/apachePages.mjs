/**
 * Pages of the large Apache (apacheSite.mjs), the same on all its ports. Each wants Negotiate unless said otherwise and
 * names the user in its body and in the header X-Remote-User:
 *   /krb             any mechanism; /krb-only bare krb5 alone
 *   /dir             redirects to /dir/, both want a token
 *   /deleg           the body names the file of the delegated credentials
 *   /sessions        a session cookie takes the place of further tokens
 *   /bound           the connection is authenticated (header Persistent-Auth)
 *   /several         Negotiate and Basic in two headers; /list both in one, with a quoted decoy
 *   /basic           Basic alone, its realm is "a, Negotiate x"
 *   /echo            length and SHA-256 of the request's body, as a CGI program reads it
 *   /go/same, /go/port, /go/open, /go/http, /go/https, /go/host, /go/deleg, /go/echo (307), /go/loop   redirections
 *   /error/403, /error/404, /error/500   errors after the token was accepted
 *   /stripped, /stripped/500   without the reply's token; the error has a body, a cookie and the header X-Secret
 *   /forged          the reply's token is not the acceptor's; /forged/500 likewise
 *   /other-key       the acceptor holds another key: every token is refused
 *   /rekeyed         the acceptor's keytab is rekeyed.keytab of the site's folder, which a test writes
 *   /open            no authentication
 */

/** @typedef {import('./index.mjs').ApacheSiteFacts} Facts */

/** Files below DocumentRoot. */
export const PAGES = Object.freeze({
  'open.html': 'open to everybody\n',
  'user.shtml': 'REMOTE_USER=<!--#echo var="REMOTE_USER" -->\n',
  'deleg.shtml': 'REMOTE_USER=<!--#echo var="REMOTE_USER" -->\nKRB5CCNAME=<!--#echo var="KRB5CCNAME" -->\n',
  'dir/index.shtml': 'REMOTE_USER=<!--#echo var="REMOTE_USER" -->\n',
});

/** CGI programs. */
export const PROGRAMS = Object.freeze({
  echo: `#!/bin/sh
file=$(mktemp)
cat >"$file"
printf 'Content-Type: text/plain\\r\\n\\r\\n'
printf 'method=%s\\nuser=%s\\ntype=%s\\nlength=%s\\nsha256=%s\\n' "$REQUEST_METHOD" "$REMOTE_USER" \\
  "$CONTENT_TYPE" "$(wc -c <"$file")" "$(sha256sum <"$file" | cut -d' ' -f1)"
rm -f "$file"
`,
  error: `#!/bin/sh
printf 'Status: 500 Broken\\r\\nContent-Type: text/plain\\r\\nSet-Cookie: secret=1\\r\\nX-Secret: 1\\r\\n\\r\\na secret\\n'
`,
});

const NOT_UNAUTHORIZED = 'expr=%{REQUEST_STATUS} != 401';

/** Configuration of all pages. @param {Facts} facts @returns {string} */
export function pages(facts) {
  return [
    aliases(facts.dir),
    ...negotiated(facts),
    ...redirections(facts),
    ...failures(facts),
    basic(facts),
  ].join('\n');
}

/** @param {string} folder */
function aliases(folder) {
  const user = [
    'krb',
    'krb-only',
    'sessions',
    'bound',
    'several',
    'list',
    'basic',
    'other-key',
    'rekeyed',
    'go',
    'error/403',
  ];
  return [
    `ScriptAlias /echo ${folder}/programs/echo`,
    ...['error', 'stripped', 'forged'].map((name) => `ScriptAlias /${name}/500 ${folder}/programs/error`),
    ...[...user, 'stripped', 'forged'].map((name) => `Alias /${name} ${folder}/pages/user.shtml`),
    `Alias /deleg ${folder}/pages/deleg.shtml`,
    ...['open', 'list-401'].map((name) => `Alias /${name} ${folder}/pages/open.html`),
  ].join('\n');
}

/** @param {Facts} facts */
function negotiated({ dir }) {
  const decoy = `"Digest realm=\\"a, Negotiate x\\", nonce=\\"bm9uY2U=\\", Negotiate, Basic realm=\\"list\\""`;
  return [
    location(dir, '/krb'),
    location(dir, '/krb-only', ['GssapiAllowedMech krb5']),
    location(dir, '/dir'),
    location(dir, '/echo'),
    location(dir, '/deleg', [`GssapiDelegCcacheDir ${dir}/deleg`]),
    location(dir, '/sessions', [
      ...['GssapiUseSessions On', `GssapiSessionKey file:${dir}/session.key`, 'Session On'],
      'SessionCookieName gss_session path=/sessions;httponly',
    ]),
    location(dir, '/bound', ['GssapiConnectionBound On', 'GssapiSignalPersistentAuth On']),
    location(dir, '/several', ['GssapiBasicAuth On']),
    location(dir, '/list', ['ErrorDocument 401 /list-401']),
    section('/list-401', [`Header always edit WWW-Authenticate ^Negotiate$ ${decoy}`]),
    location(dir, '/other-key', [], `${dir}/other.keytab`),
    location(dir, '/rekeyed', [], `${dir}/rekeyed.keytab`),
  ];
}

/** @param {Facts} facts */
function redirections({ dir, http, otherHttp, https, httpsEcdsa }) {
  const targets = {
    same: '/krb',
    port: `${otherHttp}/krb`,
    open: `${otherHttp}/open`,
    https: `${https}/krb`,
    deleg: `${httpsEcdsa}/deleg`,
    http: `${http}/krb`,
    host: `${http.replace('localhost', '127.0.0.1')}/krb`,
    loop: '/go/loop',
  };
  return [
    ...Object.entries(targets).map(([name, url]) => location(dir, `/go/${name}`, redirection(302, url))),
    location(dir, '/go/echo', redirection(307, '/echo')),
  ];
}

/** After the token was accepted; mod_alias's Redirect would come before. @param {number} status @param {string} url */
function redirection(status, url) {
  return ['RewriteEngine On', `RewriteRule .* "${url}" [R=${status},L]`];
}

/** @param {Facts} facts */
function failures({ dir }) {
  const unset = `Header always unset WWW-Authenticate "${NOT_UNAUTHORIZED}"`;
  const forge = `Header always set WWW-Authenticate "Negotiate YWJj" "${NOT_UNAUTHORIZED}"`;
  return [
    location(dir, '/error'),
    location(dir, '/error/403', ['AuthzSendForbiddenOnFailure On', 'Require user nobody']),
    location(dir, '/stripped', [unset]),
    location(dir, '/forged', [forge]),
  ];
}

/** @param {Facts} facts */
function basic({ dir }) {
  return section('/basic', [
    ...['AuthType Basic', 'AuthName "a, Negotiate x"', 'AuthBasicProvider file'],
    ...[`AuthUserFile ${dir}/basic.users`, 'Require valid-user'],
  ]);
}

/** @param {string} folder @param {string} path @param {string[]} [more] @param {string} [keytab] */
function location(folder, path, more = [], keytab = `${folder}/http.keytab`) {
  const required = more.some((line) => line.startsWith('Require ')) ? [] : ['Require valid-user'];
  return section(path, [
    ...['AuthType GSSAPI', `AuthName "${path}"`, `GssapiCredStore keytab:${keytab}`, 'GssapiLocalName Off'],
    ...[...more, ...required, 'Header always set X-Remote-User "expr=%{REMOTE_USER}"'],
  ]);
}

/** @param {string} path @param {string[]} lines */
function section(path, lines) {
  return [`<Location ${path}>`, ...lines.map((line) => `  ${line}`), '</Location>'].join('\n');
}
