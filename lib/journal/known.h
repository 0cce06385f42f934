/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of a place: which digest each tag named, and since when; when each digest was first
 * seen, and last proven; when each blob was last read.
 *
 * A place is a repository by its name as reports write it (sp_place_format_name, without tag), or,
 * where that may be several, as sp_store_known_as says.
 * Times are unix seconds; 0 is "not known" or "never". A time that lies ahead is no fact: it is
 * neither taken nor given, so that what is seen next takes its place. But damage that lies ahead
 * was seen, and so was what a tag named, by less than a day: that is given as of now.
 *
 * Reads give a snapshot that is the caller's. Threads: any.
 */
#ifndef SP_JOURNAL_KNOWN_H
#define SP_JOURNAL_KNOWN_H

#include <stddef.h>
#include <stdint.h>

#include "journal/journal.h"
#include "oci/digest.h"

struct sp_known_tag {
  char *tag;
  struct sp_digest digest; /* what it names, or named last */
  int64_t since_s;         /* since when (as seen by us); of one that is gone: since when it is */
  int64_t came_s; /* since when it was there without a break, whatever it named: until now, or until
                     it was gone; of one of which nothing but that is known, since_s */
  int64_t named_s; /* of one that is gone: since when it had named that; 0: not known */
  bool is_gone;
  bool is_meant;   /* it is gone, and somebody said that it was meant to go */
  bool is_late;    /* no run of this host saw what came before it end: that may have been earlier */
  bool is_undated; /* nor when it began: a clock was wrong */
  bool has_ended;  /* as of a time gone by: it was so no longer afterwards */
  int64_t left_s;  /* and when a run of this host saw that end; 0: none did */
};

/* A digest that a tag named, and how good its copy at this place is: the whole image, with all that
 * it needs. Damage that was seen stands until a later proof says otherwise, at the level that it
 * takes to see it; while it stands there is no proof. */
struct sp_known_digest {
  struct sp_digest digest;
  int64_t first_seen_s;
  int64_t touched_s;   /* last proven at level touched or higher */
  int64_t read_s;      /* last proven at level read */
  int64_t referrers_s; /* its referrers were last asked for */
  int64_t damaged_s;   /* damage was last seen, and stands */
  bool needs_read;     /* it has wrong bytes: a touch sees nothing of it, and disproves nothing */
};

struct sp_known {
  struct sp_known_tag *tags; /* sorted by tag (bytes) */
  size_t tag_count;
  struct sp_known_digest *digests; /* sorted by digest */
  size_t digest_count;
  bool has_ahead; /* some state of a tag lies ahead of now */
};

/* All that is known of a place, in one read; nothing known is an empty answer. at_s: tags as they
 * were at that time (`restore --at`); SP_KNOWN_NOW: as they are. `out` is overwritten. */
#define SP_KNOWN_NOW INT64_MAX
SP_MUST_CHECK int sp_known_read(struct sp_journal *journal, const char *place, int64_t at_s,
                                struct sp_known *out, struct sp_err *err);
void sp_known_clear(struct sp_known *known);
/* Borrowed from known; NULL if nothing is known. */
const struct sp_known_tag *sp_known_find_tag(const struct sp_known *known, const char *tag);
const struct sp_known_digest *sp_known_find_digest(const struct sp_known *known,
                                                   const struct sp_digest *digest);

/* What is known of one digest at a place; nothing but itself if nothing is. */
SP_MUST_CHECK int sp_known_read_digest(struct sp_journal *journal, const char *place,
                                       const struct sp_digest *digest, struct sp_known_digest *out,
                                       struct sp_err *err);

/* May something have been proven, or asked for, at that time (0: never)? A date that lies ahead is
 * a wrong clock's and proves nothing, but for the second of sp_rot_date_proof. Pure. */
bool sp_known_is_proof_date(int64_t proven_s, int64_t now_s);

/* Does damage stand there? The second: such that only reading says otherwise? digest NULL: no. */
bool sp_known_is_damaged(const struct sp_known_digest *digest);
bool sp_known_needs_read(const struct sp_known_digest *digest);
/* Merges what is known of one digest: the earliest first_seen_s, the latest of the other times, and
 * of damage and proofs what stands (in one second: the proof). Pure. */
