/* SPDX-License-Identifier: Apache-2.0 */
/* A reference is cut from its ends: the digest behind '@', the tag behind the last ':' that no '/'
 * follows, then host and repository. Each piece has one predicate, which others use too. */
#include "oci/reference.h"

#include <arpa/inet.h>

#include "base/i18n.h"
#include "base/text.h"

#define SHOWN_MAX 320 /* of text from outside in a message */

static bool is_lower_alnum(char c)
{
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool is_upper(char c)
{
  return c >= 'A' && c <= 'Z';
}

static bool is_digit(char c)
{
  return c >= '0' && c <= '9';
}

static bool is_lower_hex(struct sp_span s)
{
  for (size_t i = 0; i < s.len; i++) {
    if (!is_digit(s.ptr[i]) && !(s.ptr[i] >= 'a' && s.ptr[i] <= 'f'))
      return false;
  }
  return s.len > 0;
}

static bool has_upper(struct sp_span s)
{
  for (size_t i = 0; i < s.len; i++) {
    if (is_upper(s.ptr[i]))
      return true;
  }
  return false;
}

static void make_lower(char *s)
{
  for (; *s; s++) {
    if (is_upper(*s))
      *s = (char)(*s - 'A' + 'a');
  }
}

static const char *find_char(struct sp_span s, char c)
{
  return s.len ? memchr(s.ptr, c, s.len) : NULL;
}

static const char *find_last_char(struct sp_span s, char c)
{
  return s.len ? memrchr(s.ptr, c, s.len) : NULL;
}

/* -- the pieces */

bool sp_ref_is_tag(struct sp_span text)
{
  if (text.len == 0 || text.len > SP_MAX_TAG)
    return false;
  for (size_t i = 0; i < text.len; i++) {
    char c = text.ptr[i];
    bool is_word = is_lower_alnum(c) || is_upper(c) || c == '_';
    if (!is_word && (i == 0 || (c != '.' && c != '-')))
      return false;
  }
  return true;
}

/* Length of the separator at the beginning of s: ".", "_", "__" or any number of "-"; 0 if none. */
static size_t separator_len(struct sp_span s)
{
  if (s.len == 0)
    return 0;
  if (s.ptr[0] == '-') {
    size_t n = 0;
    while (n < s.len && s.ptr[n] == '-')
      n++;
    return n;
  }
  if (s.ptr[0] == '_')
    return s.len > 1 && s.ptr[1] == '_' ? 2 : 1;
  return s.ptr[0] == '.' ? 1 : 0;
}

static size_t alnum_len(struct sp_span s)
{
  size_t n = 0;
  while (n < s.len && is_lower_alnum(s.ptr[n]))
    n++;
  return n;
}

/* [a-z0-9]+ ((\.|_|__|-+) [a-z0-9]+)*, components joined by '/'. A '/' is one more separator. */
bool sp_ref_is_repository(struct sp_span text)
{
  if (text.len == 0 || text.len > SP_MAX_REPOSITORY)
    return false;
  for (;;) {
    size_t n = alnum_len(text);
    if (n == 0)
      return false;
    text = sp_span_skip(text, n);
    if (text.len == 0)
      return true;
    size_t separator = text.ptr[0] == '/' ? 1 : separator_len(text);
    if (separator == 0)
      return false;
    text = sp_span_skip(text, separator);
  }
}

static bool is_port(struct sp_span s)
{
  uint64_t port;
  return s.len > 0 && s.len <= 5 && s.ptr[0] != '0' && sp_text_parse_u64(s, &port) == 0 &&
         port <= 65535;
}

static bool is_address(int family, struct sp_span s)
{
  char text[INET6_ADDRSTRLEN];
  struct in6_addr address;
  if (s.len >= sizeof text || find_char(s, '\0'))
    return false;
  snprintf(text, sizeof text, "%.*s", (int)s.len, s.ptr);
  return inet_pton(family, text, &address) == 1;
}

static bool is_dns_label(struct sp_span s)
{
  if (s.len == 0 || s.len > 63 || s.ptr[0] == '-' || s.ptr[s.len - 1] == '-')
    return false;
  for (size_t i = 0; i < s.len; i++) {
    if (!is_lower_alnum(s.ptr[i]) && !is_upper(s.ptr[i]) && s.ptr[i] != '-')
      return false;
  }
  return true;
}

/* A DNS name or an IPv4 address. Where the last label is a number ("127.1", "0x7f.1") resolvers
 * would read an address that nobody sees: only the plain four numbers are taken. */
static bool is_host_name(struct sp_span s)
{
  struct sp_span rest = s;
  for (;;) {
    const char *dot = find_char(rest, '.');
    struct sp_span label = SP_SPAN(rest.ptr, dot ? (size_t)(dot - rest.ptr) : rest.len);
    if (!is_dns_label(label))
      return false;
    if (!dot)
      return is_digit(label.ptr[0]) ? is_address(AF_INET, s) : true;
    rest = sp_span_skip(rest, label.len + 1);
  }
}

bool sp_ref_is_host(struct sp_span text)
{
  if (text.len == 0 || text.len > SP_MAX_HOST)
    return false;
  if (text.ptr[0] == '[') {
    const char *end = find_char(text, ']');
    if (!end)
      return false;
    size_t n = (size_t)(end - text.ptr);
    struct sp_span port = sp_span_skip(text, n + 1);
    return is_address(AF_INET6, SP_SPAN(text.ptr + 1, n - 1)) &&
           (port.len == 0 || (port.ptr[0] == ':' && is_port(sp_span_skip(port, 1))));
  }
  const char *colon = find_char(text, ':');
  if (!colon)
    return is_host_name(text);
  size_t n = (size_t)(colon - text.ptr);
  return is_host_name(SP_SPAN(text.ptr, n)) && is_port(sp_span_skip(text, n + 1));
}

/* -- parsing */

struct pieces {
  struct sp_span whole;
  struct sp_span name; /* host and repository as written */
  struct sp_span host; /* empty: docker.io */
  struct sp_span path;
  bool has_tag;
  struct sp_span tag;
  bool has_digest;
  struct sp_span digest;
};

static int refuse(struct sp_span text, const char *why, struct sp_err *err)
{
  char shown[SHOWN_MAX];
  sp_text_escape(shown, sizeof shown, text);
  return sp_fail(err, SP_E_USAGE, "invalid reference '%s': %s", shown, why);
}

/* Is the first component of a name a host? docker also takes one with an upper-case letter for a
 * host; there it is nearly always an owner to be written in lower case ("FangcunMount/app"). */
static bool is_domain(struct sp_span first)
{
  static const char localhost[] = "localhost";
  if (find_char(first, '.') || find_char(first, ':') || find_char(first, '['))
    return true;
  return first.len == sizeof localhost - 1 && strncasecmp(first.ptr, localhost, first.len) == 0;
}

static void cut(struct sp_span text, struct pieces *out)
{
  *out = (struct pieces){.whole = text, .name = text};
  const char *at = find_char(text, '@');
  if (at) {
    out->name.len = (size_t)(at - text.ptr);
    out->has_digest = true;
    out->digest = sp_span_skip(text, out->name.len + 1);
  }
  const char *slash = find_last_char(out->name, '/');
  const char *colon = find_last_char(out->name, ':');
  if (colon && (!slash || colon > slash)) {
    size_t n = (size_t)(colon - text.ptr);
    out->has_tag = true;
    out->tag = sp_span_skip(out->name, n + 1);
    out->name.len = n;
  }
  out->path = out->name;
  const char *first_slash = find_char(out->name, '/');
  size_t n = first_slash ? (size_t)(first_slash - text.ptr) : 0;
  if (first_slash && is_domain(SP_SPAN(text.ptr, n))) {
    out->host = SP_SPAN(text.ptr, n);
    out->path = sp_span_skip(out->name, n + 1);
  }
}

static int refuse_upper(const struct pieces *p, struct sp_err *err)
{
  char text[SHOWN_MAX];
  char name[SHOWN_MAX];
  char rest[SHOWN_MAX];
  sp_text_escape(text, sizeof text, p->whole);
  sp_text_escape(name, sizeof name, p->name);
  make_lower(name);
  sp_text_escape(rest, sizeof rest, sp_span_skip(p->whole, p->name.len));
  return sp_fail(err, SP_E_USAGE,
                 "invalid reference '%s': repository name must be lowercase: use '%s%s' (or "
                 "--lower)",
                 text, name, rest);
}

static int set_host(const struct pieces *p, struct sp_ref *ref, struct sp_err *err)
{
  struct sp_span host = p->host.len > 0 ? p->host : SP_SPAN_LIT("docker.io");
  if (!sp_ref_is_host(host))
    return refuse(p->whole, _("the part before the first '/' is no host, nor host:port"), err);
  if (sp_text_copy(ref->host, sizeof ref->host, host, err) < 0)
    return -1;
  make_lower(ref->host);
  if (strcmp(ref->host, "index.docker.io") == 0)
    return sp_text_copy(ref->host, sizeof ref->host, SP_SPAN_LIT("docker.io"), err);
  return 0;
}

static int set_repository(const struct pieces *p, bool lower, struct sp_ref *ref,
                          struct sp_err *err)
{
  char path[SP_MAX_REPOSITORY + 1];
  if (p->path.len == 0)
    return refuse(p->whole, _("repository name must have at least one component"), err);
  bool is_short = strcmp(ref->host, "docker.io") == 0 && !find_char(p->path, '/');
  const char *prefix = is_short ? "library/" : "";
  if (p->path.len + strlen(prefix) > SP_MAX_REPOSITORY)
    return refuse(p->whole, _("repository name must not be more than 255 characters"), err);
  if (sp_text_copy(path, sizeof path, p->path, err) < 0)
    return -1;
  make_lower(path);
  if (!sp_ref_is_repository(SP_SPAN(path, p->path.len)))
    return refuse(p->whole,
                  _("a repository name has lower-case letters and digits, joined by '/', '.', '_', "
                    "'__' or '-'"),
                  err);
  if (has_upper(p->path) && !lower)
    return refuse_upper(p, err);
  snprintf(ref->repository, sizeof ref->repository, "%s%.*s", prefix, (int)p->path.len, path);
  return 0;
}

static int set_tag_and_digest(const struct pieces *p, struct sp_ref *ref, struct sp_err *err)
{
  if (p->has_tag && !sp_ref_is_tag(p->tag))
    return refuse(p->whole,
                  _("a tag has at most 128 letters, digits, '_', '.' and '-', and begins with none "
                    "of the last two"),
                  err);
  if (sp_text_copy(ref->tag, sizeof ref->tag, p->tag, err) < 0)
    return -1;
  if (!p->has_digest)
    return 0;
  struct sp_err why;
  if (sp_digest_parse(p->digest, &ref->digest, &why) < 0)
    return refuse(p->whole, why.msg, err);
  return 0;
}

int sp_ref_parse(struct sp_span text, bool lower, struct sp_ref *out, struct sp_err *err)
{
  if (text.len == 0)
    return sp_fail(err, SP_E_USAGE, "invalid reference '': it is empty");
  if (memmem(text.ptr, text.len, "://", 3))
    return refuse(text, _("leave out what ends in '://'"), err);
  if (text.len == 64 && is_lower_hex(text))
    return refuse(text, _("64 hexadecimal digits are an ID: write 'repository@sha256:...'"), err);
  struct pieces pieces;
  struct sp_ref ref = {0};
  cut(text, &pieces);
  if (set_host(&pieces, &ref, err) < 0 || set_repository(&pieces, lower, &ref, err) < 0 ||
      set_tag_and_digest(&pieces, &ref, err) < 0)
    return -1;
  *out = ref;
  return 0;
}

void sp_ref_format(const struct sp_ref *ref, char out[SP_REF_TEXT_MAX])
{
  char digest[SP_DIGEST_TEXT_MAX] = "";
  if (ref->digest.alg != SP_DIGEST_NONE)
    sp_digest_format(&ref->digest, digest);
  snprintf(out, SP_REF_TEXT_MAX, "%s%s%s%s%s%s%s", ref->host, ref->host[0] ? "/" : "",
           ref->repository, ref->tag[0] ? ":" : "", ref->tag, digest[0] ? "@" : "", digest);
}

/* -- kinds of tags */

bool sp_ref_is_digest_tag(struct sp_span tag)
{
  static const char *const algs[] = {"sha256-", "sha512-", "blake3-"};
  static const char *const ends[] = {"", ".sig", ".att", ".sbom"};
  const size_t hex_len = 64; /* the fallback tag of longer digests is cut there */
  for (size_t i = 0; i < sizeof algs / sizeof algs[0]; i++) {
    size_t n = strlen(algs[i]);
    if (!sp_span_has_prefix(tag, algs[i]) || tag.len < n + hex_len)
      continue;
    struct sp_span end = sp_span_skip(tag, n + hex_len);
    for (size_t k = 0; k < sizeof ends / sizeof ends[0]; k++) {
      if (sp_span_eq_str(end, ends[k]))
        return is_lower_hex(SP_SPAN(tag.ptr + n, hex_len));
    }
  }
  return false;
}

bool sp_ref_digest_tag_subject(struct sp_span tag, struct sp_digest *subject, bool *is_fallback)
{
  char text[SP_MAX_TAG + 1];
  struct sp_err ignored = SP_ERR_INIT;
  if (!sp_ref_is_digest_tag(tag) || tag.len > SP_MAX_TAG)
    return false;
  snprintf(text, sizeof text, "%.*s", (int)tag.len, tag.ptr);
  text[strcspn(text, "-")] = ':';
  size_t len = strcspn(text, ".");
  *is_fallback = len == tag.len;
  return sp_digest_parse(SP_SPAN(text, len), subject, &ignored) == 0;
}

void sp_ref_referrers_tag(const struct sp_digest *digest, char out[SP_MAX_TAG + 1])
{
  char hex[SP_DIGEST_HEX_MAX];
  sp_digest_format_hex(digest, hex);
  snprintf(out, SP_MAX_TAG + 1, "%s-%.64s", sp_digest_alg_name(digest->alg), hex);
}

static bool has_digit(struct sp_span s)
{
  for (size_t i = 0; i < s.len; i++) {
    if (is_digit(s.ptr[i]))
      return true;
  }
  return false;
}

static struct sp_span hex_of_sha(struct sp_span tag)
{
  return sp_span_has_prefix(tag, "sha-") ? sp_span_skip(tag, 4) : tag;
}

bool sp_ref_is_git_sha(struct sp_span tag)
{
  struct sp_span hex = hex_of_sha(tag);
  return hex.len >= 7 && hex.len <= 64 && is_lower_hex(hex);
}

/* A word such as "defaced" is taken for no commit here: short ones need a digit. */
static bool is_surely_git_sha(struct sp_span tag)
{
  struct sp_span hex = hex_of_sha(tag);
  return sp_ref_is_git_sha(tag) && (hex.len == 40 || hex.len == 64 || has_digit(hex));
}

/* v?<digits>.<digits>.<digit>...: "v1" and "1.2" move with each release. */
static bool is_version(struct sp_span tag)
{
  size_t i = sp_span_has_prefix(tag, "v") ? 1 : 0;
  for (int dots = 0; dots < 2; dots++) {
    size_t first = i;
    while (i < tag.len && is_digit(tag.ptr[i]))
      i++;
    if (i == first || i == tag.len || tag.ptr[i] != '.')
      return false;
    i++;
  }
  return i < tag.len && is_digit(tag.ptr[i]);
}

int sp_ref_tag_rank(const char *tag)
{
  struct sp_span s = sp_span_str(tag);
  if (sp_span_eq_str(s, "latest"))
    return 2;
  return is_surely_git_sha(s) || is_version(s) || sp_ref_is_digest_tag(s) ? 0 : 1;
}
