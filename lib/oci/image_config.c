/* SPDX-License-Identifier: Apache-2.0 */
/* Two tables say which members become which facts; each kind of fact has one function. */
#include "oci/image_config.h"

#include <stdio.h>
#include <strings.h>

#include "base/json.h"
#include "oci/media_type.h"
#include "oci/platform.h"

bool sp_image_config_is_type(struct sp_span media_type)
{
  static const char *const types[] = {"application/vnd.oci.image.config.v1+json",
                                      "application/vnd.docker.container.image.v1+json"};
  struct sp_span bare = sp_media_strip(media_type);
  for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
    if (bare.len == strlen(types[i]) && strncasecmp(bare.ptr, types[i], bare.len) == 0)
      return true;
  }
  return false;
}

/* Takes value. */
static int set(json_t *facts, const char *key, json_t *value, struct sp_err *err)
{
  if (value && json_object_set_new(facts, key, value) == 0)
    return 0;
  return sp_fail(err, SP_E_NOMEM, "out of memory for an image's config");
}

/* -- kinds of facts: from `member` of `from` to `key` of `facts` */

typedef int reader(const json_t *from, const char *member, json_t *facts, const char *key,
                   struct sp_err *err);

static int read_text(const json_t *from, const char *member, json_t *facts, const char *key,
                     struct sp_err *err)
{
  const char *text;
  if (sp_json_get_string(from, member, &text, err) < 0)
    return -1;
  return set(facts, key, text && *text ? json_string(text) : json_null(), err);
}

static int read_texts(const json_t *from, const char *member, json_t *facts, const char *key,
                      struct sp_err *err)
{
  json_t *items, *item;
  size_t i;
  if (sp_json_get_array(from, member, &items, err) < 0)
    return -1;
  json_array_foreach(items, i, item)
  {
    if (!json_is_string(item))
      return sp_fail(err, SP_E_INVALID, "member '%s' holds what is no string", member);
  }
  return set(facts, key, items ? json_deep_copy(items) : json_array(), err);
}

/* A set, written as an object with empty objects in it. */
static int read_names(const json_t *from, const char *member, json_t *facts, const char *key,
                      struct sp_err *err)
{
  json_t *items, *item;
  const char *name;
  if (sp_json_get_object(from, member, &items, err) < 0)
    return -1;
  json_t *names = json_array();
  json_object_foreach(items, name, item)
  {
    if (json_array_append_new(names, json_string(name)) < 0) {
      json_decref(names);
      names = NULL;
      break;
    }
  }
  return set(facts, key, names, err);
}

static int read_labels(const json_t *from, const char *member, json_t *facts, const char *key,
                       struct sp_err *err)
{
  json_t *items, *item;
  const char *name;
  if (sp_json_get_object(from, member, &items, err) < 0)
    return -1;
  json_object_foreach(items, name, item)
  {
    if (!json_is_string(item))
      return sp_fail(err, SP_E_INVALID, "member '%s' holds what is no string", member);
  }
  return set(facts, key, items ? json_deep_copy(items) : json_object(), err);
}

/* -- the tables */

struct row {
  reader *read;
  const char *member, *key;
};

static const struct row of_image[] = {
    {read_text, "created", "created"},
    {read_text, "author", "author"},
};
static const struct row of_config[] = {
    {read_text, "User", "user"},
    {read_text, "WorkingDir", "working_dir"},
    {read_text, "StopSignal", "stop_signal"},
    {read_texts, "Entrypoint", "entrypoint"},
    {read_texts, "Cmd", "cmd"},
    {read_texts, "Env", "env"},
    {read_names, "ExposedPorts", "exposed_ports"},
    {read_names, "Volumes", "volumes"},
    {read_labels, "Labels", "labels"},
};
static const struct row of_rootfs[] = {{read_texts, "diff_ids", "diff_ids"}};
static const struct row of_history[] = {
    {read_text, "created", "created"},
    {read_text, "created_by", "created_by"},
    {read_text, "comment", "comment"},
};
#define COUNT(rows) (sizeof(rows) / sizeof(rows)[0])

