/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/digest.h"

#include <openssl/evp.h>

#include "base/text.h"

static const struct {
  const char *name;
  size_t raw_len;
} algs[] = {[SP_DIGEST_NONE] = {"none", 0},
            [SP_DIGEST_SHA256] = {"sha256", 32},
            [SP_DIGEST_SHA512] = {"sha512", 64}};

#define ALG_COUNT (sizeof algs / sizeof algs[0])

/* Lower case only: the upper-case form of a digest is not a second name for the same blob. */
static int hex_value(char c)
{
  if (c >= '0' && c <= '9')
    return c - '0';
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool parse_hex(struct sp_span hex, uint8_t *raw)
{
  for (size_t i = 0; i < hex.len; i += 2) {
    int high = hex_value(hex.ptr[i]);
    int low = hex_value(hex.ptr[i + 1]);
    if (high < 0 || low < 0)
      return false;
    raw[i / 2] = (uint8_t)(high << 4 | low);
  }
  return true;
}

static bool is_component_char(char c)
{
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* algorithm ":" encoded in the grammar of descriptor.md, whatever the algorithm. */
static bool is_well_formed(struct sp_span text)
{
  const char *colon = text.len ? memchr(text.ptr, ':', text.len) : NULL;
  if (!colon)
    return false;
  size_t alg_len = (size_t)(colon - text.ptr);
  bool in_component = false;
  for (size_t i = 0; i < alg_len; i++) {
    char c = text.ptr[i];
    bool is_separator = c == '+' || c == '.' || c == '_' || c == '-';
    if (!is_component_char(c) && !(is_separator && in_component))
      return false;
    in_component = !is_separator;
  }
  for (size_t i = alg_len + 1; i < text.len; i++) {
    char c = text.ptr[i];
    bool is_encoded =
        is_component_char(c) || (c >= 'A' && c <= 'Z') || c == '=' || c == '_' || c == '-';
    if (!is_encoded)
      return false;
  }
  return in_component && alg_len + 1 < text.len;
}

/* The algorithm whose name and colon text begins with; SP_DIGEST_NONE if it is none of ours. */
static enum sp_digest_alg alg_of(struct sp_span text, struct sp_span *encoded)
{
  for (unsigned alg = SP_DIGEST_SHA256; alg < ALG_COUNT; alg++) {
    size_t n = strlen(algs[alg].name);
    if (sp_span_has_prefix(text, algs[alg].name) && text.len > n && text.ptr[n] == ':') {
      *encoded = sp_span_skip(text, n + 1);
      return (enum sp_digest_alg)alg;
    }
  }
  return SP_DIGEST_NONE;
}

int sp_digest_parse(struct sp_span text, struct sp_digest *out, struct sp_err *err)
{
  struct sp_span encoded = {0};
  struct sp_digest digest = {.alg = alg_of(text, &encoded)};
  if (digest.alg != SP_DIGEST_NONE && encoded.len == 2 * sp_digest_raw_len(digest.alg) &&
      parse_hex(encoded, digest.raw)) {
    *out = digest;
    return 0;
  }
  char shown[200];
  sp_text_escape(shown, sizeof shown, text);
  if (digest.alg == SP_DIGEST_NONE && is_well_formed(text))
    return sp_fail(err, SP_E_UNSUPPORTED,
                   "digest '%s' has an algorithm that is not supported: sha256 and sha512 are",
                   shown);
  return sp_fail(err, SP_E_USAGE,
                 "invalid digest '%s': write 'sha256:' and 64 lower-case hexadecimal digits",
                 shown);
}

void sp_digest_format_hex(const struct sp_digest *digest, char out[SP_DIGEST_HEX_MAX])
{
  static const char digits[] = "0123456789abcdef";
  size_t n = sp_digest_raw_len(digest->alg);
  for (size_t i = 0; i < n; i++) {
    out[2 * i] = digits[digest->raw[i] >> 4];
    out[2 * i + 1] = digits[digest->raw[i] & 15];
  }
  out[2 * n] = '\0';
}

void sp_digest_format(const struct sp_digest *digest, char out[SP_DIGEST_TEXT_MAX])
{
  char hex[SP_DIGEST_HEX_MAX];
  sp_digest_format_hex(digest, hex);
  snprintf(out, SP_DIGEST_TEXT_MAX, "%s:%s", sp_digest_alg_name(digest->alg), hex);
}

const char *sp_digest_alg_name(enum sp_digest_alg alg)
{
  return algs[(unsigned)alg < ALG_COUNT ? alg : SP_DIGEST_NONE].name;
}

size_t sp_digest_raw_len(enum sp_digest_alg alg)
{
  return algs[(unsigned)alg < ALG_COUNT ? alg : SP_DIGEST_NONE].raw_len;
}

bool sp_digest_eq(const struct sp_digest *a, const struct sp_digest *b)
{
  return a->alg == b->alg && memcmp(a->raw, b->raw, sp_digest_raw_len(a->alg)) == 0;
}

int sp_digest_of(enum sp_digest_alg alg, const void *bytes, size_t len, struct sp_digest *out,
                 struct sp_err *err)
{
  SP_AUTO_HASHER struct sp_hasher *hasher = NULL;
  if (sp_hasher_new(alg, &hasher, err) < 0)
    return -1;
  sp_hasher_update(hasher, bytes, len);
  sp_hasher_finish(hasher, out);
  return 0;
}

int sp_digest_check(const struct sp_digest *want, const void *bytes, size_t len, struct sp_err *err)
{
  struct sp_digest have;
  if (sp_digest_of(want->alg, bytes, len, &have, err) < 0)
    return -1;
  if (sp_digest_eq(want, &have))
    return 0;
  char want_text[SP_DIGEST_TEXT_MAX];
  char have_text[SP_DIGEST_TEXT_MAX];
  sp_digest_format(want, want_text);
  sp_digest_format(&have, have_text);
  return sp_fail(err, SP_E_DIGEST, "content is not '%s': its digest is '%s'", want_text, have_text);
}

/* A hash that OpenSSL failed to compute becomes SP_DIGEST_NONE, which equals no digest that was
 * parsed: updates need no error of their own. */
struct sp_hasher {
  enum sp_digest_alg alg;
  EVP_MD_CTX *ctx;
  bool failed;
};

static const EVP_MD *evp_of(enum sp_digest_alg alg)
{
  if (alg == SP_DIGEST_SHA256)
    return EVP_sha256();
  return alg == SP_DIGEST_SHA512 ? EVP_sha512() : NULL;
}

int sp_hasher_new(enum sp_digest_alg alg, struct sp_hasher **out, struct sp_err *err)
{
  if (!evp_of(alg))
    return sp_fail(err, SP_E_INTERNAL, "no digest algorithm was chosen");
  SP_AUTO_HASHER struct sp_hasher *hasher = calloc(1, sizeof *hasher);
  if (!hasher)
    return sp_fail(err, SP_E_NOMEM, "out of memory for a hash");
  hasher->alg = alg;
  hasher->ctx = EVP_MD_CTX_new();
  if (!hasher->ctx)
    return sp_fail(err, SP_E_NOMEM, "out of memory for a hash");
  if (EVP_DigestInit_ex(hasher->ctx, evp_of(alg), NULL) != 1)
    return sp_fail(err, SP_E_INTERNAL, "OpenSSL has no %s here", sp_digest_alg_name(alg));
  *out = sp_steal(&hasher);
  return 0;
}

void sp_hasher_free(struct sp_hasher *hasher)
{
  if (!hasher)
    return;
  EVP_MD_CTX_free(hasher->ctx);
  free(hasher);
}

void sp_hasher_update(struct sp_hasher *hasher, const void *bytes, size_t len)
{
  if (len > 0 && EVP_DigestUpdate(hasher->ctx, bytes, len) != 1)
    hasher->failed = true;
}

void sp_hasher_finish(struct sp_hasher *hasher, struct sp_digest *out)
{
  struct sp_digest digest = {.alg = hasher->alg};
  if (EVP_DigestFinal_ex(hasher->ctx, digest.raw, NULL) != 1)
    hasher->failed = true;
  *out = hasher->failed ? (struct sp_digest){0} : digest;
  hasher->failed = EVP_DigestInit_ex(hasher->ctx, NULL, NULL) != 1;
}
