/* SPDX-License-Identifier: Apache-2.0 */
/* A site: one place of an image while it is verified. Its copies are the images that the selected
 * tags name there, by digest; its blobs are theirs, each once, however many copies have it.
 *
 * Of an image only this outline is kept; its manifests are forgotten as soon as they were hashed.
 *
 * Life cycle: sp_site_init, copies are added, then outlines; sp_site_clear. Threads: the caller
 * keeps calls for one site apart.
 */
#ifndef SP_VERIFY_SITE_H
#define SP_VERIFY_SITE_H

#include "journal/known.h"
#include "journal/rot.h"
#include "safeport/report.h"
#include "store/store.h"
#include "transfer/closure.h"
#include "transfer/digest_map.h"
#include "transfer/facts.h"

/* Something that is not as it should be; what and finding as in struct sp_report_damage. */
struct sp_finding {
  struct sp_digest digest;
  const char *what, *finding; /* static */
};

/* A manifest of a copy. */
struct sp_copy_node {
  struct sp_digest digest;
  struct sp_digest subject; /* of the top of a referrer's tree: what it was found for; else NONE */
};

/* A tag and the copy that it names, or should. What is wrong with it says nothing of the copy:
 * others may name that, too. */
struct sp_copy_tag {
  const char *name;    /* borrowed */
  const char *finding; /* static; NULL: it names the copy, and should. SP_FINDING_DIFFERENT: it
                          names it, and should not; MISSING, WRONG: it should, and names nothing, or
                          nothing that can be served */
};

struct sp_copy {
  struct sp_digest digest;
  struct sp_copy_tag *tags; /* owned */
  size_t tag_count;
  bool is_absent;  /* no tag names it here, and `tags` should; it is not looked at */
  bool is_skipped; /* proven not long ago */
  bool is_known;   /* its structure was read */
  size_t *blobs;   /* numbers of the site's */
  size_t blob_count;
  struct sp_copy_node *nodes;
  size_t node_count;
  struct sp_finding *findings; /* but for blobs and tags: those have their own */
  size_t finding_count;
};

struct sp_site_blob {
  struct sp_image_blob blob;
  int64_t read_s;    /* when it was last read whole here; 0: never, or not known */
  int64_t known_s;   /* since when an image that has it is known here; 0: not known */
  bool is_to_read;   /* chosen to be read now */
  bool is_sent;      /* again, by this run */
  enum sp_have have; /* UNKNOWN: not looked at */
  enum sp_proof proof;
  const char *finding; /* static; NULL: none */
};

struct sp_site {
  struct sp_store *store;        /* borrowed */
  const char *known_as;          /* in the journal; borrowed */
  struct sp_report_place *place; /* borrowed */
  const struct sp_known *known;  /* borrowed */
  struct sp_rot *rot;            /* the same */
  struct sp_source_view view;
  struct sp_copy *copies;
  size_t copy_count, copy_cap;
  struct sp_digest_map copy_map;
  struct sp_site_blob *blobs;
  size_t blob_count, blob_cap;
  struct sp_digest_map blob_map;
  atomic_bool is_out; /* it failed as a whole: place->err */
};

/* A site without copies. */
void sp_site_init(struct sp_site *site, struct sp_store *store, struct sp_report_place *place,
                  const struct sp_known *known, struct sp_rot *rot);
/* Frees its copies and blobs. The store stays open. */
void sp_site_clear(struct sp_site *site);

/* Says that a tag (borrowed) names the digest here, or should; `finding` as in struct sp_copy_tag.
 * Fails: SP_E_NOMEM. */
SP_MUST_CHECK int sp_site_add_tag(struct sp_site *site, const char *tag,
                                  const struct sp_digest *digest, const char *finding,
                                  struct sp_err *err);
/* The copy of this digest; NULL if there is none. */
struct sp_copy *sp_site_find_copy(const struct sp_site *site, const struct sp_digest *digest);
/* Takes the outline of an image over into a copy, in the place of what was known. Fails:
 * SP_E_NOMEM. */
SP_MUST_CHECK int sp_site_set_outline(struct sp_site *site, struct sp_copy *copy,
                                      const struct sp_image *image, struct sp_err *err);
/* The same, of the copy of another site. */
SP_MUST_CHECK int sp_site_borrow_outline(struct sp_site *site, struct sp_copy *copy,
                                         const struct sp_site *from, const struct sp_copy *other,
                                         struct sp_err *err);
/* Forgets what was found in a copy, its blobs' findings too: it is looked at again. */
void sp_site_forget_findings(struct sp_site *site, struct sp_copy *copy);
/* Adds a finding, once. Fails: SP_E_NOMEM. */
SP_MUST_CHECK int sp_copy_add_finding(struct sp_copy *copy, const struct sp_digest *digest,
                                      const char *what, const char *finding, struct sp_err *err);

/* Should the tag name the copy, and does not? */
bool sp_copy_lacks_tag(const struct sp_copy_tag *tag);
/* Was something found with one of its tags? */
bool sp_copy_has_wrong_tag(const struct sp_copy *copy);
/* Is it named by a tag that should name it? */
bool sp_copy_is_meant(const struct sp_copy *copy);
/* Is this manifest among its own? */
bool sp_copy_has_node(const struct sp_copy *copy, const struct sp_digest *digest);

/* Was all of the copy, whatever its tags, found to be good (or skipped, as it was known to be)? */
bool sp_site_is_copy_good(const struct sp_site *site, const struct sp_copy *copy);
/* How well that is known. */
enum sp_proof sp_site_copy_proof(const struct sp_site *site, const struct sp_copy *copy);

#endif