static int read_rows(const struct row *rows, size_t count, const json_t *from, json_t *facts,
                     struct sp_err *err)
{
  for (size_t i = 0; i < count; i++) {
    if (rows[i].read(from, rows[i].member, facts, rows[i].key, err) < 0)
      return -1;
  }
  return 0;
}

/* The rows of a member that is an object; of an empty one if it is missing. */
static int read_member(const json_t *doc, const char *member, const struct row *rows, size_t count,
                       json_t *facts, struct sp_err *err)
{
  json_t *from;
  if (sp_json_get_object(doc, member, &from, err) < 0)
    return -1;
  SP_AUTO_JSON json_t *nothing = json_object();
  if (!nothing)
    return sp_fail(err, SP_E_NOMEM, "out of memory for an image's config");
  return read_rows(rows, count, from ? from : nothing, facts, err);
}

static int read_platform(const json_t *doc, json_t *facts, struct sp_err *err)
{
  struct sp_platform platform = {0};
  const struct {
    const char *member;
    char *out;
  } parts[] = {
      {"os", platform.os}, {"architecture", platform.architecture}, {"variant", platform.variant}};
  for (size_t i = 0; i < COUNT(parts); i++) {
    const char *text;
    if (sp_json_get_string(doc, parts[i].member, &text, err) < 0)
      return -1;
    snprintf(parts[i].out, SP_PLATFORM_PART_MAX, "%s", text ? text : "");
  }
  char text[SP_PLATFORM_TEXT_MAX];
  sp_platform_format(&platform, text);
  return set(facts, "platform", json_string(text), err);
}

static int read_step(const json_t *entry, json_t *steps, struct sp_err *err)
{
  SP_AUTO_JSON json_t *step = json_object();
  json_t *empty = json_object_get(entry, "empty_layer");
  if (!json_is_object(entry) || (empty && !json_is_boolean(empty)))
    return sp_fail(err, SP_E_INVALID, "member 'history' holds what is no step");
  if (!step)
    return sp_fail(err, SP_E_NOMEM, "out of memory for an image's config");
  if (read_rows(of_history, COUNT(of_history), entry, step, err) < 0 ||
      set(step, "empty_layer", json_boolean(json_is_true(empty)), err) < 0)
    return -1;
  if (json_array_append(steps, step) < 0)
    return sp_fail(err, SP_E_NOMEM, "out of memory for an image's config");
  return 0;
}

static int read_history(const json_t *doc, json_t *facts, struct sp_err *err)
{
  json_t *history, *entry;
  size_t i;
  json_t *steps = json_array();
  if (set(facts, "history", steps, err) < 0 || sp_json_get_array(doc, "history", &history, err) < 0)
    return -1;
  json_array_foreach(history, i, entry)
  {
    if (read_step(entry, steps, err) < 0)
      return -1;
  }
  return 0;
}

int sp_image_config_read(struct sp_span bytes, json_t **out, struct sp_err *err)
{
  SP_AUTO_JSON json_t *doc = NULL;
  SP_AUTO_JSON json_t *facts = json_object();
  if (!facts)
    return sp_fail(err, SP_E_NOMEM, "out of memory for an image's config");
  if (sp_json_parse(bytes, &doc, err) < 0 ||
      read_rows(of_image, COUNT(of_image), doc, facts, err) < 0 ||
      read_platform(doc, facts, err) < 0 ||
      read_member(doc, "config", of_config, COUNT(of_config), facts, err) < 0 ||
      read_member(doc, "rootfs", of_rootfs, COUNT(of_rootfs), facts, err) < 0 ||
      read_history(doc, facts, err) < 0)
    return sp_err_context(err, "cannot read the image's config");
  *out = sp_steal(&facts);
  return 0;
}
