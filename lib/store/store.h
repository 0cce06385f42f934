/* SPDX-License-Identifier: Apache-2.0 */
/* A store: one repository at one place (a registry, a layout, the vault, memory). The interface
 * that every place implements; what moves images knows nothing else.
 *
 * Callers use the functions sp_store_*; they assert the contract for every implementation (an error
 * code was set, a manifest has the digest it was asked by) before they pass an answer on.
 * Implementers fill struct sp_store_ops and embed struct sp_store first in a struct of their own.
 * Wrappers (retry, read-only, trace, fault) are stores around a store (store/wrapper.h).
 *
 * Errors: implementations say only what went wrong ("it is not there", "registry answered 500");
 * "cannot get manifest sha256:... from 'NAME'" is put in front by sp_store_*, once.
 *
 * All calls block. Threads: every function may be called from several threads at once, except
 * sp_store_close. Retrying is the retry wrapper's work: implementations try once.
 */
#ifndef SP_STORE_STORE_H
#define SP_STORE_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/ring.h"
#include "oci/descriptor.h"
#include "oci/digest.h"
#include "safeport/err.h"

struct sp_store;

/* What a tag or a digest names, as the store says (a claim until the bytes were hashed). */
struct sp_named {
  struct sp_digest digest;
  char media_type[SP_MAX_MEDIA_TYPE + 1]; /* "" if the store did not say */
  uint64_t size_bytes;                    /* SP_SIZE_UNKNOWN if the store did not say */
};
#define SP_SIZE_UNKNOWN UINT64_MAX

/* The bytes of a manifest, hashed. */
struct sp_manifest_bytes {
  struct sp_digest digest;
  char media_type[SP_MAX_MEDIA_TYPE + 1]; /* of the store's answer; "" if unknown */
  struct sp_buf bytes;
};
void sp_manifest_bytes_init(struct sp_manifest_bytes *manifest);
void sp_manifest_bytes_clear(struct sp_manifest_bytes *manifest);
SP_DEFINE_AUTO_CLEAR(struct sp_manifest_bytes, sp_manifest_bytes_clear)
#define SP_AUTO_MANIFEST_BYTES SP_CLEANUP(sp_manifest_bytes_clear_auto_)

/* Levels of proof (DESIGN.md "Levels of proof"). */
enum sp_proof { SP_PROOF_NONE, SP_PROOF_CLAIMED, SP_PROOF_TOUCHED, SP_PROOF_READ };
const char *sp_proof_name(enum sp_proof proof); /* "none", "claimed", "touched", "read" */

struct sp_blob_state {
  enum {
    SP_BLOB_ABSENT,
    SP_BLOB_PRESENT, /* at the level of `proof` */
    SP_BLOB_DAMAGED, /* there, but of another length, or its last byte cannot be read */
  } state;
  enum sp_proof proof; /* PRESENT: what was reached, which may be less than asked (Range ignored) */
  uint64_t size_bytes; /* what the store says it has; SP_SIZE_UNKNOWN */
  bool is_at_hand;     /* ABSENT: but the store has the bytes elsewhere (the vault's pool) and can
                          mount them from itself */
};

/* -- ends of a blob: a reader fills a ring, a writer empties it (store/relay.h runs them) */
struct sp_reader;
struct sp_reader_ops {
  /* An end driven by an event loop: begins to fill the ring from its present position; returns at
   * once and closes the ring's input when done. NULL for an end that blocks. */
  int (*start)(struct sp_reader *reader, struct sp_ring *ring, struct sp_err *err);
  /* An end that blocks: puts what fits now into the ring; closes the ring's input at the end.
   * Called again when there is room. NULL for an event-driven end. */
  int (*pump)(struct sp_reader *reader, struct sp_ring *ring, struct sp_err *err);
  /* Stops and frees. */
  void (*close)(struct sp_reader *reader);
};
struct sp_reader {
  const struct sp_reader_ops *ops;
};

struct sp_writer;
struct sp_writer_ops {
  /* Event-driven: begins to take from consumer `consumer`. Blocking: remembers it. */
  int (*start)(struct sp_writer *writer, struct sp_ring *ring, size_t consumer, struct sp_err *err);
  /* Blocking: takes what is there now. NULL for an event-driven end. */
  int (*pump)(struct sp_writer *writer, struct sp_err *err);
  /* All bytes were consumed and approved: makes the blob be there (201, or rename and fsync).
   * Blocks. */
  int (*finish)(struct sp_writer *writer, struct sp_err *err);
  /* Frees; a writer that was not finished leaves nothing under the blob's name and cancels its
   * upload, unless a later writer can go on with it. */
  void (*close)(struct sp_writer *writer);
};
struct sp_writer {
  const struct sp_writer_ops *ops;
  uint64_t resumed_bytes; /* of the blob's first bytes: an earlier writer sent them, and the store
                             says that it still has them. Taken from the ring, not sent again; what
                             they are is proven by nobody */
};

