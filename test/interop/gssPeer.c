/*
 * MIT's GSS-API library behind a small protocol on standard input and output, for gssMessages.test.ts.
 *
 * Request: length (32 bits), a letter, the number of a context (8 bits), arguments. Answer: length, major and minor status,
 * results. Integers are 32 bits, big-endian; octets come after their count. Requests are answered in order.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <gssapi/gssapi.h>
#include <gssapi/gssapi_ext.h>
#include <gssapi/gssapi_krb5.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define CONTEXTS 64
#define MAX_BUFFERS 16

static gss_ctx_id_t contexts[CONTEXTS];
static unsigned char *pool;
static size_t pool_length;

static unsigned char *request;
static size_t request_length, request_offset;
static unsigned char *answer;
static size_t answer_length, answer_size;

static void fail(const char *what)
{
    fprintf(stderr, "gssPeer: %s: %s\n", what, strerror(errno));
    exit(1);
}

/* Arguments. */

static unsigned char *take(size_t length)
{
    if (length > request_length - request_offset)
        fail("request too short");
    request_offset += length;
    return request + request_offset - length;
}

static uint32_t take_number(void)
{
    uint32_t number;

    memcpy(&number, take(4), 4);
    return ntohl(number);
}

static gss_buffer_desc take_buffer(void)
{
    gss_buffer_desc buffer;

    buffer.length = take_number();
    buffer.value = take(buffer.length);
    return buffer;
}

static char *take_text(void)
{
    gss_buffer_desc buffer = take_buffer();
    char *text = malloc(buffer.length + 1);

    memcpy(text, buffer.value, buffer.length);
    text[buffer.length] = 0;
    return text;
}

/* Results. */

static void put(const void *octets, size_t length)
{
    while (answer_length + length > answer_size) {
        answer_size = 2 * answer_size + 4096;
        answer = realloc(answer, answer_size);
        if (answer == NULL)
            fail("realloc");
    }
    if (length > 0)
        memcpy(answer + answer_length, octets, length);
    answer_length += length;
}

static void put_number(uint32_t number)
{
    number = htonl(number);
    put(&number, 4);
}

static void put_buffer(gss_buffer_desc buffer)
{
    put_number(buffer.length);
    put(buffer.value, buffer.length);
}

static void put_status(OM_uint32 major, OM_uint32 minor)
{
    put_number(major);
    put_number(minor);
}

static void put_result(OM_uint32 major, OM_uint32 minor, gss_buffer_desc *result)
{
    OM_uint32 ignored;

    put_status(major, minor);
    put_buffer(*result);
    gss_release_buffer(&ignored, result);
}

/* Establishing. */

static gss_name_t import_name(gss_buffer_desc name)
{
    OM_uint32 minor;
    gss_name_t result = GSS_C_NO_NAME;

    gss_import_name(&minor, &name, (gss_OID)GSS_KRB5_NT_PRINCIPAL_NAME, &result);
    return result;
}

static OM_uint32 init(gss_ctx_id_t *context, gss_name_t target, OM_uint32 flags, gss_buffer_desc *input,
                      gss_buffer_desc *output, OM_uint32 *minor)
{
    return gss_init_sec_context(minor, GSS_C_NO_CREDENTIAL, context, target, (gss_OID)gss_mech_krb5, flags, 0,
                                GSS_C_NO_CHANNEL_BINDINGS, input, NULL, output, NULL, NULL);
}

static OM_uint32 accept_token(gss_ctx_id_t *context, gss_buffer_desc *input, gss_buffer_desc *output,
                              OM_uint32 *minor)
{
    return gss_accept_sec_context(minor, context, GSS_C_NO_CREDENTIAL, input, GSS_C_NO_CHANNEL_BINDINGS, NULL, NULL,
                                  output, NULL, NULL, NULL);
}

static void op_init(gss_ctx_id_t *context)
{
    OM_uint32 major, minor, flags = take_number();
    gss_buffer_desc name = take_buffer(), input = take_buffer(), output = GSS_C_EMPTY_BUFFER;
    gss_name_t target = import_name(name);

    major = init(context, target, flags, &input, &output, &minor);
    put_result(major, minor, &output);
    gss_release_name(&minor, &target);
}

static void op_accept(gss_ctx_id_t *context)
{
    OM_uint32 major, minor;
    gss_buffer_desc input = take_buffer(), output = GSS_C_EMPTY_BUFFER;

    major = accept_token(context, &input, &output, &minor);
    put_result(major, minor, &output);
}

