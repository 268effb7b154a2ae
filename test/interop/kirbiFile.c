/* KRB-CRED messages of MIT's library, for kirbi.test.ts: `read KIRBI CCACHE` puts the tickets of a file into a cache,
 * `write CCACHE KIRBI` writes those of a cache, unencrypted, as kirbi files are. */
#include <krb5.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static krb5_context context;
static krb5_auth_context auth;

static void check(krb5_error_code code, const char *what)
{
    if (code == 0)
        return;
    fprintf(stderr, "%s: %s\n", what, krb5_get_error_message(context, code));
    exit(1);
}

static void read_kirbi(const char *path, krb5_ccache cache)
{
    static char octets[1 << 20];
    krb5_creds **tickets;
    FILE *file = fopen(path, "rb");
    check(file == NULL, path);
    krb5_data message = { 0, fread(octets, 1, sizeof(octets), file), octets };
    check(krb5_rd_cred(context, auth, &message, &tickets, NULL), "krb5_rd_cred");
    check(krb5_cc_initialize(context, cache, tickets[0]->client), "krb5_cc_initialize");
    for (krb5_creds **ticket = tickets; *ticket != NULL; ticket++)
        check(krb5_cc_store_cred(context, cache, *ticket), "krb5_cc_store_cred");
}

static void write_kirbi(krb5_ccache cache, const char *path)
{
    krb5_creds list[16], *tickets[17] = { NULL };
    krb5_cc_cursor cursor;
    krb5_data *message;
    int count = 0;
    check(krb5_cc_start_seq_get(context, cache, &cursor), "krb5_cc_start_seq_get");
    while (count < 16 && krb5_cc_next_cred(context, cache, &cursor, &list[count]) == 0) {
        if (krb5_is_config_principal(context, list[count].server))
            continue;
        tickets[count] = &list[count];
        count++;
    }
    check(krb5_mk_ncred(context, auth, tickets, &message, NULL), "krb5_mk_ncred");
    FILE *file = fopen(path, "wb");
    check(file == NULL, path);
    check(fwrite(message->data, 1, message->length, file) != message->length || fclose(file) != 0, path);
}

int main(int argc, char **argv)
{
    krb5_ccache cache;
    int reads = argc == 4 && strcmp(argv[1], "read") == 0;
    if (argc != 4)
        return 2;
    check(krb5_init_context(&context), "krb5_init_context");
    check(krb5_auth_con_init(context, &auth), "krb5_auth_con_init");
    check(krb5_auth_con_setflags(context, auth, 0), "krb5_auth_con_setflags");
    check(krb5_cc_resolve(context, argv[reads ? 3 : 2], &cache), "krb5_cc_resolve");
    if (reads)
        read_kirbi(argv[2], cache);
    else
        write_kirbi(cache, argv[3]);
    return 0;
}
