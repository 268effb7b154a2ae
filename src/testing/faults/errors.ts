/** Faults in KRB-ERROR and METHOD-DATA, which nothing protects: whoever is on the way can write them. */
import { fromHex } from '../../bytes.js';
import { PA_DATA_TYPES } from '../../iana/paDataTypes.js';
import { changeError, changeKeyInfo, errorOctets, withoutPreauth } from './changes.js';
import { AS, BOTH, type Fault, type FaultScene } from './fault.js';

const RC4 = 23;
const GARBAGE: Uint8Array = fromHex('00112233445566778899');

function clockAhead(scene: FaultScene): FaultScene {
  return { ...scene, nowMs: () => scene.nowMs() + 3_600_000 };
}

/** What an error can say. */
export const FAULTS_IN_ERRORS: readonly Fault[] = [
  {
    name: 'forged-error',
    does: 'replaces the reply by an error, which anybody can write',
    during: BOTH,
    expected: 'KDC_ERR_POLICY',
    hooks: (scene) => ({ reply: () => errorOctets('KDC_ERR_POLICY', scene) }),
  },
  {
    name: 'unregistered-error',
    does: 'sends an error number that no RFC registers, with control characters in its text',
    during: BOTH,
    expected: 'KRB_ERR_UNREGISTERED',
    hooks: (scene) => ({ reply: () => errorOctets(12_345, scene, 'a\u001b[2Jb\nc') }),
  },
  {
    name: 'too-big-forever',
    does: 'asks for TCP even over TCP',
    during: BOTH,
    expected: 'KRB_ERR_RESPONSE_TOO_BIG',
    hooks: (scene) => ({ reply: () => errorOctets('KRB_ERR_RESPONSE_TOO_BIG', scene) }),
  },
  {
    name: 'skew',
    does: 'says that the clocks differ by an hour, so that the client would date its proof of the key ahead',
    during: BOTH,
    expected: 'KRB_AP_ERR_SKEW',
    hooks: (scene) => ({ reply: () => errorOctets('KRB_AP_ERR_SKEW', clockAhead(scene)) }),
  },
  {
    name: 'skew-forever',
    does: 'says that the clocks differ, by a clock that moves on with every answer',
    during: BOTH,
    expected: 'KRB_AP_ERR_SKEW',
    libdefaults: { kdc_timesync: 'true' },
    hooks: (scene) => {
      let moving = scene;
      return {
        reply: () => {
          moving = clockAhead(moving);
          return errorOctets('KRB_AP_ERR_SKEW', moving);
        },
      };
    },
  },
  {
    name: 'error-without-edata',
    does: 'demands pre-authentication without saying which',
    during: AS,
    expected: 'KDC_ERR_PREAUTH_REQUIRED',
    hooks: () => changeError(() => ({ eData: undefined })),
  },
  {
    name: 'malformed-edata',
    does: 'demands pre-authentication with e-data that is no METHOD-DATA',
    during: AS,
    expected: 'KDC_ERR_PREAUTH_REQUIRED',
    hooks: () => changeError(() => ({ eData: GARBAGE })),
  },
  {
    name: 'endless-preauth',
    does: 'demands pre-authentication again and again',
    during: AS,
    expected: 'ERR_PREAUTH_LOOP',
    hooks: () => ({ request: withoutPreauth }),
  },
  {
    name: 'endless-preauth-failure',
    does: 'refuses every pre-authentication and names another salt each time',
    during: AS,
    expected: 'KDC_ERR_PREAUTH_FAILED',
    hooks: () => {
      let salts = 0;
      return changeKeyInfo((info) => ({ ...info, salt: `salt ${salts++}` }));
    },
  },
  {
    name: 'unknown-preauth',
    does: 'offers only a pre-authentication mechanism that nobody knows',
    during: AS,
    expected: 'ERR_PREAUTH_UNSUPPORTED',
    hooks: () => ({
      methodData: (offered) =>
        offered.map((pa) =>
          pa.padataType === PA_DATA_TYPES['PA-ENC-TIMESTAMP'] ? { ...pa, padataType: -4711 } : pa,
        ),
    }),
  },
  {
    name: 'downgrade-key',
    does: 'names a key of an encryption type that the client refuses (rc4-hmac)',
    during: AS,
    expected: 'ERR_ETYPE_POLICY',
    hooks: () => changeKeyInfo((info) => ({ ...info, etype: RC4 })),
  },
  {
    name: 'few-iterations',
    does: 'asks for one iteration of PBKDF2, so that the password is cheap to guess',
    during: AS,
    expected: 'ERR_S2K_PARAMS',
    hooks: () => changeKeyInfo((info) => ({ ...info, s2kparams: fromHex('00000001') })),
  },
  {
    name: 'many-iterations',
    does: 'asks for four thousand million iterations of PBKDF2',
    during: AS,
    expected: 'ERR_S2K_PARAMS',
    hooks: () => changeKeyInfo((info) => ({ ...info, s2kparams: fromHex('ffffffff') })),
  },
  {
    name: 'malformed-iterations',
    does: 'sends string-to-key parameters of three octets',
    during: AS,
    expected: 'ERR_S2K_PARAMS',
    hooks: () => changeKeyInfo((info) => ({ ...info, s2kparams: fromHex('001000') })),
  },
];
