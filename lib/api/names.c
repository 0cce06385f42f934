/* SPDX-License-Identifier: Apache-2.0 */
#include "api/names.h"

#include "base/i18n.h"
#include "base/text.h"

static bool has_digest(const struct sp_place *place)
{
  return place->ref.digest.alg != SP_DIGEST_NONE;
}

int sp_names_parse_source(const char *text, bool lower, struct sp_place *out, struct sp_err *err)
{
  if (!text || !*text)
    return sp_fail(err, SP_E_USAGE, "there is no source");
  if (sp_place_parse(text, lower, out, err) < 0)
    return -1;
  if (!sp_place_tells_tag(out) && !out->ref.tag[0] && !has_digest(out))
    snprintf(out->ref.tag, sizeof out->ref.tag, "latest");
  return 0;
}

static int add_tag(struct sp_target *target, const char *tag, struct sp_err *err)
{
  if (!sp_ref_is_tag(sp_span_str(tag))) {
    char shown[2 * SP_MAX_TAG];
    sp_text_escape(shown, sizeof shown, sp_span_str(tag));
    return sp_fail(err, SP_E_USAGE,
                   "'%s' is not a tag: up to 128 letters, digits, '_', '.' and '-', "
                   "not beginning with '.' or '-'",
                   shown);
  }
  for (size_t i = 0; i < target->tag_count; i++) {
    if (strcmp(target->tags[i], tag) == 0)
      return 0;
  }
  char **tags = reallocarray(target->tags, target->tag_count + 1, sizeof *tags);
  if (!tags)
    return sp_fail(err, SP_E_NOMEM, "out of memory for the tag '%s'", tag);
  target->tags = tags;
  if (sp_text_dup(&tags[target->tag_count], tag, err) < 0)
    return -1;
  target->tag_count++;
  return 0;
}

static bool same_place(const struct sp_place *a, const struct sp_place *b)
{
  return a->transport == b->transport && strcmp(a->ref.host, b->ref.host) == 0 &&
         strcmp(a->ref.repository, b->ref.repository) == 0 && strcmp(a->path, b->path) == 0;
}

/* A layout's directory without slashes at its end, so that two spellings are one place. */
static void trim_dir(struct sp_place *place)
{
  size_t len = strlen(place->path);
  while (len > 1 && place->path[len - 1] == '/')
    place->path[--len] = '\0';
}

/* Takes the tag out of `place` and puts it to the destination's others; a new destination is made
 * for a new place. */
static int add_target(struct sp_names *names, struct sp_place *place, struct sp_err *err)
{
  char tag[SP_MAX_TAG + 1];
  memcpy(tag, place->ref.tag, sizeof tag);
  place->ref.tag[0] = '\0';
  trim_dir(place);
  struct sp_target *target = NULL;
  for (size_t i = 0; i < names->target_count && !target; i++) {
    if (same_place(&names->targets[i].place, place))
      target = &names->targets[i];
  }
  if (!target) {
    target = &names->targets[names->target_count++];
    *target = (struct sp_target){.place = *place};
  }
  return tag[0] ? add_tag(target, tag, err) : 0;
}

static bool is_archive(const struct sp_place *place)
{
  return place->transport == SP_TRANSPORT_DOCKER_ARCHIVE ||
         place->transport == SP_TRANSPORT_OCI_ARCHIVE;
}

/* An archive that was not told what its image is called calls it as the source does. */
static void name_archive(const struct sp_names *names, struct sp_place *place)
{
  if (!is_archive(place) || place->ref.repository[0] || place->has_number)
    return;
  const struct sp_place *source = &names->source;
  if (source->transport == SP_TRANSPORT_VAULT || !source->ref.repository[0])
    return; /* the vault's names are keys */
  memcpy(place->ref.host, source->ref.host, sizeof place->ref.host);
  memcpy(place->ref.repository, source->ref.repository, sizeof place->ref.repository);
}

