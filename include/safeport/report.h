/* SPDX-License-Identifier: Apache-2.0 */
/* What a job found and did: the facts behind the text and the --json document, which are the same.
 *
 * Made by a job, freed by the caller with sp_report_free. All text is owned by the report, UTF-8,
 * and may hold what a server sent (escape it before a terminal sees it).
 */
#ifndef SAFEPORT_REPORT_H
#define SAFEPORT_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "safeport/err.h"

enum sp_tag_result {
  SP_TAG_NOT_SET, /* left as it was, because something before it failed */
  SP_TAG_PLANNED, /* --dry-run: would be set */
  SP_TAG_ALREADY, /* named the digest before; not written */
  SP_TAG_SET,     /* names the digest now */
  SP_TAG_UNSURE,  /* the write failed or could not be read back: may be old or new */
};

struct sp_report_tag {
  char *name;
  enum sp_tag_result result;
  char *digest_before; /* "" if it was not there; NULL if unknown */
};

/* One blob or manifest that is missing or wrong. */
struct sp_report_damage {
  char *digest;
  char *what;    /* "layer", "config", "manifest", ... */
  char *finding; /* "missing", "short", "wrong bytes", "kept bad in spite of a new upload",
                    "different" (what is "image": the two sides of a verify are not the same) */
  char *tags;    /* that it hurts: "v1, v2"; NULL where the report is about one image */
};

struct sp_report_place {
  char *name;        /* "ghcr.io/o/app", "vault:app", "oci:/srv/x" */
  char *by_tag;      /* where no digest finds an image (an engine, a docker archive): what does,
                        "docker-daemon:docker.io/o/app:v1". NULL: name and digest do */
  struct sp_err err; /* why it failed; code SP_OK if it did not */
  const char
      *proof; /* level reached for the whole image here: "none", "claimed", "touched", "read" */
  uint64_t blobs_total, blobs_present, blobs_mounted,
      blobs_sent;                        /* distinct blobs of the closure */
  uint64_t blobs_to_send, bytes_to_send; /* by the plan */
  uint64_t bytes_sent;
  uint64_t manifests_total, manifests_present, manifests_put;
  uint64_t requests_planned; /* that write or read there, by the plan */
  uint64_t pulls_planned;    /* manifest GETs at a metered registry, by the plan */
  bool has_pulls_left;
  uint64_t pulls_left, pulls_reserved; /* reserved: of the limit, never used by us */
  struct sp_report_tag *tags;
  size_t tag_count;
  struct sp_report_damage *damage;
  size_t damage_count;
  /* Of a verify of all tags of an image (safeport/verify.h), else 0: */
  uint64_t tags_total, tags_good, tags_skipped; /* skipped: known to be proven, and good */
  uint64_t blobs_read;                          /* of those that are present: to the end, now */
  uint64_t damage_left_out; /* findings beyond SP_REPORT_DAMAGE_MAX of the place */
};
#define SP_REPORT_DAMAGE_MAX 1000

enum sp_report_kind { SP_REPORT_PUSH, SP_REPORT_COPY, SP_REPORT_VERIFY };

struct sp_report {
  enum sp_report_kind kind;
  bool is_of_tags; /* of all tags of an image (safeport/verify.h): what is said of one image below,
                      of plans and of times is not filled then, and not in the JSON document */
  bool dry_run;
  char *source; /* as it was written */
  char *digest; /* of the image that was published or verified; NULL if it was not found */
  char *media_type;
  uint64_t size_bytes;     /* distinct blobs and manifests of the closure */
  uint64_t referrers;      /* manifests that are referrers or cosign tags */
  uint64_t bytes_read;     /* blob bytes read from the source */
  uint64_t repeated_reads; /* blobs that were read more than once */
  struct sp_err err; /* of the job as a whole (source failed, interrupted); code SP_OK if none */
  struct sp_report_place
      *places; /* destinations in the order given; verify: [0] source, [1] destination */
  size_t place_count;
  int64_t goes_on_at_s; /* pulls are held in reserve, or used up: when the rest can be had (unix
                           seconds). 0: nothing waits for that */
  char *started;        /* RFC 3339 */
  double seconds;
  int exit_status; /* DESIGN.md "Exit status" */
  char **notes;    /* things worth telling: "layer x is not distributable", ... */
  size_t note_count;
};

void sp_report_free(struct sp_report *report);
/* The report as one JSON document (malloc'ed, ends with a newline). Fails: SP_E_NOMEM. */
SP_MUST_CHECK int sp_report_format_json(const struct sp_report *report, char **out,
                                        struct sp_err *err);

#endif
