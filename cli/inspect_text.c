/* SPDX-License-Identifier: Apache-2.0 */
/* Every line begins with something of ours (a label, a number, a date) or with what was parsed (a
 * digest, a name): text from outside stands behind it, escaped. A list has one line for each of its
 * items, so that nothing has to be wrapped. */
#include "cli/inspect_text.h"

#include <stdio.h>
#include <string.h>

#include "base/i18n.h"
#include "base/json.h"
#include "base/text.h"
#include "cli/fact.h"
#include "cli/terminal.h"

#define PLATFORM_SHOWN_MAX 33 /* what may stand behind it fits into 80 columns too */
#define SHORT_DIGEST 19       /* "sha256:0123456789ab" */

static const char *text_of(const json_t *object, const char *key)
{
  const char *text = json_string_value(json_object_get(object, key));
  return text ? text : "";
}

static void format_size_of(const json_t *object, const char *key, char out[SP_SIZE_TEXT_MAX])
{
  sp_text_format_size(out, (uint64_t)json_integer_value(json_object_get(object, key)));
}

/* "tar+gzip" of a layer's media type; others stay as they are. */
static const char *short_type(const char *media_type)
{
  static const char *const known[] = {"application/vnd.oci.image.layer.v1.",
                                      "application/vnd.docker.image.rootfs.diff."};
  for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
    if (strncmp(media_type, known[i], strlen(known[i])) == 0)
      return media_type + strlen(known[i]);
  }
  return media_type;
}

/* -- what the config says */

static void print_texts(const char *label, const json_t *items)
{
  size_t i;
  json_t *item;
  json_array_foreach(items, i, item) fact_print_outside(label, json_string_value(item));
}

/* A command line as a list in quotes, so that blanks and empty words show. */
static void print_words(const char *label, const json_t *words)
{
  if (json_array_size(words) == 0)
    return;
  SP_AUTO_FREE char *text = sp_json_print(words, 0);
  fact_print_outside(label, text);
}

static void print_labels(const char *label, json_t *labels)
{
  const char *name;
  json_t *value;
  json_object_foreach(labels, name, value)
  {
    struct sp_err ignored = SP_ERR_INIT;
    SP_AUTO_FREE char *line = NULL;
    if (sp_text_format(&line, &ignored, "%s=%s", name, json_string_value(value)) == 0)
      fact_print_outside(label, line);
  }
}

static void print_content(const json_t *content)
{
  fact_print_outside(_("platform"), text_of(content, "platform"));
  fact_print_outside(_("created"), text_of(content, "created"));
  fact_print_outside(_("author"), text_of(content, "author"));
  fact_print_outside(_("user"), text_of(content, "user"));
  fact_print_outside(_("directory"), text_of(content, "working_dir"));
  print_words(_("entrypoint"), json_object_get(content, "entrypoint"));
  print_words(_("command"), json_object_get(content, "cmd"));
  fact_print_outside(_("stop"), text_of(content, "stop_signal"));
  print_texts(_("port"), json_object_get(content, "exposed_ports"));
  print_texts(_("volume"), json_object_get(content, "volumes"));
  print_texts(_("env"), json_object_get(content, "env"));
  print_labels(_("label"), json_object_get(content, "labels"));
}

/* -- layers and history */

static void print_layers(const json_t *layers)
{
  size_t i;
  json_t *layer;
  if (json_array_size(layers) > 0)
    printf("\n%s\n", _("layers:"));
  json_array_foreach(layers, i, layer)
  {
    char size[SP_SIZE_TEXT_MAX], head[80];
    format_size_of(layer, "size_bytes", size);
    snprintf(head, sizeof head, "%3zu  %10s  %.*s ", i + 1, size, SHORT_DIGEST,
             text_of(layer, "digest"));
    fact_print_outside(head, short_type(text_of(layer, "media_type")));
  }
}

/* One step; `layer` is the one that it made, or NULL. */
static void print_step(const json_t *step, const json_t *layer)
{
  char date[11] = "-", size[SP_SIZE_TEXT_MAX] = "-", head[64];
  const char *created = text_of(step, "created");
  if (strlen(created) >= 10 && strspn(created, "0123456789-") >= 10)
    snprintf(date, sizeof date, "%s", created);
  if (layer)
    format_size_of(layer, "size_bytes", size);
  snprintf(head, sizeof head, "%-10s  %10s ", date, size);
  const char *by = text_of(step, "created_by");
  if (!*by)
    by = text_of(step, "comment");
  fact_print_outside(head, *by ? by : "-");
}

