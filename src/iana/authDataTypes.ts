/** Authorization data types (RFC 4120 section 7.5.4, RFC 4537, MS-KILE). */
export const AUTH_DATA_TYPES = {
  'AD-IF-RELEVANT': 1,
  'AD-KDC-ISSUED': 4,
  'AD-AND-OR': 5,
  'AD-MANDATORY-FOR-KDC': 8,
  'AD-WIN2K-PAC': 128,
  'AD-ETYPE-NEGOTIATION': 129,
} as const;
