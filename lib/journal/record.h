/* SPDX-License-Identifier: Apache-2.0 */
/* The record: what a backup says of its primary, kept on the backup itself as a small OCI artifact
 * under the tag SP_RECORD_TAG (DESIGN.md "Where the truth lives"), so that a host without a journal
 * knows ages and last digests. sync writes it, last and only when it changed.
 *
 * Pure: bytes <-> structs; putting and getting is the work of whoever has the store. The artifact
 * (OCI image-spec manifest.md, "Guidelines for Artifact Usage") is a manifest of artifactType
 * SP_RECORD_TYPE with the empty config and one layer:
 *
 *   {"schema": 1, "primary": "ghcr.io/o/app", "tags": [
 *     {"tag": "latest", "digest": "sha256:...", "since": "2026-11-23T10:15:00Z",
 *      "first_seen": "2026-11-23T10:15:00Z", "touched": "2026-11-24", "read": "2026-11-20",
 *      "damaged": "2026-11-24T10:15:00Z", "damage_seen": "touched" | "read", "gone": true,
 *      "named_since": "2026-11-20T10:15:00Z", "meant": true}],
 *    "left": [{"tag": "latest", "digest": "sha256:...", "since": "2026-11-20T10:15:00Z",
 *      "left": "2026-11-23T10:15:00Z"}],
 *    "rot": [{"digest": "sha256:...", "seen": "2026-11-24T10:15:00Z", "elsewhere": true}],
 *    "doubt": {"from": "2026-11-20T10:15:00Z", "until": "2026-11-23T10:15:00Z"},
 *    "anew": "2026-11-24T10:15:00Z"}
 *
 * "rot" is what was last seen damaged, by its own digest (journal/rot.h): on this backup, or
 * elsewhere in the store that it is a part of, which has other images' backups. "doubt" is the
 * time that dates of runs with a wrong clock may have been written for (sp_record_doubt). Tags and
 * digests are sorted; what is not known is left out; nothing of a host or of a run is in it, and
 * the dates of proofs are days: two hosts that know the same write the same bytes.
 *
 * Life cycle: sp_record_init, any number of set and merge, sp_record_clear. Threads: none of its
 * own.
 */
#ifndef SP_JOURNAL_RECORD_H
#define SP_JOURNAL_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/limits.h"
#include "journal/known.h"
#include "oci/descriptor.h"
#include "oci/digest.h"
#include "oci/manifest.h"

#define SP_RECORD_TAG "safeport-record"
#define SP_RECORD_TYPE "application/vnd.safeport.record.v1+json"

struct sp_record_tag {
  char tag[SP_MAX_TAG + 1];
  struct sp_digest digest; /* that the tag names at the primary, or named last */
  int64_t since_s;         /* since when it does; of one that is gone: since when it is */
  bool is_gone;            /* no longer there at the primary */
  bool is_meant;           /* and somebody said that it was meant to go */
  int64_t named_since_s;   /* of one that is gone: since when it named that; earlier than since_s */
  int64_t first_seen_s;    /* the digest, at the primary; 0 = not known, as below */
  int64_t touched_s;       /* the copy of this digest on this backup was last proven touched ... */
  int64_t read_s;          /* ... or read; both at the beginning of a day once encoded */
  int64_t damaged_s;       /* damage that was seen there stands, as in struct sp_known_digest */
  bool needs_read;
  bool is_ahead; /* decoded: its since lies ahead of now */
};

/* What a tag named before, and from when to when: so that `restore --at` needs no journal. Only
 * what a run saw end is told; of the time between two of them nothing is known. */
struct sp_record_left {
  char tag[SP_MAX_TAG + 1];
  struct sp_digest digest;
  int64_t since_s;
  int64_t left_s; /* later than since_s */
};

/* A blob or manifest, and when it was last seen damaged. */
struct sp_record_rot {
  struct sp_digest digest;
  int64_t seen_s;
  bool is_elsewhere; /* not on this backup, but in its store */
};

