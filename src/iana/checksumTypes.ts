/** Kerberos checksum type numbers (RFC 3961 section 8, RFC 3962, RFC 8009, RFC 4757, RFC 4121 section 4.1.1). */
export const CHECKSUM_TYPES = {
  'hmac-md5-rc4': -138,
  'hmac-sha1-96-aes128': 15,
  'hmac-sha1-96-aes256': 16,
  'hmac-sha256-128-aes128': 19,
  'hmac-sha384-192-aes256': 20,
  /** Not a checksum: the GSS-API flags and bindings in an Authenticator. */
  gss: 0x8003,
} as const;