static void print_history(const json_t *history, const json_t *layers)
{
  size_t i, made = 0;
  json_t *step;
  if (json_array_size(history) > 0)
    printf("\n%s\n", _("history:"));
  json_array_foreach(history, i, step)
  {
    bool is_empty = json_is_true(json_object_get(step, "empty_layer"));
    print_step(step, is_empty ? NULL : json_array_get(layers, made));
    made += !is_empty;
  }
}

static void print_image(const json_t *image)
{
  char size[SP_SIZE_TEXT_MAX];
  const json_t *layers = json_object_get(image, "layers");
  const json_t *config = json_object_get(image, "config");
  const json_t *content = json_object_get(config, "content");
  format_size_of(image, "total_bytes", size);
  fact_print(_("size"), _("%s in %zu layers"), size, json_array_size(layers));
  fact_print_outside(_("artifact"), text_of(image, "artifact_type"));
  fact_print_outside(_("config"), text_of(config, "media_type"));
  print_content(content);
  print_layers(layers);
  print_history(json_object_get(content, "history"), layers);
}

/* -- platforms */

static void print_entry(size_t number, const json_t *entry, size_t widest)
{
  char platform[PLATFORM_SHOWN_MAX], size[SP_SIZE_TEXT_MAX];
  const json_t *image = json_object_get(entry, "image");
  const char *subject = text_of(entry, "attestation_for");
  sp_text_escape(platform, sizeof platform, sp_span_str(text_of(entry, "platform")));
  printf("  %3zu  %s", number, platform);
  int gap = (int)(widest - terminal_width_of(platform)) + 2;
  if (*subject) {
    printf("%*s%s ", gap, "", _("attestation of"));
    char shown[SHORT_DIGEST + 4]; /* with the dots */
    sp_text_escape(shown, sizeof shown, sp_span_str(subject));
    fputs(shown, stdout);
  } else if (!json_is_null(image)) {
    format_size_of(image, "total_bytes", size);
    printf("%*s%10s", gap, "", size);
  }
  printf("\n       %s\n", text_of(entry, "digest"));
}

static void print_platforms(const json_t *platforms)
{
  size_t i, widest = 0;
  json_t *entry;
  if (json_array_size(platforms) > 0)
    printf("\n%s\n", _("platforms:"));
  json_array_foreach(platforms, i, entry)
  {
    char platform[PLATFORM_SHOWN_MAX];
    sp_text_escape(platform, sizeof platform, sp_span_str(text_of(entry, "platform")));
    size_t width = terminal_width_of(platform);
    widest = width > widest ? width : widest;
  }
  json_array_foreach(platforms, i, entry) print_entry(i + 1, entry, widest);
}

static void print_platform_images(const json_t *platforms)
{
  size_t i;
  json_t *entry;
  json_array_foreach(platforms, i, entry)
  {
    const json_t *image = json_object_get(entry, "image");
    if (json_is_null(image) || *text_of(entry, "attestation_for"))
      continue;
    printf("\n%s\n", text_of(entry, "digest"));
    print_image(image);
  }
}

/* -- what belongs to it */

static void print_referrers(const json_t *referrers)
{
  size_t i;
  json_t *referrer;
  if (json_array_size(referrers) > 0)
    printf("\n%s\n", _("referrers:"));
  json_array_foreach(referrers, i, referrer)
  {
    const char *type = text_of(referrer, "artifact_type");
    printf("  %s\n", text_of(referrer, "digest"));
    fact_print_outside(_("  type"), *type ? type : text_of(referrer, "media_type"));
  }
}

static void print_cosign(const json_t *cosign)
{
  size_t i;
  json_t *tag;
  if (json_array_size(cosign) > 0)
    printf("\n%s\n", _("cosign's tags:"));
  json_array_foreach(cosign, i, tag)
      printf("  %s\n    %s\n", text_of(tag, "tag"), text_of(tag, "digest"));
}

void inspect_text_print(const json_t *doc)
{
  const json_t *image = json_object_get(doc, "image");
  const json_t *platforms = json_object_get(doc, "platforms");
  const json_t *pulls = json_object_get(doc, "pulls_left");
  fact_print_escaped(stdout, text_of(doc, "name"));
  printf("\n%s\n", text_of(doc, "digest"));
  fact_print_outside(_("type"), text_of(doc, "media_type"));
  print_labels(_("annotation"), json_object_get(doc, "annotations"));
  if (json_is_integer(pulls))
    fact_print(_("pulls"), _("%llu left"), (unsigned long long)json_integer_value(pulls));
  if (!json_is_null(image))
    print_image(image);
  print_platforms(platforms);
  print_platform_images(platforms);
  print_referrers(json_object_get(doc, "referrers"));
  print_cosign(json_object_get(doc, "cosign"));
}