/* Some run's clock was wrong: what the record says of when is no answer for a time within. */
struct sp_record_doubt {
  int64_t from_s, until_s; /* until_s 0: there is no doubt */
};

struct sp_record {
  char *primary;              /* name of the primary; "" in an empty record */
  struct sp_record_tag *tags; /* sorted by tag (bytes), no two of one name */
  size_t count, cap;
  struct sp_record_left *left; /* sorted by left_s; the last SP_MAX_RECORD_LEFT */
  size_t left_count, left_cap;
  struct sp_record_rot *rot; /* sorted by digest, each once */
  size_t rot_count;
  struct sp_record_doubt doubt;
  int64_t ahead_s; /* decoded: the latest date that lies ahead of now by more than SP_CLOCK_SKEW_S;
                      0: none does */
  int64_t sure_s;  /* decoded: the latest date that does not */
  int64_t
      anew_s; /* written then in place of one that could not be read, so that its bytes are not
                 those: a registry keeps what it has of a digest. 0: it was not; never decoded */
};

void sp_record_init(struct sp_record *record);
void sp_record_clear(struct sp_record *record);
SP_MUST_CHECK int sp_record_set_primary(struct sp_record *record, const char *primary,
                                        struct sp_err *err);
/* The name of the primary, borrowed; "" in an empty record. */
const char *sp_record_primary(const struct sp_record *record);
/* What an entry says of the copy of its digest on the backup: all but first_seen_s. */
struct sp_known_digest sp_record_copy(const struct sp_record_tag *tag);
/* Sets that. */
void sp_record_set_copy(struct sp_record_tag *tag, const struct sp_known_digest *copy);
/* Merges one tag's facts in. For another digest: the newer by since_s (the greater digest if as
 * new). For the same one: the earliest since and first seen, proofs and damage by sp_known_merge;
 * where one says that the tag is gone, whichever is newer, and since when it was there; if it was
 * there again between two goings, the newer. Fails: SP_E_LIMIT (SP_MAX_TAGS); SP_E_NOMEM. */
SP_MUST_CHECK int sp_record_merge_tag(struct sp_record *record, const struct sp_record_tag *tag,
                                      struct sp_err *err);
/* Merges one thing that a tag left in; of one digest since one time, that it was left earlier. What
 * ends before it begins is none. Beyond SP_MAX_RECORD_LEFT those that were left first are dropped.
 * Fails: SP_E_NOMEM. */
SP_MUST_CHECK int sp_record_merge_left(struct sp_record *record, const struct sp_record_left *left,
                                       struct sp_err *err);
/* Adds one, or makes its date later; one that was seen on this backup is no longer elsewhere. Of
 * more than SP_MAX_ROT the rest is left out: such a backup has tags enough that are known to be
 * damaged. Fails: SP_E_NOMEM. */
SP_MUST_CHECK int sp_record_add_rot(struct sp_record *record, const struct sp_record_rot *rot,
                                    struct sp_err *err);
/* Takes number i out. */
void sp_record_drop_rot(struct sp_record *record, size_t i);
/* Of what is elsewhere it keeps the SP_MAX_RECORD_ELSEWHERE that were seen last. Fails: SP_E_NOMEM.
 */
SP_MUST_CHECK int sp_record_prune_rot(struct sp_record *record, struct sp_err *err);
/* Does it name other rot, or at other places? The dates alone are no news. */
bool sp_record_is_rot_news(const struct sp_record *old, const struct sp_record *now);
/* Merges all of `from` in. Records of two primaries are not merged: SP_E_USAGE (an empty one
 * has none yet). */
SP_MUST_CHECK int sp_record_merge(struct sp_record *record, const struct sp_record *from,
                                  struct sp_err *err);
/* Forgets the tags that are gone since more than SP_KEEP_HISTORY_S, and of others that are gone all
 * but the newest SP_MAX_RECORD_GONE. Fails: SP_E_NOMEM. */
