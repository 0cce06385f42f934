/* SPDX-License-Identifier: Apache-2.0 */
/* A short array, searched from its beginning: people name a handful of hosts. */
#include "api/hosts.h"

#include <errno.h>
#include <unistd.h>

#include "base/text.h"
#include "http/url.h"
#include "oci/reference.h"

/* A NULL-terminated list of names, as the registry layer takes it. */
struct names {
  char **items;
  size_t count;
};

struct host {
  char name[SP_MAX_HOST + 1];
  bool insecure;
  char *ca_file;
  struct names upload_hosts, token_hosts;
  bool chunked;
  uint64_t chunk_bytes;
  char *user; /* NULL: not said */
  struct sp_secret password;
};

struct sp_hosts {
  struct host *items;
  size_t count;
  bool has_common_ca; /* --ca FILE */
};

static void clear_names(struct names *names)
{
  for (size_t i = 0; i < names->count; i++)
    free(names->items[i]);
  free(names->items);
}

void sp_hosts_free(struct sp_hosts *hosts)
{
  if (!hosts)
    return;
  for (size_t i = 0; i < hosts->count; i++) {
    free(hosts->items[i].ca_file);
    clear_names(&hosts->items[i].upload_hosts);
    clear_names(&hosts->items[i].token_hosts);
    free(hosts->items[i].user);
    sp_secret_clear(&hosts->items[i].password);
  }
  free(hosts->items);
  free(hosts);
}

int sp_hosts_normal_name(struct sp_span text, const char *option, char out[SP_MAX_HOST + 1],
                         struct sp_err *err)
{
  char reference[SP_MAX_HOST + 3];
  char shown[SP_MAX_HOST + 1];
  sp_text_escape(shown, sizeof shown, text);
  if (text.len == 0 || text.len > SP_MAX_HOST || memchr(text.ptr, '/', text.len))
    return sp_fail(err, SP_E_USAGE,
                   "%s: '%s' is not a host: write it as in references, HOST[:PORT]", option, shown);
  snprintf(reference, sizeof reference, "%.*s/x", (int)text.len, text.ptr);
  struct sp_ref ref;
  if (sp_ref_parse(sp_span_str(reference), true, &ref, err) < 0)
    return sp_err_context(err, "%s '%s'", option, shown);
  bool was_host = sp_span_has_prefix(sp_span_str(ref.repository), "library/") ||
                  strchr(ref.repository, '/') == NULL;
  if (!was_host)
    return sp_fail(err, SP_E_USAGE,
                   "%s: '%s' would not be a host in a reference: write HOST.DOMAIN or HOST:PORT",
                   option, shown);
  snprintf(out, SP_MAX_HOST + 1, "%s", ref.host);
  return 0;
}

static struct host *find(const struct sp_hosts *hosts, const char *name)
{
  for (size_t i = 0; i < hosts->count; i++) {
    if (strcmp(hosts->items[i].name, name) == 0)
      return &hosts->items[i];
  }
  return NULL;
}

/* The entry of a host, made if it is new. */
static int get_entry(struct sp_hosts *hosts, struct sp_span text, const char *option,
                     struct host **out, struct sp_err *err)
{
  char name[SP_MAX_HOST + 1];
  if (sp_hosts_normal_name(text, option, name, err) < 0)
    return -1;
  *out = find(hosts, name);
  if (*out)
    return 0;
  struct host *items = reallocarray(hosts->items, hosts->count + 1, sizeof *items);
  if (!items)
    return sp_fail(err, SP_E_NOMEM, "out of memory for the settings of '%s'", name);
  hosts->items = items;
  *out = &items[hosts->count++];
  **out = (struct host){0};
  memcpy((*out)->name, name, sizeof name);
  return 0;
}

static int add_name(struct names *names, const char *name, struct sp_err *err)
{
  char **items = reallocarray(names->items, names->count + 2, sizeof *items);
  if (!items)
    return sp_fail(err, SP_E_NOMEM, "out of memory for the host '%s'", name);
  names->items = items;
  items[names->count] = NULL;
  if (sp_text_dup(&items[names->count], name, err) < 0)
    return -1;
  items[++names->count] = NULL;
  return 0;
}

static int set_insecure(struct host *host, const char *value, struct sp_err *err)
{
  (void)value, (void)err;
  host->insecure = true;
  return 0;
}

static int check_ca_file(const char *file, struct sp_err *err)
{
  if (access(file, R_OK) == 0)
    return 0;
  return sp_fail_sys(err, SP_E_USAGE, errno, "cannot read the CA file '%s'", file);
}

static int set_ca_file(struct host *host, const char *value, struct sp_err *err)
{
  if (check_ca_file(value, err) < 0)
    return -1;
  free(sp_steal(&host->ca_file));
  return sp_text_dup(&host->ca_file, value, err);
}

/* A host of another origin is compared as written on the wire, so only its form is checked. */
static int check_origin_host(const char *value, struct sp_err *err)
{
  if (sp_ref_is_host(sp_span_str(value)))
    return 0;
  return sp_fail(err, SP_E_USAGE, "'%s' is not a host: write HOST or HOST:PORT", value);
}

static int add_upload_host(struct host *host, const char *value, struct sp_err *err)
{
  return check_origin_host(value, err) < 0 ? -1 : add_name(&host->upload_hosts, value, err);
}

static int add_token_host(struct host *host, const char *value, struct sp_err *err)
{
  return check_origin_host(value, err) < 0 ? -1 : add_name(&host->token_hosts, value, err);
}

