/** [appdefaults] of krb5.conf: settings of applications (MIT krb5, krb5.conf(5) "[appdefaults]"). */
import { parseBoolean } from './configValue.js';
import type { Krb5Config } from './krb5Config.js';
import type { ProfileRelation } from './profile.js';

/**
 * The relation that counts for `option` of `application` in `realm`, in this order: application and realm, application,
 * realm, all. Undefined when there is none.
 */
export function appDefault(
  { profile }: Pick<Krb5Config, 'profile'>,
  application: string,
  realm: string | undefined,
  option: string,
): ProfileRelation | undefined {
  const paths = [[application, realm, option], [application, option], [realm, option], [option]];
  for (const path of paths) {
    const names = path.filter((name) => name !== undefined);
    const relation = names.length === path.length ? profile.relations('appdefaults', ...names)[0] : undefined;
    if (relation !== undefined) return relation;
  }
  return undefined;
}

/** As appDefault; what is neither true nor false is false, as in MIT krb5. */
export function appDefaultBoolean(
  config: Pick<Krb5Config, 'profile'>,
  application: string,
  realm: string | undefined,
  option: string,
): boolean | undefined {
  const relation = appDefault(config, application, realm, option);
  return relation === undefined ? undefined : (parseBoolean(relation.value) ?? false);
}
