/* SPDX-License-Identifier: Apache-2.0 */
/* One table of transports; each parser sees what stands behind its prefix. */
#include "oci/place.h"

#include "base/text.h"

#define SHOWN_MAX 320

static int refuse(const char *text, const char *why, struct sp_err *err)
{
  char shown[SHOWN_MAX];
  sp_text_escape(shown, sizeof shown, sp_span_str(text));
  return sp_fail(err, SP_E_USAGE, "invalid place '%s': %s", shown, why);
}

/* Cuts "@digest" off the end of *rest. Without `must`, an '@' that no digest follows belongs to the
 * name (a directory may have one). */
static int cut_digest(const char *text, struct sp_span *rest, bool must, struct sp_digest *out,
                      struct sp_err *err)
{
  const char *at = rest->ptr ? memrchr(rest->ptr, '@', rest->len) : NULL;
  if (!at)
    return 0;
  size_t n = (size_t)(at - rest->ptr);
  struct sp_err why;
  if (sp_digest_parse(sp_span_skip(*rest, n + 1), out, &why) < 0)
    return must ? refuse(text, why.msg, err) : 0;
  rest->len = n;
  return 0;
}

static int parse_registry(const char *text, const char *rest, bool lower, struct sp_place *out,
                          struct sp_err *err)
{
  (void)text; /* the message of sp_ref_parse shows the reference itself */
  return sp_ref_parse(sp_span_str(rest), lower, &out->ref, err);
}

static int parse_layout(const char *text, const char *rest, bool lower, struct sp_place *out,
                        struct sp_err *err)
{
  (void)lower; /* nothing here has a case to lower */
  struct sp_span dir = sp_span_str(rest);
  if (cut_digest(text, &dir, false, &out->ref.digest, err) < 0)
    return -1;
  const char *colon = dir.ptr ? memrchr(dir.ptr, ':', dir.len) : NULL;
  if (colon) {
    struct sp_span ref = sp_span_skip(dir, (size_t)(colon - dir.ptr) + 1);
    if (!sp_ref_is_tag(ref))
      return refuse(text, "what follows the last ':' is no ref: write 'oci:DIR:REF'", err);
    if (sp_text_copy(out->ref.tag, sizeof out->ref.tag, ref, err) < 0)
      return -1;
    dir.len = (size_t)(colon - dir.ptr);
  }
  if (dir.len == 0)
    return refuse(text, "it names no directory: write 'oci:DIR' or 'oci:DIR:REF'", err);
  if (sp_text_copy(out->dir, sizeof out->dir, dir, err) < 0)
    return refuse(text, "the path is too long", err);
  return 0;
}

/* The key of a vault repository: the name with the ':' of a port written '_'. What is a repository
 * by its grammar is safe as a path: no component is empty, ".", ".." or "_". */
static int set_vault_name(const char *text, struct sp_span name, bool lower, struct sp_ref *ref,
                          struct sp_err *err)
{
  char key[SP_MAX_REPOSITORY + 1];
  if (sp_text_copy(key, sizeof key, name, err) < 0)
    return refuse(text, "repository name must not be more than 255 characters", err);
  const char *slash = strchr(key, '/');
  char *colon = strchr(key, ':');
  if (colon && slash && colon < slash) {
    if (!sp_ref_is_host(SP_SPAN(key, (size_t)(slash - key))))
      return refuse(text, "the part before the first '/' is no host:port", err);
    *colon = '_';
  }
  bool was_lower = true;
  for (char *p = key; *p; p++) {
    if (*p >= 'A' && *p <= 'Z') {
      *p = (char)(*p - 'A' + 'a');
      was_lower = false;
    }
  }
  if (!sp_ref_is_repository(sp_span_str(key)))
    return refuse(text, "write 'vault:NAME' with a name such as 'app' or 'ghcr.io/owner/app'", err);
  if (!was_lower && !lower) {
    char why[SP_MAX_REPOSITORY + 96];
    snprintf(why, sizeof why, "repository name must be lowercase: use 'vault:%s' (or --lower)",
             key);
    return refuse(text, why, err);
  }
  return sp_text_copy(ref->repository, sizeof ref->repository, sp_span_str(key), err);
}