static int set_chunked(struct host *host, const char *value, struct sp_err *err)
{
  host->chunked = true;
  if (!value)
    return 0;
  if (sp_text_parse_u64(sp_span_str(value), &host->chunk_bytes) < 0 || host->chunk_bytes == 0)
    return sp_fail(err, SP_E_USAGE, "'%s' is not a number of bytes", value);
  return 0;
}

/* What follows the host in one setting. */
enum value_need { VALUE_NONE, VALUE_OPTIONAL, VALUE_REQUIRED };

struct kind {
  const char *option; /* for complaints */
  enum value_need need;
  int (*apply)(struct host *host, const char *value, struct sp_err *err);
};

static int apply_one(struct sp_hosts *hosts, const struct kind *kind, const char *text,
                     struct sp_err *err)
{
  const char *equals = kind->need == VALUE_NONE ? NULL : strchr(text, '=');
  size_t host_len = equals ? (size_t)(equals - text) : strlen(text);
  const char *value = equals ? equals + 1 : NULL;
  if (kind->need == VALUE_REQUIRED && (!value || !*value))
    return sp_fail(err, SP_E_USAGE, "%s '%s': there is no '=' with something behind it",
                   kind->option, text);
  struct host *host;
  if (get_entry(hosts, SP_SPAN(text, host_len), kind->option, &host, err) < 0)
    return -1;
  if (kind->apply(host, value, err) < 0)
    return sp_err_context(err, "%s '%s'", kind->option, text);
  return 0;
}

static int apply_list(struct sp_hosts *hosts, const struct kind *kind, const char *const *list,
                      struct sp_err *err)
{
  for (size_t i = 0; list && list[i]; i++) {
    if (apply_one(hosts, kind, list[i], err) < 0)
      return -1;
  }
  return 0;
}

int sp_hosts_new(const struct sp_session_settings *settings, struct sp_hosts **out,
                 struct sp_err *err)
{
  const struct {
    struct kind kind;
    const char *const *list;
  } all[] = {
      {{"--insecure", VALUE_NONE, set_insecure}, settings->insecure},
      {{"--ca", VALUE_REQUIRED, set_ca_file}, settings->host_ca},
      {{"--token-host", VALUE_REQUIRED, add_token_host}, settings->token_hosts},
      {{"--upload-host", VALUE_REQUIRED, add_upload_host}, settings->upload_hosts},
      {{"--chunked", VALUE_OPTIONAL, set_chunked}, settings->chunked},
  };
  if (settings->ca_file && check_ca_file(settings->ca_file, err) < 0)
    return sp_err_context(err, "--ca");
  SP_CLEANUP(sp_hosts_free_auto_) struct sp_hosts *hosts = calloc(1, sizeof *hosts);
  if (!hosts)
    return sp_fail(err, SP_E_NOMEM, "out of memory for a session");
  hosts->has_common_ca = settings->ca_file != NULL;
  for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
    if (apply_list(hosts, &all[i].kind, all[i].list, err) < 0)
      return -1;
  }
  *out = sp_steal(&hosts);
  return 0;
}

static int add_names(struct names *names, const struct sp_config_names *from, struct sp_err *err)
{
  for (size_t i = 0; i < from->count; i++) {
    if (add_name(names, from->items[i], err) < 0)
      return -1;
  }
  return 0;
}

int sp_hosts_add_config(struct sp_hosts *hosts, const struct sp_config_registry *registry,
                        struct sp_err *err)
{
  struct host *host;
  if (get_entry(hosts, sp_span_str(registry->host), "registries", &host, err) < 0)
    return -1;
  host->insecure = host->insecure || registry->insecure;
  if (!host->chunked && registry->chunked_bytes > 0) {
    host->chunked = true;
    host->chunk_bytes = registry->chunked_bytes;
  }
  if (!host->ca_file && registry->ca.text && set_ca_file(host, registry->ca.text, err) < 0)
    return sp_err_context(err, "registry '%s'", registry->host);
  if (sp_text_dup(&host->user, registry->username.text, err) < 0 ||
      sp_secret_dup(&host->password, &registry->password.secret, err) < 0 ||
      add_names(&host->upload_hosts, &registry->upload_hosts, err) < 0)
    return -1;
  return add_names(&host->token_hosts, &registry->token_hosts, err);
}

/* Is host[:port] this machine, by name? */
static bool is_loopback(const char *host)
{
  struct sp_origin origin = {0};
  size_t len = strcspn(host, host[0] == '[' ? "]" : ":");
  if (host[0] == '[' && host[len] == ']')
    len++;
  snprintf(origin.host, sizeof origin.host, "%.*s", (int)len, host);
  return sp_origin_is_loopback(&origin);
}

void sp_hosts_get(const struct sp_hosts *hosts, const char *host, struct sp_registry_settings *out)
{
  static const struct host nothing_said;
  const struct host *said = find(hosts, host);
  if (!said)
    said = &nothing_said;
  *out = (struct sp_registry_settings){
      .host = host,
      .insecure = said->insecure || (is_loopback(host) && !said->ca_file && !hosts->has_common_ca),
      .ca_file = said->ca_file,
      .upload_hosts = (const char *const *)said->upload_hosts.items,
      .token_hosts = (const char *const *)said->token_hosts.items,
      .chunked = said->chunked,
      .chunk_bytes = said->chunk_bytes,
      .user = said->user,
      .password = &said->password,
  };
}
