/** Address types of HostAddress (RFC 4120 section 7.5.3). */
export const ADDRESS_TYPES = { IPv4: 2, Directional: 3, NetBIOS: 20, IPv6: 24 } as const;