SP_MUST_CHECK int sp_record_prune(struct sp_record *record, int64_t now_s, struct sp_err *err);
/* Borrowed; NULL if there is none. */
const struct sp_record_tag *sp_record_find(const struct sp_record *record, const char *tag);

/* The beginning of the day (UTC) in which unix_s lies. */
int64_t sp_record_day(int64_t unix_s);
/* Is what is known of a copy worth being written over what a record says of it? That damage stands
 * or does not, and a date of a proof, as below. */
bool sp_record_is_copy_news(const struct sp_known_digest *old, const struct sp_known_digest *now,
                            int64_t max_proof_age_s);
/* What is in doubt of a record as it was read. If dates of it lie ahead and it does not know of
 * that, the clock that wrote them was wrong or this one is, and may have been for a while: then
 * that is the time around all of them, by SP_CLOCK_DOUBT_S. Pure. */
struct sp_record_doubt sp_record_doubt(const struct sp_record *was);
/* And what a run writes that begins at now_s by a clock that is wrong by off_s (sp_clock_off_s), or
 * is right, as others agree (sp_clock_is_agreed): then nothing that is still to come is in doubt.
 * Pure. */
struct sp_record_doubt sp_record_doubt_next(const struct sp_record *was, int64_t now_s,
                                            int64_t off_s, bool is_agreed);
bool sp_record_is_in_doubt(const struct sp_record_doubt *doubt, int64_t at_s);
/* Does the record not say itself all that is in doubt of it? */
bool sp_record_has_new_doubt(const struct sp_record *was);

/* Is `now` worth being written over `old` (what is on the backup)? Any fact counts; a date of a
 * proof only where it is newer by more than half of max_proof_age_s, so that daily runs do not
 * write a record each. */
bool sp_record_is_news(const struct sp_record *old, const struct sp_record *now,
                       int64_t max_proof_age_s);

/* The artifact's three pieces, to be put in this order: both blobs, then the manifest, then the
 * tag. */
struct sp_record_artifact {
  struct sp_buf config; /* "{}" */
  struct sp_desc config_desc;
  struct sp_buf body;
  struct sp_desc body_desc;
  struct sp_buf manifest;  /* SP_MEDIA_OCI_MANIFEST */
  struct sp_digest digest; /* of the manifest */
};
/* Encodes: the same facts give the same bytes. Fails: SP_E_LIMIT (SP_MAX_RECORD_BYTES); SP_E_NOMEM.
 */
SP_MUST_CHECK int sp_record_encode(const struct sp_record *record, struct sp_record_artifact *out,
                                   struct sp_err *err);
void sp_record_artifact_clear(struct sp_record_artifact *artifact);

/* Which blob of this manifest is the record. Fails: SP_E_INVALID (it is no record of ours: somebody
 * else's artifact, or an image); SP_E_UNSUPPORTED (a record of a newer safeport); SP_E_LIMIT. */
SP_MUST_CHECK int sp_record_locate(const struct sp_manifest *manifest, struct sp_desc *body,
                                   struct sp_err *err);
/* Decodes a body (hashed by whoever fetched it) into an initialised, empty record. Times later than
 * now_s and SP_CLOCK_SKEW_S are left out, days of proofs that have not begun, and what is no fact
 * without them; but what a tag named since a time that lies ahead it names since a second before
 * now. Fails: SP_E_INVALID; SP_E_UNSUPPORTED (schema of a newer safeport); SP_E_LIMIT; SP_E_NOMEM.
 */
SP_MUST_CHECK int sp_record_decode(struct sp_span body, int64_t now_s, struct sp_record *out,
                                   struct sp_err *err);

SP_DEFINE_AUTO_CLEAR(struct sp_record, sp_record_clear)
#define SP_AUTO_RECORD SP_CLEANUP(sp_record_clear_auto_)
SP_DEFINE_AUTO_CLEAR(struct sp_record_artifact, sp_record_artifact_clear)
#define SP_AUTO_RECORD_ARTIFACT SP_CLEANUP(sp_record_artifact_clear_auto_)

#endif
