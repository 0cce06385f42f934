/* SPDX-License-Identifier: Apache-2.0 */
/* A small history that is told in steps, and the check that a journal, whatever happened to it,
 * knows nothing but a part of it: no fact is invented (S32, F47). */
#ifndef SP_TESTS_JOURNAL_STORY_H
#define SP_TESTS_JOURNAL_STORY_H

#include "journal/known.h"
#include "journal/runs.h"
#include "journal/uploads.h"
#include "scratch.h"

#define STORY_T 1700000000
#define STORY_PLACES 3
#define STORY_TAGS 10
#define STORY_STEPS 6 /* a flush each */

static const char *const story_places[STORY_PLACES] = {"ghcr.io/acme/app", "docker.io/u/app",
                                                       "vault:ghcr.io/acme/app"};

/* What tag `tag` names at a place after step `step`, and since when: it moves every second step. */
static inline unsigned story_digest(unsigned place, unsigned tag, unsigned step)
{
  return 1 + place * 1000 + tag * 10 + step / 2;
}
static inline int64_t story_since(unsigned step)
{
  return STORY_T + (step - step % 2) * 100;
}

static inline void story_tell_place(struct sp_journal *journal, unsigned place, unsigned step)
{
  struct sp_err err = SP_ERR_INIT;
  char tag[16];
  char url[32];
  for (unsigned t = 0; t < STORY_TAGS; t++) {
    struct sp_digest digest = digest_of(story_digest(place, t, step));
    const struct sp_known_digest proof = {.digest = digest, .touched_s = STORY_T + step * 100 + 1};
    snprintf(tag, sizeof tag, "tag-%u", t);
    must(sp_known_tell_tag(journal, story_places[place], tag, &digest, STORY_T + step * 100, &err),
         &err);
    must(sp_known_tell_digest(journal, story_places[place], &proof, &err), &err);
    must(sp_known_tell_blob(journal, story_places[place], &digest, STORY_T + step, &err), &err);
  }
  struct sp_digest digest = digest_of(place);
  snprintf(url, sizeof url, "https://r.example/%u", step);
  const struct sp_upload_session session = {.digest = digest,
                                            .size_bytes = 100,
                                            .offset = step,
                                            .location = url,
                                            .at_s = sp_clock_wall_s()};
  must(sp_uploads_tell(journal, story_places[place], &session, &err), &err);
}

/* One step, as a run of its own. */
static inline void story_tell(struct sp_journal *journal, unsigned step)
{
  struct sp_err err = SP_ERR_INIT;
  int64_t id;
  must(sp_runs_begin(journal, "sync", "story", STORY_T + step, &id, &err), &err);
  for (unsigned place = 0; place < STORY_PLACES; place++) {
    const struct sp_run_image image = {
        .image = "app", .place = story_places[place], .result = "copied", .digest = digest_of(1)};
    const struct sp_run_write write = {.kind = SP_WRITE_TAG,
                                       .at_s = STORY_T,
                                       .place = story_places[place],
                                       .tag = "latest",
                                       .digest = digest_of(2)};
    story_tell_place(journal, place, step);
    must(sp_runs_tell_image(journal, id, &image, &err), &err);
    must(sp_runs_tell_write(journal, id, &write, &err), &err);
  }
  must(sp_runs_end(journal, id, 0, STORY_T + step, &err), &err);
}

/* -- the check */

static inline void story_check_tag(unsigned place, const struct sp_known_tag *known)
{
  unsigned tag;
  unsigned step;
  char name[16];
  assert_int_equal(sscanf(known->tag, "tag-%u", &tag), 1);
  snprintf(name, sizeof name, "tag-%u", tag);
  assert_string_equal(known->tag, name);
  assert_true(tag < STORY_TAGS && !known->is_gone);
  for (step = 0; step < STORY_STEPS; step++) {
    struct sp_digest digest = digest_of(story_digest(place, tag, step));
    if (sp_digest_eq(&digest, &known->digest))
      break;
  }
  assert_true(step < STORY_STEPS);
  /* Since a step at which it did name that: the first, or a later one if that was lost. */
  assert_true(known->since_s == story_since(step) || known->since_s == story_since(step) + 100);
}

static inline void story_check_digest(unsigned place, const struct sp_known_digest *known)
{
  for (unsigned t = 0; t < STORY_TAGS; t++) {
    for (unsigned step = 0; step < STORY_STEPS; step++) {
      struct sp_digest digest = digest_of(story_digest(place, t, step));
      if (!sp_digest_eq(&digest, &known->digest))
        continue;
      int64_t since_s = story_since(step);
      assert_true(known->first_seen_s == 0 || known->first_seen_s == since_s ||
                  known->first_seen_s == since_s + 100);
      assert_true(known->touched_s == 0 || known->touched_s == since_s + 1 ||
                  known->touched_s == since_s + 101);
      assert_int_equal(known->read_s | known->referrers_s, 0);
      return;
    }
  }
  fail_msg("a digest that was never told");
}