static int parse_vault(const char *text, const char *rest, bool lower, struct sp_place *out,
                       struct sp_err *err)
{
  struct sp_span name = sp_span_str(rest);
  if (cut_digest(text, &name, true, &out->ref.digest, err) < 0)
    return -1;
  const char *slash = name.ptr ? memrchr(name.ptr, '/', name.len) : NULL;
  const char *colon = name.ptr ? memrchr(name.ptr, ':', name.len) : NULL;
  if (colon && (!slash || colon > slash)) {
    struct sp_span tag = sp_span_skip(name, (size_t)(colon - name.ptr) + 1);
    if (!sp_ref_is_tag(tag))
      return refuse(text, "what follows the last ':' is no tag", err);
    if (sp_text_copy(out->ref.tag, sizeof out->ref.tag, tag, err) < 0)
      return -1;
    name.len = (size_t)(colon - name.ptr);
  }
  return set_vault_name(text, name, lower, &out->ref, err);
}

static int parse_later(const char *text, const char *rest, bool lower, struct sp_place *out,
                       struct sp_err *err)
{
  (void)rest;
  (void)lower;
  (void)out;
  return refuse(text,
                "this transport is not in this version: it has registry references "
                "('ghcr.io/owner/app:tag'), 'oci:DIR[:REF]' and 'vault:NAME[:TAG]'",
                err);
}

typedef int place_parser(const char *text, const char *rest, bool lower, struct sp_place *out,
                         struct sp_err *err);

static const struct {
  const char *prefix;
  enum sp_transport transport;
  place_parser *parse;
} transports[] = {
    {"docker://", SP_TRANSPORT_REGISTRY, parse_registry},
    {"oci:", SP_TRANSPORT_LAYOUT, parse_layout},
    {"vault:", SP_TRANSPORT_VAULT, parse_vault},
    {"docker-daemon:", SP_TRANSPORT_REGISTRY, parse_later},
    {"docker-archive:", SP_TRANSPORT_REGISTRY, parse_later},
    {"oci-archive:", SP_TRANSPORT_REGISTRY, parse_later},
    {"s3://", SP_TRANSPORT_REGISTRY, parse_later},
    {"", SP_TRANSPORT_REGISTRY, parse_registry},
};

int sp_place_parse(const char *text, bool lower, struct sp_place *out, struct sp_err *err)
{
  size_t i = 0;
  while (strncmp(text, transports[i].prefix, strlen(transports[i].prefix)) != 0)
    i++; /* the last prefix is empty */
  struct sp_place place = {.transport = transports[i].transport};
  if (transports[i].parse(text, text + strlen(transports[i].prefix), lower, &place, err) < 0)
    return -1;
  *out = place;
  return 0;
}

void sp_place_format_name(const struct sp_place *place, char out[SP_PLACE_TEXT_MAX])
{
  switch (place->transport) {
  case SP_TRANSPORT_LAYOUT:
    snprintf(out, SP_PLACE_TEXT_MAX, "oci:%s", place->dir);
    return;
  case SP_TRANSPORT_VAULT:
    snprintf(out, SP_PLACE_TEXT_MAX, "vault:%s", place->ref.repository);
    return;
  case SP_TRANSPORT_REGISTRY:
    snprintf(out, SP_PLACE_TEXT_MAX, "%s/%s", place->ref.host, place->ref.repository);
    return;
  }
  out[0] = '\0';
}

void sp_place_format(const struct sp_place *place,
                     char out[SP_PLACE_TEXT_MAX + SP_MAX_TAG + SP_DIGEST_TEXT_MAX])
{
  const size_t size = SP_PLACE_TEXT_MAX + SP_MAX_TAG + SP_DIGEST_TEXT_MAX;
  char digest[SP_DIGEST_TEXT_MAX] = "";
  if (place->ref.digest.alg != SP_DIGEST_NONE)
    sp_digest_format(&place->ref.digest, digest);
  sp_place_format_name(place, out);
  size_t len = strlen(out);
  snprintf(out + len, size - len, "%s%s%s%s", place->ref.tag[0] ? ":" : "", place->ref.tag,
           digest[0] ? "@" : "", digest);
}
