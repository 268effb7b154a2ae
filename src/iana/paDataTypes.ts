/** Pre-authentication data types (RFC 4120 section 7.5.2, RFC 6113, RFC 6806, RFC 4556 and others). */
export const PA_DATA_TYPES = {
  'PA-TGS-REQ': 1,
  'PA-ENC-TIMESTAMP': 2,
  'PA-PW-SALT': 3,
  'PA-ETYPE-INFO': 11,
  'PA-PK-AS-REQ': 16,
  'PA-PK-AS-REP': 17,
  'PA-ETYPE-INFO2': 19,
  'PA-SVR-REFERRAL-INFO': 20,
  'PA-PAC-REQUEST': 128,
  'PA-FOR-USER': 129,
  'PA-S4U-X509-USER': 130,
  'PA-FX-COOKIE': 133,
  'PA-FX-FAST': 136,
  'PA-FX-ERROR': 137,
  'PA-ENCRYPTED-CHALLENGE': 138,
  'PA-OTP-CHALLENGE': 141,
  'PA-PKINIT-KX': 147,
  'PA-REQ-ENC-PA-REP': 149,
  'PA-AS-FRESHNESS': 150,
  'PA-SPAKE': 151,
  'PA-PAC-OPTIONS': 167,
} as const;

const nameByNumber: ReadonlyMap<number, string> = new Map(
  Object.entries(PA_DATA_TYPES).map(([name, number]) => [number, name]),
);

/** Registered name of padata type `number`, or `PA-N`. */
export function paDataTypeName(number: number): string {
  return nameByNumber.get(number) ?? `PA-${number}`;
}
