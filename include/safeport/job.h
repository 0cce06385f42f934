/* SPDX-License-Identifier: Apache-2.0 */
/* The jobs: publish an image to several places, and prove that two places hold the same.
 *
 * A job that could begin answers 0 and a report, whatever happened to its destinations:
 * report->exit_status says what it came to. -1 is for what was wrong with the call (SP_E_USAGE) or
 * made a report impossible.
 */
#ifndef SAFEPORT_JOB_H
#define SAFEPORT_JOB_H

#include "safeport/progress.h"
#include "safeport/report.h"
#include "safeport/session.h"

struct sp_push_options {
  const char *source;    /* a place: "ghcr.io/o/app:tag", "oci:DIR[:ref]", "vault:NAME[:tag]",
                            "docker-archive:FILE[:NAME]", "oci-archive:FILE[:ref]",
                            "docker-daemon:NAME[:tag]" */
  const char *const *to; /* places, with or without a tag; to_count >= 1 */
  size_t to_count;
  const char *const *tags; /* added to every destination */
  size_t tag_count;
  const char *platform; /* "os/arch[/variant]" of an index; NULL = the whole image */
  const char *compress; /* how layers that come uncompressed are compressed: "gzip[:level]",
                           "zstd[:level]"; NULL = gzip */
  bool lower;           /* lower upper-case repository names */
  bool no_referrers;    /* leave referrers and cosign tags */
  bool atomic;          /* move no tag anywhere unless all content is everywhere */
  bool dry_run;
  bool wait;             /* at the reserve of a registry that counts pulls: wait, do not give up */
  bool is_copy;          /* the report calls itself a copy */
  sp_progress *progress; /* or NULL */
  void *progress_ctx;
};

/* Publishes: one read, N writes; content first, tags last (fixed, moving, `latest`). Two
 * destinations that are the same repository become one, with the tags of both.
 * Fails: SP_E_USAGE (a name that is not one, no tag to set); SP_E_NOT_FOUND and others, where the
 * source would have to say its tag and cannot be opened. Nothing was sent then. */
SP_MUST_CHECK int sp_push(struct sp_session *session, const struct sp_push_options *options,
                          struct sp_report **out, struct sp_err *err);

struct sp_verify_options {
  const char *source;
  const char *destination; /* a tag is taken from the source if it has none */
  const char *platform;
  bool lower;
  bool no_referrers;
  bool read; /* level read instead of touched */
  bool wait; /* as of a push */
  sp_progress *progress;
  void *progress_ctx;
};

/* Proves the whole closure on both sides and compares. Exit status: 0 equal and whole; 1 missing or
 * different, or unproven for want of pulls; 5 wrong bytes. */
SP_MUST_CHECK int sp_verify(struct sp_session *session, const struct sp_verify_options *options,
                            struct sp_report **out, struct sp_err *err);

#endif