/* Both sides here. */
static void op_pair(gss_ctx_id_t *initiator)
{
    gss_ctx_id_t *acceptor = &contexts[take_number() % CONTEXTS];
    OM_uint32 major, minor, flags = take_number();
    gss_buffer_desc name = take_buffer(), to = GSS_C_EMPTY_BUFFER, from = GSS_C_EMPTY_BUFFER;
    gss_name_t target = import_name(name);

    do {
        major = init(initiator, target, flags, &from, &to, &minor);
        if (GSS_ERROR(major) || to.length == 0)
            break;
        major = accept_token(acceptor, &to, &from, &minor);
    } while (!GSS_ERROR(major) && from.length > 0);
    put_status(major, minor);
    gss_release_name(&minor, &target);
}

static void op_delete(gss_ctx_id_t *context)
{
    OM_uint32 major, minor;

    major = gss_delete_sec_context(&minor, context, GSS_C_NO_BUFFER);
    put_status(major, minor);
}

/* Messages. */

static void op_wrap(gss_ctx_id_t context)
{
    OM_uint32 major, minor;
    int confidential = take_number();
    gss_buffer_desc message = take_buffer(), token = GSS_C_EMPTY_BUFFER;

    major = gss_wrap(&minor, context, confidential, 0, &message, NULL, &token);
    put_result(major, minor, &token);
}

static void op_unwrap(gss_ctx_id_t context)
{
    OM_uint32 major, minor;
    int confidential = 0;
    gss_buffer_desc token = take_buffer(), message = GSS_C_EMPTY_BUFFER;

    major = gss_unwrap(&minor, context, &token, &message, &confidential, NULL);
    put_result(major, minor, &message);
    put_number(confidential);
}

static void op_mic(gss_ctx_id_t context)
{
    OM_uint32 major, minor;
    gss_buffer_desc message = take_buffer(), token = GSS_C_EMPTY_BUFFER;

    major = gss_get_mic(&minor, context, 0, &message, &token);
    put_result(major, minor, &token);
}

static void op_verify(gss_ctx_id_t context)
{
    OM_uint32 major, minor;
    gss_buffer_desc message = take_buffer(), token = take_buffer();

    major = gss_verify_mic(&minor, context, &message, &token, NULL);
    put_status(major, minor);
}

static void op_size_limit(gss_ctx_id_t context)
{
    OM_uint32 major, minor, limit = 0, confidential = take_number(), octets = take_number();

    major = gss_wrap_size_limit(&minor, context, confidential, 0, octets, &limit);
    put_status(major, minor);
    put_number(limit);
}

static void op_prf(gss_ctx_id_t context)
{
    OM_uint32 major, minor, full = take_number(), length = take_number();
    gss_buffer_desc input = take_buffer(), output = GSS_C_EMPTY_BUFFER;

    major = gss_pseudo_random(&minor, context, full ? GSS_C_PRF_KEY_FULL : GSS_C_PRF_KEY_PARTIAL, &input, length,
                              &output);
    put_result(major, minor, &output);
}

static void op_session_key(gss_ctx_id_t context)
{
    OM_uint32 major, minor;
    gss_buffer_set_t set = GSS_C_NO_BUFFER_SET;
    gss_buffer_desc key = GSS_C_EMPTY_BUFFER;

    major = gss_inquire_sec_context_by_oid(&minor, context, GSS_C_INQ_SSPI_SESSION_KEY, &set);
    if (set != NULL && set->count > 0)
        key = set->elements[0];
    put_status(major, minor);
    put_buffer(key);
    gss_release_buffer_set(&minor, &set);
}

static void put_key(const gss_krb5_lucid_key_t *key)
{
    gss_buffer_desc octets = { key->length, key->data };

    put_number(key->type);
    put_buffer(octets);
}

static void put_wide(uint64_t number)
{
    put_number(number >> 32);
    put_number(number);
}

