/* SPDX-License-Identifier: Apache-2.0 */
/* Places as safeport.yaml writes them: a namespace ends in a star, the backups of one have
 * "{repo}". Both are holes of the text; what fills them is parsed like any other place. */
#include "config/image_place.h"

#include <stdlib.h>

#include "base/i18n.h"
#include "base/text.h"
#include "config/kind.h"
#include "oci/place_key.h"

#define REPO SP_HOLE
#define STAR "/*"

static bool ends_in_star(const char *text)
{
  size_t len = strlen(text);
  return len >= 2 && strcmp(text + len - 2, STAR) == 0;
}

bool sp_config_place_is_namespace(const struct sp_config_place *place)
{
  return place->text && ends_in_star(place->text);
}

bool sp_config_place_is_template(const struct sp_config_place *place)
{
  return place->text && strstr(place->text, REPO);
}

bool sp_config_is_namespace(const struct sp_config_image *image)
{
  return sp_config_place_is_namespace(&image->primary);
}

/* The text with `repo` in its hole. */
static int fill_hole(const char *text, const char *repo, char **out, struct sp_err *err)
{
  const char *hole = strstr(text, REPO);
  if (!repo || (!hole && !ends_in_star(text)))
    return sp_text_dup(out, text, err);
  size_t len = hole ? (size_t)(hole - text) : strlen(text) - 1;
  return sp_text_format(out, err, "%.*s%s%s", (int)len, text, repo,
                        hole ? hole + strlen(REPO) : "");
}

/* Docker Hub has repositories of two levels. */
static bool is_flat(const char *text)
{
  struct sp_place place;
  struct sp_err err;
  SP_AUTO_FREE char *probe = NULL;
  return fill_hole(text, "x", &probe, &err) == 0 &&
         sp_place_parse(probe, false, &place, &err) == 0 &&
         place.transport == SP_TRANSPORT_REGISTRY && strcmp(place.ref.host, "docker.io") == 0;
}

int sp_config_place_get(const struct sp_config_place *place, const char *repo, struct sp_place *out,
                        struct sp_err *err)
{
  SP_AUTO_FREE char *name = NULL;
  SP_AUTO_FREE char *text = NULL;
  char shown[SP_MAX_REPOSITORY + 1];
  sp_text_escape(shown, sizeof shown, sp_span_str(repo));
  if (repo && !sp_ref_is_repository(sp_span_str(repo)))
    return sp_fail(err, SP_E_USAGE, "'%s' is no name of a repository", shown);
  if (sp_text_dup(&name, repo, err) < 0)
    return -1;
  bool has_slash = name && strchr(name, '/');
  if (has_slash && sp_config_place_is_template(place) && is_flat(place->text)) {
    for (char *p = name; *p; p++)
      *p = *p == '/' ? '-' : *p;
  }
  if (fill_hole(place->text, name, &text, err) < 0)
    return -1;
  return sp_place_parse(text, false, out, err);
}

void sp_config_namespace(const struct sp_config_image *image, char host[SP_MAX_HOST + 1],
                         char path[SP_MAX_REPOSITORY + 1])
{
  struct sp_place place;
  struct sp_err err;
  host[0] = path[0] = '\0';
  if (sp_config_place_get(&image->primary, "x", &place, &err) < 0)
    return;
  size_t len = strlen(place.ref.repository);
  snprintf(host, SP_MAX_HOST + 1, "%s", place.ref.host);
  snprintf(path, SP_MAX_REPOSITORY + 1, "%.*s", len > 2 ? (int)(len - 2) : 0, place.ref.repository);
}

/* -- keys */

/* A repository that nobody has: where it comes out in a key, the hole is. */
#define NOBODYS "any--safeport--repository"

int sp_config_place_key(const struct sp_config_place *place, const char *repo, char **out,
                        struct sp_err *err)
{
  struct sp_place parsed;
  SP_AUTO_FREE char *key = NULL;
  if (sp_config_place_get(place, repo ? repo : NOBODYS, &parsed, err) < 0 ||
      sp_place_key(&parsed, &key, err) < 0)
    return -1;
  const char *hole = repo ? NULL : strstr(key, NOBODYS);
  if (hole)
    return sp_text_format(out, err, "%.*s" SP_HOLE "%s", (int)(hole - key), key,
                          hole + strlen(NOBODYS));
  *out = sp_steal(&key);
  return 0;
}

/* A key around its hole. */
struct around {
  struct sp_span before, behind;
};