static int check_archive(const struct sp_names *names, const struct sp_place *place,
                         const char *text, struct sp_err *err)
{
  if (place->has_number)
    return sp_fail(err, SP_E_USAGE, "'%s': a number is for reading: write FILE:NAME[:TAG]", text);
  if (place->transport == SP_TRANSPORT_DOCKER_ARCHIVE && !place->ref.repository[0])
    return sp_fail(err, SP_E_USAGE,
                   "'%s': say what the image is to be called: docker-archive:FILE:NAME[:TAG]",
                   text);
  for (size_t i = 0; is_archive(place) && i < names->target_count; i++) {
    const struct sp_place *other = &names->targets[i].place;
    if (is_archive(other) && strcmp(other->path, place->path) == 0 && !same_place(other, place))
      return sp_fail(err, SP_E_USAGE, "'%s': two destinations are the same file", text);
  }
  return 0;
}

static int parse_target(struct sp_names *names, const char *text, bool lower, struct sp_err *err)
{
  struct sp_place place;
  if (sp_place_parse(text, lower, &place, err) < 0)
    return -1;
  if (has_digest(&place))
    return sp_fail(err, SP_E_USAGE,
                   "'%s': a destination has no digest, it gets the source's: write REPO or "
                   "REPO:TAG",
                   text);
  name_archive(names, &place);
  if (check_archive(names, &place, text, err) < 0)
    return -1;
  return add_target(names, &place, err);
}

static int parse_targets(struct sp_names *names, const struct sp_push_options *options,
                         struct sp_err *err)
{
  if (options->to_count == 0)
    return sp_fail(err, SP_E_USAGE, "there is no destination");
  if (options->to_count > SP_MAX_DESTINATIONS)
    return sp_fail(err, SP_E_USAGE, "%zu destinations are too many: at most %d in one run",
                   options->to_count, SP_MAX_DESTINATIONS);
  names->targets = calloc(options->to_count, sizeof *names->targets);
  if (!names->targets)
    return sp_fail(err, SP_E_NOMEM, "out of memory for %zu destinations", options->to_count);
  for (size_t i = 0; i < options->to_count; i++) {
    if (parse_target(names, options->to[i], options->lower, err) < 0)
      return -1;
  }
  return 0;
}

static int add_common_tags(struct sp_names *names, const struct sp_push_options *options,
                           struct sp_err *err)
{
  for (size_t i = 0; i < names->target_count; i++) {
    for (size_t k = 0; k < options->tag_count; k++) {
      if (add_tag(&names->targets[i], options->tags[k], err) < 0)
        return -1;
    }
  }
  return 0;
}

bool sp_names_lack_tag(const struct sp_names *names)
{
  for (size_t i = 0; i < names->target_count; i++) {
    if (names->targets[i].tag_count == 0)
      return true;
  }
  return false;
}

int sp_names_default_tag(struct sp_names *names, const char *tag, struct sp_err *err)
{
  for (size_t i = 0; i < names->target_count; i++) {
    if (names->targets[i].tag_count == 0 && add_tag(&names->targets[i], tag, err) < 0)
      return -1;
  }
  return 0;
}

int sp_names_init(struct sp_names *names, const struct sp_push_options *options, struct sp_err *err)
{
  *names = (struct sp_names){0};
  SP_AUTO_NAMES struct sp_names draft = {0};
  if (sp_names_parse_source(options->source, options->lower, &draft.source, err) < 0 ||
      parse_targets(&draft, options, err) < 0 || add_common_tags(&draft, options, err) < 0)
    return -1;
  trim_dir(&draft.source);
  if (sp_names_lack_tag(&draft)) {
    if (draft.source.ref.tag[0] && sp_names_default_tag(&draft, draft.source.ref.tag, err) < 0)
      return -1;
    if (!draft.source.ref.tag[0] && has_digest(&draft.source))
      return sp_fail(err, SP_E_USAGE, "'%s' has no tag to give on: %s", options->source,
                     options->is_copy ? _("write DST:TAG") : _("say which with --tag TAG"));
  }
  *names = draft;
  draft = (struct sp_names){0};
  return 0;
}

void sp_names_clear(struct sp_names *names)
{
  for (size_t i = 0; i < names->target_count; i++) {
    for (size_t k = 0; k < names->targets[i].tag_count; k++)
      free(names->targets[i].tags[k]);
    free(names->targets[i].tags);
  }
  free(names->targets);
  *names = (struct sp_names){0};
}
