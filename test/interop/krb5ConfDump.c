/* What MIT's library reads from krb5.conf files and principal names, for krb5Conf.test.ts. A question a line on standard
 * input, an answer a line on standard output; texts are in hexadecimal, '-' is the empty text. */
#include <krb5.h>
#include <profile.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Exported by libkrb5, in no public header. */
krb5_error_code k5_expand_path_tokens(krb5_context, const char *, char **);
krb5_error_code k5_parse_host_string(const char *, int, char **, int *);
krb5_error_code krb5_walk_realm_tree(krb5_context, const krb5_data *, const krb5_data *, krb5_principal **, int);
krb5_error_code krb5_get_tgs_ktypes(krb5_context, krb5_const_principal, krb5_enctype **);
krb5_error_code krb5_get_default_in_tkt_ktypes(krb5_context, krb5_enctype **);
int _krb5_conf_boolean(const char *);

static krb5_context context;
static profile_t profile;

static void put(const char *data, size_t length)
{
    putchar(' ');
    if (length == 0)
        putchar('-');
    for (size_t i = 0; i < length; i++)
        printf("%02x", (unsigned char)data[i]);
}

static void put_text(const char *text)
{
    put(text, strlen(text));
}

static char *take(char **line)
{
    char *word = strsep(line, " \n");
    if (word == NULL || *word == '\0' || strcmp(word, "-") == 0)
        return strdup("");
    size_t length = strlen(word) / 2;
    char *text = calloc(length + 1, 1);
    for (size_t i = 0; i < length; i++) {
        unsigned int octet;
        sscanf(word + 2 * i, "%2x", &octet);
        text[i] = (char)octet;
    }
    return text;
}

/* Every relation below the names: "|" path "=" values. */
static void dump(const char **names, int depth)
{
    char **list, **values;
    if (depth > 0 && profile_get_relation_names(profile, names, &list) == 0) {
        for (char **name = list; *name != NULL; name++) {
            names[depth] = *name;
            if (profile_get_values(profile, names, &values) == 0) {
                printf(" |");
                for (int i = 0; i <= depth; i++)
                    put_text(names[i]);
                printf(" =");
                for (char **value = values; *value != NULL; value++)
                    put_text(*value);
                profile_free_list(values);
            }
            names[depth] = NULL;
        }
        profile_free_list(list);
    }
    if (depth < 8 && profile_get_subsection_names(profile, names, &list) == 0) {
        for (char **name = list; *name != NULL; name++) {
            int seen = 0;
            for (char **before = list; before < name; before++)
                seen |= strcmp(*before, *name) == 0;
            if (seen)
                continue;
            names[depth] = *name;
            dump(names, depth + 1);
            names[depth] = NULL;
        }
        profile_free_list(list);
    }
}

static void open_files(char *files)
{
    if (context != NULL)
        krb5_free_context(context);
    if (profile != NULL)
        profile_release(profile);
    context = NULL;
    profile = NULL;
    setenv("KRB5_CONFIG", files, 1);
    printf("%ld", (long)profile_init_path(files, &profile));
    printf(" %ld", (long)krb5_init_context(&context));
}

static void put_etypes(krb5_error_code code, krb5_enctype *etypes)
{
    if (code != 0) {
        printf("refused");
        return;
    }
    for (krb5_enctype *etype = etypes; *etype != 0; etype++)
        printf("%s%d", etype == etypes ? "" : " ", *etype);
    krb5_free_enctypes(context, etypes);
}

static void etype_lists(void)
{
    krb5_enctype *etypes = NULL;
    krb5_error_code code = krb5_get_permitted_enctypes(context, &etypes);
    put_etypes(code, etypes);
    code = krb5_get_default_in_tkt_ktypes(context, &etypes);
    printf(",");
    put_etypes(code, etypes);
    code = krb5_get_tgs_ktypes(context, NULL, &etypes);
    printf(",");
    put_etypes(code, etypes);
}

static void walk(char *client, char *server)
{
    krb5_data from = { 0, strlen(client), client }, to = { 0, strlen(server), server };
    krb5_principal *tree;
    if (krb5_walk_realm_tree(context, &from, &to, &tree, '.') != 0) {
        printf("refused");
        return;
    }
    for (krb5_principal *hop = tree; *hop != NULL; hop++)
        put((*hop)->data[1].data, (*hop)->data[1].length);
}

static void name(char *text, int enterprise)
{
    krb5_principal principal;
    char *unparsed;
    int flags = enterprise ? KRB5_PRINCIPAL_PARSE_ENTERPRISE : 0;
    if (krb5_parse_name_flags(context, text, flags, &principal) != 0) {
        printf("refused");
        return;
    }
    krb5_unparse_name(context, principal, &unparsed);
    printf("%d", principal->type);
    put_text(unparsed);
    put(principal->realm.data, principal->realm.length);
    for (int i = 0; i < principal->length; i++)
        put(principal->data[i].data, principal->data[i].length);
    krb5_free_unparsed_name(context, unparsed);
    krb5_free_principal(context, principal);
}

static void app_default(char *application, char *realm, char *option)
{
    krb5_data data = { 0, strlen(realm), realm };
    char *value = NULL;
    krb5_appdefault_string(context, application, *realm == '\0' ? NULL : &data, option, "(none)", &value);
    put_text(value);
}

static void answer(char question, char *line)
{
    const char *names[16] = { NULL };
    char *first = question == 'D' || question == 'E' ? NULL : take(&line);
    char **realms, *text;
    krb5_deltat seconds;
    int port;
    switch (question) {
    case 'C': open_files(first); break;
    case 'D': dump(names, 0); break;
    case 'E': etype_lists(); break;
    case 'B': printf("%d", _krb5_conf_boolean(first)); break;
    case 'H':
        if (krb5_get_host_realm(context, first, &realms) == 0)
            put_text(realms[0]);
        break;
    case 'A': {
        char *realm = take(&line), *option = take(&line);
        app_default(first, realm, option);
        break;
    }
    case 'W': walk(first, take(&line)); break;
    case 'I': {
        int value = -1;
        long code = profile_get_integer(profile, "libdefaults", first, NULL, -7777, &value);
        printf("%ld %d", code, value);
        break;
    }
    case 'T':
        if (krb5_string_to_deltat(first, &seconds) == 0)
            printf("%d", seconds);
        else
            printf("refused");
        break;
    case 'X':
        if (k5_expand_path_tokens(context, first, &text) == 0)
            put_text(text);
        else
            printf("refused");
        break;
    case 'S':
        if (k5_parse_host_string(first, 88, &text, &port) == 0 && text != NULL) {
            printf("%d", port);
            put_text(text);
        } else
            printf("refused");
        break;
    case 'P': name(first, 0); break;
    case 'Q': name(first, 1); break;
    }
}

int main(void)
{
    char *line = NULL;
    size_t size = 0;
    while (getline(&line, &size, stdin) > 0) {
        if (context == NULL && strchr("EHAWXPQ", line[0]) != NULL)
            printf("no context");
        else
            answer(line[0], line + 2);
        putchar('\n');
    }
    return 0;
}
