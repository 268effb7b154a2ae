/*
 * A service on MIT's libkrb5 that accepts one AP-REQ, without GSS-API.
 * Arguments: a keytab. Standard input: the AP-REQ in hexadecimal. Output: the client, the encryption types of session key
 * and subkey, the type of the authenticator's checksum (0: none), and the AP-REP with a subkey of our own in hexadecimal.
 */
#include <krb5.h>
#include <stdio.h>
#include <stdlib.h>

static krb5_context context;

static void check(const char *what, krb5_error_code code)
{
    if (code == 0) return;
    fprintf(stderr, "%s: %s\n", what, krb5_get_error_message(context, code));
    exit(1);
}

static krb5_data readHex(void)
{
    static char octets[65536];
    krb5_data data = { 0, 0, octets };
    unsigned octet;
    while (data.length < sizeof octets && scanf("%2x", &octet) == 1) octets[data.length++] = (char)octet;
    return data;
}

static krb5_enctype typeOf(const krb5_keyblock *key)
{
    return key == NULL ? 0 : key->enctype;
}

int main(int argc, char **argv)
{
    krb5_auth_context auth = NULL;
    krb5_keytab keytab;
    krb5_ticket *ticket;
    krb5_authenticator *authenticator;
    krb5_keyblock *session, *subkey;
    krb5_data request = readHex(), reply;
    krb5_flags options;
    char *client;

    if (argc != 2) return 2;
    check("context", krb5_init_context(&context));
    check("keytab", krb5_kt_resolve(context, argv[1], &keytab));
    check("auth context", krb5_auth_con_init(context, &auth));
    check("flags", krb5_auth_con_setflags(context, auth, KRB5_AUTH_CONTEXT_DO_SEQUENCE | KRB5_AUTH_CONTEXT_USE_SUBKEY));
    check("rd_req", krb5_rd_req(context, &auth, &request, NULL, keytab, &options, &ticket));
    check("authenticator", krb5_auth_con_getauthenticator(context, auth, &authenticator));
    check("session key", krb5_auth_con_getkey(context, auth, &session));
    check("subkey", krb5_auth_con_getrecvsubkey(context, auth, &subkey));
    check("name", krb5_unparse_name(context, ticket->enc_part2->client, &client));
    check("mk_rep", krb5_mk_rep(context, auth, &reply));
    printf("%s %d %d %d ", client, typeOf(session), typeOf(subkey),
           authenticator->checksum == NULL ? 0 : authenticator->checksum->checksum_type);
    for (unsigned i = 0; i < reply.length; i++) printf("%02x", (unsigned char)reply.data[i]);
    printf("\n");
    return 0;
}
