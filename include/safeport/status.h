/* SPDX-License-Identifier: Apache-2.0 */
/* status: where each image of safeport.yaml stands, tag by tag: what it names at its primary and at
 * each backup, and when that copy was last proven. Nothing is written, and nothing proven: tags are
 * listed and asked for by HEAD, which is no pull; proofs are what the journal knows, or, on a host
 * whose journal knows nothing of an image, what its record on a backup does (one manifest, read
 * once).
 *
 * Results come image by image, in the order of the file, and are borrowed for the call.
 */
#ifndef SAFEPORT_STATUS_H
#define SAFEPORT_STATUS_H

#include "safeport/images.h"
#include "safeport/session.h"

/* A tag at a backup. */
enum sp_standing {
  SP_STANDING_IN_STEP,  /* names the primary's digest, proven within max-proof-age */
  SP_STANDING_UNPROVEN, /* names it; never proven, or too long ago */
  SP_STANDING_DAMAGED,  /* what it names was found damaged, and not proven to be whole since */
  SP_STANDING_BEHIND,   /* names another digest: `since_s` */
  SP_STANDING_CHANGED,  /* the same, of a fixed tag: tampered with or rebuilt at the primary, or
                           replaced at the backup (sync and verify say which) */
  SP_STANDING_MISSING,  /* is not there */
  SP_STANDING_EXTRA,    /* is there, and not (or no longer) selected at the primary: kept */
  SP_STANDING_ABSENT,   /* an extra tag of another backup is not here */
  SP_STANDING_UNSIGNED, /* names the primary's digest, and lacks signatures (cosign's tags) of it */
  SP_STANDING_LOST,     /* the primary had it and lists it no more; here is what it named last */
  SP_STANDING_UNKNOWN,  /* could not be asked */
  SP_STANDING_COUNT
};
const char *sp_standing_name(enum sp_standing standing); /* "in_step": stable, for --json */

struct sp_status_at {
  enum sp_standing standing;
  char *digest;    /* that the tag names there; "" if it is not there, or not known */
  int64_t since_s; /* BEHIND: when the primary was first seen to have moved; 0 = just now */
  int64_t touched_s, read_s; /* when that digest was last proven there; 0 = never */
};

/* What a tag named at the primary, from since_s on. */
struct sp_status_state {
  char *digest;
  int64_t since_s;
  bool is_gone;
  bool is_undated; /* a clock was wrong: of since_s only the order with other states is sure */
};

struct sp_status_tag {
  char *name;
  char *digest;       /* at the primary; "" if it is not there, or not known */
  bool is_last_known; /* the primary cannot be asked: what it named last */
  bool is_lost;       /* it can, and lists it no more: the same */
  int64_t lost_s; /* an earlier sync found it gone there, then; 0: it is there, never was, or it was
                     said that it was meant to go */
  bool is_damaged;                /* the primary's own copy is known to be damaged */
  int64_t since_s;                /* since when, as seen by us; 0 = not known */
  struct sp_status_at *at;        /* one for each place */
  struct sp_status_state *states; /* newest first, if they were asked for */
  size_t state_count;
};

struct sp_status_place {
  char *name;
  struct sp_err err; /* code SP_OK if it could be asked */
  uint64_t counts[SP_STANDING_COUNT];
  uint64_t history_tags; /* digests that moving tags left, kept there */
};

struct sp_status_image {
  char *name, *primary;
  bool is_required;    /* counts for the exit status */
  int64_t last_sync_s; /* when the last sync of it on this host ended; 0 = none is known */
  struct sp_err err;   /* the primary could not be asked, or lost more than max-loss allows */
  struct sp_status_place *places;
  size_t place_count;
  struct sp_status_tag *tags; /* sorted by name */
  size_t tag_count;
  char **notes; /* lines worth telling */
  size_t note_count;
  bool has_size;         /* a backup is on this host, where it costs nothing to ask: */
  uint64_t size_bytes;   /* of all its tags together there, each blob once */
  uint64_t shared_bytes; /* what they would take more if each had its own */
};

struct sp_status_totals {
  uint64_t images, images_good;
  uint64_t counts[SP_STANDING_COUNT]; /* over all images and backups */
  struct sp_err err;
  char started[32]; /* RFC 3339 */
  double seconds;
  int exit_status; /* 0: all that is required is in step */
};

struct sp_status_options {
  struct sp_wanted_images of;
  size_t history_limit; /* states of each tag; 0 = none */
  bool with_sizes;
  void (*image)(void *ctx, const struct sp_status_image *image);
  void *ctx;
};

/* Looks. 0 whatever was found: totals->exit_status says what it came to. Fails: SP_E_USAGE,
 * SP_E_NOMEM. */
SP_MUST_CHECK int sp_status(struct sp_session *session, const struct sp_status_options *options,
                            struct sp_status_totals *totals, struct sp_err *err);
/* One image, or the sums, as one JSON object (malloc'ed, no newline). Fails: SP_E_NOMEM. */
SP_MUST_CHECK int sp_status_image_format_json(const struct sp_status_image *image, char **out,
                                              struct sp_err *err);
SP_MUST_CHECK int sp_status_totals_format_json(const struct sp_status_totals *totals, char **out,
                                               struct sp_err *err);

#endif