/* A growing list of descriptors (with the raw JSON they came from, so that annotations are kept).
 */
struct sp_referrers {
  struct sp_desc *items;
  json_t **raw; /* raw[i] is the object of items[i] */
  size_t count, cap;
};
SP_MUST_CHECK int sp_referrers_add(struct sp_referrers *list, const struct sp_desc *desc,
                                   const json_t *raw, struct sp_err *err);
void sp_referrers_clear(struct sp_referrers *list);
SP_DEFINE_AUTO_CLEAR(struct sp_referrers, sp_referrers_clear)

/* A page of tags. */
struct sp_tag_page {
  char **tags;
  size_t count, cap;
  char *next; /* cursor of the next page; NULL after the last */
};
SP_MUST_CHECK int sp_tag_page_add(struct sp_tag_page *page, struct sp_span tag, struct sp_err *err);
void sp_tag_page_clear(struct sp_tag_page *page);
SP_DEFINE_AUTO_CLEAR(struct sp_tag_page, sp_tag_page_clear)

/* -- what an implementation provides. Every slot is required unless it says "NULL:". Semantics are
 * those of the function sp_store_<slot> below. */
struct sp_store_ops {
  int (*resolve)(struct sp_store *, const char *tag, struct sp_named *out, struct sp_err *);
  int (*stat_manifest)(struct sp_store *, const struct sp_digest *, struct sp_named *out,
                       struct sp_err *);
  int (*get_manifest)(struct sp_store *, const struct sp_digest *, struct sp_manifest_bytes *out,
                      struct sp_err *);
  int (*put_manifest)(struct sp_store *, const struct sp_manifest_bytes *, bool *subject_handled,
                      struct sp_err *);
  int (*set_tags)(struct sp_store *, const char *const *tags, size_t n,
                  const struct sp_manifest_bytes *, size_t *done, struct sp_err *);
  int (*list_tags)(struct sp_store *, const char *cursor, struct sp_tag_page *out, struct sp_err *);
  int (*list_referrers)(struct sp_store *, const struct sp_digest *, struct sp_referrers *out,
                        struct sp_err *);
  int (*check_blob)(struct sp_store *, const struct sp_digest *, uint64_t size_bytes,
                    enum sp_proof want, struct sp_blob_state *out, struct sp_err *);
  /* NULL: cannot mount. `from` is never a wrapper, and is_sibling said yes to it. */
  int (*mount_blob)(struct sp_store *, const struct sp_digest *, uint64_t size_bytes,
                    struct sp_store *from, bool *mounted, struct sp_err *);
  int (*open_read)(struct sp_store *, const struct sp_digest *, uint64_t size_bytes,
                   uint64_t offset, struct sp_reader **out, struct sp_err *);
  int (*begin_write)(struct sp_store *, const struct sp_digest *, uint64_t size_bytes,
                     struct sp_writer **out, struct sp_err *);
  /* NULL: never a sibling. Do both live where a blob of one can be mounted into the other? `other`
   * is never a wrapper; it may be any store: look at its ops before looking inside. */
  bool (*is_sibling)(const struct sp_store *, const struct sp_store *other);
  void (*close)(struct sp_store *);
};

struct sp_store {
  const struct sp_store_ops *ops;
  struct sp_store *inner; /* of a wrapper: what it wraps; else NULL */
  const char *name;     /* for messages: "ghcr.io/o/app", "vault:app"; lives as long as the store */
  const char *known_as; /* NULL: by its name; sp_store_known_as */
  bool is_metered;      /* manifest GETs cost pulls here (Docker Hub) */
  bool is_local;        /* on this host's disk or in memory */
  struct sp_platform takes; /* an engine: it keeps the image of one platform, never an index; that
                               of this one unless told otherwise. os "": whatever it is given */
};

/* The name under which memory keeps what is known of it (journal/known.h), where one name may be
 * several places: two disks have a "vault:app" each. Lives as long as the store. */
const char *sp_store_known_as(const struct sp_store *store);

/* The digest that a tag names now. A HEAD where that is enough.
 * Fails: SP_E_NOT_FOUND */
SP_MUST_CHECK int sp_store_resolve(struct sp_store *store, const char *tag, struct sp_named *out,
                                   struct sp_err *err);