void sp_known_merge(struct sp_known_digest *into, const struct sp_known_digest *from);

/* The states of one tag, newest first, at most `limit`. `*out` (count of them) is the caller's:
 * sp_known_history_free. */
SP_MUST_CHECK int sp_known_history(struct sp_journal *journal, const char *place, const char *tag,
                                   size_t limit, struct sp_known_tag **out, size_t *count,
                                   struct sp_err *err);
void sp_known_history_free(struct sp_known_tag *states, size_t count);

/* Names, in no order. */
struct sp_known_names {
  char **items;
  size_t count;
};
/* The places of which anything is known and whose names begin with `prefix` ("ghcr.io/acme/"); what
 * stands behind it, without it. At most SP_MAX_NAMESPACE. `out` is overwritten. */
SP_MUST_CHECK int sp_known_places(struct sp_journal *journal, const char *prefix,
                                  struct sp_known_names *out, struct sp_err *err);
void sp_known_names_clear(struct sp_known_names *names);

/* A run of this host sees the tag name this digest, at at_s by its clock; NULL: it is not there.
 * The digest counts as seen then. What is known already costs nothing. Where a clock is wrong -
 * this one (sp_clock_off_s), or that of a state which lies ahead of it - it is known as undated. */
SP_MUST_CHECK int sp_known_tell_tag(struct sp_journal *journal, const char *place, const char *tag,
                                    const struct sp_digest *digest, int64_t at_s,
                                    struct sp_err *err);
/* The same, where no run of this host saw when that began: what is known to have been before it may
 * have ended earlier. */
SP_MUST_CHECK int sp_known_tell_tag_late(struct sp_journal *journal, const char *place,
                                         const char *tag, const struct sp_digest *digest,
                                         int64_t at_s, struct sp_err *err);
/* What a record says: it named that at at_s, and left it at until_s; if it named it later, that was
 * anew. INT64_MAX: nobody knows. It is fitted in where it belongs, as a state that is late. */
SP_MUST_CHECK int sp_known_tell_stay(struct sp_journal *journal, const char *place, const char *tag,
                                     const struct sp_digest *digest, int64_t at_s, int64_t until_s,
                                     struct sp_err *err);
/* That it was gone at at_s is meant; of a tag that was there, nothing. Told after that it is gone.
 * Once it was there again nothing of that is left. */
SP_MUST_CHECK int sp_known_tell_meant(struct sp_journal *journal, const char *place,
                                      const char *tag, int64_t at_s, struct sp_err *err);
/* Facts of a digest, merged with what is known (sp_known_merge). 0 says nothing. A proof is told
 * after it, never before. */
SP_MUST_CHECK int sp_known_tell_digest(struct sp_journal *journal, const char *place,
                                       const struct sp_known_digest *facts, struct sp_err *err);

/* When each of these blobs was last read and found whole, for "least recently read first":
 * read_s[i] of digests[i]; 0 = never. */
SP_MUST_CHECK int sp_known_read_blobs(struct sp_journal *journal, const char *place,
                                      const struct sp_digest *digests, size_t count,
                                      int64_t *read_s, struct sp_err *err);
/* Every byte of this blob was read at this place and was right: if it was rotten there before
 * (journal/rot.h), it is no longer. */
SP_MUST_CHECK int sp_known_tell_blob(struct sp_journal *journal, const char *place,
                                     const struct sp_digest *digest, int64_t read_s,
                                     struct sp_err *err);
/* The image of this digest has just been seen to be damaged at this place, or to lack something
 * (needs_read as above): the dates of its proofs no longer hold. First seen stays. */
SP_MUST_CHECK int sp_known_tell_damage(struct sp_journal *journal, const char *place,
                                       const struct sp_digest *digest, bool needs_read,
                                       struct sp_err *err);

SP_DEFINE_AUTO_CLEAR(struct sp_known, sp_known_clear)
#define SP_AUTO_KNOWN SP_CLEANUP(sp_known_clear_auto_)
SP_DEFINE_AUTO_CLEAR(struct sp_known_names, sp_known_names_clear)

#endif
