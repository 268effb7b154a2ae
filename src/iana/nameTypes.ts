/** Name types of PrincipalName (RFC 4120 section 6.2, RFC 6111, RFC 6806). */
export const NAME_TYPES = {
  'NT-UNKNOWN': 0,
  'NT-PRINCIPAL': 1,
  'NT-SRV-INST': 2,
  'NT-SRV-HST': 3,
  'NT-SRV-XHST': 4,
  'NT-UID': 5,
  'NT-X500-PRINCIPAL': 6,
  'NT-SMTP-NAME': 7,
  'NT-ENTERPRISE': 10,
  'NT-WELLKNOWN': 11,
} as const;
