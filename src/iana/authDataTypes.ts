/** Authorization data types (RFC 4120 section 7.5.4, RFC 4537 section 4, MS-KILE section 2.2.7). */
export const AUTH_DATA_TYPES = {
  'AD-IF-RELEVANT': 1,
  'AD-KDC-ISSUED': 4,
  'AD-AND-OR': 5,
  'AD-MANDATORY-FOR-KDC': 8,
  'AD-WIN2K-PAC': 128,
  'AD-ETYPE-NEGOTIATION': 129,
  'KERB-AP-OPTIONS': 143,
} as const;