/* gss_krb5_export_lucid_sec_context would end the context; the inquiry behind it does not. */
static void op_lucid(gss_ctx_id_t context)
{
    static unsigned char octets[] = "\x2a\x86\x48\x86\xf7\x12\x01\x02\x02\x05\x06\x01";
    gss_OID_desc oid = { sizeof(octets) - 1, octets };
    OM_uint32 major, minor;
    gss_buffer_set_t set = GSS_C_NO_BUFFER_SET;
    gss_krb5_lucid_context_v1_t *lucid;

    major = gss_inquire_sec_context_by_oid(&minor, context, &oid, &set);
    put_status(major, minor);
    if (major != GSS_S_COMPLETE)
        return;
    memcpy(&lucid, set->elements[0].value, sizeof(lucid));
    put_number(lucid->initiate);
    put_number(lucid->endtime);
    put_wide(lucid->send_seq);
    put_wide(lucid->recv_seq);
    put_number(lucid->protocol);
    if (lucid->protocol == 0) {
        put_number(lucid->rfc1964_kd.sign_alg);
        put_number(lucid->rfc1964_kd.seal_alg);
        put_key(&lucid->rfc1964_kd.ctx_key);
        put_number(0);
    } else {
        put_number(0);
        put_number(0);
        put_key(&lucid->cfx_kd.ctx_key);
        put_number(lucid->cfx_kd.have_acceptor_subkey);
        if (lucid->cfx_kd.have_acceptor_subkey)
            put_key(&lucid->cfx_kd.acceptor_subkey);
    }
    gss_krb5_free_lucid_sec_context(&minor, lucid);
    gss_release_buffer_set(&minor, &set);
}

/* Buffers. */

static int take_iov(gss_iov_buffer_desc *iov)
{
    uint32_t i, count = take_number();

    if (count > MAX_BUFFERS)
        fail("too many buffers");
    for (i = 0; i < count; i++) {
        iov[i].type = take_number();
        iov[i].buffer = take_buffer();
    }
    return count;
}

static void put_iov(gss_iov_buffer_desc *iov, int count)
{
    int i;

    for (i = 0; i < count; i++)
        put_buffer(iov[i].buffer);
}

static void op_wrap_iov(gss_ctx_id_t context)
{
    OM_uint32 major, minor, ignored;
    gss_iov_buffer_desc iov[MAX_BUFFERS];
    int state = 0, confidential = take_number(), count = take_iov(iov);

    major = gss_wrap_iov(&minor, context, confidential, 0, &state, iov, count);
    put_status(major, minor);
    put_number(state);
    put_iov(iov, GSS_ERROR(major) ? 0 : count);
    gss_release_iov_buffer(&ignored, iov, count);
}

static void op_unwrap_iov(gss_ctx_id_t context)
{
    OM_uint32 major, minor, ignored;
    gss_iov_buffer_desc iov[MAX_BUFFERS];
    int state = 0, count = take_iov(iov);

    major = gss_unwrap_iov(&minor, context, &state, NULL, iov, count);
    put_status(major, minor);
    put_number(state);
    put_iov(iov, GSS_ERROR(major) ? 0 : count);
    gss_release_iov_buffer(&ignored, iov, count);
}

static void op_iov_lengths(gss_ctx_id_t context)
{
    OM_uint32 major, minor;
    gss_iov_buffer_desc iov[MAX_BUFFERS];
    int i, state = 0, confidential = take_number(), count = take_iov(iov);

    major = gss_wrap_iov_length(&minor, context, confidential, 0, &state, iov, count);
    put_status(major, minor);
    put_number(state);
    for (i = 0; i < count; i++)
        put_number(iov[i].buffer.length);
}

static void op_wrap_aead(gss_ctx_id_t context)
{
    OM_uint32 major, minor;
    int confidential = take_number();
    gss_buffer_desc associated = take_buffer(), message = take_buffer(), token = GSS_C_EMPTY_BUFFER;

    major = gss_wrap_aead(&minor, context, confidential, 0, &associated, &message, NULL, &token);
    put_result(major, minor, &token);
}

static void op_unwrap_aead(gss_ctx_id_t context)
{
    OM_uint32 major, minor;
    gss_buffer_desc associated = take_buffer(), token = take_buffer(), message = GSS_C_EMPTY_BUFFER;
    int confidential = 0;

    major = gss_unwrap_aead(&minor, context, &token, &associated, &message, &confidential, NULL);
    put_result(major, minor, &message);
    put_number(confidential);
}

/* Messages in bulk: parts of one pool of octets that both programs know; their tokens in a file, one after the other. */

