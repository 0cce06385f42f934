/* SPDX-License-Identifier: Apache-2.0 */
/* One table of transports; each parser sees what stands behind its prefix. */
#include "oci/place.h"

#include "base/i18n.h"
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
      return refuse(text, _("what follows the last ':' is no ref: write 'oci:DIR:REF'"), err);
    if (sp_text_copy(out->ref.tag, sizeof out->ref.tag, ref, err) < 0)
      return -1;
    dir.len = (size_t)(colon - dir.ptr);
  }
  if (dir.len == 0)
    return refuse(text, _("it names no directory: write 'oci:DIR' or 'oci:DIR:REF'"), err);
  if (sp_text_copy(out->path, sizeof out->path, dir, err) < 0)
    return refuse(text, _("the path is too long"), err);
  return 0;
}

/* The key of a vault repository: the name with the ':' of a port written '_'. What is a repository
 * by its grammar is safe as a path: no component is empty, ".", ".." or "_". */
static int set_vault_name(const char *text, struct sp_span name, bool lower, struct sp_ref *ref,
                          struct sp_err *err)
{
  char key[SP_MAX_REPOSITORY + 1];
  if (sp_text_copy(key, sizeof key, name, err) < 0)
    return refuse(text, _("repository name must not be more than 255 characters"), err);
  const char *slash = strchr(key, '/');
  char *colon = strchr(key, ':');
  if (colon && slash && colon < slash) {
    if (!sp_ref_is_host(SP_SPAN(key, (size_t)(slash - key))))
      return refuse(text, _("the part before the first '/' is no host:port"), err);
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
    return refuse(text, _("write 'vault:NAME' with a name such as 'app' or 'ghcr.io/owner/app'"),
                  err);
  if (!was_lower && !lower) {
    char why[SP_MAX_REPOSITORY + 96];
    snprintf(why, sizeof why, _("repository name must be lowercase: use 'vault:%s' (or --lower)"),
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
      return refuse(text, _("what follows the last ':' is no tag"), err);
    if (sp_text_copy(out->ref.tag, sizeof out->ref.tag, tag, err) < 0)
      return -1;
    name.len = (size_t)(colon - name.ptr);
  }
  return set_vault_name(text, name, lower, &out->ref, err);
}

/* -- archives: the file ends at the first colon, as in containers-transports(5) */

static int cut_file(const char *text, struct sp_span *rest, struct sp_place *out,
                    struct sp_err *err)
{
  const char *colon = rest->len ? memchr(rest->ptr, ':', rest->len) : NULL;
  struct sp_span file = SP_SPAN(rest->ptr, colon ? (size_t)(colon - rest->ptr) : rest->len);
  if (file.len == 0)
    return refuse(text, _("it names no file: write 'docker-archive:FILE' or 'oci-archive:FILE'"),
                  err);
  if (sp_text_copy(out->path, sizeof out->path, file, err) < 0)
    return refuse(text, _("the path is too long"), err);
  *rest = colon ? sp_span_skip(*rest, file.len + 1) : SP_SPAN(NULL, 0);
  if (colon && rest->len == 0)
    return refuse(text, _("nothing follows the ':' behind the file"), err);
  return 0;
}

static int parse_number(const char *text, struct sp_span digits, struct sp_place *out,
                        struct sp_err *err)
{
  uint64_t number;
  if (sp_text_parse_u64(digits, &number) < 0 || number > UINT32_MAX ||
      (digits.len > 1 && digits.ptr[0] == '0'))
    return refuse(
        text, _("what follows '@' is no number of an image: write 'FILE:@0' for the first"), err);
  out->has_number = true;
  out->number = (uint32_t)number;
  return 0;
}

static int parse_docker_archive(const char *text, const char *rest, bool lower,
                                struct sp_place *out, struct sp_err *err)
{
  struct sp_span name = sp_span_str(rest);
  if (cut_file(text, &name, out, err) < 0)
    return -1;
  if (name.len == 0)
    return 0;
  if (name.ptr[0] == '@')
    return parse_number(text, sp_span_skip(name, 1), out, err);
  if (sp_ref_parse(name, lower, &out->ref, err) < 0)
    return sp_err_context(err, "docker-archive:%s", out->path);
  if (out->ref.digest.alg != SP_DIGEST_NONE)
    return refuse(text, _("images in such an archive have no digests: write 'FILE:NAME[:TAG]'"),
                  err);
  return 0;
}

static int parse_oci_archive(const char *text, const char *rest, bool lower, struct sp_place *out,
                             struct sp_err *err)
{
  struct sp_span name = sp_span_str(rest);
  if (cut_digest(text, &name, false, &out->ref.digest, err) < 0 ||
      cut_file(text, &name, out, err) < 0)
    return -1;
  if (name.len == 0)
    return 0;
  if (sp_ref_is_tag(name))
    return sp_text_copy(out->ref.tag, sizeof out->ref.tag, name, err);
  struct sp_digest digest = out->ref.digest;
  if (sp_ref_parse(name, lower, &out->ref, err) < 0)
    return sp_err_context(err, "oci-archive:%s", out->path);
  out->ref.digest = digest;
  return 0;
}

/* -- an engine */

static int parse_daemon(const char *text, const char *rest, bool lower, struct sp_place *out,
                        struct sp_err *err)
{
  struct sp_err why = SP_ERR_INIT;
  if (sp_digest_parse(sp_span_str(rest), &out->ref.digest, &why) == 0)
    return 0;
  if (sp_span_has_prefix(sp_span_str(rest), "sha256:"))
    return refuse(text, _("an image ID is 'sha256:' and 64 hexadecimal digits"), err);
  if (sp_ref_parse(sp_span_str(rest), lower, &out->ref, err) < 0)
    return sp_err_context(err, "docker-daemon");
  return 0;
}

static int parse_later(const char *text, const char *rest, bool lower, struct sp_place *out,
                       struct sp_err *err)
{
  (void)rest;
  (void)lower;
  (void)out;
  return refuse(text,
                _("this transport is not in this version: it has registry references "
                  "('ghcr.io/owner/app:tag'), 'oci:DIR[:REF]', 'vault:NAME[:TAG]', "
                  "'docker-archive:FILE[:NAME]', 'oci-archive:FILE[:REF]' and "
                  "'docker-daemon:NAME'"),
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
    {"docker-archive:", SP_TRANSPORT_DOCKER_ARCHIVE, parse_docker_archive},
    {"oci-archive:", SP_TRANSPORT_OCI_ARCHIVE, parse_oci_archive},
    {"docker-daemon:", SP_TRANSPORT_DAEMON, parse_daemon},
    {"s3://", SP_TRANSPORT_REGISTRY, parse_later},
    {"", SP_TRANSPORT_REGISTRY, parse_registry},
};

static size_t transport_of(const char *text)
{
  size_t i = 0;
  while (strncmp(text, transports[i].prefix, strlen(transports[i].prefix)) != 0)
    i++; /* the last prefix is empty */
  return i;
}

int sp_place_parse(const char *text, bool lower, struct sp_place *out, struct sp_err *err)
{
  size_t i = transport_of(text);
  struct sp_place place = {.transport = transports[i].transport};
  if (transports[i].parse(text, text + strlen(transports[i].prefix), lower, &place, err) < 0)
    return -1;
  *out = place;
  return 0;
}

size_t sp_place_store_len(const char *name)
{
  size_t i = transport_of(name);
  if (transports[i].transport == SP_TRANSPORT_VAULT)
    return name[strlen(transports[i].prefix)] == '@' ? strcspn(name, "/")
                                                     : strlen(transports[i].prefix);
  return transports[i].prefix[0] ? strlen(name) : strcspn(name, "/");
}

bool sp_place_tells_tag(const struct sp_place *place)
{
  switch (place->transport) {
  case SP_TRANSPORT_LAYOUT:
    return true;
  case SP_TRANSPORT_DOCKER_ARCHIVE:
  case SP_TRANSPORT_OCI_ARCHIVE:
    return place->ref.repository[0] == '\0';
  case SP_TRANSPORT_REGISTRY:
  case SP_TRANSPORT_VAULT:
  case SP_TRANSPORT_DAEMON:
    return false;
  }
  return false;
}

const struct sp_digest *sp_place_digest(const struct sp_place *place)
{
  bool is_manifest = place->transport != SP_TRANSPORT_DAEMON;
  return is_manifest && place->ref.digest.alg != SP_DIGEST_NONE ? &place->ref.digest : NULL;
}

bool sp_place_finds_digest(const struct sp_place *place)
{
  return place->transport != SP_TRANSPORT_DAEMON && place->transport != SP_TRANSPORT_DOCKER_ARCHIVE;
}

/* "FILE", "FILE:@N" or "FILE:host/repository" */
static void format_archive(const char *transport, const struct sp_place *place,
                           char out[SP_PLACE_TEXT_MAX])
{
  const struct sp_ref *ref = &place->ref;
  if (place->has_number)
    snprintf(out, SP_PLACE_TEXT_MAX, "%s:%s:@%u", transport, place->path, place->number);
  else if (ref->repository[0])
    snprintf(out, SP_PLACE_TEXT_MAX, "%s:%s:%s/%s", transport, place->path, ref->host,
             ref->repository);
  else
    snprintf(out, SP_PLACE_TEXT_MAX, "%s:%s", transport, place->path);
}

static bool is_image_id(const struct sp_place *place)
{
  return place->transport == SP_TRANSPORT_DAEMON && place->ref.repository[0] == '\0';
}

static void format_daemon(const struct sp_place *place, char out[SP_PLACE_TEXT_MAX])
{
  char id[SP_DIGEST_TEXT_MAX] = "";
  if (is_image_id(place))
    sp_digest_format(&place->ref.digest, id);
  snprintf(out, SP_PLACE_TEXT_MAX, "docker-daemon:%s%s%s%s", id, place->ref.host,
           place->ref.host[0] ? "/" : "", place->ref.repository);
}

void sp_place_format_name(const struct sp_place *place, char out[SP_PLACE_TEXT_MAX])
{
  switch (place->transport) {
  case SP_TRANSPORT_LAYOUT:
    snprintf(out, SP_PLACE_TEXT_MAX, "oci:%s", place->path);
    return;
  case SP_TRANSPORT_VAULT:
    snprintf(out, SP_PLACE_TEXT_MAX, "vault:%s", place->ref.repository);
    return;
  case SP_TRANSPORT_DOCKER_ARCHIVE:
    format_archive("docker-archive", place, out);
    return;
  case SP_TRANSPORT_OCI_ARCHIVE:
    format_archive("oci-archive", place, out);
    return;
  case SP_TRANSPORT_DAEMON:
    format_daemon(place, out);
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
  if (place->ref.digest.alg != SP_DIGEST_NONE && !is_image_id(place))
    sp_digest_format(&place->ref.digest, digest);
  sp_place_format_name(place, out);
  size_t len = strlen(out);
  snprintf(out + len, size - len, "%s%s%s%s", place->ref.tag[0] ? ":" : "", place->ref.tag,
           digest[0] ? "@" : "", digest);
}