static struct around around_hole(const char *key)
{
  const char *hole = strstr(key, SP_HOLE);
  return (struct around){SP_SPAN(key, (size_t)(hole - key)), sp_span_str(hole + strlen(SP_HOLE))};
}

/* Is the shorter one a beginning, or an end, of the longer one? */
static bool begins_alike(struct sp_span a, struct sp_span b)
{
  size_t len = a.len < b.len ? a.len : b.len;
  return len == 0 || memcmp(a.ptr, b.ptr, len) == 0;
}

static bool ends_alike(struct sp_span a, struct sp_span b)
{
  size_t len = a.len < b.len ? a.len : b.len;
  return len == 0 || memcmp(a.ptr + a.len - len, b.ptr + b.len - len, len) == 0;
}

static bool fills(const char *key, struct around other)
{
  struct sp_span whole = sp_span_str(key);
  return whole.len > other.before.len + other.behind.len && begins_alike(whole, other.before) &&
         ends_alike(whole, other.behind);
}

bool sp_config_keys_meet(const char *a, const char *b)
{
  bool a_has_hole = strstr(a, SP_HOLE), b_has_hole = strstr(b, SP_HOLE);
  if (!a_has_hole && !b_has_hole)
    return strcmp(a, b) == 0;
  if (!a_has_hole)
    return fills(a, around_hole(b));
  const struct around in_a = around_hole(a);
  if (!b_has_hole)
    return fills(b, in_a);
  const struct around in_b = around_hole(b);
  return begins_alike(in_a.before, in_b.before) && ends_alike(in_a.behind, in_b.behind);
}

/* -- reading */

/* The place with something in its hole is one, and has no tag. */
static bool check_place(struct sp_reader *reader, const struct sp_yaml_node *node, const char *text,
                        struct sp_place *place)
{
  struct sp_err err = SP_ERR_INIT;
  SP_AUTO_FREE char *filled = NULL;
  const char *hole = strstr(text, REPO);
  if (hole && (strstr(hole + 1, REPO) || ends_in_star(text))) {
    sp_reader_complain(reader, node, _("one '{repo}' is enough"));
    return false;
  }
  if (fill_hole(text, "x", &filled, &err) < 0) {
    sp_reader_fail(reader);
    return false;
  }
  if (sp_place_parse(filled, false, place, &err) < 0) {
    sp_reader_complain(reader, node, "%s", err.msg);
    return false;
  }
  bool is_kept = place->transport == SP_TRANSPORT_REGISTRY ||
                 place->transport == SP_TRANSPORT_LAYOUT || place->transport == SP_TRANSPORT_VAULT;
  if (!is_kept) {
    sp_reader_complain(reader, node,
                       _("images are kept in a registry, 'vault:NAME' or 'oci:DIR', not here"));
    return false;
  }
  if (place->ref.tag[0] || place->ref.digest.alg != SP_DIGEST_NONE) {
    sp_reader_complain(reader, node, _("no tag and no digest here: 'tags' says which are meant"));
    return false;
  }
  if (ends_in_star(text) && place->transport != SP_TRANSPORT_REGISTRY) {
    sp_reader_complain(reader, node, _("a namespace ('*') is one of a registry"));
    return false;
  }
  return true;
}

/* What is kept: a place without holes as reports name it, else the text; directories absolute. */
static char *canonical(struct sp_reader *reader, const struct sp_yaml_node *node,
                       struct sp_place *place)
{
  const char *layout = "oci:";
  struct sp_err err;
  char *text = NULL;
  if (place->transport == SP_TRANSPORT_LAYOUT) {
    SP_AUTO_FREE char *dir = sp_kind_absolute(reader, node, node->text + strlen(layout));
    if (dir && sp_text_format(&text, &err, "%s%s", layout, dir) < 0)
      sp_reader_fail(reader);
    return text;
  }
  char name[SP_PLACE_TEXT_MAX];
  sp_place_format_name(place, name);
  bool has_hole = strstr(node->text, REPO) || ends_in_star(node->text);
  if (sp_text_dup(&text, has_hole ? node->text : name, &err) < 0)
    sp_reader_fail(reader);
  return text;
}

bool sp_kind_read_place(struct sp_reader *reader, const struct sp_config_row *row,
                        struct sp_yaml_node *node, void *at)
{
  (void)row;
  struct sp_config_place *out = at;
  struct sp_place place;
  if (node->kind != SP_YAML_SCALAR || sp_kind_is_null(node))
    return false;
  out->at = (struct sp_config_at){node->line, node->column};
  if (check_place(reader, node, node->text, &place))
    out->text = canonical(reader, node, &place);
  return true;
}