static inline int story_check_image(void *ctx, const struct sp_run_image *image, struct sp_err *err)
{
  (void)ctx;
  (void)err;
  struct sp_digest digest = digest_of(1);
  assert_string_equal(image->image, "app");
  assert_string_equal(image->result, "copied");
  assert_null(image->why);
  assert_true(sp_digest_eq(&digest, &image->digest));
  return 0;
}

static inline int story_check_write(void *ctx, const struct sp_run_write *write, struct sp_err *err)
{
  (void)ctx;
  (void)err;
  struct sp_digest digest = digest_of(2);
  assert_int_equal(write->kind, SP_WRITE_TAG);
  assert_int_equal(write->at_s, STORY_T);
  assert_true(sp_digest_eq(&digest, &write->digest));
  return 0;
}

static inline void story_check_runs(struct sp_journal *journal)
{
  struct sp_err err = SP_ERR_INIT;
  struct sp_run *runs;
  size_t count;
  const struct sp_run_visitor visitor = {.image = story_check_image, .write = story_check_write};
  must(sp_runs_list(journal, 100, &runs, &count, &err), &err);
  for (size_t i = 0; i < count; i++) {
    assert_string_equal(runs[i].command, "sync");
    assert_string_equal(runs[i].subject, "story");
    assert_in_range(runs[i].started_s, STORY_T, STORY_T + STORY_STEPS);
    assert_true(runs[i].ended_s == 0 || runs[i].ended_s == runs[i].started_s);
    assert_true(runs[i].images <= STORY_PLACES && runs[i].writes <= STORY_PLACES);
    must(sp_runs_walk(journal, runs[i].id, &visitor, &err), &err);
  }
  sp_runs_free(runs, count);
}

/* No place is made up. */
static inline void story_check_places(struct sp_journal *journal)
{
  struct sp_err err = SP_ERR_INIT;
  SP_CLEANUP(sp_known_names_clear_auto_) struct sp_known_names names;
  must(sp_known_places(journal, "ghcr.io/", &names, &err), &err);
  for (size_t i = 0; i < names.count; i++) {
    bool is_told = false;
    for (unsigned place = 0; place < STORY_PLACES; place++)
      is_told = is_told || (strncmp(story_places[place], "ghcr.io/", 8) == 0 &&
                            strcmp(story_places[place] + 8, names.items[i]) == 0);
    assert_true(is_told);
  }
}

static inline void story_check_place(struct sp_journal *journal, unsigned place, size_t *facts)
{
  struct sp_err err = SP_ERR_INIT;
  SP_AUTO_KNOWN struct sp_known known;
  struct sp_upload_session *sessions;
  size_t count;
  must(sp_known_read(journal, story_places[place], SP_KNOWN_NOW, &known, &err), &err);
  for (size_t i = 0; i < known.tag_count; i++)
    story_check_tag(place, &known.tags[i]);
  for (size_t i = 0; i < known.digest_count; i++) {
    int64_t read_s;
    story_check_digest(place, &known.digests[i]);
    must(sp_known_read_blobs(journal, story_places[place], &known.digests[i].digest, 1, &read_s,
                             &err),
         &err);
    assert_true(read_s == 0 || (read_s >= STORY_T && read_s < STORY_T + STORY_STEPS));
  }
  must(sp_uploads_read(journal, story_places[place], &sessions, &count, &err), &err);
  assert_true(count <= 1);
  if (count == 1) {
    char url[32];
    snprintf(url, sizeof url, "https://r.example/%llu", (unsigned long long)sessions[0].offset);
    assert_string_equal(sessions[0].location, url);
  }
  sp_uploads_free(sessions, count);
  *facts += known.tag_count + known.digest_count;
}

/* All that the journal says was told, in whatever part. Answers how many facts there are. */
static inline size_t story_check(struct sp_journal *journal)
{
  size_t facts = 0;
  story_check_places(journal);
  for (unsigned place = 0; place < STORY_PLACES; place++)
    story_check_place(journal, place, &facts);
  story_check_runs(journal);
  return facts;
}

/* What a whole story comes to. */
#define STORY_FACTS (STORY_PLACES * (STORY_TAGS + STORY_TAGS * STORY_STEPS / 2))

#endif