static unsigned char *map_file(const char *path, size_t *length)
{
    struct stat st;
    unsigned char *octets;
    int fd = open(path, O_RDONLY);

    if (fd < 0 || fstat(fd, &st) != 0)
        fail(path);
    *length = st.st_size;
    octets = *length == 0 ? NULL : mmap(NULL, *length, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    if (octets == MAP_FAILED)
        fail(path);
    close(fd);
    return octets;
}

static void op_pool(void)
{
    char *path = take_text();

    pool = map_file(path, &pool_length);
    free(path);
    put_status(0, 0);
}

/* Kinds: 0 signed, 1 sealed, 2 MIC. */
static gss_buffer_desc take_message(uint32_t *kind)
{
    gss_buffer_desc message;
    uint32_t offset;

    *kind = take_number();
    offset = take_number();
    message.length = take_number();
    if (offset + message.length > pool_length)
        fail("message outside of the pool");
    message.value = pool + offset;
    return message;
}

static void op_make(gss_ctx_id_t context)
{
    OM_uint32 major = 0, minor = 0, ignored, kind;
    char *path = take_text();
    uint32_t i, count = take_number(), lengths_at;
    FILE *file = fopen(path, "r+b");

    if (file == NULL)
        fail(path);
    put_status(0, 0);
    lengths_at = answer_length - 8;
    for (i = 0; i < count && major == 0; i++) {
        gss_buffer_desc message = take_message(&kind), token = GSS_C_EMPTY_BUFFER;

        major = kind == 2 ? gss_get_mic(&minor, context, 0, &message, &token)
                          : gss_wrap(&minor, context, kind, 0, &message, NULL, &token);
        if (fwrite(token.value, 1, token.length, file) != token.length)
            fail(path);
        put_number(token.length);
        gss_release_buffer(&ignored, &token);
    }
    if (fclose(file) != 0)
        fail(path);
    major = htonl(major);
    minor = htonl(minor);
    memcpy(answer + lengths_at, &major, 4);
    memcpy(answer + lengths_at + 4, &minor, 4);
    free(path);
}

/* Answers the status of the first token that is not as it should be, and how many are before it. */
static void op_check(gss_ctx_id_t context)
{
    OM_uint32 major = 0, minor = 0, ignored, kind;
    char *path = take_text();
    uint32_t i, count = take_number();
    size_t length, offset = 0;
    unsigned char *file = map_file(path, &length);

    for (i = 0; i < count; i++) {
        gss_buffer_desc message = take_message(&kind), token, opened = GSS_C_EMPTY_BUFFER;
        int confidential = 0, same = 1;

        token.length = take_number();
        token.value = file + offset;
        if (offset + token.length > length)
            fail("token outside of the file");
        offset += token.length;
        if (kind == 2) {
            major = gss_verify_mic(&minor, context, &message, &token, NULL);
        } else {
            major = gss_unwrap(&minor, context, &token, &opened, &confidential, NULL);
            same = opened.length == message.length && (uint32_t)confidential == kind &&
                (opened.length == 0 || memcmp(opened.value, message.value, opened.length) == 0);
            gss_release_buffer(&ignored, &opened);
        }
        if (major == 0 && !same)
            major = 0xffffffff;
        if (major != 0)
            break;
    }
    put_status(major, minor);
    put_number(i);
    if (length > 0)
        munmap(file, length);
    free(path);
}

static void run(char letter, gss_ctx_id_t *context)
{
    switch (letter) {
    case 'I': op_init(context); break;
    case 'A': op_accept(context); break;
    case 'P': op_pair(context); break;
    case 'Z': op_delete(context); break;
    case 'W': op_wrap(*context); break;
    case 'U': op_unwrap(*context); break;
    case 'G': op_mic(*context); break;
    case 'V': op_verify(*context); break;
    case 'L': op_size_limit(*context); break;
    case 'D': op_prf(*context); break;
    case 'K': op_session_key(*context); break;
    case 'X': op_lucid(*context); break;
    case 'Q': op_wrap_iov(*context); break;
    case 'R': op_unwrap_iov(*context); break;
    case 'N': op_iov_lengths(*context); break;
    case 'E': op_wrap_aead(*context); break;
    case 'F': op_unwrap_aead(*context); break;
    case 'O': op_pool(); break;
    case 'B': op_make(*context); break;
    case 'C': op_check(*context); break;
    default: fail("unknown letter");
    }
}

int main(void)
{
    uint32_t length;
    char letter;

    while (fread(&length, 4, 1, stdin) == 1) {
        request_length = ntohl(length);
        request_offset = 0;
        request = realloc(request, request_length + 1);
        if (request == NULL || fread(request, 1, request_length, stdin) != request_length)
            fail("request");
        answer_length = 0;
        letter = *take(1);
        run(letter, &contexts[*take(1) % CONTEXTS]);
        length = htonl(answer_length);
        if (fwrite(&length, 4, 1, stdout) != 1 || fwrite(answer, 1, answer_length, stdout) != answer_length)
            fail("answer");
        if (fflush(stdout) != 0)
            fail("answer");
    }
    return 0;
}