/* Is this manifest there (a claim)? Fails: SP_E_NOT_FOUND. */
SP_MUST_CHECK int sp_store_stat_manifest(struct sp_store *store, const struct sp_digest *digest,
                                         struct sp_named *out, struct sp_err *err);
/* The bytes of a manifest, at most SP_MAX_MANIFEST_BYTES, hashed here: what comes out (of an
 * initialised struct; what it held is dropped) has this digest. Fails: SP_E_NOT_FOUND; SP_E_DIGEST
 * (other bytes were sent); SP_E_LIMIT */
SP_MUST_CHECK int sp_store_get_manifest(struct sp_store *store, const struct sp_digest *digest,
                                        struct sp_manifest_bytes *out, struct sp_err *err);
/* Stores a manifest by its digest (never by a tag). *subject_handled: the store lists it as a
 * referrer of its subject by itself (header OCI-Subject); true if it has none. OCI
 * distribution-spec 1.1 "Pushing Manifests". Fails: SP_E_BLOB_UNKNOWN (something that it names is
 * missing there) */
SP_MUST_CHECK int sp_store_put_manifest(struct sp_store *store,
                                        const struct sp_manifest_bytes *manifest,
                                        bool *subject_handled, struct sp_err *err);
/* Makes the tags name the manifest, in this order; stops at the first failure, *done (0..n) have
 * been set by then. A layout sets all of them with one rename, or none. The manifest must be there
 * and have been read back. */
SP_MUST_CHECK int sp_store_set_tags(struct sp_store *store, const char *const *tags, size_t n,
                                    const struct sp_manifest_bytes *manifest, size_t *done,
                                    struct sp_err *err);
/* A page of tags, in the place of what out held; cursor NULL begins (it may be out->next). Order is
 * the store's. Fails: SP_E_NOT_FOUND (no such repository: not "empty"). */
SP_MUST_CHECK int sp_store_list_tags(struct sp_store *store, const char *cursor,
                                     struct sp_tag_page *out, struct sp_err *err);
/* The referrers of a digest by the store's own means (OCI distribution-spec 1.1 "Listing
 * Referrers"); empty if there are none. Not the fallback tag: transfer/referrers.h knows that one.
 * Fails: SP_E_UNSUPPORTED (no such API). */
SP_MUST_CHECK int sp_store_list_referrers(struct sp_store *store, const struct sp_digest *digest,
                                          struct sp_referrers *out, struct sp_err *err);
/* Is this blob there, in this length? want CLAIMED asks by HEAD; TOUCHED fetches the last byte by
 * Range (READ is not for here: store/relay.h). A blob that is absent or damaged is an answer, not a
 * failure. */
SP_MUST_CHECK int sp_store_check_blob(struct sp_store *store, const struct sp_digest *digest,
                                      uint64_t size_bytes, enum sp_proof want,
                                      struct sp_blob_state *out, struct sp_err *err);
/* Tries to make the blob appear here from a sibling repository of the same registry, without its
 * bytes; or from the store itself where check_blob said that it is at hand. *mounted false: it must
 * be sent. (OCI distribution-spec 1.1 "Mounting a blob from another repository") */
SP_MUST_CHECK int sp_store_mount_blob(struct sp_store *store, const struct sp_digest *digest,
                                      uint64_t size_bytes, struct sp_store *from, bool *mounted,
                                      struct sp_err *err);
bool sp_store_is_sibling(const struct sp_store *store, const struct sp_store *other);
/* Opens a blob for reading at offset (<= size_bytes). Nothing is hashed here. `*out` is the
 * caller's (ops->close). Fails: SP_E_NOT_FOUND; SP_E_DIGEST (it has another length). */
SP_MUST_CHECK int sp_store_open_read(struct sp_store *store, const struct sp_digest *digest,
                                     uint64_t size_bytes, uint64_t offset, struct sp_reader **out,
                                     struct sp_err *err);
/* Begins to write a blob whose digest is known. `*out` is the caller's (ops->close). */
SP_MUST_CHECK int sp_store_begin_write(struct sp_store *store, const struct sp_digest *digest,
                                       uint64_t size_bytes, struct sp_writer **out,
                                       struct sp_err *err);
/* Closes; NULL is nothing. A wrapper closes what it wraps. */
void sp_store_close(struct sp_store *store);

SP_DEFINE_AUTO_FREE(struct sp_store, sp_store_close)
#define SP_AUTO_STORE SP_CLEANUP(sp_store_close_auto_)

#endif
